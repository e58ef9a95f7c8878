/* test_json.c - tables of what is taken and refused, limits, and want of memory. */
#include "base/err.h"
#include "base/mem.h"
#include "json_cases.pb-c.h"
#include "messages.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "pb/json.h"
#include "pb/json_name.h"
#include "pb/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_SIZE_MAX = 1 << 20 };

#define SCALARS (&pl__json__scalars__descriptor)
#define LISTS   (&pl__json__lists__descriptor)
#define MAPS    (&pl__json__maps__descriptor)
#define NESTED  (&pl__json__nested__descriptor)
#define KNOWN   (&pl__json__known__descriptor)

static int parse(const ProtobufCMessageDescriptor *message, const char *json,
                 struct pl_bytebuf *out, struct pl_bytebuf *error)
{
    pl_bytebuf_init(out, OUT_SIZE_MAX);
    pl_bytebuf_init(error, PL_PB_JSON_ERROR_SIZE_MAX);
    return pl_pb_json_parse(message, pl_bytes_str(json), out, error);
}

/* What is parsed must be a message, and printed again look so. */
static void assert_comes_back(const ProtobufCMessageDescriptor *message, const char *json,
                              const char *expected)
{
    struct pl_bytebuf wire, error, text;
    struct pl_pb_fault fault;
    int rc = parse(message, json, &wire, &error);

    if (rc < 0)
        print_error("%s: %s\n", json, pl_bytebuf_cstr(&error));
    assert_int_equal(rc, PL_OK);
    assert_int_equal(error.size, 0);
    assert_int_equal(pl_pb_check(message, (struct pl_bytes){wire.data, wire.size}, &fault), PL_OK);
    pl_bytebuf_init(&text, OUT_SIZE_MAX);
    assert_int_equal(pl_pb_json_print(message, (struct pl_bytes){wire.data, wire.size}, &text),
                     PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&text), expected);
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);
}

static void assert_refused(const ProtobufCMessageDescriptor *message, const char *json, int err,
                           const char *why)
{
    struct pl_bytebuf wire, error;

    assert_int_equal(parse(message, json, &wire, &error), err);
    assert_string_equal(pl_bytebuf_cstr(&error), why);
    assert_int_equal(wire.size, 0);
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);
}

#define ASSERT_WIRE(message, json, literal) \
    assert_wire((message), (json), (literal), sizeof(literal) - 1)

static void assert_wire(const ProtobufCMessageDescriptor *message, const char *json,
                        const char *expected, size_t size)
{
    struct pl_bytebuf wire, error;

    assert_int_equal(parse(message, json, &wire, &error), PL_OK);
    assert_int_equal(wire.size, size);
    if (size > 0)
        assert_memory_equal(wire.data, expected, size);
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);
}

#define ASSERT_PRINTED(message, literal, json) \
    assert_printed((message), (literal), sizeof(literal) - 1, PL_OK, (json))
#define ASSERT_UNPRINTED(message, literal, err) \
    assert_printed((message), (literal), sizeof(literal) - 1, (err), ">")

/* Behind a byte that was there before. */
static void assert_printed(const ProtobufCMessageDescriptor *message, const char *data, size_t size,
                           int err, const char *expected)
{
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, OUT_SIZE_MAX);
    pl_bytebuf_append_byte(&text, '>');
    assert_int_equal(
        pl_pb_json_print(message, (struct pl_bytes){(const uint8_t *)data, size}, &text), err);
    assert_string_equal(pl_bytebuf_cstr(&text) + (err == PL_OK), expected);
    pl_bytebuf_done(&text);
}

struct pair {
    const ProtobufCMessageDescriptor *message;
    const char *json, *printed;
};

