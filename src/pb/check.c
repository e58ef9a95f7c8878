/*
 * check.c - walks raw protobuf bytes along a descriptor, before anyone trusts
 * them.
 *
 * protobuf-c's unpacker checks lengths, but neither UTF-8 nor U+0000, puts no
 * bound on nesting, and falls back to "unknown field" where a wire type is not
 * the field's: a client's mistake would vanish without a word. Here each of
 * these is refused, by the field's name.
 */
#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"
#include "pb/message.h"

#include <stdio.h>
#include <string.h>

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_LEN = 2,
    WIRE_START_GROUP = 3,
    WIRE_END_GROUP = 4,
    WIRE_32 = 5,
};

struct walk {
    const ProtobufCFieldDescriptor *path[PL_PB_DEPTH_MAX];
    uint32_t depth;
    uint32_t fields_len;
    const char *text;
    bool bad_text;
    int err;
};

static int fault(struct walk *walk, int err, const char *text)
{
    walk->err = err;
    walk->text = text;
    return err;
}

/* Sound bytes, but text that is not allowed. */
static int bad_text(struct walk *walk)
{
    walk->bad_text = true;
    return fault(walk, PL_E_INVALID, "text must be UTF-8 without U+0000");
}

/* Reads a varint of at most ten bytes; false where it is cut or longer. */
static bool read_varint(struct pl_bytes *data, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 10 && i < data->size; i++) {
        uint8_t byte = data->data[i];

        if (i == 9 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            data->data += i + 1;
            data->size -= i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool skip(struct pl_bytes *data, uint64_t size)
{
    if (size > data->size)
        return false;
    data->data += size;
    data->size -= (size_t)size;
    return true;
}

static enum wire_type wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_LEN;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return WIRE_VARINT;
    }
    PL_UNREACHABLE();
}

static int walk_message(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                        struct pl_bytes data);

/* The elements of a packed repeated field. */
static int walk_packed(struct walk *walk, enum wire_type type, struct pl_bytes data)
{
    size_t width = type == WIRE_32 ? 4 : type == WIRE_64 ? 8 : 0;

    if (width > 0 && data.size % width != 0)
        return fault(walk, PL_E_INVALID, "a packed field of a wrong length");
    while (data.size > 0) {
        uint64_t value;

        if (++walk->fields_len > PL_PB_FIELDS_LEN_MAX)
            return fault(walk, PL_E_LIMIT, "too many values in one message");
        if (width > 0 ? !skip(&data, width) : !read_varint(&data, &value))
            return fault(walk, PL_E_INVALID, "a broken number");
    }
    return PL_OK;
}

static int walk_len_field(struct walk *walk, const ProtobufCFieldDescriptor *field,
                          struct pl_bytes data)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!pl_utf8_valid(data))
            return bad_text(walk);
        return PL_OK;
    case PROTOBUF_C_TYPE_MESSAGE:
        return walk_message(walk, field->descriptor, data);
    default:
        return PL_OK;
    }
}

static int walk_known(struct walk *walk, const ProtobufCFieldDescriptor *field, enum wire_type type,
                      struct pl_bytes *data)
{
    enum wire_type expected = wire_type_of(field->type);
    bool packed =
        type == WIRE_LEN && expected != WIRE_LEN && field->label == PROTOBUF_C_LABEL_REPEATED;
    struct pl_bytes inner;
    uint64_t value;

    if (type != expected && !packed)
        return fault(walk, PL_E_INVALID, "a value of the wrong type");
    switch (type) {
    case WIRE_VARINT:
        if (!read_varint(data, &value))
            return fault(walk, PL_E_INVALID, "a broken number");
        return PL_OK;
    case WIRE_64:
    case WIRE_32:
        if (!skip(data, type == WIRE_64 ? 8 : 4))
            return fault(walk, PL_E_INVALID, "the message is cut off");
        return PL_OK;
    case WIRE_LEN:
        if (!read_varint(data, &value))
            return fault(walk, PL_E_INVALID, "a broken length");
        inner.data = data->data;
        inner.size = (size_t)value;
        if (!skip(data, value))
            return fault(walk, PL_E_INVALID, "the message is cut off");
        return packed ? walk_packed(walk, expected, inner) : walk_len_field(walk, field, inner);
    case WIRE_START_GROUP:
    case WIRE_END_GROUP:
        break;
    }
    PL_UNREACHABLE();
}

/* A field that the descriptor does not have: skipped, if well-formed. Groups are
 * not of proto3, and refused. */
static int walk_unknown(struct walk *walk, unsigned type, struct pl_bytes *data)
{
    uint64_t value = 0;
    bool ok = false;

    switch (type) {
    case WIRE_VARINT:
        ok = read_varint(data, &value);
        break;
    case WIRE_64:
        ok = skip(data, 8);
        break;
    case WIRE_32:
        ok = skip(data, 4);
        break;
    case WIRE_LEN:
        ok = read_varint(data, &value) && skip(data, value);
        break;
    default:
        break;
    }
    return ok ? PL_OK : fault(walk, PL_E_INVALID, "not a protobuf message");
}

static int walk_message(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                        struct pl_bytes data)
{
    if (walk->depth == PL_PB_DEPTH_MAX)
        return fault(walk, PL_E_LIMIT, "messages nested too deep");
    walk->depth++;
    while (data.size > 0) {
        const ProtobufCFieldDescriptor *field;
        uint64_t tag;
        int rc;

        if (++walk->fields_len > PL_PB_FIELDS_LEN_MAX)
            return fault(walk, PL_E_LIMIT, "too many fields in one message");
        walk->path[walk->depth - 1] = NULL;
        if (!read_varint(&data, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
            return fault(walk, PL_E_INVALID, "not a protobuf message");
        field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
        walk->path[walk->depth - 1] = field;
        rc = field != NULL ? walk_known(walk, field, (enum wire_type)(tag & 7), &data)
                           : walk_unknown(walk, (unsigned)(tag & 7), &data);
        if (rc < 0)
            return rc; /* depth and path stay: they tell where */
    }
    walk->depth--;
    return PL_OK;
}

int pl_pb_check(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                struct pl_pb_fault *ret_fault)
{
    struct walk walk = {0};
    size_t at = 0;
    int rc = walk_message(&walk, descriptor, data);

    if (rc == PL_OK)
        return PL_OK;
    *ret_fault = (struct pl_pb_fault){.text = walk.text, .malformed = !walk.bad_text};
    for (uint32_t i = 0; i < walk.depth && walk.path[i] != NULL; i++) {
        int n = snprintf(ret_fault->field + at, sizeof ret_fault->field - at, "%s%s",
                         i > 0 ? "." : "", walk.path[i]->name);

        if (n < 0 || (size_t)n >= sizeof ret_fault->field - at)
            break;
        at += (size_t)n;
    }
    return rc;
}
