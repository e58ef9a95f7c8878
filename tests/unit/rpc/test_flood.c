/* test_flood.c - peers that flood, hoard, never read, or stop midway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair.h"
#include "raw.h"
#include "rpc/limits.h"

#include <string.h>

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,
    END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
};

static const char talk_path[] = "/test.Kinds/Talk";
static const char ping_data[8] = "pingpong";

struct fixture {
    struct pair pair; /* its client is not used */
    struct raw raw;
};

static int setup(void **state)
{
    static struct fixture only; /* large, and tests run one by one */
    struct fixture *fixture = &only;

    assert_int_equal(pair_init(&fixture->pair), PL_OK);
    raw_init(&fixture->raw);
    raw_preface(&fixture->raw);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    pl_rpc_conn_free(fixture->pair.conn);
    fixture->pair.conn = NULL;
    assert_int_equal(fixture->pair.seen.opened, fixture->pair.seen.closed);
    pair_done(&fixture->pair);
    raw_done(&fixture->raw);
    return 0;
}

/* Gives the server what was made for it, and takes what it says. */
static int talk(struct fixture *fixture)
{
    struct raw *raw = &fixture->raw;
    uint8_t data[4096];
    ssize_t size;
    int rc = pl_rpc_conn_recv(fixture->pair.conn, (struct pl_bytes){raw->out, raw->out_size},
                              fixture->pair.now_ms);

    raw->out_size = 0;
    while ((size = pl_rpc_conn_fill(fixture->pair.conn, data, sizeof data)) > 0)
        raw_take(raw, (struct pl_bytes){data, (size_t)size});
    return rc;
}

static void assert_goaway(const struct fixture *fixture, uint32_t error_code)
{
    const struct raw_frame *frame = raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0);

    assert_non_null(frame);
    assert_int_equal(frame->error_code, error_code);
    assert_true(pl_rpc_conn_finished(fixture->pair.conn));
}

static void assert_reset(const struct fixture *fixture, int32_t stream_id, uint32_t error_code)
{
    const struct raw_frame *frame = raw_find(&fixture->raw, NGHTTP2_RST_STREAM, stream_id);

    assert_non_null(frame);
    assert_int_equal(frame->error_code, error_code);
    assert_false(pl_rpc_conn_finished(fixture->pair.conn));
}

/* Sends one frame until the server has had enough; returns how many it took. */
static int flood(struct fixture *fixture, uint8_t type, uint8_t flags, int32_t stream_id,
                 const void *data, size_t size)
{
    for (int i = 0; i < 100 * 1000; i++) {
        raw_frame(&fixture->raw, type, flags, stream_id, data, size);
        if (talk(fixture) < 0)
            return i;
        raw_clear(&fixture->raw);
    }
    return -1;
}

static void floods_are_answered_with_enhance_your_calm(void **state)
{
    static const struct {
        uint8_t type;
        int32_t stream_id;
        const char *data;
        size_t size;
        int budget;
        const char *reason;
    } cases[] = {
        {NGHTTP2_PING, 0, ping_data, 8, PL_RPC_PING_STRIKES_MAX + 1, "too_many_pings"},
        {NGHTTP2_SETTINGS, 0, "", 0, PL_RPC_BUDGET_SETTINGS - 1, "too_many_settings"},
        {NGHTTP2_DATA, 1, "", 0, PL_RPC_BUDGET_EMPTY, "too_many_empty_frames"},
        {NGHTTP2_PRIORITY, 1, "\0\0\0\0\1", 5, PL_RPC_BUDGET_OTHER, "too_many_frames"},
        {0x0a, 0, "12345678", 8, PL_RPC_BUDGET_OTHER, "too_many_frames"}, /* of no known type */
        {0x42, 1, "", 0, PL_RPC_BUDGET_OTHER, "too_many_frames"},
        {0xff, 7, "12345678", 8, PL_RPC_BUDGET_OTHER, "too_many_frames"},
        {NGHTTP2_WINDOW_UPDATE, 1, "\0\0\0\1", 4, PL_RPC_BUDGET_WINDOW_UPDATES,
         "too_many_window_updates"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *fixture;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_request(&fixture->raw, 1, 0, talk_path, NULL);
        assert_int_equal(talk(fixture), PL_OK);
        assert_int_equal(
            flood(fixture, cases[i].type, 0, cases[i].stream_id, cases[i].data, cases[i].size),
            cases[i].budget);
        assert_goaway(fixture, NGHTTP2_ENHANCE_YOUR_CALM);
        assert_string_equal(raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0)->text, cases[i].reason);
        teardown(&inner);
    }
}

static void pings_in_good_time_are_answered_for_ever(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 100; i++) {
        raw_frame(&fixture->raw, NGHTTP2_PING, 0, 0, ping_data, 8);
        fixture->pair.now_ms += PL_RPC_PING_INTERVAL_MIN_MS;
        assert_int_equal(talk(fixture), PL_OK);
        assert_non_null(raw_find(&fixture->raw, NGHTTP2_PING, 0));
        raw_clear(&fixture->raw);
    }
}

