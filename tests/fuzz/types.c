/*
 * types.c - the types are those of the services' methods and of what these
 * hold, found by walking the descriptors.
 */
#include "types.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"

#include <string.h>

enum { TYPES_LEN_MAX = 256 };

static const ProtobufCMessageDescriptor *types[TYPES_LEN_MAX];
static size_t types_len;

void fuzz_message_add_type(const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < types_len; i++)
        if (types[i] == type)
            return;
    PL_ASSERT(types_len < TYPES_LEN_MAX);
    types[types_len++] = type;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            fuzz_message_add_type(type->fields[i].descriptor);
}

static void add_all(void)
{
    static const ProtobufCServiceDescriptor *const services[] = {
        &parla__v1__chat_service__descriptor,
        &parla__v1__room_service__descriptor,
        &parla__v1__session_service__descriptor,
        &parla__v1__user_service__descriptor,
        &grpc__health__v1__health__descriptor,
        &grpc__reflection__v1__server_reflection__descriptor,
        &grpc__reflection__v1alpha__server_reflection__descriptor,
    };

    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        for (unsigned j = 0; j < services[i]->n_methods; j++) {
            fuzz_message_add_type(services[i]->methods[j].input);
            fuzz_message_add_type(services[i]->methods[j].output);
        }
    }
    fuzz_message_add_type(&google__rpc__status__descriptor);
    fuzz_message_add_type(&google__rpc__error_info__descriptor);
    fuzz_message_add_type(&google__rpc__bad_request__descriptor);
    fuzz_message_add_type(&google__rpc__retry_info__descriptor);
}

struct pl_bytes fuzz_line(struct fuzz_input *input)
{
    const uint8_t *end = input->size > 0 ? memchr(input->data, '\n', input->size) : NULL;
    struct pl_bytes line;

    if (end == NULL)
        return fuzz_rest(input);
    line = fuzz_take(input, (size_t)(end - input->data));
    fuzz_byte(input);
    return line;
}

const ProtobufCMessageDescriptor *fuzz_message_type(struct fuzz_input *input)
{
    static bool filled;
    struct pl_bytes line = fuzz_line(input);
    size_t hash = line.size;

    if (!filled)
        add_all();
    filled = true;
    for (size_t i = 0; i < types_len; i++)
        if (pl_bytes_is(line, types[i]->short_name) || pl_bytes_is(line, types[i]->name))
            return types[i];
    for (size_t i = 0; i < line.size; i++)
        hash = hash * 31 + line.data[i];
    return types[hash % types_len];
}

static void check_value(const ProtobufCFieldDescriptor *field, const void *value)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)value;

        PL_ASSERT(text != NULL);
        PL_ASSERT(pl_utf8_valid(pl_bytes_str(text)));
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)value;

        if (inner != NULL)
            fuzz_message_check(inner);
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *bytes = value;

        PL_ASSERT(bytes->len == 0 || bytes->data != NULL);
    }
}

static size_t value_size(ProtobufCType type)
{
    return type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
}

void fuzz_message_check(const ProtobufCMessage *message)
{
    const uint8_t *base = (const uint8_t *)message;

    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const void *at = base + field->offset;

        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE &&
            field->type != PROTOBUF_C_TYPE_BYTES)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t len = *(const size_t *)(const void *)(base + field->quantifier_offset);

            for (size_t j = 0; j < len; j++)
                check_value(field, *(const uint8_t *const *)at + j * value_size(field->type));
        } else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
                   *(const uint32_t *)(const void *)(base + field->quantifier_offset) ==
                       field->id) {
            check_value(field, at);
        }
    }
}
