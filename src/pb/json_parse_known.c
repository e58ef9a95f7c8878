/* json_parse_known.c - the messages with a form of their own, from JSON to wire bytes. */
#include "base/assert.h"
#include "base/err.h"
#include "pb/json_known.h"
#include "pb/json_name.h"
#include "pb/json_parser.h"
#include "pb/json_text.h"

#include <string.h>

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *descriptor,
                                                unsigned number)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(descriptor, number);

    PL_ASSERT(field != NULL);
    return field;
}

static int put_number(struct pl_pb_json_parser *parser, unsigned number, int64_t value)
{
    int rc = pl_pb_json_count(parser);

    if (rc < 0 || value == 0)
        return rc;
    pl_pb_write_tag(parser->out, number, PL_PB_WIRE_VARINT);
    pl_pb_write_number(parser->out, PL_PB_WIRE_VARINT, (uint64_t)value);
    return PL_OK;
}

static int parse_time(struct pl_pb_json_parser *parser, enum pl_pb_json_form form,
                      const json_t *value)
{
    bool is_moment = form == PL_PB_JSON_TIMESTAMP;
    const char *text = json_string_value(value);
    struct pl_pb_json_time time;
    int rc;

    if (text == NULL || !(is_moment ? pl_pb_json_read_timestamp(text, &time)
                                    : pl_pb_json_read_duration(text, &time)))
        return pl_pb_json_fail(parser, is_moment
                                           ? "expected a time such as \"2026-01-31T12:00:00Z\""
                                           : "expected a duration such as \"1.5s\"");
    rc = put_number(parser, PL_PB_TIME_SECONDS, time.seconds);
    if (rc < 0)
        return rc;
    return put_number(parser, PL_PB_TIME_NANOS, time.nanos);
}

static int parse_path(struct pl_pb_json_parser *parser, struct pl_bytes path)
{
    size_t mark;
    int rc = pl_pb_json_count(parser);

    if (rc < 0)
        return rc;
    pl_pb_write_tag(parser->out, PL_PB_MASK_PATHS, PL_PB_WIRE_LEN);
    mark = pl_pb_open_len(parser->out);
    if (!pl_pb_json_read_path(path, parser->out))
        return pl_pb_json_fail(parser, "expected paths such as \"displayName,status\"");
    pl_pb_close_len(parser->out, mark);
    return PL_OK;
}

static int parse_mask(struct pl_pb_json_parser *parser, const json_t *value)
{
    const char *text = json_string_value(value);
    int rc = PL_OK;

    if (text == NULL)
        return pl_pb_json_fail(parser, "expected a string of paths");
    if (*text == 0)
        return PL_OK;
    for (;;) {
        size_t size = strcspn(text, ",");

        rc = parse_path(parser, (struct pl_bytes){(const uint8_t *)text, size});
        if (rc < 0 || text[size] == 0)
            return rc;
        text += size + 1;
    }
}

static int parse_value(struct pl_pb_json_parser *parser,
                       const ProtobufCMessageDescriptor *descriptor, const json_t *value)
{
    unsigned number = PL_PB_VALUE_NULL;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        number = PL_PB_VALUE_STRUCT;
        break;
    case JSON_ARRAY:
        number = PL_PB_VALUE_LIST;
        break;
    case JSON_STRING:
        number = PL_PB_VALUE_STRING;
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        number = PL_PB_VALUE_NUMBER;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        number = PL_PB_VALUE_BOOL;
        break;
    case JSON_NULL:
        break;
    }
    return pl_pb_json_parse_single(parser, field_of(descriptor, number), value, true);
}

static int parse_any(struct pl_pb_json_parser *parser, const json_t *value)
{
    if (!json_is_object(value))
        return pl_pb_json_fail(parser, "expected an object");
    if (json_object_size(value) > 0)
        return pl_pb_json_fail(parser, "google.protobuf.Any has no JSON form here");
    return PL_OK;
}

int pl_pb_json_parse_known(struct pl_pb_json_parser *parser,
                           const ProtobufCMessageDescriptor *descriptor, const json_t *value)
{
    enum pl_pb_json_form form = pl_pb_json_form_of(descriptor);

    switch (form) {
    case PL_PB_JSON_ANY:
        return parse_any(parser, value);
    case PL_PB_JSON_DURATION:
    case PL_PB_JSON_TIMESTAMP:
        return parse_time(parser, form, value);
    case PL_PB_JSON_FIELD_MASK:
        return parse_mask(parser, value);
    case PL_PB_JSON_LIST:
        return pl_pb_json_parse_list(parser, field_of(descriptor, PL_PB_ONLY_FIELD), value);
    case PL_PB_JSON_STRUCT:
        return pl_pb_json_parse_map(parser, field_of(descriptor, PL_PB_ONLY_FIELD), value);
    case PL_PB_JSON_VALUE:
        return parse_value(parser, descriptor, value);
    case PL_PB_JSON_WRAPPER:
        return pl_pb_json_parse_single(parser, field_of(descriptor, PL_PB_ONLY_FIELD), value,
                                       false);
    case PL_PB_JSON_FIELDS:
        break;
    }
    PL_UNREACHABLE();
}