static void values_of_every_type_come_back(void **state)
{
    static const struct pair pairs[] = {
        {SCALARS, "{}", "{}"},
        {SCALARS, " {\"int32One\" : -2147483648 }\n", "{\"int32One\":-2147483648}"},
        {SCALARS, "{\"int32One\":2147483647}", "{\"int32One\":2147483647}"},
        {SCALARS, "{\"int64One\":9223372036854775807}", "{\"int64One\":\"9223372036854775807\"}"},
        {SCALARS, "{\"int64One\":\"-9223372036854775808\"}",
         "{\"int64One\":\"-9223372036854775808\"}"},
        {SCALARS, "{\"uint32One\":4294967295}", "{\"uint32One\":4294967295}"},
        {SCALARS, "{\"uint64One\":\"18446744073709551615\"}",
         "{\"uint64One\":\"18446744073709551615\"}"},
        {SCALARS, "{\"sint32One\":-2147483648}", "{\"sint32One\":-2147483648}"},
        {SCALARS, "{\"sint64One\":\"-9223372036854775808\"}",
         "{\"sint64One\":\"-9223372036854775808\"}"},
        {SCALARS, "{\"fixed32One\":4294967295,\"sfixed32One\":-1}",
         "{\"fixed32One\":4294967295,\"sfixed32One\":-1}"},
        {SCALARS, "{\"fixed64One\":\"18446744073709551615\",\"sfixed64One\":-1}",
         "{\"fixed64One\":\"18446744073709551615\",\"sfixed64One\":\"-1\"}"},
        {SCALARS, "{\"floatOne\":0.1,\"doubleOne\":0.1}", "{\"floatOne\":0.1,\"doubleOne\":0.1}"},
        {SCALARS, "{\"floatOne\":3.4028235e38}", "{\"floatOne\":3.4028235e38}"},
        {SCALARS, "{\"doubleOne\":-1.7976931348623157e308}",
         "{\"doubleOne\":-1.7976931348623157e308}"},
        {SCALARS, "{\"doubleOne\":5e-324}", "{\"doubleOne\":4.94065645841247e-324}"},
        {SCALARS, "{\"doubleOne\":-0.0}", "{\"doubleOne\":-0.0}"},
        {SCALARS, "{\"floatOne\":\"NaN\",\"doubleOne\":\"-Infinity\"}",
         "{\"floatOne\":\"NaN\",\"doubleOne\":\"-Infinity\"}"},
        {SCALARS, "{\"doubleOne\":\"1.5e3\"}", "{\"doubleOne\":1500.0}"},
        {SCALARS, "{\"doubleOne\":18446744073709551616}", "{\"doubleOne\":1.8446744073709552e19}"},
        {SCALARS, "{\"boolOne\":true}", "{\"boolOne\":true}"},
        {SCALARS, "{\"stringOne\":\"a\\u0001\\n\\\"\\\\\\u00e9\\ud83d\\udc4b/\"}",
         "{\"stringOne\":\"a\\u0001\\n\\\"\\\\\xc3\xa9\xf0\x9f\x91\x8b/\"}"},
        {SCALARS, "{\"bytesOne\":\"_-8\"}", "{\"bytesOne\":\"/+8=\"}"},
        {SCALARS, "{\"bytesOne\":\"/+8=\"}", "{\"bytesOne\":\"/+8=\"}"},
        {SCALARS, "{\"colourOne\":\"COLOUR_BLUE\"}", "{\"colourOne\":\"COLOUR_BLUE\"}"},
        {SCALARS, "{\"colourOne\":1}", "{\"colourOne\":\"COLOUR_RED\"}"},
        {SCALARS, "{\"colourOne\":99}", "{\"colourOne\":99}"},
        {SCALARS, "{\"string_one\":\"x\",\"int32_one\":1}", "{\"int32One\":1,\"stringOne\":\"x\"}"},
        {SCALARS, "{\"stringOne\":null,\"int32One\":null,\"colourOne\":null}", "{}"},
        {SCALARS,
         "{\"int32One\":0,\"doubleOne\":0,\"boolOne\":false,\"stringOne\":\"\",\"bytesOne\":\"\"}",
         "{}"},
        {LISTS, "{\"int32List\":[1,0,-1],\"stringList\":[\"\",\"a\"],\"boolList\":[]}",
         "{\"int32List\":[1,0,-1],\"stringList\":[\"\",\"a\"]}"},
        {LISTS, "{\"messageList\":[{},{\"int32One\":1}]}",
         "{\"messageList\":[{},{\"int32One\":1}]}"},
        {LISTS, "{\"timeList\":[\"1970-01-01T00:00:00Z\"]}",
         "{\"timeList\":[\"1970-01-01T00:00:00Z\"]}"},
        {MAPS, "{\"stringMap\":{\"\":\"\",\"b\":\"x\"},\"int32Map\":{\"-1\":\"5\"}}",
         "{\"stringMap\":{\"\":\"\",\"b\":\"x\"},\"int32Map\":{\"-1\":\"5\"}}"},
        {MAPS, "{\"int64Map\":{\"-1\":{},\"1\":{\"boolOne\":true}},\"boolMap\":{\"true\":0}}",
         "{\"int64Map\":{\"-1\":{},\"1\":{\"boolOne\":true}},\"boolMap\":{\"true\":0.0}}"},
        {MAPS, "{\"valueMap\":{\"a\":null},\"pairs\":[{\"key\":\"k\"}]}",
         "{\"valueMap\":{\"a\":null},\"pairs\":[{\"key\":\"k\"}]}"},
        {NESTED, "{\"self\":{\"self\":{}},\"list\":[{\"name\":\"a\"}]}",
         "{\"self\":{\"self\":{}},\"list\":[{\"name\":\"a\"}]}"},
        {NESTED, "{\"text\":\"\"}", "{\"text\":\"\"}"},
        {NESTED, "{\"number\":0,\"no\":false}", "{\"number\":0,\"no\":false}"},
        {NESTED, "{\"null\":null}", "{\"null\":null}"},
        {NESTED, "{\"anyValue\":null}", "{\"anyValue\":null}"},
        {NESTED, "{\"text\":\"a\",\"number\":null}", "{\"text\":\"a\"}"},
        {NESTED, "{\"OddName\":\"a\",\"UpperCase\":\"b\",\"field2B\":3}",
         "{\"OddName\":\"a\",\"UpperCase\":\"b\",\"field2B\":3}"},
        {NESTED, "{\"_odd__name_\":\"a\",\"Upper_case\":\"b\",\"field_2_b\":3}",
         "{\"OddName\":\"a\",\"UpperCase\":\"b\",\"field2B\":3}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_comes_back(pairs[i].message, pairs[i].json, pairs[i].printed);
}

static void messages_with_a_form_of_their_own_come_back(void **state)
{
    static const char *const pairs[][2] = {
        {"\"timestamp\":\"2026-01-31T12:00:00Z\"", NULL},
        {"\"timestamp\":\"2024-02-29T23:59:59.120Z\"", NULL},
        {"\"timestamp\":\"0001-01-01T00:00:00Z\"", NULL},
        {"\"timestamp\":\"9999-12-31T23:59:59.999999999Z\"", NULL},
        {"\"timestamp\":\"1969-12-31T23:59:59.000001Z\"", NULL},
        {"\"timestamp\":\"2026-01-01T00:30:00.5+01:30\"",
         "\"timestamp\":\"2025-12-31T23:00:00.500Z\""},
        {"\"timestamp\":\"2026-01-01T00:30:00-00:45\"", "\"timestamp\":\"2026-01-01T01:15:00Z\""},
        {"\"duration\":\"0s\"", NULL},
        {"\"duration\":\"-0.500s\"", NULL},
        {"\"duration\":\"1.5s\"", "\"duration\":\"1.500s\""},
        {"\"duration\":\"-315576000000s\"", NULL},
        {"\"duration\":\"315575999999.999999999s\"", NULL},
        {"\"fieldMask\":\"displayName,a.bC\"", NULL},
        {"\"fieldMask\":\"\"", NULL},
        {"\"empty\":{}", NULL},
        {"\"struct\":{\"a\":{\"b\":[1.5,\"x\",true,null,[],{}]},\"\":null}", NULL},
        {"\"value\":null", NULL},
        {"\"value\":5", "\"value\":5.0"},
        {"\"value\":\"x\"", NULL},
        {"\"listValue\":[null,[],false]", NULL},
        {"\"any\":{}", NULL},
        {"\"nullValue\":null", ""},
        {"\"doubleValue\":0.0,\"floatValue\":1.5", NULL},
        {"\"int64Value\":\"-1\",\"uint64Value\":\"0\",\"int32Value\":0", NULL},
        {"\"uint32Value\":4294967295,\"boolValue\":false", NULL},
        {"\"stringValue\":\"\",\"bytesValue\":\"AA==\"", NULL},
        {"\"boolValue\":null", ""},
        {"\"valueList\":[null,1.5,{}],\"nullList\":[null,\"NULL_VALUE\"]",
         "\"valueList\":[null,1.5,{}],\"nullList\":[null,null]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char json[256], printed[256];

        snprintf(json, sizeof json, "{%s}", pairs[i][0]);
        snprintf(printed, sizeof printed, "{%s}", pairs[i][1] != NULL ? pairs[i][1] : pairs[i][0]);
        assert_comes_back(KNOWN, json, printed);
    }
}

static void such_a_message_may_be_the_whole_body(void **state)
{
    struct messages messages;

    (void)state;
    messages_init(&messages);
    assert_comes_back(messages_find(&messages, "google.protobuf.Timestamp"),
                      "\"1970-01-01T00:00:01Z\"", "\"1970-01-01T00:00:01Z\"");
    assert_comes_back(messages_find(&messages, "google.protobuf.Int64Value"), "7", "\"7\"");
    assert_comes_back(messages_find(&messages, "google.protobuf.Value"), "null", "null");
    assert_comes_back(messages_find(&messages, "google.protobuf.ListValue"), "[]", "[]");
    assert_refused(messages_find(&messages, "google.protobuf.Duration"), "{}", PL_E_INVALID,
                   "expected a duration such as \"1.5s\"");
}

static void bytes_are_those_that_protobuf_writes(void **state)
{
    (void)state;
    ASSERT_WIRE(SCALARS, "{\"string_one\":\"hi\",\"int32One\":-1,\"sint32One\":-1}",
                "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\x01\x72\x02hi");
    ASSERT_WIRE(SCALARS, "{\"fixed32One\":1,\"doubleOne\":1}",
                "\x3d\x01\0\0\0\x61\0\0\0\0\0\0\xf0\x3f");
    ASSERT_WIRE(LISTS, "{\"int32List\":[1,300]}", "\x0a\x03\x01\xac\x02");
    ASSERT_WIRE(LISTS, "{\"int32List\":[]}", "");
    ASSERT_WIRE(MAPS, "{\"stringMap\":{\"a\":\"\"}}",
                "\x0a\x05\x0a\x01"
                "a\x12\0");
    ASSERT_WIRE(KNOWN, "{\"int64Value\":0}", "\x62\0");
    ASSERT_WIRE(KNOWN, "{\"timestamp\":\"1970-01-01T00:00:01.5Z\"}",
                "\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01");
}

static void long_values_get_long_lengths(void **state)
{
    static char json[3 * 20000];
    struct pl_bytebuf wire, error, text;
    size_t size;

    (void)state;
    size = (size_t)snprintf(json, sizeof json, "{\"self\":{\"self\":{\"name\":\"");
    memset(json + size, 'x', 40000);
    memcpy(json + size + 40000, "\"}}}", 5);
    assert_int_equal(parse(NESTED, json, &wire, &error), PL_OK);
    assert_int_equal(wire.size, 40000 + 3 * 4);
    pl_bytebuf_init(&text, OUT_SIZE_MAX);
    assert_int_equal(pl_pb_json_print(NESTED, (struct pl_bytes){wire.data, wire.size}, &text),
                     PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&text), json);
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);
}

static const struct pair refusals[] = {
    {&parla__v1__sign_in_as_guest_request__descriptor, "{\"usr\":\"ana\"}",
     "unknown field \"usr\" in parla.v1.SignInAsGuestRequest"},
    {NESTED, "{\"list\":[{},{},{\"name\":5}]}", "field \"list[2].name\": expected a string"},
    {NESTED, "{\"self\":{\"x\\u001b\\\"\\u202e\":1}}",
     "field \"self\": unknown field \"x\\u{1b}\\\"\\u{202e}\" in pl.json.Nested"},
    {NESTED, "{\"self\":{\"list\":[5]}}", "field \"self.list[0]\": expected an object"},
    {NESTED, "{\"self\":[]}", "field \"self\": expected an object"},
    {NESTED, "{\"list\":{}}", "field \"list\": expected a list"},
    {NESTED, "{\"list\":[null]}", "field \"list[0]\": null is no element of a list"},
    {NESTED, "{\"number\":1,\"text\":\"\"}",
     "field \"number\": cannot be set together with \"text\""},
    {NESTED, "{\"field2B\":1,\"field_2_b\":1}",
     "field \"field_2_b\" is there under both its names"},
    {SCALARS, "[]", "expected an object"},
    {SCALARS, "null", "expected an object"},
    {SCALARS, "{\"int32One\":1.5}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":\"1.5\"}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32_one\":\"\"}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":\" 1\"}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":\"01\"}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":\"+1\"}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":\"0x10\"}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":true}", "field \"int32One\": expected an integer"},
    {SCALARS, "{\"int32One\":2147483648}",
     "field \"int32One\": out of the range of 32-bit integers"},
    {SCALARS, "{\"sint32One\":-2147483649}",
     "field \"sint32One\": out of the range of 32-bit integers"},
    {SCALARS, "{\"int32One\":1e10}", "field \"int32One\": out of the range of 32-bit integers"},
    {SCALARS, "{\"int32One\":1e300}", "field \"int32One\": out of the range of 32-bit integers"},
    {SCALARS, "{\"uint32One\":-1}",
     "field \"uint32One\": out of the range of 32-bit integers without sign"},
    {SCALARS, "{\"uint32One\":4294967296}",
     "field \"uint32One\": out of the range of 32-bit integers without sign"},
    {SCALARS, "{\"int64One\":\"9223372036854775808\"}",
     "field \"int64One\": out of the range of 64-bit integers"},
    {SCALARS, "{\"int64One\":\"-9223372036854775809\"}",
     "field \"int64One\": out of the range of 64-bit integers"},
    {SCALARS, "{\"uint64One\":\"18446744073709551616\"}",
     "field \"uint64One\": out of the range of 64-bit integers without sign"},
    {SCALARS, "{\"uint64One\":18446744073709551615}",
     "field \"uint64One\": out of the range of 64-bit integers without sign"},
    {SCALARS, "{\"uint64One\":18446744073709549568}",
     "field \"uint64One\": a number this large must be a string of digits"},
    {SCALARS, "{\"int64One\":1e16}",
     "field \"int64One\": a number this large must be a string of digits"},
    {SCALARS, "{\"floatOne\":3.5e38}",
     "field \"floatOne\": out of the range of 32-bit floating-point numbers"},
    {SCALARS, "{\"doubleOne\":1e999}", "a number is out of range (line 1, column 18)"},
    {SCALARS, "{\"doubleOne\":\"1e999\"}", "field \"doubleOne\": a number is out of range"},
    {SCALARS, "{\"doubleOne\":\"nan\"}", "field \"doubleOne\": expected a number"},
    {SCALARS, "{\"doubleOne\":[]}", "field \"doubleOne\": expected a number"},
    {SCALARS, "{\"boolOne\":1}", "field \"boolOne\": expected true or false"},
    {SCALARS, "{\"colourOne\":\"RED\"}",
     "field \"colourOne\": unknown value \"RED\" in pl.json.Colour"},
    {SCALARS, "{\"colourOne\":2147483648}",
     "field \"colourOne\": out of the range of 32-bit integers"},
    {SCALARS, "{\"colourOne\":true}", "field \"colourOne\": expected the name of a value"},
    {SCALARS, "{\"bytesOne\":\"A\"}", "field \"bytesOne\": expected a string of base64"},
    {SCALARS, "{\"bytesOne\":1}", "field \"bytesOne\": expected a string of base64"},
    {SCALARS, "{\"stringOne\":\"a\\u0000\"}", "text must not hold U+0000 (line 1, column 22)"},
    {SCALARS, "{\"int32One\":1,\"int32One\":2}",
     "duplicate object key near '\"int32One\"' (line 1, column 24)"},
    {SCALARS, "", "the body is not JSON: it is empty"},
    {MAPS, "{\"stringMap\":{\"a\":null}}", "field \"stringMap[a]\": null is no value of a map"},
    {MAPS, "{\"stringMap\":[]}", "field \"stringMap\": expected an object"},
    {MAPS, "{\"boolMap\":{\"1\":1}}", "field \"boolMap[1]\": expected a key that is true or false"},
    {MAPS, "{\"int32Map\":{\"\\u0007\":1}}", "field \"int32Map[\\u{7}]\": expected an integer"},
    {MAPS, "{\"int64Map\":{\"1\":{\"int32One\":\"\"}}}",
     "field \"int64Map[1].int32One\": expected an integer"},
    {KNOWN, "{\"timestamp\":\"2026-02-29T00:00:00Z\"}",
     "field \"timestamp\": expected a time such as \"2026-01-31T12:00:00Z\""},
    {KNOWN, "{\"duration\":\"1.5\"}", "field \"duration\": expected a duration such as \"1.5s\""},
    {KNOWN, "{\"fieldMask\":\"a,,b\"}",
     "field \"fieldMask\": expected paths such as \"displayName,status\""},
    {KNOWN, "{\"fieldMask\":1}", "field \"fieldMask\": expected a string of paths"},
    {KNOWN, "{\"any\":{\"@type\":\"type.googleapis.com/pl.json.Nested\"}}",
     "field \"any\": google.protobuf.Any has no JSON form here"},
    {KNOWN, "{\"empty\":{\"a\":1}}",
     "field \"empty\": unknown field \"a\" in google.protobuf.Empty"},
    {KNOWN, "{\"listValue\":[[1],{\"a\":1,\"a\":1}]}",
     "duplicate object key near '\"a\"' (line 1, column 28)"},
};

