/* json_print.c - a message's fields, from wire bytes to JSON. */
#include "base/base64.h"
#include "base/err.h"
#include "pb/json.h"
#include "pb/json_load.h"
#include "pb/json_name.h"
#include "pb/json_printer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The value that a number on the wire stands for, in 64 bits; its sign extended. */
static uint64_t value_of(ProtobufCType type, uint64_t number)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return number != 0;
    case PROTOBUF_C_TYPE_SINT32:
        number &= UINT32_MAX;
        return number >> 1 ^ (0 - (number & 1));
    case PROTOBUF_C_TYPE_SINT64:
        return number >> 1 ^ (0 - (number & 1));
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_ENUM:
        return (uint64_t)(int64_t)(int32_t)(uint32_t)number;
    case PROTOBUF_C_TYPE_UINT32:
        return (uint32_t)number;
    default:
        return number;
    }
}

static void put_real(double value, bool is_float, struct pl_bytebuf *out)
{
    if (isnan(value))
        pl_bytebuf_append_str(out, "\"NaN\"");
    else if (isinf(value))
        pl_bytebuf_append_str(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else if (is_float)
        pl_pb_json_put_float(value, out);
    else
        pl_pb_json_put_double(value, out);
}

static void put_enum(const ProtobufCFieldDescriptor *field, int32_t value, struct pl_bytebuf *out)
{
    const ProtobufCEnumValue *named =
        protobuf_c_enum_descriptor_get_value(field->descriptor, value);

    if (pl_pb_json_takes_null(field))
        pl_bytebuf_append_str(out, "null");
    else if (named != NULL)
        pl_bytebuf_printf(out, "\"%s\"", named->name);
    else
        pl_bytebuf_printf(out, "%" PRId32, value);
}

void pl_pb_json_print_number(const ProtobufCFieldDescriptor *field, uint64_t number,
                             struct pl_bytebuf *out)
{
    uint64_t value = value_of(field->type, number);
    uint32_t narrow = (uint32_t)value;
    double real;
    float single;

    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        pl_bytebuf_append_str(out, value != 0 ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(field, (int32_t)value, out);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&real, &value, sizeof real);
        put_real(real, false, out);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(&single, &narrow, sizeof single);
        put_real((double)single, true, out);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        pl_bytebuf_printf(out, "\"%" PRId64 "\"", (int64_t)value);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        pl_bytebuf_printf(out, "\"%" PRIu64 "\"", value);
        break;
    default:
        pl_bytebuf_printf(out, "%" PRId64, (int64_t)value);
        break;
    }
}

static void put_bytes(struct pl_bytes bytes, struct pl_bytebuf *out)
{
    pl_bytebuf_append_byte(out, '"');
    pl_base64_encode(bytes, out);
    pl_bytebuf_append_byte(out, '"');
}

int pl_pb_json_print_single(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts,
                            struct pl_bytebuf *out)
{
    static const struct pl_pb_json_part none;
    const struct pl_pb_json_part *last = parts.len > 0 ? &parts.list[parts.len - 1] : &none;

    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return pl_pb_json_print_message(field->descriptor, parts, out);
    case PROTOBUF_C_TYPE_STRING:
        pl_pb_json_put_string(last->bytes, out);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put_bytes(last->bytes, out);
        break;
    default:
        pl_pb_json_print_number(field, last->number, out);
        break;
    }
    return out->err;
}

/* The elements of one occurrence: one, or those of a packed list. */
static int print_elements(const ProtobufCFieldDescriptor *field, const struct pl_pb_json_part *part,
                          bool *first, struct pl_bytebuf *out)
{
    enum pl_pb_wire_type type = pl_pb_wire_type_of(field->type);
    struct pl_bytes data = part->bytes;
    uint64_t number;

    if (part->type == type) {
        if (!*first)
            pl_bytebuf_append_byte(out, ',');
        *first = false;
        return pl_pb_json_print_single(field, (struct pl_pb_json_parts){part, 1}, out);
    }
    while (data.size > 0 && pl_pb_read_number(&data, type, &number)) {
        if (!*first)
            pl_bytebuf_append_byte(out, ',');
        *first = false;
        pl_pb_json_print_number(field, number, out);
    }
    return out->err;
}

