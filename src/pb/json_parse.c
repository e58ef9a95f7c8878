/*
 * json_parse.c - a message's fields, from JSON values to wire bytes.
 *
 * The fields are looked up in the object, not the object's members among the fields:
 * so they are written in the order of their numbers whatever order they came in, and
 * a member that is left over is one that the message does not have.
 */
#include "base/base64.h"
#include "base/err.h"
#include "base/utf8.h"
#include "pb/json.h"
#include "pb/json_load.h"
#include "pb/json_name.h"
#include "pb/json_parser.h"

#include <string.h>

enum { FIELD_NAME_SIZE_MAX = 4096 };

int pl_pb_json_count(struct pl_pb_json_parser *parser)
{
    if (++parser->fields_len > PL_PB_FIELDS_LEN_MAX)
        return pl_pb_json_fail_limit(parser, "too many fields in one message");
    return parser->out->err;
}

/* The member of the object that is the field, by either name; NULL for none. */
static int find_member(struct pl_pb_json_parser *parser, const json_t *object,
                       const ProtobufCFieldDescriptor *field, const json_t **ret_member)
{
    const json_t *member, *plain = NULL;

    pl_bytebuf_clear(&parser->name);
    pl_pb_json_name(field->name, &parser->name);
    member = json_object_get(object, pl_bytebuf_cstr(&parser->name));
    if (parser->name.err < 0)
        return parser->name.err;
    if (!pl_bytes_is((struct pl_bytes){parser->name.data, parser->name.size}, field->name))
        plain = json_object_get(object, field->name);
    if (member != NULL && plain != NULL)
        return pl_pb_json_fail_name(parser, "field ", field->name,
                                    " is there under both its names");
    *ret_member = member != NULL ? member : plain;
    return PL_OK;
}

static int unknown_field(struct pl_pb_json_parser *parser,
                         const ProtobufCMessageDescriptor *descriptor, const json_t *object)
{
    struct pl_bytebuf after;
    const char *key;
    json_t *value;
    int rc = PL_E_INVALID;

    pl_bytebuf_init(&after, PL_PB_JSON_ERROR_SIZE_MAX);
    pl_bytebuf_append_str(&after, " in ");
    pl_bytebuf_append_str(&after, descriptor->name);
    /* json_object_foreach() wants an object that may be changed. */
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool known = false;

        for (unsigned i = 0; i < descriptor->n_fields && !known; i++) {
            pl_bytebuf_clear(&parser->name);
            pl_pb_json_name(descriptor->fields[i].name, &parser->name);
            known = strcmp(descriptor->fields[i].name, key) == 0 ||
                    strcmp(pl_bytebuf_cstr(&parser->name), key) == 0;
        }
        if (!known) {
            rc = pl_pb_json_fail_name(parser, "unknown field ", key, pl_bytebuf_cstr(&after));
            break;
        }
    }
    pl_bytebuf_done(&after);
    return rc;
}

static bool is_absent(const ProtobufCFieldDescriptor *field, const json_t *member)
{
    return member == NULL || (json_is_null(member) && !pl_pb_json_takes_null(field));
}

/* Refuses a field of a oneof where an earlier one of the same is there too. */
static int check_oneof(struct pl_pb_json_parser *parser,
                       const ProtobufCMessageDescriptor *descriptor,
                       const ProtobufCFieldDescriptor *field, const json_t *object)
{
    for (const ProtobufCFieldDescriptor *other = descriptor->fields; other < field; other++) {
        const json_t *member = NULL;
        int rc;

        if (!pl_pb_json_same_oneof(field, other))
            continue;
        rc = find_member(parser, object, other, &member);
        if (rc < 0)
            return rc;
        if (!is_absent(other, member))
            return pl_pb_json_fail_name(parser, "cannot be set together with ", other->name, "");
    }
    return PL_OK;
}

static int parse_field(struct pl_pb_json_parser *parser,
                       const ProtobufCMessageDescriptor *descriptor,
                       const ProtobufCFieldDescriptor *field, const json_t *object,
                       const json_t *member)
{
    const struct pl_pb_json_step step = {.up = parser->at, .name = field->name};
    int rc;

    if (is_absent(field, member))
        return PL_OK;
    parser->at = &step;
    rc = check_oneof(parser, descriptor, field, object);
    if (rc == PL_OK) {
        if (pl_pb_json_is_map(descriptor, field))
            rc = pl_pb_json_parse_map(parser, field, member);
        else if (field->label == PROTOBUF_C_LABEL_REPEATED)
            rc = pl_pb_json_parse_list(parser, field, member);
        else
            rc = pl_pb_json_parse_single(parser, field, member, pl_pb_json_has_presence(field));
    }
    parser->at = step.up;
    return rc;
}

