/*
 * json_number.c - numbers from JSON, each exactly or not at all.
 *
 * An integer may come as one, as a string, or in a form such as 1e3 that jansson
 * reads into a double: there 2^53 is where a double begins to stand for more than
 * one integer, and what is not below is refused.
 */
#include "base/assert.h"
#include "base/err.h"
#include "pb/json_load.h"
#include "pb/json_parser.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_BELOW 9007199254740992.0 /* 2^53 */

struct integer {
    bool negative;
    uint64_t magnitude;
};

/* The types of integers, as the peer's texts name them. */
static const struct kind {
    bool is_signed;
    bool is_long;
    bool is_zigzag;
    const char *out_of_range;
} kinds[] = {
    [PROTOBUF_C_TYPE_INT32] = {true, false, false, "out of the range of 32-bit integers"},
    [PROTOBUF_C_TYPE_SINT32] = {true, false, true, "out of the range of 32-bit integers"},
    [PROTOBUF_C_TYPE_SFIXED32] = {true, false, false, "out of the range of 32-bit integers"},
    [PROTOBUF_C_TYPE_INT64] = {true, true, false, "out of the range of 64-bit integers"},
    [PROTOBUF_C_TYPE_SINT64] = {true, true, true, "out of the range of 64-bit integers"},
    [PROTOBUF_C_TYPE_SFIXED64] = {true, true, false, "out of the range of 64-bit integers"},
    [PROTOBUF_C_TYPE_UINT32] = {false, false, false,
                                "out of the range of 32-bit integers without sign"},
    [PROTOBUF_C_TYPE_FIXED32] = {false, false, false,
                                 "out of the range of 32-bit integers without sign"},
    [PROTOBUF_C_TYPE_UINT64] = {false, true, false,
                                "out of the range of 64-bit integers without sign"},
    [PROTOBUF_C_TYPE_FIXED64] = {false, true, false,
                                 "out of the range of 64-bit integers without sign"},
    [PROTOBUF_C_TYPE_ENUM] = {true, false, false, "out of the range of 32-bit integers"},
};

static const struct kind *kind_of(ProtobufCType type)
{
    PL_ASSERT(type < sizeof kinds / sizeof kinds[0] && kinds[type].out_of_range != NULL);
    return &kinds[type];
}

/* An integer of that type as a number on the wire. */
static int put_integer(struct pl_pb_json_parser *parser, ProtobufCType type, struct integer integer,
                       uint64_t *ret_number)
{
    const struct kind *kind = kind_of(type);
    uint64_t most = kind->is_long ? UINT64_MAX : UINT32_MAX;
    uint64_t value;

    if (kind->is_signed)
        most = most / 2 + integer.negative;
    else if (integer.negative)
        most = 0;
    if (integer.magnitude > most)
        return pl_pb_json_fail(parser, kind->out_of_range);
    value = integer.negative ? 0 - integer.magnitude : integer.magnitude;
    if (kind->is_zigzag)
        value = value << 1 ^ (0 - (value >> 63));
    *ret_number = value;
    return PL_OK;
}

static int put_real_as_integer(struct pl_pb_json_parser *parser, ProtobufCType type, double real,
                               uint64_t *ret_number)
{
    const struct kind *kind = kind_of(type);
    double magnitude = fabs(real);

    if (trunc(real) != real)
        return pl_pb_json_fail(parser, "expected an integer");
    if (magnitude >= EXACT_BELOW)
        return pl_pb_json_fail(parser, kind->is_long && magnitude < 18446744073709551616.0
                                           ? "a number this large must be a string of digits"
                                           : kind->out_of_range);
    return put_integer(parser, type, (struct integer){real < 0, (uint64_t)magnitude}, ret_number);
}

/* Digits, with a minus before them or not, as JSON has integers. */
static bool is_integer_text(const char *text)
{
    size_t size;

    text += *text == '-';
    size = strspn(text, "0123456789");
    return size > 0 && text[size] == 0 && (text[0] != '0' || size == 1);
}

/* Reads text that must be one JSON number and nothing else. */
static int load_number(struct pl_pb_json_parser *parser, const char *text, const char *expected,
                       double *ret_real)
{
    size_t size = strlen(text);
    json_error_t error;
    json_t *value;
    int rc;

    if (size == 0 || strspn(text, "0123456789+-.eE") != size)
        return pl_pb_json_fail(parser, expected);
    rc = pl_pb_json_load((struct pl_bytes){(const uint8_t *)text, size}, JSON_DECODE_INT_AS_REAL,
                         &value, &error);
    if (rc == PL_E_INVALID)
        return pl_pb_json_fail(parser, json_error_code(&error) == json_error_numeric_overflow
                                           ? "a number is out of range"
                                           : expected);
    if (rc < 0)
        return rc;
    *ret_real = json_real_value(value);
    json_decref(value);
    return PL_OK;
}

