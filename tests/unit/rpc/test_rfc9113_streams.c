/*
 * test_rfc9113_streams.c - what is done to streams against RFC 9113: sections 5.1
 * (their states), 5.1.1 and 5.1.2 (which, and how many), 5.2 and 6.9 (flow control),
 * 5.3 (priority), 5.4 (errors), 6.8 (GOAWAY), and settings that change meanwhile.
 *
 * Errors of a stream that nghttp2 makes errors of the connection are marked "5.4.1",
 * which lets an endpoint choose so. Frames for closed streams are dropped, as section
 * 5.1 lets an endpoint do for all streams in that state: no closed stream is
 * remembered here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/limits.h"
#include "rules.h"

#include <string.h>

static const char echo_path[] = "/test.Kinds/Echo";
static const char talk_path[] = "/test.Kinds/Talk";

#define RULES_CHECK(rules) rules_check(rules, sizeof(rules) / sizeof(rules)[0])

/* 5.1 */

static void idle_streams_take_headers_and_priority_only(void **state)
{
    enum { CODE = NGHTTP2_PROTOCOL_ERROR };
    static const struct rule rules[] = {
        {"5.1 idle: DATA", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_DATA, 0, BAD_STREAM, BYTES("x")}}},
        {"5.1 idle: empty DATA", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_DATA, END_STREAM, BAD_STREAM, BYTES("")}}},
        {"5.1, 6.4 idle: RST_STREAM", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\10")}}},
        {"5.1 idle: WINDOW_UPDATE", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\0\0\0\1")}}},
        {"5.1 idle: CONTINUATION", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES("\202")}}},
        {"5.1 idle, of the server: DATA", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_DATA, 0, 2, BYTES("x")}}},
        {"5.1 idle, of the server: WINDOW_UPDATE", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, 2, BYTES("\0\0\0\1")}}},
        {"5.1, 6.3 idle: PRIORITY is no error", GOES_ON, 0, IDLE,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\1\17")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

static void half_closed_streams_take_no_more_of_a_message(void **state)
{
    enum { CODE = NGHTTP2_STREAM_CLOSED };
    static const struct rule rules[] = {
        {"5.1 half-closed: DATA; 5.4.1: of the connection", CONNECTION, CODE, HALF_CLOSED,
         .frames = {{NGHTTP2_DATA, 0, BAD_STREAM, BYTES("x")}}},
        {"5.1 half-closed: HEADERS; 5.4.1: of the connection", CONNECTION, CODE, HALF_CLOSED,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM, BYTES("")}}},
        {"5.1 half-closed: CONTINUATION (6.10: of nothing)", CONNECTION, NGHTTP2_PROTOCOL_ERROR,
         HALF_CLOSED, .frames = {{NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES("")}}},
        {"5.1 half-closed: PRIORITY, WINDOW_UPDATE, RST_STREAM are none", GOES_ON, 0, HALF_CLOSED,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\0\17")},
                    {NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\0\0\0\1")},
                    {NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\10")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* A field that enters the table in a dropped block, and is used in the next one. */
static void send_dropped_block(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM, "\100\1x\1y", 5);
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, GOOD_STREAM, "\276", 1);
}

static void frames_for_closed_streams_are_dropped(void **state)
{
    static const struct rule rules[] = {
        {"5.1 ended: DATA", GOES_ON, 0, ENDED,
         .frames = {{NGHTTP2_DATA, END_STREAM, BAD_STREAM, BYTES("x")}}},
        {"5.1 ended: HEADERS", GOES_ON, 0, ENDED,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM, BYTES("\202")}}},
        {"5.1 ended: PRIORITY, WINDOW_UPDATE, RST_STREAM", GOES_ON, 0, ENDED,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\0\17")},
                    {NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\0\0\0\1")},
                    {NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\10")}}},
        {"5.1 reset by the client: DATA", GOES_ON, 0, CANCELLED,
         .frames = {{NGHTTP2_DATA, 0, BAD_STREAM, BYTES("x")}}},
        {"5.1 reset by the client: HEADERS", GOES_ON, 0, CANCELLED,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS, BAD_STREAM, BYTES("\202")}}},
        {"5.1 reset by the client: RST_STREAM", GOES_ON, 0, CANCELLED,
         .frames = {{NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\10")}}},
        {"5.1 reset by the server: DATA", GOES_ON, 0, REFUSED,
         .frames = {{NGHTTP2_DATA, END_STREAM, BAD_STREAM, BYTES("\0\0\0\0\0")}}},
        {"5.1 reset by the server: HEADERS", GOES_ON, 0, REFUSED,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM, BYTES("")}}},
        {"5.1 reset by the server: WINDOW_UPDATE, RST_STREAM", GOES_ON, 0, REFUSED,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\0\0\0\1")},
                    {NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\10")}}},
        {"5.1 closed: CONTINUATION (6.10: of nothing)", CONNECTION, NGHTTP2_PROTOCOL_ERROR, ENDED,
         .frames = {{NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES("")}}},
        {"5.1, 4.3 closed: HEADERS that cannot be read", CONNECTION, NGHTTP2_COMPRESSION_ERROR,
         ENDED, .frames = {{NGHTTP2_HEADERS, END_HEADERS, BAD_STREAM, BYTES("\200")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 4.3: the table is the connection's, whatever becomes of the stream. */
static void a_dropped_field_block_still_changes_the_table(void **state)
{
    struct rule_bench *bench = rule_bench_open();

    (void)state;
    raw_preface(&bench->raw);
    raw_request(&bench->raw, BAD_STREAM - 2, 0, talk_path, NULL);
    raw_request(&bench->raw, BAD_STREAM, 0, "/test.Kinds/Early", NULL);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    raw_clear(&bench->raw);
    send_dropped_block(&bench->raw);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    rule_expect(bench, "4.3", GOES_ON, 0);
    assert_true(raw_has_field(&bench->raw, GOOD_STREAM, "grpc-status: 0"));
    rule_bench_close(bench);
}

/* 5.1.1 */

static void send_passed_over(struct raw *raw)
{
    raw_request(raw, 9, 0, echo_path, NULL);
    raw_request(raw, 7, 0, echo_path, NULL);
}

static void send_passed_over_long_ago(struct raw *raw)
{
    raw_request(raw, 7, 0, echo_path, NULL);
    for (int32_t id = 9; id < 100; id += 2)
        raw_request(raw, id, END_STREAM, echo_path, NULL);
    raw_request(raw, 5, 0, echo_path, NULL);
}

static void send_last_id(struct raw *raw)
{
    raw_request(raw, INT32_MAX, 0, "/test.Kinds/Wait", NULL);
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, INT32_MAX, "", 0);
    raw_request(raw, INT32_MAX - 2, 0, echo_path, NULL);
}

static void identifiers_only_grow(void **state)
{
    enum { CODE = NGHTTP2_PROTOCOL_ERROR };
    static const struct rule rules[] = {
        {"5.1.1 an even identifier", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | END_STREAM, 4, BYTES("\202\206\204")}}},
        {"5.1.1 an identifier that was passed over", CONNECTION, CODE, IDLE,
         .send = send_passed_over},
        {"5.1.1 one that was passed over long ago", CONNECTION, CODE, OPEN,
         .send = send_passed_over_long_ago},
        {"5.1.1 one that was passed over by the last of all", CONNECTION, CODE, OPEN,
         .send = send_last_id},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 5.1.2 */

static void open_streams(struct rule_bench *bench, int32_t first, int32_t len)
{
    for (int32_t i = 0; i < len; i++)
        raw_request(&bench->raw, first + 2 * i, 0, talk_path, NULL);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
}

/* As long as the client has not said that it knows the limit, it may not know it. */
static void streams_over_a_new_limit_are_refused(void **state)
{
    enum { LAST = 2 * PL_RPC_STREAMS_MAX + 1 };
    struct rule_bench *bench = rule_bench_open();
    const struct raw_frame *reset;

    (void)state;
    raw_preface(&bench->raw);
    open_streams(bench, GOOD_STREAM, PL_RPC_STREAMS_MAX + 1);
    reset = raw_find(&bench->raw, NGHTTP2_RST_STREAM, -1);
    assert_int_equal(reset->stream_id, LAST);
    assert_int_equal(reset->error_code, NGHTTP2_REFUSED_STREAM);
    assert_int_equal(bench->pair.seen.opened, PL_RPC_STREAMS_MAX);
    /* Where one has ended, another may begin. */
    raw_frame(&bench->raw, NGHTTP2_DATA, END_STREAM, GOOD_STREAM, "", 0);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    rule_expect_served(bench, "5.1.2", LAST + 2);
    rule_bench_close(bench);
}

/* Then it is PROTOCOL_ERROR, which the RFC names as well; 5.4.1: of the connection. */
static void streams_over_an_acknowledged_limit_end_the_connection(void **state)
{
    struct rule_bench *bench = rule_bench_open();

    (void)state;
    raw_preface(&bench->raw);
    raw_frame(&bench->raw, NGHTTP2_SETTINGS, ACK, 0, NULL, 0);
    open_streams(bench, GOOD_STREAM, PL_RPC_STREAMS_MAX);
    rule_expect(bench, "5.1.2 as many as may be", GOES_ON, 0);
    raw_request(&bench->raw, 2 * PL_RPC_STREAMS_MAX + 1, 0, talk_path, NULL);
    (void)rule_bench_talk(bench);
    rule_expect(bench, "5.1.2 one more", CONNECTION, NGHTTP2_PROTOCOL_ERROR);
    rule_expect_reconnect(bench, "5.1.2 one more");
    rule_bench_close(bench);
}

/* 5.2, 6.9 */

static void send_window_overflow_by_parts(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, "\177\377\0\0", 4);
    raw_frame(raw, NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, "\0\0\0\1", 4);
}

/* A message that waits for room while others come: its window is not renewed. */
static void send_data_over_window(struct raw *raw)
{
    static uint8_t part[16384] = "\0\0\77\377\377"; /* 4 MiB - 1 */

    for (int32_t id = 5; id <= 9; id += 2)
        raw_request(raw, id, 0, talk_path, NULL);
    for (int32_t id = 5; id <= 9; id += 2)
        raw_frame(raw, NGHTTP2_DATA, 0, id, part, sizeof part);
    for (int i = 0; i < 5; i++)
        raw_frame(raw, NGHTTP2_DATA, 0, BAD_STREAM, part, sizeof part);
}

static void windows_are_kept_to(void **state)
{
    enum { CODE = NGHTTP2_FLOW_CONTROL_ERROR };
    static const struct rule rules[] = {
        {"6.9 a stream's window grows by nothing; 5.4.1: of the connection", CONNECTION,
         NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\0\0\0\0")}}},
        {"6.9 the connection's window grows by nothing", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, 0, BYTES("\0\0\0\0")}}},
        {"6.9 by nothing, but the reserved bit", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, 0, BYTES("\200\0\0\0")}}},
        {"6.9.1 a stream's window over 2^31-1", STREAM, CODE, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\177\377\377\377")}}},
        {"6.9.1 a stream's window over 2^31-1 by parts", STREAM, CODE, OPEN,
         .send = send_window_overflow_by_parts},
        {"6.9.1 the connection's window over 2^31-1", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, 0, BYTES("\177\377\377\377")}}},
        {"6.9.1 windows of 2^31-1 are none", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\177\377\0\0")},
                    {NGHTTP2_WINDOW_UPDATE, 0, 0, BYTES("\177\377\0\0")}}},
        {"5.2, 6.9.1 DATA over a stream's window", STREAM, CODE, OPEN,
         .send = send_data_over_window},
        {"6.9.2 SETTINGS take a stream's window over 2^31-1", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_WINDOW_UPDATE, 0, BAD_STREAM, BYTES("\177\377\0\0")},
                    {NGHTTP2_SETTINGS, 0, 0, BYTES("\0\4\0\1\0\0")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* The connection's window is given back as DATA comes; here the server is never asked
 * for what it says, so that it cannot. */
static void data_over_the_connections_window_ends_it(void **state)
{
    static uint8_t part[16384] = "\0\0\0\100\0"; /* 16 KiB, and the rest never comes */
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;
    size_t sent = 0;

    (void)state;
    raw_preface(raw);
    raw_frame(raw, NGHTTP2_SETTINGS, ACK, 0, NULL, 0);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    for (int32_t id = 1; sent <= 2 * (size_t)PL_RPC_CONN_WINDOW; id += 2) {
        raw_request(raw, id, 0, "/test.Kinds/Count", NULL);
        for (int i = 0; i < 3; i++, sent += sizeof part)
            raw_frame(raw, NGHTTP2_DATA, 0, id, part, sizeof part);
        (void)pl_rpc_conn_recv(bench->pair.conn, (struct pl_bytes){raw->out, raw->out_size},
                               bench->pair.now_ms);
        raw->out_size = 0;
    }
    (void)rule_bench_talk(bench);
    rule_expect(bench, "6.9.1 DATA over the connection's window", CONNECTION,
                NGHTTP2_FLOW_CONTROL_ERROR);
    rule_expect_reconnect(bench, "6.9.1 DATA over the connection's window");
    rule_bench_close(bench);
}

static size_t data_size(const struct raw *raw, int32_t stream_id, size_t *ret_largest)
{
    size_t size = 0;

    *ret_largest = 0;
    for (size_t i = 0; i < raw->frames_len; i++) {
        const struct raw_frame *frame = &raw->frames[i];

        if (frame->type != NGHTTP2_DATA || frame->stream_id != stream_id)
            continue;
        size += frame->size;
        if (frame->size > *ret_largest)
            *ret_largest = frame->size;
    }
    return size;
}

/* Asks for an echo of so many bytes, below 2^16. */
static void ask_echo(struct rule_bench *bench, int32_t stream_id, size_t size)
{
    uint8_t message[5 + 16000] = {0, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};

    raw_request(&bench->raw, stream_id, 0, echo_path, NULL);
    raw_frame(&bench->raw, NGHTTP2_DATA, END_STREAM, stream_id, message, 5 + size);
}

/* 6.5.3, 6.9.2: settings count from their acknowledgement on, also for responses that
 * are under way. */
static void settings_change_a_response_that_is_under_way(void **state)
{
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;
    size_t largest;

    (void)state;
    raw_preface(raw);
    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\144", 6); /* windows of 100 */
    ask_echo(bench, 1, 10000);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(data_size(raw, 1, &largest), 100);

    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\310", 6); /* 200: 100 more */
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(data_size(raw, 1, &largest), 200);

    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\62", 6); /* 50: 150 too many are out */
    raw_frame(raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\226", 4);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(data_size(raw, 1, &largest), 200);
    raw_frame(raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(data_size(raw, 1, &largest), 201);

    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\377\377", 6);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(data_size(raw, 1, &largest), 10005);
    assert_true(raw_has_field(raw, 1, "grpc-status: 0"));
    rule_bench_close(bench);
}

/* 6.5.2: the largest frame, and the table of the response's headers. */
static void settings_bound_what_is_sent(void **state)
{
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;
    size_t largest;

    (void)state;
    raw_preface(raw);
    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, "\0\1\0\0\0\0\0\5\0\377\377\377", 12);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(nghttp2_hd_inflate_change_table_size(raw->inflater, 0), 0);
    for (int32_t id = 1; id <= 5; id += 2) {
        ask_echo(bench, id, 16000);
        assert_int_equal(rule_bench_talk(bench), PL_OK); /* its headers can be read */
        assert_true(raw_has_field(raw, id, "grpc-status: 0"));
        assert_int_equal(data_size(raw, id, &largest), 16005);
        assert_true(largest <= 16384);
    }
    rule_bench_close(bench);
}

/* 5.3 */

static void priority_is_told_in_vain(void **state)
{
    static const struct rule rules[] = {
        {"5.3.2, 6.3 PRIORITY of any sense is no error", GOES_ON, 0, OPEN,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\200\0\0\1\377")},
                    {NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\145\0")}}},
    };
    /* RFC 9113 gives priority no meaning; RFC 7540, section 5.3.1, has a stream that
     * depends on itself as an error of the stream. 5.4.1: nghttp2 has it as one of
     * the connection. */
    static const struct rule of_themselves[] = {
        {"5.3.1 PRIORITY on itself", CONNECTION, NGHTTP2_PROTOCOL_ERROR, OPEN,
         .frames = {{NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\3\17")}}},
        {"5.3.1 HEADERS on themselves", CONNECTION, NGHTTP2_PROTOCOL_ERROR, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS | PRIORITY, BAD_STREAM,
                     BYTES("\0\0\0\3\17\202\206\204")}}},
    };

    (void)state;
    RULES_CHECK(rules);
    RULES_CHECK(of_themselves);
}

/* 5.4, 6.8 */

static void a_reset_is_not_answered_with_a_reset(void **state)
{
    struct rule_bench *bench = rule_bench_open();

    (void)state;
    raw_preface(&bench->raw);
    raw_request(&bench->raw, 1, 0, talk_path, NULL);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    raw_clear(&bench->raw);
    raw_frame(&bench->raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\10", 4);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_int_equal(bench->raw.frames_len, 0);
    rule_expect_served(bench, "5.4.2", 3);
    rule_bench_close(bench);
}

static void a_goaway_of_the_client_lets_its_calls_end(void **state)
{
    struct rule_bench *bench = rule_bench_open();

    (void)state;
    raw_preface(&bench->raw);
    raw_request(&bench->raw, 1, 0, talk_path, NULL);
    raw_frame(&bench->raw, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0bye", 11);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_false(pl_rpc_conn_finished(bench->pair.conn));
    raw_frame(&bench->raw, NGHTTP2_DATA, END_STREAM, 1, "\0\0\0\0\2ok", 7);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_true(raw_has_field(&bench->raw, 1, "grpc-status: 0"));
    rule_bench_close(bench);
}

/* 6.8: streams up to the one that GOAWAY names may have been worked on. */
static void a_goaway_names_the_last_stream(void **state)
{
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;
    uint8_t last[4] = {0};

    (void)state;
    raw_preface(raw);
    for (int32_t id = 1; id <= 9; id += 2)
        raw_request(raw, id, 0, talk_path, NULL);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    raw_clear(raw);
    raw_frame(raw, NGHTTP2_PING, 0, 9, "pingpong", 8);
    (void)pl_rpc_conn_recv(bench->pair.conn, (struct pl_bytes){raw->out, raw->out_size},
                           bench->pair.now_ms);
    raw->out_size = 0;
    /* Nothing else waits: GOAWAY's head, and its first four bytes. */
    assert_int_equal(pl_rpc_conn_fill(bench->pair.conn, (uint8_t[9]){0}, 9), 9);
    assert_int_equal(pl_rpc_conn_fill(bench->pair.conn, last, sizeof last), 4);
    assert_memory_equal(last, "\0\0\0\11", 4);
    rule_bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_streams_take_headers_and_priority_only),
        cmocka_unit_test(half_closed_streams_take_no_more_of_a_message),
        cmocka_unit_test(frames_for_closed_streams_are_dropped),
        cmocka_unit_test(a_dropped_field_block_still_changes_the_table),
        cmocka_unit_test(identifiers_only_grow),
        cmocka_unit_test(streams_over_a_new_limit_are_refused),
        cmocka_unit_test(streams_over_an_acknowledged_limit_end_the_connection),
        cmocka_unit_test(windows_are_kept_to),
        cmocka_unit_test(data_over_the_connections_window_ends_it),
        cmocka_unit_test(settings_change_a_response_that_is_under_way),
        cmocka_unit_test(settings_bound_what_is_sent),
        cmocka_unit_test(priority_is_told_in_vain),
        cmocka_unit_test(a_reset_is_not_answered_with_a_reset),
        cmocka_unit_test(a_goaway_of_the_client_lets_its_calls_end),
        cmocka_unit_test(a_goaway_names_the_last_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
