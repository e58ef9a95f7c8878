/*
 * test_rfc9113.c - frames that break RFC 9113: sections 3.4 (the preface), 4.1 and
 * 4.2 (format and size), 5.5 (extensions), and 6 (each type of frame).
 *
 * Where nghttp2 makes an error of the connection out of what the RFC calls an error
 * of the stream, section 5.4.1 lets it: "an endpoint MAY choose to treat a stream
 * error as a connection error". Where it names PROTOCOL_ERROR for FRAME_SIZE_ERROR,
 * section 5.4 lets it: a generic error code can always be used for a specific one.
 * Both are said in the names of their rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/limits.h"
#include "rules.h"

#include <string.h>

enum { FRAME_SIZE_MAX = 16384 };

static const char zeros[FRAME_SIZE_MAX + 6];

#define RULES_CHECK(rules) rules_check(rules, sizeof(rules) / sizeof(rules)[0])

/* 3.4 */

static void a_wrong_preface_is_a_connection_error(void **state)
{
    static const struct {
        const char *name;
        const char *data;
        size_t size;
    } cases[] = {
        {"3.4 another protocol", BYTES("GET / HTTP/1.1\r\nhost: test\r\n\r\n")},
        {"3.4 one byte is wrong", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX\0\0\0\4\0\0\0\0\0")},
        {"3.4 no SETTINGS but PING",
         BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\10\6\0\0\0\0\0pingpong")},
        {"3.4 no SETTINGS but HEADERS",
         BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\1\1\5\0\0\0\1\202")},
        {"3.4 no SETTINGS but one's acknowledgement",
         BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\1\0\0\0\0")},
        {"3.4 no SETTINGS but an unknown type",
         BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\377\0\0\0\0\0")},
        {"3.4 SETTINGS on a stream", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\1")},
        {"3.4 the preface twice",
         BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rule_bench *bench = rule_bench_open();

        raw_bytes(&bench->raw, cases[i].data, cases[i].size);
        (void)rule_bench_talk(bench);
        rule_expect(bench, cases[i].name, CONNECTION, NGHTTP2_PROTOCOL_ERROR);
        rule_expect_reconnect(bench, cases[i].name);
        rule_bench_close(bench);
    }
}

/* Silence is no error that could be named: the connection is closed. */
static void a_cut_preface_is_waited_for_so_long(void **state)
{
    static const size_t sizes[] = {0, 1, 23, NGHTTP2_CLIENT_MAGIC_LEN, 24 + 8};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rule_bench *bench = rule_bench_open();
        int64_t end_ms = bench->pair.now_ms + PL_RPC_PREFACE_MS;

        raw_preface(&bench->raw);
        bench->raw.out_size = sizes[i];
        assert_int_equal(rule_bench_talk(bench), PL_OK);
        assert_int_equal(pl_rpc_conn_tick(bench->pair.conn, end_ms - 1), PL_OK);
        assert_int_equal(pl_rpc_conn_tick(bench->pair.conn, end_ms), PL_E_TIMEOUT);
        rule_expect_reconnect(bench, "3.4 cut");
        rule_bench_close(bench);
    }
}

static void a_preface_byte_by_byte_is_a_preface(void **state)
{
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;
    const struct raw_frame *first;

    (void)state;
    raw_preface(raw);
    for (size_t i = 0; i < NGHTTP2_CLIENT_MAGIC_LEN + 9; i++)
        assert_int_equal(pl_rpc_conn_recv(bench->pair.conn, (struct pl_bytes){raw->out + i, 1},
                                          bench->pair.now_ms),
                         PL_OK);
    raw->out_size = 0;
    rule_expect_served(bench, "3.4 byte by byte", GOOD_STREAM);
    /* The server's own preface is SETTINGS, which may be empty. */
    first = &raw->frames[0];
    assert_int_equal(first->type, NGHTTP2_SETTINGS);
    assert_int_equal(first->flags & ACK, 0);
    rule_bench_close(bench);
}

/* 4.1, 5.5 */

static void send_reserved_bit(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_DATA, 0, INT32_MIN + GOOD_STREAM, "\0\0\0\0\1x", 6);
    raw_frame(raw, NGHTTP2_PING, 0, INT32_MIN, "pingpong", 8);
    raw_frame(raw, NGHTTP2_WINDOW_UPDATE, 0, INT32_MIN, "\200\0\0\1", 4);
}

static void send_unknown_in_block(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, 0, BAD_STREAM, "\202", 1);
    raw_frame(raw, 0x55, 0, 0, "x", 1);
}

static void what_is_not_known_is_ignored(void **state)
{
    static const struct rule rules[] = {
        {"4.1 the reserved bit is set", GOES_ON, 0, OPEN, .send = send_reserved_bit},
        {"4.1 flags that DATA has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_DATA, 0xf6, BAD_STREAM, BYTES("\0\0\0\0\1x")}}},
        {"4.1 flags that HEADERS has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_HEADERS, 0xd2 | END_HEADERS | END_STREAM, BAD_STREAM, BYTES("")}}},
        {"4.1 flags that PRIORITY has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_PRIORITY, 0xff, BAD_STREAM, BYTES("\0\0\0\0\1")}}},
        {"4.1 flags that RST_STREAM has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_RST_STREAM, 0xff, BAD_STREAM, BYTES("\0\0\0\10")}}},
        {"4.1 flags that SETTINGS has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0xfe, 0, BYTES("")}}},
        {"4.1 flags that PING has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_PING, 0xfe, 0, BYTES("pingpong")}}},
        {"4.1 flags that GOAWAY has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_GOAWAY, 0xff, 0, BYTES("\0\0\0\0\0\0\0\0")}}},
        {"4.1 flags that WINDOW_UPDATE has not", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0xff, BAD_STREAM, BYTES("\0\0\0\1")}}},
        {"5.5 an unknown type for the connection", GOES_ON, 0, OPEN,
         .frames = {{0x0a, 0, 0, BYTES("x")}, {0xff, 0xff, 0, BYTES("")}}},
        {"5.5 an unknown type for a stream", GOES_ON, 0, OPEN,
         .frames = {{0x0b, 0, BAD_STREAM, BYTES("x")},
                    {0x10, 0xff, BAD_STREAM, zeros, FRAME_SIZE_MAX}}},
        {"5.5 an unknown type for an idle stream", GOES_ON, 0, IDLE,
         .frames = {{0x42, 1, 99, BYTES("x")}}},
        {"5.5 an unknown type for a closed stream", GOES_ON, 0, ENDED,
         .frames = {{0x42, 1, BAD_STREAM, BYTES("x")}}},
        {"5.5 an unknown type amid a field block", CONNECTION, NGHTTP2_PROTOCOL_ERROR, IDLE,
         .send = send_unknown_in_block},
        {"5.5, 6.5.2 an unknown setting", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\360\360\377\377\377\377\0\0\0\0\0\0")}}},
        {"5.5 an unknown error code in RST_STREAM (section 7)", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\377\377\377\377")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 4.2 */

static void a_wrong_size_is_a_frame_size_error(void **state)
{
    enum { CODE = NGHTTP2_FRAME_SIZE_ERROR };
    static const struct rule rules[] = {
        {"4.2 DATA over the maximum", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_DATA, 0, BAD_STREAM, zeros, FRAME_SIZE_MAX + 1}}},
        {"4.2 HEADERS over the maximum", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS, BAD_STREAM, zeros, FRAME_SIZE_MAX + 1}}},
        {"4.2 CONTINUATION over the maximum", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, 0, BAD_STREAM, BYTES("\202")},
                    {NGHTTP2_CONTINUATION, 0, BAD_STREAM, zeros, FRAME_SIZE_MAX + 1}}},
        {"4.2 SETTINGS over the maximum", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, zeros, FRAME_SIZE_MAX + 2}}},
        {"4.2 GOAWAY over the maximum", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_GOAWAY, 0, 0, zeros, FRAME_SIZE_MAX + 1}}},
        {"4.2 an unknown type over the maximum", CONNECTION, CODE, IDLE,
         .frames = {{0x42, 0, 0, zeros, FRAME_SIZE_MAX + 1}}},
        {"4.2 DATA of the maximum is none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_DATA, 0, BAD_STREAM, zeros, FRAME_SIZE_MAX}}},
        {"6.2 HEADERS without room for their priority", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | PRIORITY, BAD_STREAM, BYTES("\0\0\0\0")}}},
        {"6.3 PRIORITY too short; 5.4.1: of the connection", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\0")}}},
        {"6.3 PRIORITY too long; 5.4.1: of the connection", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\0\0\0")}}},
        {"6.4 RST_STREAM too short", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0")}}},
        {"6.4 RST_STREAM too long", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\0\0")}}},
        {"6.5 SETTINGS cut", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\0\3\0\0\0")}}},
        {"6.5 SETTINGS and more", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\0\3\0\0\0\1x")}}},
        {"6.5 an acknowledgement with settings", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_SETTINGS, ACK, 0, BYTES("\0\3\0\0\0\1")}}},
        {"6.7 PING too short", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PING, 0, 0, BYTES("pingpon")}}},
        {"6.7 PING too long", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PING, ACK, 0, BYTES("pingpongs")}}},
        {"6.8 GOAWAY too short", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_GOAWAY, 0, 0, BYTES("\0\0\0\0\0\0\0")}}},
        {"6.9 WINDOW_UPDATE too short", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\0\0\1")}}},
        {"6.9 WINDOW_UPDATE too long", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, 0, BYTES("\0\0\0\0\1")}}},
        /* Too small for what must be in it: nghttp2 looks at the padding first. */
        {"4.2 DATA without its pad length; 5.4: PROTOCOL_ERROR", CONNECTION, NGHTTP2_PROTOCOL_ERROR,
         OPEN, .frames = {{NGHTTP2_DATA, PADDED, BAD_STREAM, BYTES("")}}},
        {"4.2 HEADERS without their pad length; 5.4: PROTOCOL_ERROR", CONNECTION,
         NGHTTP2_PROTOCOL_ERROR, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | PADDED, BAD_STREAM, BYTES("")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 6 */

static void frames_on_the_wrong_stream_are_protocol_errors(void **state)
{
    enum { CODE = NGHTTP2_PROTOCOL_ERROR };
    static const struct rule rules[] = {
        {"6.1 DATA for no stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_DATA, 0, 0, BYTES("x")}}},
        {"6.2 HEADERS for no stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS, 0, BYTES("\202")}}},
        {"6.3 PRIORITY for no stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PRIORITY, 0, 0, BYTES("\0\0\0\1\1")}}},
        {"6.4 RST_STREAM for no stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_RST_STREAM, 0, 0, BYTES("\0\0\0\10")}}},
        {"6.5 SETTINGS for a stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, BAD_STREAM, BYTES("\0\3\0\0\0\1")}}},
        {"6.5 an acknowledgement for a stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_SETTINGS, ACK, BAD_STREAM, BYTES("")}}},
        {"6.6, 8.4 PUSH_PROMISE of a client", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PUSH_PROMISE, END_HEADERS, BAD_STREAM, BYTES("\0\0\0\2\202")}}},
        {"6.6 PUSH_PROMISE for no stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PUSH_PROMISE, END_HEADERS, 0, BYTES("\0\0\0\2\202")}}},
        {"6.7 PING for a stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_PING, 0, BAD_STREAM, BYTES("pingpong")}}},
        {"6.8 GOAWAY for a stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_GOAWAY, 0, BAD_STREAM, BYTES("\0\0\0\0\0\0\0\0")}}},
        {"6.10 CONTINUATION for no stream", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_CONTINUATION, END_HEADERS, 0, BYTES("\202")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

static void padding_that_does_not_fit_is_a_protocol_error(void **state)
{
    enum { CODE = NGHTTP2_PROTOCOL_ERROR };
    static const struct rule rules[] = {
        {"6.1 padding as long as DATA", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_DATA, PADDED, BAD_STREAM, BYTES("\6\0\0\0\0\0")}}},
        {"6.1 padding longer than DATA", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_DATA, PADDED | END_STREAM, BAD_STREAM, BYTES("\377\0\0\0\0\0")}}},
        {"6.2 padding as long as HEADERS", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, PADDED | END_HEADERS, BAD_STREAM, BYTES("\2\202")}}},
        {"6.2 padding where HEADERS' priority is", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, PADDED | PRIORITY | END_HEADERS, BAD_STREAM,
                     BYTES("\5\0\0\0\1\1\0")}}},
        {"6.1 DATA of padding alone is none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_DATA, PADDED, BAD_STREAM, BYTES("\5\0\0\0\0\0")}}},
        {"6.1 DATA with padding is none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_DATA, PADDED, BAD_STREAM, BYTES("\2\0\0\0\0\1x\0\0")}}},
        {"6.2 trailers with padding and priority are none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_HEADERS, PADDED | PRIORITY | END_HEADERS | END_STREAM, BAD_STREAM,
                     BYTES("\2\0\0\0\1\1\0\0")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

static void settings_out_of_bounds_end_the_connection(void **state)
{
    static const struct rule rules[] = {
        {"6.5.2 ENABLE_PUSH is 2", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\0\2\0\0\0\2")}}},
        {"6.5.2 INITIAL_WINDOW_SIZE over 2^31-1", CONNECTION, NGHTTP2_FLOW_CONTROL_ERROR, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\0\4\200\0\0\0")}}},
        {"6.5.2 MAX_FRAME_SIZE under 2^14", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\0\5\0\0\77\377")}}},
        {"6.5.2 MAX_FRAME_SIZE over 2^24-1", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, BYTES("\0\5\1\0\0\0")}}},
        {"6.5.2 the extremes are none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0,
                     BYTES("\0\1\0\0\0\0\0\2\0\0\0\0\0\3\0\0\0\0\0\4\177\377\377\377"
                           "\0\5\0\377\377\377\0\6\377\377\377\377")}}},
        {"10.5 as many entries as may be are none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, zeros, PL_RPC_SETTINGS_ENTRIES_MAX * 6}}},
        {"10.5 one more", CONNECTION, NGHTTP2_ENHANCE_YOUR_CALM, OPEN,
         .frames = {{NGHTTP2_SETTINGS, 0, 0, zeros, (PL_RPC_SETTINGS_ENTRIES_MAX + 1) * 6}}},
        {"6.5 an acknowledgement too many", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_SETTINGS, ACK, 0, BYTES("")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

static void settings_and_pings_are_acknowledged(void **state)
{
    struct rule_bench *bench = rule_bench_open();
    const struct raw_frame *found;

    (void)state;
    raw_preface(&bench->raw);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    raw_clear(&bench->raw);
    raw_frame(&bench->raw, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\1", 6);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    found = raw_find(&bench->raw, NGHTTP2_SETTINGS, 0);
    assert_int_equal(found->flags, ACK);
    assert_int_equal(found->size, 0);
    raw_frame(&bench->raw, NGHTTP2_PING, 0, 0, "ping now", 8);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    found = raw_find(&bench->raw, NGHTTP2_PING, 0);
    assert_int_equal(found->flags, ACK);
    assert_int_equal(found->size, 8);
    raw_clear(&bench->raw);
    raw_frame(&bench->raw, NGHTTP2_PING, ACK, 0, "who asks", 8); /* 6.7: is not answered */
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(bench->raw.frames_len, 0);
    rule_bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_preface_is_a_connection_error),
        cmocka_unit_test(a_cut_preface_is_waited_for_so_long),
        cmocka_unit_test(a_preface_byte_by_byte_is_a_preface),
        cmocka_unit_test(what_is_not_known_is_ignored),
        cmocka_unit_test(a_wrong_size_is_a_frame_size_error),
        cmocka_unit_test(frames_on_the_wrong_stream_are_protocol_errors),
        cmocka_unit_test(padding_that_does_not_fit_is_a_protocol_error),
        cmocka_unit_test(settings_out_of_bounds_end_the_connection),
        cmocka_unit_test(settings_and_pings_are_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
