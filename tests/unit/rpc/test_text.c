/* test_text.c - what the wire spells in its own way: percent, base64, timeouts,
 * envelopes, fields, details. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "rpc/details.h"
#include "rpc/envelope.h"
#include "rpc/fields.h"
#include "rpc/outbox.h"
#include "rpc/percent.h"
#include "rpc/timeout.h"

#include <string.h>

static void assert_bytes(const struct pl_bytebuf *buf, const char *expected)
{
    assert_int_equal(buf->err, PL_OK);
    assert_int_equal(buf->size, strlen(expected));
    if (buf->size > 0)
        assert_memory_equal(buf->data, expected, buf->size);
}

static void percent_both_ways(void **state)
{
    static const struct {
        const char *plain;
        const char *encoded;
    } cases[] = {
        {"", ""},
        {"plain ~text!", "plain ~text!"},
        {"100%", "100%25"},
        {"a\tb\n\x7f", "a%09b%0A%7F"},
        {"\xe2\x98\xba", "%E2%98%BA"},
    };
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pl_bytebuf_clear(&buf);
        pl_rpc_percent_encode(pl_bytes_str(cases[i].plain), &buf);
        assert_bytes(&buf, cases[i].encoded);
        pl_bytebuf_clear(&buf);
        pl_rpc_percent_decode(pl_bytes_str(cases[i].encoded), &buf);
        assert_bytes(&buf, cases[i].plain);
    }
    pl_bytebuf_clear(&buf);
    pl_rpc_percent_decode(pl_bytes_str("%e2%98%bA % %4 %4x %%41 %"), &buf);
    assert_bytes(&buf, "\xe2\x98\xba % %4 %4x %A %");
    pl_bytebuf_done(&buf);
}

static void timeouts_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1H", 3600000},
        {"2M", 120000},
        {"3S", 3000},
        {"4m", 4},
        {"5u", 1},
        {"1000u", 1},
        {"1001u", 2},
        {"6n", 1},
        {"0n", 0},
        {"1000000n", 1},
        {"0S", 0},
        {"00000001m", 1},
        {"99999999H", 359999996400000},
    };
    static const char *const bad[] = {"",   "1",   "m",    "1 m",        "-1m", "+1m", "1s",
                                      "1h", "1mm", "1.5S", "100000000m", "m1",  "0x1m"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(pl_rpc_timeout_parse(pl_bytes_str(cases[i].text), &ms), PL_OK);
        assert_int_equal(ms, cases[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(pl_rpc_timeout_parse(pl_bytes_str(bad[i]), &ms), PL_E_INVALID);
    assert_int_equal(pl_rpc_timeout_after(1, INT64_MAX), INT64_MAX);
}

static void timeouts_are_written(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0m"},
        {99999999, "99999999m"},
        {100000000, "100000S"},
        {100000001, "100001S"},
        {INT64_C(100000000) * 1000, "1666667M"},
        {INT64_C(100000000) * 60000, "1666667H"},
        {INT64_MAX, "99999999H"},
    };
    char text[PL_RPC_TIMEOUT_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pl_rpc_timeout_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* Reads what the data has; messages are appended, with a ';' each. `plain`: those that lie
 * there whole are taken at once. */
static void read_all(struct pl_rpc_reader *reader, struct pl_bytes data, bool plain, char *found)
{
    struct pl_bytes message;
    int rc = PL_RPC_READ_HEAD;

    while (rc != PL_RPC_READ_MORE) {
        rc = PL_RPC_READ_MESSAGE;
        if (!plain || !pl_rpc_reader_take_plain(reader, &data, &message))
            rc = pl_rpc_reader_feed(reader, &data, &message);
        assert_true(rc >= 0);
        if (rc != PL_RPC_READ_MESSAGE)
            continue;
        strncat(found, (const char *)message.data, message.size);
        strcat(found, ";");
    }
}

/* Three messages, given in pieces of every size. */
static void find_in_pieces(bool plain)
{
    static const char stream[] = "\0\0\0\0\3one\0\0\0\0\0\0\0\0\0\5three";

    for (size_t piece = 1; piece < sizeof stream; piece++) {
        struct pl_rpc_reader reader;
        struct pl_rpc_tracker tracker = {.left = 0};
        char found[32] = "";

        pl_rpc_reader_init(&reader, 5);
        for (size_t at = 0; at < sizeof stream - 1; at += piece) {
            size_t size = sizeof stream - 1 - at < piece ? sizeof stream - 1 - at : piece;
            struct pl_bytes data = {(const uint8_t *)stream + at, size};

            pl_rpc_tracker_pass(&tracker, data);
            read_all(&reader, data, plain, found);
            assert_int_equal(pl_rpc_reader_between(&reader), pl_rpc_tracker_between(&tracker));
        }
        assert_string_equal(found, "one;;three;");
        assert_true(pl_rpc_tracker_between(&tracker));
        pl_rpc_reader_done(&reader);
    }
}

static void reader_finds_messages_in_pieces(void **state)
{
    (void)state;
    find_in_pieces(false);
    find_in_pieces(true);
}