static void refusals_say_what_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused(refusals[i].message, refusals[i].json, PL_E_INVALID, refusals[i].printed);
}

static void what_is_no_json_is_refused(void **state)
{
    static const char *const bodies[] = {
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1,}",
        "{} {}",
        "{\"a\":NaN}",
        "{\"a\":.5}",
        "\xff",
        "{\"a\":\"\xc3\"}",
        "{\"a\":\"\n\"}",
        "/**/{}",
        "\xef\xbb\xbf{}",
        "{\"a\":\"\\ud800\"}",
        "nul",
        "\"\\",
        "{\"\\u0000\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct pl_bytebuf wire, error;
        const char *text;

        assert_int_equal(parse(SCALARS, bodies[i], &wire, &error), PL_E_INVALID);
        for (text = pl_bytebuf_cstr(&error); *text != 0; text++)
            assert_in_range(*text, 0x20, 0x7e);
        assert_true(error.size > 0);
        assert_int_equal(wire.size, 0);
        pl_bytebuf_done(&wire);
        pl_bytebuf_done(&error);
    }
}

static void times_are_read_strictly(void **state)
{
    static const char *const times[] = {
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31t12:00:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-1-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2025-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00ZZ",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "+2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00 Z",
    };
    static const char *const durations[] = {
        "",
        "s",
        "1",
        "-s",
        "+1s",
        "1.s",
        ".5s",
        "1.1234567890s",
        "1e3s",
        " 1s",
        "1s ",
        "--1s",
        "315576000001s",
        "315576000000.1s",
        "99999999999999999999999s",
    };

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char json[128];

        snprintf(json, sizeof json, "{\"timestamp\":\"%s\"}", times[i]);
        assert_refused(KNOWN, json, PL_E_INVALID,
                       "field \"timestamp\": expected a time such as \"2026-01-31T12:00:00Z\"");
    }
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        char json[128];

        snprintf(json, sizeof json, "{\"duration\":\"%s\"}", durations[i]);
        assert_refused(KNOWN, json, PL_E_INVALID,
                       "field \"duration\": expected a duration such as \"1.5s\"");
    }
}