static int parse_fields(struct pl_pb_json_parser *parser,
                        const ProtobufCMessageDescriptor *descriptor, const json_t *object)
{
    size_t left = json_object_size(object);

    if (!json_is_object(object))
        return pl_pb_json_fail(parser, "expected an object");
    for (unsigned i = 0; i < descriptor->n_fields && left > 0; i++) {
        const json_t *member = NULL;
        int rc = find_member(parser, object, &descriptor->fields[i], &member);

        if (rc < 0)
            return rc;
        if (member == NULL)
            continue;
        left--;
        rc = parse_field(parser, descriptor, &descriptor->fields[i], object, member);
        if (rc < 0)
            return rc;
    }
    return left > 0 ? unknown_field(parser, descriptor, object) : PL_OK;
}

/* The content of a message. */
static int parse_message(struct pl_pb_json_parser *parser,
                         const ProtobufCMessageDescriptor *descriptor, const json_t *value)
{
    int rc;

    if (parser->depth == PL_PB_DEPTH_MAX)
        return pl_pb_json_fail_limit(parser, "messages nested too deep");
    parser->depth++;
    if (pl_pb_json_form_of(descriptor) == PL_PB_JSON_FIELDS)
        rc = parse_fields(parser, descriptor, value);
    else
        rc = pl_pb_json_parse_known(parser, descriptor, value);
    parser->depth--;
    return rc;
}

static int parse_text(struct pl_pb_json_parser *parser, const json_t *value)
{
    struct pl_bytes text;

    if (!json_is_string(value))
        return pl_pb_json_fail(parser, "expected a string");
    text = (struct pl_bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    if (!pl_utf8_valid(text))
        return pl_pb_json_fail(parser, "text must be UTF-8 without U+0000");
    pl_bytebuf_append(parser->out, text.data, text.size);
    return PL_OK;
}

static int parse_bytes(struct pl_pb_json_parser *parser, const json_t *value)
{
    struct pl_bytes text;

    if (!json_is_string(value))
        return pl_pb_json_fail(parser, "expected a string of base64");
    text = (struct pl_bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
    if (pl_base64_decode(text, parser->out) == PL_E_INVALID)
        return pl_pb_json_fail(parser, "expected a string of base64");
    return PL_OK;
}

/* A value whose length comes first. */
static int parse_len(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                     const json_t *value, bool keep_default)
{
    size_t before = parser->out->size;
    size_t mark;
    int rc;

    pl_pb_write_tag(parser->out, field->id, PL_PB_WIRE_LEN);
    mark = pl_pb_open_len(parser->out);
    if (field->type == PROTOBUF_C_TYPE_STRING)
        rc = parse_text(parser, value);
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        rc = parse_bytes(parser, value);
    else
        rc = parse_message(parser, field->descriptor, value);
    if (rc < 0)
        return rc;
    if (!keep_default && parser->out->err == PL_OK && parser->out->size == mark)
        parser->out->size = before;
    else
        pl_pb_close_len(parser->out, mark);
    return parser->out->err;
}

int pl_pb_json_parse_single(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                            const json_t *value, bool keep_default)
{
    enum pl_pb_wire_type type = pl_pb_wire_type_of(field->type);
    uint64_t number;
    int rc = pl_pb_json_count(parser);

    if (rc < 0)
        return rc;
    if (type == PL_PB_WIRE_LEN)
        return parse_len(parser, field, value, keep_default);
    rc = pl_pb_json_number(parser, field, value, &number);
    if (rc < 0)
        return rc;
    if (number != 0 || keep_default) {
        pl_pb_write_tag(parser->out, field->id, type);
        pl_pb_write_number(parser->out, type, number);
    }
    return parser->out->err;
}

/* One element: of a packed list without a tag. */
static int parse_element(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                         const json_t *value)
{
    enum pl_pb_wire_type type = pl_pb_wire_type_of(field->type);
    uint64_t number;
    int rc;

    if (json_is_null(value) && !pl_pb_json_takes_null(field))
        return pl_pb_json_fail(parser, "null is no element of a list");
    if (type == PL_PB_WIRE_LEN)
        return pl_pb_json_parse_single(parser, field, value, true);
    rc = pl_pb_json_count(parser);
    if (rc == PL_OK)
        rc = pl_pb_json_number(parser, field, value, &number);
    if (rc == PL_OK)
        pl_pb_write_number(parser->out, type, number);
    return rc;
}

int pl_pb_json_parse_list(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                          const json_t *value)
{
    bool packed = pl_pb_wire_type_of(field->type) != PL_PB_WIRE_LEN;
    struct pl_pb_json_step step = {.up = parser->at};
    size_t mark = 0;
    int rc = PL_OK;

    if (!json_is_array(value))
        return pl_pb_json_fail(parser, "expected a list");
    if (json_array_size(value) == 0)
        return PL_OK;
    if (packed) {
        rc = pl_pb_json_count(parser);
        pl_pb_write_tag(parser->out, field->id, PL_PB_WIRE_LEN);
        mark = pl_pb_open_len(parser->out);
    }
    parser->at = &step;
    for (; rc == PL_OK && step.index < json_array_size(value); step.index++)
        rc = parse_element(parser, field, json_array_get(value, step.index));
    parser->at = step.up;
    if (rc == PL_OK && packed)
        pl_pb_close_len(parser->out, mark);
    return rc;
}

/* The key of a map's entry, with its tag. */
static int parse_key(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                     const char *key)
{
    enum pl_pb_wire_type type = pl_pb_wire_type_of(field->type);
    uint64_t number;
    int rc = pl_pb_json_count(parser);

    if (rc < 0)
        return rc;
    pl_pb_write_tag(parser->out, field->id, type);
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        pl_pb_write_varint(parser->out, strlen(key));
        pl_bytebuf_append_str(parser->out, key);
        return PL_OK;
    }
    if (field->type == PROTOBUF_C_TYPE_BOOL) {
        number = strcmp(key, "true") == 0;
        if (number == 0 && strcmp(key, "false") != 0)
            return pl_pb_json_fail(parser, "expected a key that is true or false");
    } else {
        rc = pl_pb_json_number_of_text(parser, field->type, key, &number);
    }
    if (rc == PL_OK)
        pl_pb_write_number(parser->out, type, number);
    return rc;
}

static int parse_entry(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                       const char *key, const json_t *value)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t mark;
    int rc = pl_pb_json_count(parser);

    if (rc < 0)
        return rc;
    if (json_is_null(value) && !pl_pb_json_takes_null(&entry->fields[1]))
        return pl_pb_json_fail(parser, "null is no value of a map");
    if (parser->depth == PL_PB_DEPTH_MAX)
        return pl_pb_json_fail_limit(parser, "messages nested too deep");
    parser->depth++;
    pl_pb_write_tag(parser->out, field->id, PL_PB_WIRE_LEN);
    mark = pl_pb_open_len(parser->out);
    rc = parse_key(parser, &entry->fields[0], key);
    if (rc == PL_OK)
        rc = pl_pb_json_parse_single(parser, &entry->fields[1], value, true);
    if (rc == PL_OK)
        pl_pb_close_len(parser->out, mark);
    parser->depth--;
    return rc;
}

