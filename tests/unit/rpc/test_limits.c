/* test_limits.c - each maximum that a host's owner may set: at its edge, and beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "pair.h"
#include "raw.h"
#include "rpc/envelope.h"
#include "rpc/limits.h"

#include <stdio.h>
#include <string.h>

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,

};

static const char ECHO[] = "/test.Kinds/Echo";
static const char TALK[] = "/test.Kinds/Talk";
static const char WAIT[] = "/test.Kinds/Wait";

struct fixture {
    struct pair pair; /* its client is not used */
    struct raw raw;
    struct pl_rpc_limits limits; /* to be changed before begin() */
    bool raw_there;
};

static int setup(void **state)
{
    static struct fixture only; /* large, and tests run one by one */

    only.limits = (struct pl_rpc_limits)PL_RPC_LIMITS_DEFAULT;
    only.raw_there = false;
    assert_int_equal(pair_init(&only.pair), PL_OK);
    *state = &only;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_rpc_conn_free(f->pair.conn);
    f->pair.conn = NULL;
    assert_int_equal(f->pair.seen.opened, f->pair.seen.closed);
    pair_done(&f->pair);
    if (f->raw_there)
        raw_done(&f->raw);
    return 0;
}

static int talk(struct fixture *f)
{
    struct raw *raw = &f->raw;
    uint8_t data[4096];
    ssize_t size;
    int rc =
        pl_rpc_conn_recv(f->pair.conn, (struct pl_bytes){raw->out, raw->out_size}, f->pair.now_ms);

    raw->out_size = 0;
    while ((size = pl_rpc_conn_fill(f->pair.conn, data, sizeof data)) > 0)
        raw_take(raw, (struct pl_bytes){data, (size_t)size});
    return rc;
}

/* A new connection, under the limits. */
static void begin(struct fixture *f)
{
    pl_rpc_conn_free(f->pair.conn);
    f->pair.conn = NULL;
    pl_rpc_host_set_limits(f->pair.host, &f->limits);
    assert_int_equal(pl_rpc_conn_new(f->pair.host, PL_RPC_HTTP_2, f->pair.now_ms, &f->pair.conn),
                     PL_OK);
    if (f->raw_there)
        raw_done(&f->raw);
    raw_init(&f->raw);
    f->raw_there = true;
    raw_preface(&f->raw);
}

static void begin_talk(struct fixture *f)
{
    begin(f);
    assert_int_equal(talk(f), PL_OK);
    raw_clear(&f->raw);
}

static int tick_after(struct fixture *f, int64_t ms)
{
    f->pair.now_ms += ms;
    return pl_rpc_conn_tick(f->pair.conn, f->pair.now_ms);
}

static void assert_status(const struct fixture *f, int32_t stream_id, int code)
{
    char line[32];

    snprintf(line, sizeof line, "grpc-status: %d", code);
    assert_true(raw_has_field(&f->raw, stream_id, line));
}

