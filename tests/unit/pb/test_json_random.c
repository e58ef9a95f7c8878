/*
 * test_json_random.c - random messages of every type, to JSON and back, and random
 * damage. PARLA_TEST_SEED takes another seed; a failure prints it.
 */
#include "base/err.h"
#include "messages.h"
#include "pb/json.h"
#include "pb/json_name.h"
#include "pb/message.h"
#include "pb/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_SIZE_MAX = 1 << 20, ROUNDS = 200, DEPTH_MAX = 5 };

static uint64_t seed;

/* splitmix64 */
static uint64_t next(uint64_t *random)
{
    uint64_t x = *random += 0x9e3779b97f4a7c15U;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

static uint64_t below(uint64_t *random, uint64_t limit)
{
    return next(random) % limit;
}

static void put_content(uint64_t *random, const ProtobufCMessageDescriptor *message, int depth,
                        struct pl_bytebuf *out);

static void put_text(uint64_t *random, struct pl_bytebuf *out)
{
    static const char *const letters[] = {
        "a", "B", "_", ".", "7", "\"", "\\", "\n", "\x01", "\x7f", "\xc3\xa9", "\xf0\x9f\x91\x8b",
    };

    for (uint64_t i = below(random, 6); i > 0; i--)
        pl_bytebuf_append_str(out, letters[below(random, sizeof letters / sizeof letters[0])]);
}

static uint64_t number(uint64_t *random)
{
    static const uint64_t some[] = {
        0, 1, 2, UINT64_MAX, INT32_MAX, UINT32_MAX, INT64_MAX, 0x7ff0000000000000U, 0x7f800000U};
    uint64_t at = below(random, 2 * (sizeof some / sizeof some[0]));

    return at < sizeof some / sizeof some[0] ? some[at] : next(random) >> below(random, 64);
}

static void put_field(uint64_t *random, const ProtobufCFieldDescriptor *field, int depth,
                      struct pl_bytebuf *out)
{
    enum pl_pb_wire_type type = pl_pb_wire_type_of(field->type);
    size_t mark;

    pl_pb_write_tag(out, field->id, type);
    if (type != PL_PB_WIRE_LEN) {
        pl_pb_write_number(out, type, number(random));
        return;
    }
    mark = pl_pb_open_len(out);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        put_content(random, field->descriptor, depth + 1, out);
    else
        put_text(random, out);
    pl_pb_close_len(out, mark);
}

/* Fields in any order, some more than once. */
static void put_content(uint64_t *random, const ProtobufCMessageDescriptor *message, int depth,
                        struct pl_bytebuf *out)
{
    if (message->n_fields == 0)
        return;
    for (uint64_t i = below(random, message->n_fields + 2); i > 0; i--) {
        const ProtobufCFieldDescriptor *field = &message->fields[below(random, message->n_fields)];

        if (depth < DEPTH_MAX || field->type != PROTOBUF_C_TYPE_MESSAGE)
            put_field(random, field, depth, out);
    }
}

static bool print(const ProtobufCMessageDescriptor *message, const struct pl_bytebuf *wire,
                  struct pl_bytebuf *text)
{
    int rc;

    pl_bytebuf_init(text, OUT_SIZE_MAX);
    rc = pl_pb_json_print(message, (struct pl_bytes){wire->data, wire->size}, text);
    if (rc == PL_OK)
        return true;
    assert_true(rc == PL_E_INVALID || rc == PL_E_UNSUPPORTED || rc == PL_E_LIMIT);
    pl_bytebuf_done(text);
    return false;
}

/* What is printed can be parsed, to a sound message that prints the same. */
static bool goes_round(const ProtobufCMessageDescriptor *message, const struct pl_bytebuf *wire)
{
    struct pl_bytebuf text, again, back, error;
    struct pl_pb_fault fault;
    int rc;

    if (!print(message, wire, &text))
        return false;
    pl_bytebuf_init(&back, OUT_SIZE_MAX);
    pl_bytebuf_init(&error, PL_PB_JSON_ERROR_SIZE_MAX);
    rc = pl_pb_json_parse(message, (struct pl_bytes){text.data, text.size}, &back, &error);
    if (rc < 0)
        print_error("seed %llu: %s\n%s\n%s\n", (unsigned long long)seed, message->name,
                    pl_bytebuf_cstr(&text), pl_bytebuf_cstr(&error));
    assert_int_equal(rc, PL_OK);
    assert_int_equal(pl_pb_check(message, (struct pl_bytes){back.data, back.size}, &fault), PL_OK);
    assert_true(print(message, &back, &again));
    if (strcmp(pl_bytebuf_cstr(&again), pl_bytebuf_cstr(&text)) != 0)
        print_error("seed %llu: %s\n", (unsigned long long)seed, message->name);
    assert_string_equal(pl_bytebuf_cstr(&again), pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&again);
    pl_bytebuf_done(&back);
    pl_bytebuf_done(&error);
    return true;
}

static void random_messages_go_to_json_and_back(void **state)
{
    struct messages messages;
    uint64_t random = seed;

    (void)state;
    messages_init(&messages);
    for (size_t i = 0; i < messages.len; i++) {
        size_t printed = 0;

        for (int round = 0; round < ROUNDS; round++) {
            struct pl_bytebuf wire;

            pl_bytebuf_init(&wire, OUT_SIZE_MAX);
            put_content(&random, messages.list[i], 0, &wire);
            assert_int_equal(wire.err, PL_OK);
            printed += goes_round(messages.list[i], &wire);
            pl_bytebuf_done(&wire);
        }
        assert_true(printed > 0);
    }
}

static void damaged_messages_do_no_harm(void **state)
{
    struct messages messages;
    uint64_t random = seed + 1;

    (void)state;
    messages_init(&messages);
    for (size_t i = 0; i < messages.len; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            struct pl_bytebuf wire;

            pl_bytebuf_init(&wire, OUT_SIZE_MAX);
            put_content(&random, messages.list[i], 0, &wire);
            for (uint64_t n = below(&random, 4); n > 0 && wire.size > 0; n--)
                wire.data[below(&random, wire.size)] = (uint8_t)next(&random);
            wire.size -= wire.size > 0 ? below(&random, 2) : 0;
            goes_round(messages.list[i], &wire);
            pl_bytebuf_done(&wire);
        }
    }
}