int pl_pb_json_number_of_text(struct pl_pb_json_parser *parser, ProtobufCType type,
                              const char *text, uint64_t *ret_number)
{
    struct integer integer = {.negative = text[0] == '-'};
    double real = 0;
    int rc;

    if (is_integer_text(text)) {
        errno = 0;
        integer.magnitude = strtoull(text + integer.negative, NULL, 10);
        if (errno == ERANGE)
            return pl_pb_json_fail(parser, kind_of(type)->out_of_range);
        return put_integer(parser, type, integer, ret_number);
    }
    rc = load_number(parser, text, "expected an integer", &real);
    if (rc < 0)
        return rc;
    return put_real_as_integer(parser, type, real, ret_number);
}

static int integer_of(struct pl_pb_json_parser *parser, ProtobufCType type, const json_t *value,
                      uint64_t *ret_number)
{
    if (json_is_integer(value)) {
        json_int_t integer = json_integer_value(value);
        uint64_t magnitude = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;

        return put_integer(parser, type, (struct integer){integer < 0, magnitude}, ret_number);
    }
    if (json_is_real(value))
        return put_real_as_integer(parser, type, json_real_value(value), ret_number);
    if (json_is_string(value) && type != PROTOBUF_C_TYPE_ENUM)
        return pl_pb_json_number_of_text(parser, type, json_string_value(value), ret_number);
    return pl_pb_json_fail(parser, "expected an integer");
}

/* What a double or a float is called where it is none that JSON can write. */
static bool special_of(const char *text, double *ret_real)
{
    if (strcmp(text, "NaN") == 0)
        *ret_real = NAN;
    else if (strcmp(text, "Infinity") == 0)
        *ret_real = INFINITY;
    else if (strcmp(text, "-Infinity") == 0)
        *ret_real = -INFINITY;
    else
        return false;
    return true;
}

static int real_of(struct pl_pb_json_parser *parser, const json_t *value, double *ret_real)
{
    if (json_is_number(value)) {
        *ret_real = json_number_value(value);
        return PL_OK;
    }
    if (!json_is_string(value))
        return pl_pb_json_fail(parser, "expected a number");
    if (special_of(json_string_value(value), ret_real))
        return PL_OK;
    return load_number(parser, json_string_value(value), "expected a number", ret_real);
}

static int float_of(struct pl_pb_json_parser *parser, const json_t *value, uint64_t *ret_number)
{
    uint32_t bits;
    double real = 0;
    float narrow;
    int rc = real_of(parser, value, &real);

    if (rc < 0)
        return rc;
    /* Half a step past the largest float: from here on it rounds to infinity. */
    if (isfinite(real) && fabs(real) >= 0x1.ffffffp127)
        return pl_pb_json_fail(parser, "out of the range of 32-bit floating-point numbers");
    narrow = (float)real;
    memcpy(&bits, &narrow, sizeof bits);
    *ret_number = bits;
    return PL_OK;
}

static int double_of(struct pl_pb_json_parser *parser, const json_t *value, uint64_t *ret_number)
{
    double real = 0;
    int rc = real_of(parser, value, &real);

    if (rc < 0)
        return rc;
    memcpy(ret_number, &real, sizeof real);
    return PL_OK;
}

static int enum_of(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                   const json_t *value, uint64_t *ret_number)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    const ProtobufCEnumValue *named;

    if (!json_is_string(value)) {
        if (json_is_number(value))
            return integer_of(parser, PROTOBUF_C_TYPE_ENUM, value, ret_number);
        return pl_pb_json_fail(parser, "expected the name of a value");
    }
    named = protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(value));
    if (named == NULL) {
        struct pl_bytebuf after;
        int rc;

        pl_bytebuf_init(&after, 256);
        pl_bytebuf_append_str(&after, " in ");
        pl_bytebuf_append_str(&after, type->name);
        rc = pl_pb_json_fail_name(parser, "unknown value ", json_string_value(value),
                                  pl_bytebuf_cstr(&after));
        pl_bytebuf_done(&after);
        return rc;
    }
    *ret_number = (uint64_t)(int64_t)named->value;
    return PL_OK;
}

int pl_pb_json_number(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                      const json_t *value, uint64_t *ret_number)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_DOUBLE:
        return double_of(parser, value, ret_number);
    case PROTOBUF_C_TYPE_FLOAT:
        return float_of(parser, value, ret_number);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(value))
            return pl_pb_json_fail(parser, "expected true or false");
        *ret_number = json_is_true(value);
        return PL_OK;
    case PROTOBUF_C_TYPE_ENUM:
        if (json_is_null(value)) {
            *ret_number = 0; /* of google.protobuf.NullValue: others do not come here */
            return PL_OK;
        }
        return enum_of(parser, field, value, ret_number);
    default:
        return integer_of(parser, field->type, value, ret_number);
    }
}
