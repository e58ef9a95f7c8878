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
#include "pb/wire.h"

#include <stdio.h>
#include <string.h>

struct walk {
    const ProtobufCFieldDescriptor *path[PL_PB_DEPTH_MAX];
    uint32_t depth;
    uint32_t fields_len;
    uint32_t fields_len_max;
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

static int walk_message(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                        struct pl_bytes data);

/* The elements of a packed repeated field. */
static int walk_packed(struct walk *walk, enum pl_pb_wire_type type, struct pl_bytes data)
{
    size_t width = type == PL_PB_WIRE_32 ? 4 : type == PL_PB_WIRE_64 ? 8 : 0;

    if (width > 0 && data.size % width != 0)
        return fault(walk, PL_E_INVALID, "a packed field of a wrong length");
    while (data.size > 0) {
        uint64_t value;

        if (++walk->fields_len > walk->fields_len_max)
            return fault(walk, PL_E_LIMIT, "too many values in one message");
        if (width > 0 ? !pl_pb_skip(&data, width) : !pl_pb_read_varint(&data, &value))
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

static int walk_known(struct walk *walk, const ProtobufCFieldDescriptor *field,
                      enum pl_pb_wire_type type, struct pl_bytes *data)
{
    enum pl_pb_wire_type expected = pl_pb_wire_type_of(field->type);
    bool packed = type == PL_PB_WIRE_LEN && expected != PL_PB_WIRE_LEN &&
                  field->label == PROTOBUF_C_LABEL_REPEATED;
    struct pl_bytes inner;
    uint64_t value;

    if (type != expected && !packed)
        return fault(walk, PL_E_INVALID, "a value of the wrong type");
    switch (type) {
    case PL_PB_WIRE_VARINT:
        if (!pl_pb_read_varint(data, &value))
            return fault(walk, PL_E_INVALID, "a broken number");
        return PL_OK;
    case PL_PB_WIRE_64:
    case PL_PB_WIRE_32:
        if (!pl_pb_skip(data, type == PL_PB_WIRE_64 ? 8 : 4))
            return fault(walk, PL_E_INVALID, "the message is cut off");
        return PL_OK;
    case PL_PB_WIRE_LEN:
        if (!pl_pb_read_varint(data, &value))
            return fault(walk, PL_E_INVALID, "a broken length");
        inner.data = data->data;
        inner.size = (size_t)value;
        if (!pl_pb_skip(data, value))
            return fault(walk, PL_E_INVALID, "the message is cut off");
        return packed ? walk_packed(walk, expected, inner) : walk_len_field(walk, field, inner);
    case PL_PB_WIRE_START_GROUP:
    case PL_PB_WIRE_END_GROUP:
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
    case PL_PB_WIRE_VARINT:
        ok = pl_pb_read_varint(data, &value);
        break;
    case PL_PB_WIRE_64:
        ok = pl_pb_skip(data, 8);
        break;
    case PL_PB_WIRE_32:
        ok = pl_pb_skip(data, 4);
        break;
    case PL_PB_WIRE_LEN:
        ok = pl_pb_read_varint(data, &value) && pl_pb_skip(data, value);
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

        if (++walk->fields_len > walk->fields_len_max)
            return fault(walk, PL_E_LIMIT, "too many fields in one message");
        walk->path[walk->depth - 1] = NULL;
        if (!pl_pb_read_varint(&data, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
            return fault(walk, PL_E_INVALID, "not a protobuf message");
        field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
        walk->path[walk->depth - 1] = field;
        rc = field != NULL ? walk_known(walk, field, (enum pl_pb_wire_type)(tag & 7), &data)
                           : walk_unknown(walk, (unsigned)(tag & 7), &data);
        if (rc < 0)
            return rc; /* depth and path stay: they tell where */
    }
    walk->depth--;
    return PL_OK;
}

int pl_pb_check_within(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                       uint32_t fields_len_max, struct pl_pb_fault *ret_fault)
{
    struct walk walk = {.fields_len_max = fields_len_max};
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

int pl_pb_check(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                struct pl_pb_fault *ret_fault)
{
    return pl_pb_check_within(descriptor, data, PL_PB_FIELDS_LEN_MAX, ret_fault);
}
