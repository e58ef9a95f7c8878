/*
 * fuzz_json.c - JSON to protobuf and back: what parses is a sound message, prints,
 * and parses again to the same; what is refused is told in one printable line. And
 * the other way: what prints can be parsed, and prints the same again.
 *
 * Input: a line that names the type; then JSON, or, behind a NUL, a message's bytes.
 */
#include "types.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"
#include "json_cases.pb-c.h"
#include "pb/json.h"
#include "pb/message.h"

enum { OUT_SIZE_MAX = 16 << 20 };

static struct pl_bytes content(const struct pl_bytebuf *buf)
{
    return (struct pl_bytes){buf->data, buf->size};
}

static void check_error(const struct pl_bytebuf *text)
{
    PL_ASSERT(text->size > 0 && text->size <= PL_PB_JSON_ERROR_SIZE_MAX);
    for (size_t i = 0; i < text->size; i++)
        PL_ASSERT(text->data[i] >= ' ' && text->data[i] <= '~');
}

static int parse(const ProtobufCMessageDescriptor *type, struct pl_bytes json,
                 struct pl_bytebuf *out)
{
    struct pl_pb_fault fault;
    struct pl_bytebuf error;
    int rc;

    pl_bytebuf_init(out, OUT_SIZE_MAX);
    pl_bytebuf_init(&error, PL_PB_JSON_ERROR_SIZE_MAX);
    rc = pl_pb_json_parse(type, json, out, &error);
    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_LIMIT);
    if (rc == PL_OK) {
        PL_ASSERT(pl_pb_check(type, content(out), &fault) == PL_OK);
    } else {
        PL_ASSERT(out->size == 0);
        check_error(&error);
    }
    pl_bytebuf_done(&error);
    return rc;
}

static int print(const ProtobufCMessageDescriptor *type, struct pl_bytes message,
                 struct pl_bytebuf *out)
{
    int rc;

    pl_bytebuf_init(out, OUT_SIZE_MAX);
    rc = pl_pb_json_print(type, message, out);
    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_UNSUPPORTED || rc == PL_E_LIMIT);
    PL_ASSERT(rc == PL_OK || out->size == 0);
    if (rc == PL_OK)
        PL_ASSERT(pl_utf8_valid(content(out)));
    return rc;
}

/* Printed JSON says all that the message does, and is what it is printed as. */
static void parse_printed(const ProtobufCMessageDescriptor *type, struct pl_bytes json)
{
    struct pl_bytebuf message, again;

    PL_ASSERT(parse(type, json, &message) == PL_OK);
    PL_ASSERT(print(type, content(&message), &again) == PL_OK);
    PL_ASSERT(pl_bytes_equal(json, content(&again)));
    pl_bytebuf_done(&message);
    pl_bytebuf_done(&again);
}

static void from_json(const ProtobufCMessageDescriptor *type, struct pl_bytes json)
{
    struct pl_bytebuf message, printed;

    if (parse(type, json, &message) == PL_OK) {
        PL_ASSERT(print(type, content(&message), &printed) == PL_OK);
        parse_printed(type, content(&printed));
        pl_bytebuf_done(&printed);
    }
    pl_bytebuf_done(&message);
}

static void from_message(const ProtobufCMessageDescriptor *type, struct pl_bytes message)
{
    struct pl_pb_fault fault;
    struct pl_bytebuf printed;
    int rc = print(type, message, &printed);

    if (rc == PL_OK) {
        PL_ASSERT(pl_pb_check(type, message, &fault) == PL_OK);
        parse_printed(type, content(&printed));
    }
    pl_bytebuf_done(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool filled;
    struct fuzz_input input = {data, size};
    const ProtobufCMessageDescriptor *type;

    if (!filled) {
        fuzz_message_add_type(&pl__json__scalars__descriptor);
        fuzz_message_add_type(&pl__json__lists__descriptor);
        fuzz_message_add_type(&pl__json__maps__descriptor);
        fuzz_message_add_type(&pl__json__nested__descriptor);
        fuzz_message_add_type(&pl__json__known__descriptor);
        filled = true;
    }
    type = fuzz_message_type(&input);
    if (input.size > 0 && input.data[0] == 0) {
        fuzz_byte(&input);
        from_message(type, fuzz_rest(&input));
    } else {
        from_json(type, fuzz_rest(&input));
    }
    return 0;
}