static int parse_entries(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                         const json_t *object, const char **key)
{
    json_t *value;

    /* json_object_foreach() wants an object that may be changed. */
    json_object_foreach((json_t *)(uintptr_t)object, *key, value)
    {
        int rc = parse_entry(parser, field, *key, value);

        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

int pl_pb_json_parse_map(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                         const json_t *value)
{
    struct pl_pb_json_step step = {.up = parser->at};
    int rc;

    if (!json_is_object(value))
        return pl_pb_json_fail(parser, "expected an object");
    parser->at = &step;
    rc = parse_entries(parser, field, value, &step.key);
    parser->at = step.up;
    return rc;
}

/* Loads the body. An integer that jansson has no room for may still be a double's:
 * then all integers are read as doubles, and those of integer fields must be exact. */
static int load_body(struct pl_pb_json_parser *parser, struct pl_bytes json, json_t **ret_body)
{
    const char *over = pl_pb_json_over_limit(json);
    json_error_t error;
    int rc;

    if (over != NULL)
        return pl_pb_json_fail_limit(parser, over);
    if (json.size == 0)
        return pl_pb_json_fail(parser, "the body is not JSON: it is empty");
    rc = pl_pb_json_load(json, 0, ret_body, &error);
    if (rc == PL_E_INVALID && json_error_code(&error) == json_error_numeric_overflow)
        rc = pl_pb_json_load(json, JSON_DECODE_INT_AS_REAL, ret_body, &error);
    return rc == PL_E_INVALID ? pl_pb_json_fail_body(parser, &error) : rc;
}

int pl_pb_json_parse(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes json,
                     struct pl_bytebuf *out, struct pl_bytebuf *error_text)
{
    struct pl_pb_json_parser parser = {.out = out, .error_text = error_text};
    size_t before = out->size, text_before = error_text->size;
    json_t *body = NULL;
    int rc;

    pl_pb_json_init();
    rc = load_body(&parser, json, &body);
    if (rc < 0)
        return rc;
    pl_bytebuf_init(&parser.name, FIELD_NAME_SIZE_MAX);
    rc = parse_message(&parser, descriptor, body);
    if (rc == PL_OK)
        rc = out->err;
    if (rc < 0)
        out->size = before;
    if (rc == PL_E_LIMIT && error_text->size == text_before)
        pl_bytebuf_append_str(error_text, "the message is too large");
    pl_bytebuf_done(&parser.name);
    json_decref(body);
    return rc;
}