static void rapid_resets_end_the_connection(void **state)
{
    struct fixture *fixture = *state;
    int32_t id;
    int rc = PL_OK;

    for (id = 1; rc == PL_OK && id < 100 * 1000; id += 2) {
        raw_request(&fixture->raw, id, 0, talk_path, NULL);
        raw_frame(&fixture->raw, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\10", 4);
        rc = talk(fixture);
    }
    assert_int_equal(rc, PL_E_LIMIT);
    assert_int_equal(id / 2, PL_RPC_BUDGET_RESETS + 1);
    assert_goaway(fixture, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Streams that the peer breaks, so that the server resets them. */
static void resets_that_were_provoked_count_too(void **state)
{
    struct fixture *fixture = *state;
    int32_t id;
    int rc = PL_OK;

    for (id = 1; rc == PL_OK && id < 100 * 1000; id += 2) {
        raw_request(&fixture->raw, id, 0, talk_path, NULL);
        raw_frame(&fixture->raw, NGHTTP2_WINDOW_UPDATE, 0, id, "\x7f\xff\xff\xff", 4);
        raw_clear(&fixture->raw);
        rc = talk(fixture);
    }
    assert_int_equal(rc, PL_E_LIMIT);
    assert_in_range(id / 2, PL_RPC_BUDGET_RESETS, PL_RPC_BUDGET_RESETS + 2);
}

static void answers_that_are_never_read_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    int rc = PL_OK, rounds;

    for (rounds = 0; rc == PL_OK && rounds < 100 * 1000; rounds++) {
        raw_frame(&fixture->raw, NGHTTP2_PING, 0, 0, ping_data, 8);
        fixture->pair.now_ms += PL_RPC_BUDGET_MS; /* within the budget */
        rc = pl_rpc_conn_recv(fixture->pair.conn,
                              (struct pl_bytes){fixture->raw.out, fixture->raw.out_size},
                              fixture->pair.now_ms);
        fixture->raw.out_size = 0;
    }
    assert_int_equal(rc, PL_E_LIMIT);
    assert_in_range(rounds, PL_RPC_OUTBOUND_ACKS_MAX - 10, PL_RPC_OUTBOUND_ACKS_MAX + 10);
}

static void unfinished_messages_are_bounded(void **state)
{
    static uint8_t part[16384];
    struct fixture *fixture = *state;
    int refused = 0;

    /* Messages of 30,000 bytes, of which the last never come. */
    for (int32_t id = 1; id < 2 * PL_RPC_STREAMS_MAX; id += 2) {
        memcpy(part, "\0\0\0\165\60", 5);
        raw_request(&fixture->raw, id, 0, talk_path, NULL);
        raw_frame(&fixture->raw, NGHTTP2_DATA, 0, id, part, sizeof part);
        assert_int_equal(talk(fixture), PL_OK);
        if (raw_has_field(&fixture->raw, id, "grpc-status: 8"))
            refused++;
    }
    assert_in_range(PL_RPC_STREAMS_MAX - refused, PL_RPC_HELD_SIZE_MAX / 16384,
                    PL_RPC_HELD_SIZE_MAX / 16384 + 1);
    assert_null(raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0));
}

static void data_over_the_window_is_refused(void **state)
{
    static uint8_t part[16384];
    struct fixture *fixture = *state;

    /* A message that waits for room: its stream's window is not renewed. */
    for (int32_t id = 1; id <= 7; id += 2) {
        memcpy(part, "\0\0\77\377\377", 5);
        raw_request(&fixture->raw, id, 0, talk_path, NULL);
        raw_frame(&fixture->raw, NGHTTP2_DATA, 0, id, part, sizeof part);
    }
    for (int i = 0; i < 4; i++)
        raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 7, part, sizeof part);
    assert_int_equal(talk(fixture), PL_OK);
    assert_non_null(raw_find(&fixture->raw, NGHTTP2_WINDOW_UPDATE, 1));
    assert_non_null(raw_find(&fixture->raw, NGHTTP2_WINDOW_UPDATE, 3));
    assert_null(raw_find(&fixture->raw, NGHTTP2_WINDOW_UPDATE, 7));
    assert_reset(fixture, 7, NGHTTP2_FLOW_CONTROL_ERROR);
}

static void wrong_preface_is_refused(void **state)
{
    struct fixture *fixture = *state;

    fixture->raw.out_size = 0;
    raw_bytes(&fixture->raw, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_true(talk(fixture) < 0);
    assert_true(talk(fixture) < 0);
    assert_true(pl_rpc_conn_finished(fixture->pair.conn));
}

/* A peer that stops midway. */
static void silence_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_rpc_conn *conn = fixture->pair.conn;
    int64_t now_ms = fixture->pair.now_ms;

    fixture->raw.out_size = 10; /* of the preface */
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(pl_rpc_conn_tick(conn, now_ms + PL_RPC_PREFACE_MS - 1), PL_OK);
    assert_int_equal(pl_rpc_conn_tick(conn, now_ms + PL_RPC_PREFACE_MS), PL_E_TIMEOUT);
}