static void texts_of_refusals_are_bounded(void **state)
{
    static char json[100000];
    struct pl_bytebuf wire, error;
    size_t size;

    (void)state;
    size = (size_t)snprintf(json, sizeof json, "{\"");
    memset(json + size, 'x', 50000);
    memcpy(json + size + 50000, "\":1}", 5);
    assert_int_equal(parse(SCALARS, json, &wire, &error), PL_E_INVALID);
    assert_in_range(error.size, 64, 150);
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);

    size = 0;
    for (int i = 0; i < 15; i++)
        size += (size_t)snprintf(json + size, sizeof json - size, "{\"mapsMap\":{\"%0100d\":", i);
    size += (size_t)snprintf(json + size, sizeof json - size, "5");
    for (int i = 0; i < 15; i++)
        size += (size_t)snprintf(json + size, sizeof json - size, "}}");
    assert_int_equal(parse(MAPS, json, &wire, &error), PL_E_INVALID);
    assert_int_equal(error.size, PL_PB_JSON_ERROR_SIZE_MAX);
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);
}

/* {"self":{"self":…}}, `depth` messages in all. */
static void nest(char *json, int depth)
{
    *json = 0;
    for (int i = 1; i < depth; i++)
        strcat(json, "{\"self\":");
    strcat(json, "{}");
    for (int i = 1; i < depth; i++)
        strcat(json, "}");
}