static void damaged_json_does_no_harm(void **state)
{
    static const char letters[] = "{}[]\",:0-9.eE+ntf\\u \x01\xff";
    struct messages messages;
    uint64_t random = seed + 2;

    (void)state;
    messages_init(&messages);
    for (size_t i = 0; i < messages.len; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            struct pl_bytebuf wire, text, back, error;
            struct pl_pb_fault fault;
            int rc;

            pl_bytebuf_init(&wire, OUT_SIZE_MAX);
            put_content(&random, messages.list[i], 0, &wire);
            if (print(messages.list[i], &wire, &text)) {
                for (uint64_t n = below(&random, 3); n > 0; n--)
                    text.data[below(&random, text.size)] =
                        (uint8_t)letters[below(&random, sizeof letters - 1)];
                pl_bytebuf_init(&back, OUT_SIZE_MAX);
                pl_bytebuf_init(&error, PL_PB_JSON_ERROR_SIZE_MAX);
                rc = pl_pb_json_parse(messages.list[i], (struct pl_bytes){text.data, text.size},
                                      &back, &error);
                assert_true(rc == PL_OK || rc == PL_E_INVALID);
                assert_int_equal(error.size > 0, rc < 0);
                if (rc == PL_OK)
                    assert_int_equal(pl_pb_check(messages.list[i],
                                                 (struct pl_bytes){back.data, back.size}, &fault),
                                     PL_OK);
                pl_bytebuf_done(&text);
                pl_bytebuf_done(&back);
                pl_bytebuf_done(&error);
            }
            pl_bytebuf_done(&wire);
        }
    }
}

int main(void)
{
    const char *given = getenv("PARLA_TEST_SEED");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_messages_go_to_json_and_back),
        cmocka_unit_test(damaged_messages_do_no_harm),
        cmocka_unit_test(damaged_json_does_no_harm),
    };

    seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