static void assert_goaway(const struct fixture *f, const char *text)
{
    const struct raw_frame *frame = raw_find(&f->raw, NGHTTP2_GOAWAY, 0);

    assert_non_null(frame);
    assert_int_equal(frame->error_code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_string_equal(frame->text, text);
}

static void put_message(struct fixture *f, int32_t stream_id, size_t size)
{
    static uint8_t message[64 * 1024];

    pl_rpc_envelope_write(message, 0, size);
    for (size_t at = 0; at < PL_RPC_ENVELOPE_SIZE + size; at += 16384) {
        size_t left = PL_RPC_ENVELOPE_SIZE + size - at;

        raw_frame(&f->raw, NGHTTP2_DATA, left <= 16384 ? END_STREAM : 0, stream_id, message + at,
                  left < 16384 ? left : 16384);
    }
}

static void message_size_max(void **state)
{
    struct fixture *f = *state;

    f->limits.message_size_max = 1000;
    begin(f);
    raw_request(&f->raw, 1, 0, ECHO, NULL);
    put_message(f, 1, 1000);
    raw_request(&f->raw, 3, 0, ECHO, NULL);
    put_message(f, 3, 1001);
    assert_int_equal(talk(f), PL_OK);
    assert_status(f, 1, PL_CODE_OK);
    assert_status(f, 3, PL_CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(f->pair.seen.messages, 1);
}

/* Small messages that are not whole, together. */
static void held_size_max(void **state)
{
    struct fixture *f = *state;
    uint8_t part[PL_RPC_ENVELOPE_SIZE + 1000] = {0};

    f->limits.message_size_max = 4000;
    f->limits.held_size_max = 4000;
    begin(f);
    for (int32_t id = 1; id <= 9; id += 2) {
        pl_rpc_envelope_write(part, 0, 1001);
        raw_request(&f->raw, id, 0, TALK, NULL);
        raw_frame(&f->raw, NGHTTP2_DATA, 0, id, part, sizeof part);
    }
    assert_int_equal(talk(f), PL_OK);
    assert_status(f, 9, PL_CODE_RESOURCE_EXHAUSTED); /* four of them are at the edge */
    assert_int_equal(f->pair.seen.closed, 1);
    for (int32_t id = 1; id <= 7; id += 2)
        raw_frame(&f->raw, NGHTTP2_DATA, END_STREAM, id, part, 1);
    assert_int_equal(talk(f), PL_OK);
    for (int32_t id = 1; id <= 7; id += 2)
        assert_status(f, id, PL_CODE_OK);
}

static void headers_size_max(void **state)
{
    static char value[2000];
    const char *const extra[] = {"x-pad", value, NULL};
    struct fixture *f = *state;
    /* Those of raw_request(), and the one that is added, but for its value. */
    size_t others = 7 + 4 + 7 + 4 + 10 + 4 + 5 + strlen(ECHO) + 2 + 8 + 12 + 16 + 6 * 32 + 5 + 32;

    f->limits.headers_size_max = 1000;
    begin(f);
    memset(value, 'v', 1000 - others);
    raw_request(&f->raw, 1, 0, ECHO, extra);
    put_message(f, 1, 0);
    assert_int_equal(talk(f), PL_OK);
    memset(value, 'v', 1000 - others + 1);
    raw_request(&f->raw, 3, 0, ECHO, extra);
    assert_int_equal(talk(f), PL_OK);
    assert_status(f, 1, PL_CODE_OK);
    assert_status(f, 3, PL_CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(f->pair.seen.opened, 1);
}

/* A client that has not acknowledged the limit may not know it. */
static void streams_max(void **state)
{
    struct fixture *f = *state;

    f->limits.streams_max = 3;
    begin(f);
    for (int32_t id = 1; id <= 7; id += 2)
        raw_request(&f->raw, id, 0, TALK, NULL);
    assert_int_equal(talk(f), PL_OK);
    assert_int_equal(f->pair.seen.opened, 3);
    assert_non_null(raw_find(&f->raw, NGHTTP2_RST_STREAM, 7));
    assert_int_equal(raw_find(&f->raw, NGHTTP2_RST_STREAM, 7)->error_code, NGHTTP2_REFUSED_STREAM);
    raw_frame(&f->raw, NGHTTP2_DATA, END_STREAM, 1, "", 0); /* one ends */
    raw_frame(&f->raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    assert_int_equal(talk(f), PL_OK);
    raw_request(&f->raw, 9, 0, TALK, NULL);
    assert_int_equal(talk(f), PL_OK);
    assert_int_equal(f->pair.seen.opened, 4);
    raw_request(&f->raw, 11, 0, TALK, NULL);
    (void)talk(f);
    assert_non_null(raw_find(&f->raw, NGHTTP2_GOAWAY, 0));
    assert_int_equal(raw_find(&f->raw, NGHTTP2_GOAWAY, 0)->error_code, NGHTTP2_PROTOCOL_ERROR);
}

static void pings(void **state)
{
    static const uint8_t data[8] = "ping";
    struct fixture *f = *state;

    f->limits.ping_interval_min_ms = 1000;
    f->limits.ping_strikes_max = 2;
    begin_talk(f);
    /* In good time; a little early is in time too. */
    for (int i = 0; i < 100; i++) {
        raw_frame(&f->raw, NGHTTP2_PING, 0, 0, data, sizeof data);
        assert_int_equal(talk(f), PL_OK);
        f->pair.now_ms += i % 2 == 0 ? 900 : 1000;
        raw_clear(&f->raw);
    }
    /* Too soon, but since data was sent, which a peer measures. */
    for (int i = 0; i < 100; i++) {
        raw_frame(&f->raw, NGHTTP2_PING, 0, 0, data, sizeof data);
        raw_frame(&f->raw, NGHTTP2_PING, 0, 0, data, sizeof data);
        assert_int_equal(talk(f), PL_OK);
        raw_request(&f->raw, 1 + 2 * i, 0, ECHO, NULL);
        put_message(f, 1 + 2 * i, 0);
        assert_int_equal(talk(f), PL_OK);
        raw_clear(&f->raw);
    }
    f->pair.now_ms += 1000;
    for (int i = 0; i < 3; i++)
        raw_frame(&f->raw, NGHTTP2_PING, 0, 0, data, sizeof data);
    assert_int_equal(talk(f), PL_OK); /* one in time, two strikes */
    f->pair.now_ms += 899;
    raw_frame(&f->raw, NGHTTP2_PING, 0, 0, data, sizeof data);
    assert_int_equal(talk(f), PL_E_LIMIT);
    assert_goaway(f, "too_many_pings");
}

/* As many frames as the budget has pass; one more ends the connection. */
static void frames(void **state)
{
    enum { MAX = 20 };
    static const struct {
        uint8_t type, flags;
        int32_t stream_id;
        const char *data;
        size_t size;
        const char *text;
    } cases[] = {
        {NGHTTP2_SETTINGS, 0, 0, "", 0, "too_many_settings"},
        {NGHTTP2_DATA, 0, 1, "", 0, "too_many_empty_frames"},
        {NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\1", 5, "too_many_frames"},
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4, "too_many_window_updates"},
    };
    struct fixture *f = *state;

    f->limits.settings_max = MAX + 1; /* the preface's is one */
    f->limits.empty_frames_max = MAX;
    f->limits.other_frames_max = MAX;
    f->limits.window_updates_max = MAX;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int round = 0; round < 2; round++) {
            begin_talk(f);
            raw_request(&f->raw, 1, 0, TALK, NULL);
            assert_int_equal(talk(f), PL_OK);
            if (round == 1) { /* after a while there is as much again */
                for (int n = 0; n < MAX; n++)
                    raw_frame(&f->raw, cases[i].type, cases[i].flags, cases[i].stream_id,
                              cases[i].data, cases[i].size);
                assert_int_equal(talk(f), PL_OK);
                raw_clear(&f->raw);
                f->pair.now_ms += PL_RPC_BUDGET_MS;
            }
            for (int n = 0; n < MAX; n++)
                raw_frame(&f->raw, cases[i].type, cases[i].flags, cases[i].stream_id, cases[i].data,
                          cases[i].size);
            assert_int_equal(talk(f), PL_OK);
            if (round == 1 && cases[i].type == NGHTTP2_SETTINGS) {
                raw_frame(&f->raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
                assert_int_equal(talk(f), PL_OK);
            }
            raw_frame(&f->raw, cases[i].type, cases[i].flags, cases[i].stream_id, cases[i].data,
                      cases[i].size);
            assert_int_equal(talk(f), PL_E_LIMIT);
            assert_goaway(f, cases[i].text);
        }
}

static void resets_max(void **state)
{
    static const uint8_t code[4] = {0, 0, 0, NGHTTP2_CANCEL};
    struct fixture *f = *state;
    int32_t id = 1;

    f->limits.resets_max = 20;
    begin_talk(f);
    for (; id < 2 * 20; id += 2) {
        raw_request(&f->raw, id, 0, TALK, NULL);
        raw_frame(&f->raw, NGHTTP2_RST_STREAM, 0, id, code, sizeof code);
    }
    assert_int_equal(talk(f), PL_OK);
    assert_int_equal(f->pair.seen.closed, 20);
    raw_request(&f->raw, id, 0, TALK, NULL);
    raw_frame(&f->raw, NGHTTP2_RST_STREAM, 0, id, code, sizeof code);
    assert_int_equal(talk(f), PL_E_LIMIT);
    assert_goaway(f, "too_many_resets");
}

static void preface_ms(void **state)
{
    struct fixture *f = *state;

    f->limits.preface_ms = 50;
    begin(f);
    assert_int_equal(pl_rpc_conn_due_ms(f->pair.conn), f->pair.now_ms + 50);
    assert_int_equal(tick_after(f, 49), PL_OK);
    assert_int_equal(tick_after(f, 1), PL_E_TIMEOUT);
    begin(f);
    assert_int_equal(talk(f), PL_OK); /* in time */
    assert_int_equal(tick_after(f, 50), PL_OK);
}

static void headers_ms(void **state)
{
    struct fixture *f = *state;

    f->limits.headers_ms = 50;
    begin_talk(f);
    raw_frame(&f->raw, NGHTTP2_HEADERS, 0, 1, "\x83", 1); /* without END_HEADERS */
    assert_int_equal(talk(f), PL_OK);
    assert_int_equal(tick_after(f, 49), PL_OK);
    assert_int_equal(tick_after(f, 1), PL_E_TIMEOUT);
}

static void request_ms(void **state)
{
    struct fixture *f = *state;

    f->limits.request_ms = 50;
    begin_talk(f);
    raw_request(&f->raw, 1, 0, WAIT, NULL);
    raw_request(&f->raw, 3, 0, TALK, NULL); /* one that may take its time */
    assert_int_equal(talk(f), PL_OK);
    assert_int_equal(tick_after(f, 49), PL_OK);
    assert_int_equal(f->pair.seen.closed, 0);
    assert_int_equal(tick_after(f, 1), PL_OK);
    assert_int_equal(f->pair.seen.closed, 1);
    (void)talk(f);
    assert_status(f, 1, PL_CODE_DEADLINE_EXCEEDED);
}

static void linger_ms(void **state)
{
    struct fixture *f = *state;
    struct pl_buf *buf = pl_buf_new(100 * 1000);
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    struct pl_rpc_call *call;

    f->limits.linger_ms = 50;
    memset(buf->data, 0, buf->size);
    begin_talk(f);
    raw_request(&f->raw, 1, 0, WAIT, NULL);
    put_message(f, 1, 0);
    assert_int_equal(talk(f), PL_OK);
    call = pl_rpc_host_call(f->pair.host, f->pair.seen.last_id);
    assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    pl_rpc_call_finish(call, &ok);
    (void)talk(f); /* the window is full */
    assert_int_equal(tick_after(f, 49), PL_OK);
    assert_int_equal(f->pair.seen.closed, 0);
    assert_int_equal(tick_after(f, 1), PL_OK);
    assert_int_equal(f->pair.seen.closed, 1);
    pl_buf_unref(buf);
}

static void keepalive(void **state)
{
    struct fixture *f = *state;

    f->limits.keepalive_ms = 100;
    f->limits.keepalive_timeout_ms = 50;
    begin_talk(f);
    assert_int_equal(tick_after(f, 99), PL_OK);
    (void)talk(f);
    assert_null(raw_find(&f->raw, NGHTTP2_PING, 0));
    assert_int_equal(tick_after(f, 100), PL_OK); /* it has been heard since */
    raw_clear(&f->raw);
    assert_int_equal(f->raw.out_size, 0);
    for (uint8_t data[4096]; pl_rpc_conn_fill(f->pair.conn, data, sizeof data) > 0;)
        assert_int_equal(data[3], NGHTTP2_PING);
    assert_int_equal(tick_after(f, 49), PL_OK);
    assert_int_equal(tick_after(f, 1), PL_E_TIMEOUT);
}

/* Connections made together do not grow old together, but all within a tenth. */
static void age_max_ms(void **state)
{
    struct fixture *f = *state;
    int64_t first_ms = 0, least_ms = INT64_MAX, most_ms = 0;
    bool differs = false;

    f->limits.age_max_ms = 1000 * 1000;
    f->limits.keepalive_ms = 10 * 1000 * 1000;
    for (int i = 0; i < 200; i++) {
        int64_t old_ms;

        begin_talk(f);
        assert_int_equal(tick_after(f, PL_RPC_PREFACE_MS), PL_OK); /* nothing else is due */
        old_ms = pl_rpc_conn_due_ms(f->pair.conn) - (f->pair.now_ms - PL_RPC_PREFACE_MS);
        if (i == 0)
            first_ms = old_ms;
        differs = differs || old_ms != first_ms;
        least_ms = old_ms < least_ms ? old_ms : least_ms;
        most_ms = old_ms > most_ms ? old_ms : most_ms;
    }
    assert_true(differs);
    assert_true(least_ms >= 900 * 1000 && most_ms <= 1100 * 1000);
}

static void age_grace_ms(void **state)
{
    struct fixture *f = *state;
    int64_t due_ms;

    f->limits.age_max_ms = 1000;
    f->limits.age_grace_ms = 500;
    f->limits.keepalive_ms = 10 * 1000 * 1000;
    begin_talk(f);
    raw_request(&f->raw, 1, 0, TALK, NULL);
    assert_int_equal(talk(f), PL_OK);
    due_ms = pl_rpc_conn_due_ms(f->pair.conn);
    assert_true(due_ms >= f->pair.now_ms + 900 && due_ms < f->pair.now_ms + 1100);
    assert_int_equal(tick_after(f, due_ms - f->pair.now_ms), PL_OK);
    (void)talk(f);
    assert_non_null(raw_find(&f->raw, NGHTTP2_GOAWAY, 0));
    assert_int_equal(raw_find(&f->raw, NGHTTP2_GOAWAY, 0)->error_code, NGHTTP2_NO_ERROR);
    assert_int_equal(f->pair.seen.closed, 0);
    assert_int_equal(tick_after(f, 499), PL_OK);
    assert_int_equal(tick_after(f, 1), PL_E_TIMEOUT);

    /* A connection without calls goes as soon as the peer has seen the first GOAWAY. */
    begin_talk(f);
    assert_int_equal(tick_after(f, 1100), PL_OK);
    (void)talk(f);
    assert_false(pl_rpc_conn_finished(f->pair.conn));
    raw_frame(&f->raw, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "drain\0\0", 8);
    (void)talk(f);
    assert_true(pl_rpc_conn_finished(f->pair.conn));
}

/* A small share of messages are worth it, and only where the client takes gzip. */
static void compress_size_min(void **state)
{
    static const char *const gzip[] = {"grpc-accept-encoding", "identity,gzip", NULL};
    struct fixture *f = *state;

    f->limits.compress_size_min = 100;
    begin(f);
    for (int32_t id = 1; id <= 5; id += 2) {
        raw_request(&f->raw, id, 0, ECHO, id == 5 ? NULL : gzip);
        put_message(f, id, id == 1 ? 99 : 100);
    }
    assert_int_equal(talk(f), PL_OK);
    assert_false(raw_has_field(&f->raw, 1, "grpc-encoding: gzip"));
    assert_true(raw_has_field(&f->raw, 3, "grpc-encoding: gzip"));
    assert_false(raw_has_field(&f->raw, 5, "grpc-encoding: gzip"));
    assert_int_equal(raw_find(&f->raw, NGHTTP2_DATA, 1)->text[0], 0);
    assert_int_equal(raw_find(&f->raw, NGHTTP2_DATA, 3)->text[0], 1);
    assert_int_equal(raw_find(&f->raw, NGHTTP2_DATA, 5)->text[0], 0);
}

/* What a connection has been promised stands; what comes after keeps the new ones. */
static void limits_may_change_while_connections_live(void **state)
{
    struct fixture *f = *state;

    begin(f);
    f->limits.message_size_max = 100;
    pl_rpc_host_set_limits(f->pair.host, &f->limits);
    raw_request(&f->raw, 1, 0, ECHO, NULL);
    put_message(f, 1, 101);
    assert_int_equal(talk(f), PL_OK);
    assert_status(f, 1, PL_CODE_RESOURCE_EXHAUSTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(message_size_max),
        TEST(held_size_max),
        TEST(headers_size_max),
        TEST(streams_max),
        TEST(pings),
        TEST(frames),
        TEST(resets_max),
        TEST(preface_ms),
        TEST(headers_ms),
        TEST(request_ms),
        TEST(linger_ms),
        TEST(keepalive),
        TEST(age_max_ms),
        TEST(age_grace_ms),
        TEST(compress_size_min),
        TEST(limits_may_change_while_connections_live),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