static void headers_without_an_end_are_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_rpc_conn *conn = fixture->pair.conn;
    int64_t now_ms = fixture->pair.now_ms;
    const char *const some[] = {":method", "POST", NULL};

    raw_headers(&fixture->raw, 1, 0, some);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(pl_rpc_conn_tick(conn, now_ms + PL_RPC_HEADERS_MS - 1), PL_OK);
    assert_int_equal(pl_rpc_conn_tick(conn, now_ms + PL_RPC_HEADERS_MS), PL_E_TIMEOUT);
}

static void headers_cut_short_are_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_rpc_conn *conn = fixture->pair.conn;
    int64_t now_ms = fixture->pair.now_ms;

    raw_request(&fixture->raw, 1, END_STREAM, talk_path, NULL);
    fixture->raw.out_size--;
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(pl_rpc_conn_tick(conn, now_ms + PL_RPC_HEADERS_MS - 1), PL_OK);
    assert_int_equal(pl_rpc_conn_tick(conn, now_ms + PL_RPC_HEADERS_MS), PL_E_TIMEOUT);
}

/* Those of a refused request, and of a closed stream, in one piece and in two. */
static void headers_that_are_dropped_have_ended(void **state)
{
    static const char *const upper[] = {"Upper", "x", NULL};
    struct fixture *fixture = *state;
    struct pl_rpc_conn *conn = fixture->pair.conn;

    raw_request(&fixture->raw, 1, END_STREAM, talk_path, upper);
    assert_int_equal(talk(fixture), PL_OK);
    assert_reset(fixture, 1, NGHTTP2_PROTOCOL_ERROR);
    fixture->pair.now_ms += PL_RPC_HEADERS_MS;
    assert_int_equal(pl_rpc_conn_tick(conn, fixture->pair.now_ms), PL_OK);

    raw_headers(&fixture->raw, 1, END_HEADERS, upper);
    raw_headers(&fixture->raw, 1, 0, upper);
    raw_frame(&fixture->raw, NGHTTP2_CONTINUATION, END_HEADERS, 1, "", 0);
    assert_int_equal(fixture->raw.out_size % 5, 0); /* not in step with frames' heads */
    for (size_t i = 0; i < fixture->raw.out_size; i += 5)
        assert_int_equal(pl_rpc_conn_recv(conn, (struct pl_bytes){fixture->raw.out + i, 5},
                                          fixture->pair.now_ms),
                         PL_OK);
    fixture->raw.out_size = 0;
    fixture->pair.now_ms += PL_RPC_HEADERS_MS;
    assert_int_equal(pl_rpc_conn_tick(conn, fixture->pair.now_ms), PL_OK);
}

/* Its trailers come in two frames, and between them its deadline passes. */
static void headers_go_on_when_their_call_has_gone(void **state)
{
    static const char *const timeout[] = {"grpc-timeout", "500m", NULL};
    static const char *const trailers[] = {"a", "b", NULL};
    struct fixture *fixture = *state;

    raw_request(&fixture->raw, 1, 0, talk_path, timeout);
    raw_headers(&fixture->raw, 1, END_STREAM, trailers);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->pair.seen.opened, 1);
    fixture->pair.now_ms += 500;
    assert_int_equal(pl_rpc_conn_tick(fixture->pair.conn, fixture->pair.now_ms), PL_OK);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->pair.seen.closed, 1);
    assert_non_null(raw_find(&fixture->raw, NGHTTP2_RST_STREAM, 1));
    raw_frame(&fixture->raw, NGHTTP2_CONTINUATION, END_HEADERS, 1, "\0\1c\1d", 5);
    raw_frame(&fixture->raw, NGHTTP2_PING, 0, 0, ping_data, sizeof ping_data);
    assert_int_equal(talk(fixture), PL_OK);
    assert_non_null(raw_find(&fixture->raw, NGHTTP2_PING, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pings_in_good_time_are_answered_for_ever),
        TEST(rapid_resets_end_the_connection),
        TEST(resets_that_were_provoked_count_too),
        TEST(answers_that_are_never_read_are_bounded),
        TEST(wrong_preface_is_refused),
        TEST(silence_is_not_waited_for),
        TEST(headers_without_an_end_are_not_waited_for),
        TEST(headers_cut_short_are_not_waited_for),
        TEST(headers_that_are_dropped_have_ended),
        TEST(headers_go_on_when_their_call_has_gone),
        TEST(unfinished_messages_are_bounded),
        TEST(data_over_the_window_is_refused),
        cmocka_unit_test(floods_are_answered_with_enhance_your_calm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