static void reader_takes_at_once_only_what_is_whole_and_without_flags(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        bool taken;
    } cases[] = {
        {"\0\0\0\0\3one", 8, true},  {"\0\0\0\0\3one\0", 9, true},
        {"\0\0\0\0\0", 5, true},     {"\0\0\0\0\3one", 7, false},     /* its end is missing */
        {"\0\0\0\0\3one", 4, false},                                  /* a part of its size */
        {"\1\0\0\0\3one", 8, false}, {"\0\0\0\0\6sixsix", 11, false}, /* over the limit */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_bytes data = {(const uint8_t *)cases[i].bytes, cases[i].size};
        struct pl_bytes message = {0};
        struct pl_rpc_reader reader;
        size_t left = data.size;

        pl_rpc_reader_init(&reader, 5);
        assert_int_equal(pl_rpc_reader_take_plain(&reader, &data, &message), cases[i].taken);
        if (cases[i].taken)
            left -= PL_RPC_ENVELOPE_SIZE + message.size;
        assert_int_equal(data.size, left);
        pl_rpc_reader_done(&reader);
    }
}

static void reader_refuses_what_is_too_large(void **state)
{
    struct pl_rpc_reader reader;
    struct pl_bytes data = {(const uint8_t *)"\0\0\0\0\6", 5}, message;

    (void)state;
    pl_rpc_reader_init(&reader, 5);
    assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message), PL_E_LIMIT);
    assert_int_equal(pl_rpc_reader_size(&reader), 6);
    pl_rpc_reader_done(&reader);
}

static void reader_keeps_a_message(void **state)
{
    struct pl_rpc_reader reader;
    char stream[] = "\0\0\0\0\3one";
    struct pl_bytes data = {(const uint8_t *)stream, 8}, message;

    (void)state;
    pl_rpc_reader_init(&reader, 5);
    assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message), PL_RPC_READ_HEAD);
    assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message), PL_RPC_READ_MESSAGE);
    assert_int_equal(pl_rpc_reader_keep(&reader, &message), PL_OK);
    memset(stream, 'x', sizeof stream);
    assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message), PL_RPC_READ_MORE);
    assert_memory_equal(message.data, "one", 3);
    pl_rpc_reader_drop(&reader);
    assert_int_equal(pl_rpc_reader_held(&reader), 0);
    pl_rpc_reader_done(&reader);
}

static void outbox_envelopes_messages_in_order(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece++) {
        struct pl_rpc_outbox outbox = {0};
        struct pl_buf *one = pl_buf_copy("one", 3), *none = pl_buf_copy("", 0);
        uint8_t data[2048];
        size_t size = 0, moved;

        for (int i = 0; i < 100; i++) {
            assert_int_equal(pl_rpc_outbox_push(&outbox, one, 0), PL_OK);
            assert_int_equal(pl_rpc_outbox_push(&outbox, none, 0), PL_OK);
        }
        assert_int_equal(pl_rpc_outbox_size(&outbox), 1300);
        while ((moved = pl_rpc_outbox_pull(&outbox, data + size, piece)) > 0)
            size += moved;
        assert_int_equal(size, 1300);
        assert_int_equal(pl_rpc_outbox_size(&outbox), 0);
        assert_false(pl_rpc_outbox_amid(&outbox));
        for (size_t at = 0; at < size; at += 13)
            assert_memory_equal(data + at, "\0\0\0\0\3one\0\0\0\0\0", 13);
        assert_int_equal(pl_rpc_outbox_push(&outbox, one, 0), PL_OK);
        pl_rpc_outbox_done(&outbox);
        pl_buf_unref(one);
        pl_buf_unref(none);
    }
}

static void fields_keep_order_and_limits(void **state)
{
    struct pl_rpc_fields fields;
    struct pl_bytes name, value;
    size_t pos = 0;

    (void)state;
    pl_rpc_fields_init(&fields, 100);
    assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("a"), pl_bytes_str("1")), PL_OK);
    assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("b"), pl_bytes_str("")), PL_OK);
    assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("a"), pl_bytes_str("2")), PL_OK);
    assert_true(pl_rpc_fields_find(&fields, "a", &value));
    assert_true(pl_bytes_is(value, "1"));
    assert_true(pl_rpc_fields_find(&fields, "b", &value));
    assert_int_equal(value.size, 0);
    assert_false(pl_rpc_fields_find(&fields, "c", &value));
    assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("long"),
                                       (struct pl_bytes){(const uint8_t *)"", 1000}),
                     PL_E_LIMIT);
    assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("d"), pl_bytes_str("4")), PL_OK);
    for (int i = 0; i < 4; i++)
        assert_true(pl_rpc_fields_next(&fields, &pos, &name, &value));
    assert_true(pl_bytes_is(name, "d"));
    assert_false(pl_rpc_fields_next(&fields, &pos, &name, &value));
    pl_rpc_fields_done(&fields);
}