int pl_pb_json_print_list(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts,
                          struct pl_bytebuf *out)
{
    bool first = true;

    pl_bytebuf_append_byte(out, '[');
    for (size_t i = 0; i < parts.len; i++) {
        int rc = print_elements(field, &parts.list[i], &first, out);

        if (rc < 0)
            return rc;
    }
    pl_bytebuf_append_byte(out, ']');
    return out->err;
}

/* Whether what is on the wire says no more than nothing would. */
static bool is_default(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts)
{
    const struct pl_pb_json_part *last = parts.len > 0 ? &parts.list[parts.len - 1] : NULL;

    if (last == NULL)
        return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        for (size_t i = 0; i < parts.len; i++)
            if (parts.list[i].type == pl_pb_wire_type_of(field->type) ||
                parts.list[i].bytes.size > 0)
                return false;
        return true;
    }
    if (pl_pb_json_has_presence(field))
        return false;
    if (pl_pb_json_takes_null(field))
        return true; /* null is all that NullValue has, and its default */
    return last->type == PL_PB_WIRE_LEN ? last->bytes.size == 0
                                        : value_of(field->type, last->number) == 0;
}

static int print_fields(const struct pl_pb_json_view *view, struct pl_bytebuf *out)
{
    const ProtobufCMessageDescriptor *descriptor = view->descriptor;
    bool first = true;
    int rc = PL_OK;

    pl_bytebuf_append_byte(out, '{');
    for (unsigned i = 0; rc == PL_OK && i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        struct pl_pb_json_parts parts = pl_pb_json_view_at(view, i);

        if (is_default(field, parts))
            continue;
        pl_bytebuf_append_str(out, first ? "\"" : ",\"");
        first = false;
        pl_pb_json_name(field->name, out);
        pl_bytebuf_append_str(out, "\":");
        if (pl_pb_json_is_map(descriptor, field))
            rc = pl_pb_json_print_map(field, parts, out);
        else if (field->label == PROTOBUF_C_LABEL_REPEATED)
            rc = pl_pb_json_print_list(field, parts, out);
        else
            rc = pl_pb_json_print_single(field, parts, out);
    }
    pl_bytebuf_append_byte(out, '}');
    return rc < 0 ? rc : out->err;
}

/* As deep as pl_pb_check() lets messages be. */
int pl_pb_json_print_message(const ProtobufCMessageDescriptor *descriptor,
                             struct pl_pb_json_parts pieces, struct pl_bytebuf *out)
{
    struct pl_pb_json_view view;
    int rc;

    if (pl_pb_json_form_of(descriptor) != PL_PB_JSON_FIELDS)
        return pl_pb_json_print_known(descriptor, pieces, out);
    rc = pl_pb_json_view_init(&view, descriptor, pieces);
    if (rc < 0)
        return rc;
    rc = print_fields(&view, out);
    pl_pb_json_view_done(&view);
    return rc;
}

int pl_pb_json_print(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes message,
                     struct pl_bytebuf *out)
{
    const struct pl_pb_json_part whole = {.type = PL_PB_WIRE_LEN, .bytes = message};
    size_t before = out->size;
    struct pl_pb_fault fault;
    int rc;

    pl_pb_json_init();
    rc = pl_pb_check_within(descriptor, message, PL_PB_JSON_PRINT_FIELDS_LEN_MAX, &fault);
    if (rc < 0)
        return rc;
    rc = pl_pb_json_print_message(descriptor, (struct pl_pb_json_parts){&whole, 1}, out);
    if (rc < 0)
        out->size = before;
    return rc;
}