static void depth_is_limited(void **state)
{
    static char json[100000];

    (void)state;
    nest(json, PL_PB_DEPTH_MAX);
    assert_comes_back(NESTED, json, json);
    nest(json, PL_PB_DEPTH_MAX + 1);
    assert_refused(NESTED, json, PL_E_LIMIT,
                   "field \"self.self.self.self.self.self.self.self.self.self.self.self.self.self."
                   "self.self.self.self.self.self.self.self.self.self.self.self.self.self.self."
                   "self.self.self\": messages nested too deep");
    memset(json, '[', 90000);
    json[90000] = 0;
    assert_refused(NESTED, json, PL_E_LIMIT, "the body is nested too deep");
    assert_refused(NESTED,
                   "{\"name\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                   "[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[\",\"x\":1}",
                   PL_E_INVALID, "unknown field \"x\" in pl.json.Nested");
}

static void lists_within_lists_are_limited_as_messages_are(void **state)
{
    char json[256] = "{\"value\":";

    (void)state;
    for (int i = 0; i < 15; i++)
        strcat(json, "[");
    for (int i = 0; i < 15; i++)
        strcat(json, "]");
    strcat(json, "}");
    assert_comes_back(KNOWN, json, json);
    memcpy(json + strlen(json) - 1, "]}", 3);
    memmove(json + 10, json + 9, strlen(json + 9) + 1);
    assert_refused(KNOWN, json, PL_E_LIMIT,
                   "field \"value[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]\": messages nested "
                   "too deep");
}

/* {"name":[1,1,…]}, `len` elements. */
static void fill_list(char *json, const char *name, const char *element, size_t len)
{
    char *to = json + sprintf(json, "{\"%s\":[", name);

    for (size_t i = 0; i < len; i++)
        to += sprintf(to, "%s%s", i > 0 ? "," : "", element);
    sprintf(to, "]}");
}

static void fields_are_counted(void **state)
{
    static char json[400000];
    struct pl_bytebuf wire, error;
    struct pl_pb_fault fault;

    (void)state;
    fill_list(json, "stringList", "\"\"", PL_PB_FIELDS_LEN_MAX);
    assert_int_equal(parse(LISTS, json, &wire, &error), PL_OK);
    assert_int_equal(pl_pb_check(LISTS, (struct pl_bytes){wire.data, wire.size}, &fault), PL_OK);
    pl_bytebuf_done(&wire);
    fill_list(json, "stringList", "\"\"", PL_PB_FIELDS_LEN_MAX + 1);
    assert_refused(LISTS, json, PL_E_LIMIT,
                   "field \"stringList[8192]\": too many fields in one message");
    fill_list(json, "int32List", "1", PL_PB_FIELDS_LEN_MAX - 1);
    assert_int_equal(parse(LISTS, json, &wire, &error), PL_OK);
    assert_int_equal(pl_pb_check(LISTS, (struct pl_bytes){wire.data, wire.size}, &fault), PL_OK);
    pl_bytebuf_done(&wire);
    fill_list(json, "int32List", "1", PL_PB_FIELDS_LEN_MAX);
    assert_refused(LISTS, json, PL_E_LIMIT,
                   "field \"int32List[8191]\": too many fields in one message");
    fill_list(json, "int32List", "1", 100000);
    assert_refused(LISTS, json, PL_E_LIMIT, "too many values in the body");
}

static void more_is_printed_than_is_parsed_but_not_without_limit(void **state)
{
    static uint8_t wire[2 * (PL_PB_JSON_PRINT_FIELDS_LEN_MAX + 1)];
    struct pl_bytebuf text;

    (void)state;
    for (size_t i = 0; i < sizeof wire; i += 2)
        wire[i] = 0x72; /* an empty string of a list, again and again */
    pl_bytebuf_init(&text, OUT_SIZE_MAX);
    assert_int_equal(pl_pb_json_print(LISTS, (struct pl_bytes){wire, sizeof wire - 2}, &text),
                     PL_OK);
    assert_int_equal(text.size, 16 + 3 * PL_PB_JSON_PRINT_FIELDS_LEN_MAX);
    pl_bytebuf_clear(&text);
    assert_int_equal(pl_pb_json_print(LISTS, (struct pl_bytes){wire, sizeof wire}, &text),
                     PL_E_LIMIT);
    assert_int_equal(text.size, 0);
    pl_bytebuf_done(&text);
}

static void the_size_of_what_comes_out_is_limited(void **state)
{
    static const char json[] = "{\"name\":\"0123456789\"}";
    struct pl_bytebuf wire, error, text;

    (void)state;
    for (size_t size = 0; size < 12; size++) {
        pl_bytebuf_init(&wire, size);
        pl_bytebuf_init(&error, PL_PB_JSON_ERROR_SIZE_MAX);
        assert_int_equal(pl_pb_json_parse(NESTED, pl_bytes_str(json), &wire, &error), PL_E_LIMIT);
        assert_string_equal(pl_bytebuf_cstr(&error), "the message is too large");
        pl_bytebuf_done(&wire);
        pl_bytebuf_done(&error);
    }
    assert_int_equal(parse(NESTED, json, &wire, &error), PL_OK);
    for (size_t size = 0; size < sizeof json - 1; size++) {
        pl_bytebuf_init(&text, size);
        assert_int_equal(pl_pb_json_print(NESTED, (struct pl_bytes){wire.data, wire.size}, &text),
                         PL_E_LIMIT);
        assert_int_equal(text.size, 0);
        pl_bytebuf_done(&text);
    }
    pl_bytebuf_done(&wire);
    pl_bytebuf_done(&error);
}

static void pieces_on_the_wire_are_put_together(void **state)
{
    (void)state;
    /* the last scalar counts, messages merge, lists grow, packed or not */
    ASSERT_PRINTED(SCALARS,
                   "\x08\x01\x72\x01"
                   "a\x08\x02\x72\x01"
                   "b",
                   "{\"int32One\":2,\"stringOne\":\"b\"}");
    ASSERT_PRINTED(SCALARS, "\x08\x01\x08\x00", "{}");
    ASSERT_PRINTED(NESTED,
                   "\x0a\x03\x1a\x01"
                   "a\x0a\x02\x58\x07",
                   "{\"self\":{\"name\":\"a\",\"field2B\":7}}");
    ASSERT_PRINTED(LISTS, "\x08\x01\x0a\x02\x02\x03\x08\x04\x0a\x00", "{\"int32List\":[1,2,3,4]}");
    ASSERT_PRINTED(LISTS, "\x0a\x00", "{}");
    /* of a oneof, the last member */
    ASSERT_PRINTED(NESTED,
                   "\x22\x01"
                   "a\x28\x05",
                   "{\"number\":5}");
    ASSERT_PRINTED(NESTED,
                   "\x28\x05\x22\x01"
                   "a\x60\x01",
                   "{\"text\":\"a\",\"yes\":true}");
    ASSERT_PRINTED(NESTED,
                   "\x32\x03\x1a\x01"
                   "a\x28\x05\x32\x02\x58\x07\x32\x00",
                   "{\"inner\":{\"field2B\":7}}");
    /* of a map, the last entry of a key, and defaults for what it lacks */
    ASSERT_PRINTED(MAPS,
                   "\x0a\x06\x0a\x01"
                   "a\x12\x01x\x0a\x00\x0a\x06\x0a\x01"
                   "a\x12\x01y",
                   "{\"stringMap\":{\"a\":\"y\",\"\":\"\"}}");
    ASSERT_PRINTED(MAPS, "\x12\x00\x1a\x00\x32\x00",
                   "{\"int32Map\":{\"0\":\"0\"},\"int64Map\":{"
                   "\"0\":{}},\"boolMap\":{\"false\":0.0}}");
    /* what is unknown is skipped */
    ASSERT_PRINTED(SCALARS, "\xf8\x07\x01\x08\x01\xfa\x07\x02\xff\xff", "{\"int32One\":1}");
}

static void numbers_on_the_wire_are_cut_to_their_type(void **state)
{
    (void)state;
    ASSERT_PRINTED(SCALARS, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "{\"int32One\":-1}");
    ASSERT_PRINTED(SCALARS, "\x08\xff\xff\xff\xff\x0f", "{\"int32One\":-1}");
    ASSERT_PRINTED(SCALARS, "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                   "{\"uint32One\":4294967295}");
    ASSERT_PRINTED(SCALARS, "\x28\xff\xff\xff\xff\xff\x01", "{\"sint32One\":-2147483648}");
    ASSERT_PRINTED(SCALARS, "\x68\x80\x80\x80\x80\x10", "{\"boolOne\":true}");
    ASSERT_PRINTED(SCALARS, "\x08\x80\x80\x80\x80\x10", "{}");
}

static void what_json_cannot_express_is_refused(void **state)
{
    (void)state;
    ASSERT_UNPRINTED(KNOWN, "\x0a\x02\x10\xff", PL_E_INVALID);
    ASSERT_UNPRINTED(KNOWN, "\x0a\x06\x10\x80\x94\xeb\xdc\x03", PL_E_INVALID); /* 10^9 ns */
    ASSERT_UNPRINTED(KNOWN, "\x0a\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", PL_E_INVALID);
    ASSERT_UNPRINTED(KNOWN, "\x12\x0d\x08\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                     PL_E_INVALID); /* a second less a nanosecond */
    ASSERT_UNPRINTED(KNOWN,
                     "\x1a\x05\x0a\x03"
                     "a_B",
                     PL_E_INVALID);
    ASSERT_UNPRINTED(KNOWN, "\x1a\x02\x0a\x00", PL_E_INVALID);
    ASSERT_UNPRINTED(KNOWN, "\x32\x09\x11\0\0\0\0\0\0\xf8\x7f", PL_E_INVALID); /* NaN */
    ASSERT_UNPRINTED(KNOWN, "\x42\x03\x0a\x01x", PL_E_UNSUPPORTED);
    ASSERT_UNPRINTED(SCALARS, "\x72\x02\xc3", PL_E_INVALID);
    ASSERT_UNPRINTED(SCALARS, "\x72\x01\xc3", PL_E_INVALID);
    ASSERT_UNPRINTED(SCALARS, "\x70\x01", PL_E_INVALID);
    ASSERT_PRINTED(KNOWN, "\x32\x00", "{\"value\":null}");
}

static void entries_of_maps_are_told_by_their_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MAPS->n_fields; i++)
        assert_int_equal(pl_pb_json_is_map(MAPS, &MAPS->fields[i]),
                         strcmp(MAPS->fields[i].name, "pairs") != 0);
}

/* Runs both ways with each allocation failing in turn. */
static void sweep(const ProtobufCMessageDescriptor *message, const char *json)
{
    struct pl_bytebuf wire, error, text;
    int rc = PL_E_NOMEM;

    pl_pb_json_init();
    for (uint64_t nth = 1; rc < 0; nth++) {
        pl_mem_fail_at(nth);
        rc = parse(message, json, &wire, &error);
        assert_int_equal(rc < 0, pl_mem_failed());
        pl_mem_fail_at(0);
        if (rc < 0) {
            assert_int_equal(rc, PL_E_NOMEM);
            assert_int_equal(wire.size, 0);
            pl_bytebuf_done(&wire);
        }
        pl_bytebuf_done(&error);
    }
    rc = PL_E_NOMEM;
    for (uint64_t nth = 1; rc < 0; nth++) {
        pl_mem_fail_at(nth);
        pl_bytebuf_init(&text, OUT_SIZE_MAX);
        rc = pl_pb_json_print(message, (struct pl_bytes){wire.data, wire.size}, &text);
        assert_int_equal(rc < 0, pl_mem_failed());
        pl_mem_fail_at(0);
        if (rc < 0)
            assert_int_equal(rc, PL_E_NOMEM);
        else
            assert_string_equal(pl_bytebuf_cstr(&text), json);
        pl_bytebuf_done(&text);
    }
    pl_bytebuf_done(&wire);
}

static void short_memory_is_told_wherever_it_happens(void **state)
{
    (void)state;
    sweep(SCALARS, "{\"int32One\":1,\"doubleOne\":1.5,\"stringOne\":\"a string that is longer than "
                   "jansson's first buffer for one, and its second\",\"bytesOne\":\"Zm9vYg==\"}");
    sweep(MAPS,
          "{\"stringMap\":{\"a\":\"b\",\"c\":\"d\"},\"int64Map\":{\"1\":{\"boolOne\":true}}}");
    sweep(NESTED, "{\"list\":[{\"name\":\"x\"},{\"self\":{\"number\":5}}],\"text\":\"y\"}");
    sweep(KNOWN,
          "{\"timestamp\":\"2026-01-31T12:00:00Z\",\"fieldMask\":\"aB,c\",\"struct\":{\"a\":[1."
          "5]},\"int64Value\":\"7\"}");
}

static void short_memory_while_refusing_is_no_harm(void **state)
{
    static const char *const bodies[] = {
        "{\"nope\":1}", "{\"colourOne\":\"X\"}", "{\"doubleOne\":\"1e\"}",
        "{\"a\":",      "{\"doubleOne\":1e999}", "{\"uint64One\":18446744073709551616}",
    };

    (void)state;
    pl_pb_json_init();
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (uint64_t nth = 1, failed = 1; failed; nth++) {
            struct pl_bytebuf wire, error;
            int rc;

            pl_mem_fail_at(nth);
            rc = parse(SCALARS, bodies[i], &wire, &error);
            failed = (uint64_t)pl_mem_failed();
            pl_mem_fail_at(0);
            assert_true(rc == PL_E_INVALID || (failed && rc == PL_E_NOMEM));
            assert_true(failed || error.size > 0);
            assert_int_equal(wire.size, 0);
            pl_bytebuf_done(&wire);
            pl_bytebuf_done(&error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_come_back),
        cmocka_unit_test(messages_with_a_form_of_their_own_come_back),
        cmocka_unit_test(such_a_message_may_be_the_whole_body),
        cmocka_unit_test(bytes_are_those_that_protobuf_writes),
        cmocka_unit_test(long_values_get_long_lengths),
        cmocka_unit_test(refusals_say_what_and_where),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(times_are_read_strictly),
        cmocka_unit_test(texts_of_refusals_are_bounded),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(lists_within_lists_are_limited_as_messages_are),
        cmocka_unit_test(fields_are_counted),
        cmocka_unit_test(more_is_printed_than_is_parsed_but_not_without_limit),
        cmocka_unit_test(the_size_of_what_comes_out_is_limited),
        cmocka_unit_test(pieces_on_the_wire_are_put_together),
        cmocka_unit_test(numbers_on_the_wire_are_cut_to_their_type),
        cmocka_unit_test(what_json_cannot_express_is_refused),
        cmocka_unit_test(entries_of_maps_are_told_by_their_names),
        cmocka_unit_test(short_memory_is_told_wherever_it_happens),
        cmocka_unit_test(short_memory_while_refusing_is_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