static void binary_fields_are_decoded_and_encoded(void **state)
{
    struct pl_rpc_fields fields;
    struct pl_bytes value;

    (void)state;
    pl_rpc_fields_init(&fields, 1000);
    assert_int_equal(
        pl_rpc_fields_add_wire(&fields, pl_bytes_str("x-bin"), pl_bytes_str("Zm8=,Zm9v")), PL_OK);
    assert_true(pl_rpc_fields_find(&fields, "x-bin", &value));
    assert_true(pl_bytes_is(value, "fo")); /* the first of the list */
    assert_int_equal(pl_rpc_fields_add_wire(&fields, pl_bytes_str("y-bin"), pl_bytes_str("\xff")),
                     PL_E_INVALID);
    assert_int_equal(pl_rpc_fields_add_custom(&fields, "z-bin", pl_bytes_str("fo")), PL_OK);
    assert_true(pl_rpc_fields_find(&fields, "z-bin", &value));
    assert_true(pl_bytes_is(value, "Zm8"));
    pl_rpc_fields_done(&fields);
}

static void details_both_ways(void **state)
{
    static const struct pl_rpc_details_entry metadata[] = {{"limit", "4096"}, {"size", ""}};
    const struct pl_rpc_details full = {
        .code = PL_CODE_INVALID_ARGUMENT,
        .message = "too long",
        .reason = "TEXT_TOO_LONG",
        .domain = "parla",
        .metadata = metadata,
        .metadata_len = 2,
        .field = "message.text",
        .retry_ms = 1500,
    };
    const struct pl_rpc_details bare = {
        .code = PL_CODE_NOT_FOUND, .message = "", .reason = "", .domain = "", .field = ""};
    struct pl_rpc_details read;
    struct pl_arena arena;
    struct pl_buf *buf;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    assert_int_equal(pl_rpc_details_pack(&full, &buf), PL_OK);
    assert_int_equal(pl_rpc_details_unpack((struct pl_bytes){buf->data, buf->size}, &arena, &read),
                     PL_OK);
    assert_int_equal(read.code, full.code);
    assert_string_equal(read.message, full.message);
    assert_string_equal(read.reason, full.reason);
    assert_string_equal(read.domain, full.domain);
    assert_int_equal(read.metadata_len, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(read.metadata[i].key, metadata[i].key);
        assert_string_equal(read.metadata[i].value, metadata[i].value);
    }
    assert_string_equal(read.field, full.field);
    assert_int_equal(read.retry_ms, full.retry_ms);
    for (size_t size = 0; size < buf->size; size++)
        (void)pl_rpc_details_unpack((struct pl_bytes){buf->data, size}, &arena, &read);
    pl_buf_unref(buf);

    assert_int_equal(pl_rpc_details_pack(&bare, &buf), PL_OK);
    assert_int_equal(pl_rpc_details_unpack((struct pl_bytes){buf->data, buf->size}, &arena, &read),
                     PL_OK);
    assert_int_equal(read.code, bare.code);
    assert_string_equal(read.reason, "");
    assert_int_equal(read.metadata_len, 0);
    assert_int_equal(read.retry_ms, 0);
    pl_buf_unref(buf);
    pl_arena_done(&arena);
}

static void every_allocation_may_fail(void **state)
{
    static const struct pl_rpc_details_entry metadata[] = {{"key", "value"}};
    const struct pl_rpc_details details = {.code = PL_CODE_ABORTED,
                                           .metadata = metadata,
                                           .metadata_len = 1,
                                           .message = "m",
                                           .reason = "R",
                                           .domain = "d",
                                           .field = "f",
                                           .retry_ms = 1};
    int failed;
    uint64_t nth = 0;

    (void)state;
    do {
        struct pl_rpc_details read;
        struct pl_rpc_fields fields;
        struct pl_arena arena;
        struct pl_buf *buf = NULL;
        int rc;

        pl_mem_fail_at(++nth);
        pl_rpc_fields_init(&fields, 1000);
        pl_arena_init(&arena, 1 << 16);
        rc = pl_rpc_details_pack(&details, &buf);
        if (rc == PL_OK)
            rc = pl_rpc_details_unpack((struct pl_bytes){buf->data, buf->size}, &arena, &read);
        if (rc == PL_OK)
            rc = pl_rpc_fields_add_wire(&fields, pl_bytes_str("x-bin"), pl_bytes_str("Zm8"));
        if (rc == PL_OK)
            rc = pl_rpc_fields_add_custom(&fields, "x-bin", pl_bytes_str("fo"));
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(rc, failed ? PL_E_NOMEM : PL_OK);
        pl_buf_unref(buf);
        pl_arena_done(&arena);
        pl_rpc_fields_done(&fields);
    } while (failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_both_ways),
        cmocka_unit_test(timeouts_are_read),
        cmocka_unit_test(timeouts_are_written),
        cmocka_unit_test(reader_finds_messages_in_pieces),
        cmocka_unit_test(reader_takes_at_once_only_what_is_whole_and_without_flags),
        cmocka_unit_test(reader_refuses_what_is_too_large),
        cmocka_unit_test(reader_keeps_a_message),
        cmocka_unit_test(outbox_envelopes_messages_in_order),
        cmocka_unit_test(fields_keep_order_and_limits),
        cmocka_unit_test(binary_fields_are_decoded_and_encoded),
        cmocka_unit_test(details_both_ways),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
