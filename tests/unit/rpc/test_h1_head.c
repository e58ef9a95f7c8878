/* test_h1_head.c - responses of HTTP/1.1, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "rpc/h1_head.h"
#include "rpc/limits.h"

#include <string.h>

static void assert_text(struct pl_bytebuf *buf, const char *expected)
{
    assert_int_equal(buf->err, PL_OK);
    assert_string_equal(pl_bytebuf_cstr(buf), expected);
    pl_bytebuf_clear(buf);
}

static void status_lines_have_reasons(void **state)
{
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1000);
    pl_rpc_h1_head_begin(&out, 200);
    assert_text(&out, "HTTP/1.1 200 OK\r\n");
    pl_rpc_h1_head_begin(&out, 431);
    assert_text(&out, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    pl_rpc_h1_head_begin(&out, 299);
    assert_text(&out, "HTTP/1.1 299 \r\n");
    pl_rpc_h1_continue(&out);
    assert_text(&out, "HTTP/1.1 100 Continue\r\n\r\n");
    pl_bytebuf_done(&out);
}

static void every_error_has_a_reason(void **state)
{
    static const int statuses[] = {
#define STATUS(name, value, code, http, text) http,
        PL_ERR_MAP(STATUS)
#undef STATUS
    };
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1000);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        pl_bytebuf_clear(&out);
        pl_rpc_h1_head_begin(&out, statuses[i]);
        assert_true(out.size > strlen("HTTP/1.1 200 \r\n"));
    }
    pl_bytebuf_done(&out);
}

static void a_head_tells_its_length_and_the_connection(void **state)
{
    static const struct {
        bool keep_alive;
        enum pl_rpc_h1_framing framing;
        const char *text;
    } cases[] = {
        {true, PL_RPC_H1_NO_BODY, "connection: keep-alive\r\n\r\n"},
        {false, PL_RPC_H1_NO_BODY, "connection: close\r\n\r\n"},
        {true, PL_RPC_H1_LENGTH, "content-length: 7\r\nconnection: keep-alive\r\n\r\n"},
        {true, PL_RPC_H1_CHUNKED, "transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n"},
        {false, PL_RPC_H1_CLOSE, "connection: close\r\n\r\n"},
    };
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pl_rpc_h1_head_end(&out, cases[i].keep_alive, cases[i].framing, 7);
        assert_text(&out, cases[i].text);
    }
    pl_rpc_h1_head_end(&out, false, PL_RPC_H1_LENGTH, UINT64_MAX);
    assert_text(&out, "content-length: 18446744073709551615\r\nconnection: close\r\n\r\n");
    pl_bytebuf_done(&out);
}

static void fields_are_written_as_they_are(void **state)
{
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1000);
    assert_int_equal(pl_rpc_h1_head_field(&out, pl_bytes_str("Content-Type"),
                                          pl_bytes_str("text/plain; a=\"b\tc\"")),
                     PL_OK);
    assert_int_equal(pl_rpc_h1_head_field(&out, pl_bytes_str("x"), pl_bytes_str("")), PL_OK);
    assert_int_equal(pl_rpc_h1_head_field(&out, pl_bytes_str("y"), pl_bytes_str("\xc3\xa9")),
                     PL_OK);
    assert_text(&out, "Content-Type: text/plain; a=\"b\tc\"\r\nx: \r\ny: \xc3\xa9\r\n");
    pl_bytebuf_done(&out);
}

static void a_field_cannot_break_out_of_its_line(void **state)
{
    static const struct {
        const char *name;
        struct pl_bytes value;
    } cases[] = {
        {"x", {(const uint8_t *)"a\r\nb: c", 7}},
        {"x", {(const uint8_t *)"a\rb", 3}},
        {"x", {(const uint8_t *)"a\nb", 3}},
        {"x", {(const uint8_t *)"a\0b", 3}},
        {"x", {(const uint8_t *)"a\x7f", 2}},
        {"x", {(const uint8_t *)" a", 2}},
        {"x", {(const uint8_t *)"a\t", 2}},
        {"", {(const uint8_t *)"a", 1}},
        {"x y", {(const uint8_t *)"a", 1}},
        {"x:", {(const uint8_t *)"a", 1}},
        {"x\r\ny", {(const uint8_t *)"a", 1}},
        {"content-length", {(const uint8_t *)"1", 1}},
        {"Transfer-Encoding", {(const uint8_t *)"a", 1}},
        {"CONNECTION", {(const uint8_t *)"a", 1}},
        {"keep-alive", {(const uint8_t *)"a", 1}},
        {"upgrade", {(const uint8_t *)"h2c", 3}},
    };
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(pl_rpc_h1_head_field(&out, pl_bytes_str(cases[i].name), cases[i].value),
                         PL_E_INVALID);
    assert_int_equal(out.size, 0);
    pl_bytebuf_done(&out);
}

static void chunks_stand_between_lines(void **state)
{
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1000);
    pl_rpc_h1_chunk_begin(&out, 0x1aF);
    pl_bytebuf_append_str(&out, "...");
    pl_rpc_h1_chunk_end(&out);
    pl_rpc_h1_chunks_end(&out);
    assert_text(&out, "1af\r\n...\r\n0\r\n\r\n");
    pl_bytebuf_done(&out);
}

static void any_allocation_may_fail(void **state)
{
    static uint8_t value[500];
    uint64_t nth = 0;
    bool failed;

    (void)state;
    memset(value, 'v', sizeof value);
    do {
        struct pl_bytebuf out;

        pl_bytebuf_init(&out, 1000);
        pl_mem_fail_at(++nth);
        pl_rpc_h1_head_begin(&out, 200);
        assert_int_equal(
            pl_rpc_h1_head_field(&out, pl_bytes_str("a"), (struct pl_bytes){value, sizeof value}),
            PL_OK);
        pl_rpc_h1_head_end(&out, true, PL_RPC_H1_LENGTH, 1);
        failed = pl_mem_failed() != 0;
        pl_mem_fail_at(0);
        assert_int_equal(failed, out.err == PL_E_NOMEM);
        pl_bytebuf_done(&out);
    } while (failed);
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_lines_have_reasons),
        cmocka_unit_test(every_error_has_a_reason),
        cmocka_unit_test(a_head_tells_its_length_and_the_connection),
        cmocka_unit_test(fields_are_written_as_they_are),
        cmocka_unit_test(a_field_cannot_break_out_of_its_line),
        cmocka_unit_test(chunks_stand_between_lines),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
