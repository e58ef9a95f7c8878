/*
 * test_wire.c - the server against a peer of bytes: the rules of PROTOCOL-HTTP2,
 * what RFC 9113 says about bad frames, floods, silence, and noise.
 */
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

static const char echo_path[] = "/test.Kinds/Echo";
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

/* Another call, on the same connection, still works. */
static void assert_lives(struct fixture *fixture, int32_t stream_id)
{
    raw_request(&fixture->raw, stream_id, 0, echo_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, stream_id, "\0\0\0\0\2ok", 7);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(raw_has_field(&fixture->raw, stream_id, "grpc-status: 0"));
}

static void response_has_headers_message_and_trailers(void **state)
{
    struct fixture *fixture = *state;
    const struct raw_frame *frame;

    raw_request(&fixture->raw, 1, 0, echo_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, 1, "\0\0\0\0\2hi", 7);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(raw_has_field(&fixture->raw, 1, ":status: 200"));
    assert_true(raw_has_field(&fixture->raw, 1, "content-type: application/grpc"));
    assert_true(raw_has_field(&fixture->raw, 1, "grpc-status: 0"));
    frame = raw_find(&fixture->raw, NGHTTP2_DATA, 1);
    assert_int_equal(frame->size, 7);
    assert_memory_equal(frame->text, "\0\0\0\0\2hi", 7);
    assert_int_equal(frame->flags & END_STREAM, 0);
    assert_null(raw_find(&fixture->raw, NGHTTP2_RST_STREAM, 1));
}

static void error_at_once_is_trailers_only_and_reset_without_error(void **state)
{
    struct fixture *fixture = *state;
    const struct raw_frame *frame;

    raw_request(&fixture->raw, 1, 0, "/test.Kinds/Early", NULL);
    assert_int_equal(talk(fixture), PL_OK);
    frame = raw_find(&fixture->raw, NGHTTP2_HEADERS, 1);
    assert_int_equal(frame->flags & END_STREAM, END_STREAM);
    assert_non_null(strstr(frame->text, ":status: 200\n"));
    assert_non_null(strstr(frame->text, "grpc-status: 16\n"));
    assert_non_null(strstr(frame->text, "grpc-message: who is there?\n"));
    assert_reset(fixture, 1, NGHTTP2_NO_ERROR);

    /* What was under way of the request is no error. */
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\2hi", 7);
    raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, 1, "", 0);
    assert_lives(fixture, 3);
    assert_null(raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0));
}

static void streams_get_their_headers_before_a_message(void **state)
{
    struct fixture *fixture = *state;
    const struct raw_frame *frame;

    raw_request(&fixture->raw, 1, 0, "/test.Kinds/WaitStream", NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, 1, "\0\0\0\0\0", 5);
    raw_request(&fixture->raw, 3, 0, "/test.Kinds/Wait", NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, 3, "\0\0\0\0\0", 5);
    assert_int_equal(talk(fixture), PL_OK);
    frame = raw_find(&fixture->raw, NGHTTP2_HEADERS, 1);
    assert_non_null(frame);
    assert_int_equal(frame->flags & END_STREAM, 0);
    assert_null(raw_find(&fixture->raw, NGHTTP2_HEADERS, 3)); /* unary */
}

static void requests_that_are_not_grpc_get_an_http_status(void **state)
{
    static const struct {
        const char *method;
        const char *type; /* NULL: none */
        const char *status;
    } cases[] = {
        {"POST", "text/plain", ":status: 415"},
        {"POST", "application/grpc+thrift", ":status: 415"},
        {"POST", "application/grpcx", ":status: 415"},
        {"POST", "application/json", ":status: 415"},
        {"POST", NULL, ":status: 415"},
        {"GET", "application/grpc", ":status: 405"},
        {"GET", NULL, ":status: 405"},
        {"POST", "application/grpc", ":status: 200"},
        {"POST", "application/grpc+proto", ":status: 200"},
        {"POST", "application/grpc;x=1", ":status: 200"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t stream_id = (int32_t)i * 2 + 1;
        const char *const fields[] = {
            ":authority",    "test",    ":method",
            cases[i].method, ":scheme", "http",
            ":path",         echo_path, cases[i].type != NULL ? "content-type" : NULL,
            cases[i].type,   NULL};

        raw_headers(&fixture->raw, stream_id, END_HEADERS | END_STREAM, fields);
        assert_int_equal(talk(fixture), PL_OK);
        assert_true(raw_has_field(&fixture->raw, stream_id, cases[i].status));
    }
    assert_true(raw_has_field(&fixture->raw, 11, "allow: POST"));
}

static void bad_requests_get_a_status(void **state)
{
    static const char *const bad_timeout[] = {"grpc-timeout", "soon", NULL};
    static const char *const no_time[] = {"grpc-timeout", "0n", NULL};
    static const char *const bad_base64[] = {"x-bin", "a", NULL};
    static const char *const gzip[] = {"grpc-encoding", "gzip", NULL};
    static const char *const br[] = {"grpc-encoding", "br", NULL};
    static const struct {
        const char *const *extra;
        const char *data;
        size_t size;
        const char *status;
    } cases[] = {
        {bad_timeout, "\0\0\0\0\0", 5, "grpc-status: 13"},
        {no_time, "\0\0\0\0\0", 5, "grpc-status: 4"},
        {bad_base64, "\0\0\0\0\0", 5, "grpc-status: 13"},
        {NULL, "\1\0\0\0\0", 5, "grpc-status: 13"},            /* compressed, but how? */
        {br, "\1\0\0\0\0", 5, "grpc-status: 12"},              /* not supported */
        {gzip, "\0\0\0\0\0", 5, "grpc-status: 0"},             /* not used */
        {gzip, "\1\0\0\0\0", 5, "grpc-status: 13"},            /* not gzip */
        {NULL, "\2\0\0\0\0", 5, "grpc-status: 13"},            /* unknown flag */
        {NULL, "\0\0\0\0\5abc", 8, "grpc-status: 13"},         /* cut off */
        {NULL, "\0\0\0", 3, "grpc-status: 13"},                /* cut off */
        {NULL, "", 0, "grpc-status: 12"},                      /* no message */
        {NULL, "\0\0\0\0\0\0\0\0\0\0", 10, "grpc-status: 12"}, /* two */
        {NULL, "\0\377\377\377\377abc", 8, "grpc-status: 8"},  /* 4 GiB */
        {NULL, "\0\0\100\0\1abc", 8, "grpc-status: 8"},        /* 4 MiB and one */
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t stream_id = (int32_t)i * 2 + 1;

        raw_request(&fixture->raw, stream_id, 0, echo_path, cases[i].extra);
        raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, stream_id, cases[i].data, cases[i].size);
        assert_int_equal(talk(fixture), PL_OK);
        assert_true(raw_has_field(&fixture->raw, stream_id, cases[i].status));
    }
    assert_true(raw_has_field(&fixture->raw, 9, "grpc-accept-encoding: identity,gzip"));
    assert_lives(fixture, 101);
}

static void header_list_over_its_size_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char value[PL_RPC_HEADERS_SIZE_MAX];
    const char *const extra[] = {"x-long", value, NULL};

    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = 0;
    raw_request(&fixture->raw, 1, END_STREAM, echo_path, extra);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(raw_has_field(&fixture->raw, 1, "grpc-status: 8"));
    assert_int_equal(fixture->pair.seen.opened, 0);
    assert_lives(fixture, 3);
}

static void trailers_of_a_request_end_it(void **state)
{
    struct fixture *fixture = *state;
    const char *const trailers[] = {"x-checksum", "1", NULL};

    raw_request(&fixture->raw, 1, 0, echo_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\2hi", 7);
    raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, trailers);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(raw_has_field(&fixture->raw, 1, "grpc-status: 0"));
}

static void reset_by_the_peer_ends_the_call(void **state)
{
    struct fixture *fixture = *state;

    raw_request(&fixture->raw, 1, 0, talk_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\2hi", 7);
    assert_int_equal(talk(fixture), PL_OK);
    raw_frame(&fixture->raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\10", 4);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->pair.seen.closed, 1);
    assert_int_equal(pl_rpc_host_calls_len(fixture->pair.host), 0);
    assert_lives(fixture, 3);
}

static void streams_over_the_limit_are_refused(void **state)
{
    struct fixture *fixture = *state;
    int32_t last = 2 * PL_RPC_STREAMS_MAX + 1;

    for (int32_t id = 1; id <= last; id += 2)
        raw_request(&fixture->raw, id, 0, talk_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->pair.seen.opened, PL_RPC_STREAMS_MAX);
    assert_reset(fixture, last, NGHTTP2_REFUSED_STREAM);
}

/* RFC 9113: errors of the connection. */
static void bad_frames_end_the_connection(void **state)
{
    static const struct {
        uint8_t type;
        uint8_t flags;
        int32_t stream_id;
        const char *data;
        size_t size;
        uint32_t error_code;
    } cases[] = {
        {NGHTTP2_DATA, 0, 0, "x", 1, NGHTTP2_PROTOCOL_ERROR}, /* 6.1 */
        {NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\5x", 2, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_DATA, 0, 5, "x", 1, NGHTTP2_PROTOCOL_ERROR},             /* 5.1: idle */
        {NGHTTP2_HEADERS, END_HEADERS, 0, "", 0, NGHTTP2_PROTOCOL_ERROR}, /* 6.2 */
        {NGHTTP2_HEADERS, END_HEADERS, 2, "", 0, NGHTTP2_PROTOCOL_ERROR}, /* 5.1.1 */
        {NGHTTP2_HEADERS, END_HEADERS, 5, "\xff\xff\xff\xff\xff", 5,
         NGHTTP2_COMPRESSION_ERROR},                                       /* 4.3 */
        {NGHTTP2_RST_STREAM, 0, 0, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR}, /* 6.4 */
        {NGHTTP2_RST_STREAM, 0, 5, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_RST_STREAM, 0, 1, "\0\0\0", 3, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_SETTINGS, 0, 1, "", 0, NGHTTP2_PROTOCOL_ERROR}, /* 6.5 */
        {NGHTTP2_SETTINGS, 0, 0, "12345", 5, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "123456", 6, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_SETTINGS, 0, 0, "\0\4\xff\xff\xff\xff", 6, NGHTTP2_FLOW_CONTROL_ERROR},
        {NGHTTP2_SETTINGS, 0, 0, "\0\5\0\0\0\1", 6, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2", 4, NGHTTP2_PROTOCOL_ERROR}, /* 8.4 */
        {NGHTTP2_PING, 0, 1, "12345678", 8, NGHTTP2_PROTOCOL_ERROR},                   /* 6.7 */
        {NGHTTP2_PING, 0, 0, "1234567", 7, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0", 8, NGHTTP2_PROTOCOL_ERROR}, /* 6.8 */
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR},  /* 6.9 */
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4, NGHTTP2_FLOW_CONTROL_ERROR},
        {NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0", 3, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_CONTINUATION, END_HEADERS, 1, "", 0, NGHTTP2_PROTOCOL_ERROR}, /* 6.10 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *fixture;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_request(&fixture->raw, 1, 0, talk_path, NULL);
        raw_frame(&fixture->raw, cases[i].type, cases[i].flags, cases[i].stream_id, cases[i].data,
                  cases[i].size);
        (void)talk(fixture);
        assert_goaway(fixture, cases[i].error_code);
        teardown(&inner);
    }
}

/* RFC 9113: errors of a stream, which the others do not feel. */
static void bad_streams_are_reset(void **state)
{
    static const char *const upper[] = {"Upper", "x", NULL};
    static const char *const connection[] = {"connection", "close", NULL};
    static const char *const pseudo_late[] = {":authority", "x", NULL};
    static const char *const line_feed[] = {"x", "a\nb", NULL};
    static const char *const length[] = {"content-length", "3", NULL};
    static const char *const *const extras[] = {upper, connection, pseudo_late, line_feed, length};
    struct fixture *fixture = *state;
    int32_t id = 1;

    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++, id += 2) {
        raw_request(&fixture->raw, id, 0, talk_path, extras[i]);
        raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, id, "\0\0\0\0\2hi", 7);
        assert_int_equal(talk(fixture), PL_OK);
        assert_reset(fixture, id, NGHTTP2_PROTOCOL_ERROR);
    }
    raw_request(&fixture->raw, id, 0, talk_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_WINDOW_UPDATE, 0, id, "\x7f\xff\xff\xff", 4);
    assert_int_equal(talk(fixture), PL_OK);
    assert_reset(fixture, id, NGHTTP2_FLOW_CONTROL_ERROR);
    assert_lives(fixture, id + 2);
}

/* What the server lets a stream send beyond what it has been given so far. */
static size_t window_opened(const struct raw *raw, int32_t stream_id)
{
    size_t sum = 0;

    for (size_t i = 0; i < raw->frames_len; i++) {
        const struct raw_frame *frame = &raw->frames[i];

        if (frame->type == NGHTTP2_WINDOW_UPDATE && frame->stream_id == stream_id)
            sum += frame->increment;
    }
    return sum;
}

/* A peer that is far away has much on its way: after a first message, more than the
 * window that each stream begins with. */
static void stream_of_messages_gets_a_larger_window(void **state)
{
    struct fixture *fixture = *state;

    raw_request(&fixture->raw, 1, 0, talk_path, NULL);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(window_opened(&fixture->raw, 1), 0);
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\1a", 6);
    assert_int_equal(talk(fixture), PL_OK);
    assert_in_range(window_opened(&fixture->raw, 1), PL_RPC_FLOWING_WINDOW - PL_RPC_STREAM_WINDOW,
                    PL_RPC_FLOWING_WINDOW - PL_RPC_STREAM_WINDOW + 6);
}

/* Responses that are made while a SETTINGS frame comes in parts are not taken for
 * what it has brought about. */
static void settings_in_parts_between_responses_harm_nothing(void **state)
{
    static const struct pl_rpc_status done = {.code = PL_CODE_OK};
    struct fixture *fixture = *state;
    uint64_t ids[4];

    for (int i = 0; i < 4; i++) {
        raw_request(&fixture->raw, 2 * i + 1, 0, "/test.Kinds/Wait", NULL);
        raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, 2 * i + 1, "\0\0\0\0\0", 5);
        assert_int_equal(talk(fixture), PL_OK);
        ids[i] = fixture->pair.seen.last_id;
    }
    raw_bytes(&fixture->raw, "\0\0\6\4\0\0\0\0\0\0\4", 11);
    assert_int_equal(talk(fixture), PL_OK);
    for (int i = 0; i < 4; i++)
        pl_rpc_call_finish(pl_rpc_host_call(fixture->pair.host, ids[i]), &done);
    raw_bytes(&fixture->raw, "\0\1\0\0", 4);
    assert_int_equal(talk(fixture), PL_OK);
    assert_null(raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0));
    assert_lives(fixture, 101);
}

/* As on a port that speaks TLS: calls hear why, and then the connection ends. */
static void calls_at_the_wrong_door_are_told_so(void **state)
{
    struct fixture *fixture = *state;
    struct pl_rpc_conn *conn = fixture->pair.conn;

    pl_rpc_conn_turn_away(conn, "not here");
    raw_request(&fixture->raw, 1, END_STREAM, echo_path, NULL);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(raw_has_field(&fixture->raw, 1, "grpc-status: 9"));
    assert_true(raw_has_field(&fixture->raw, 1, "grpc-message: not here"));
    assert_null(raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0));
    assert_int_equal(fixture->pair.seen.opened, 0);

    assert_int_equal(pl_rpc_conn_tick(conn, fixture->pair.now_ms + PL_RPC_PREFACE_MS), PL_OK);
    assert_int_equal(talk(fixture), PL_OK);
    assert_non_null(raw_find(&fixture->raw, NGHTTP2_GOAWAY, 0));
}

/* RFC 9113, section 8.1.1: the stream ends, and with it the wait for its headers. */
static void malformed_request_leaves_the_connection_alone(void **state)
{
    static const char *const fields[] = {"X-Upper", "1", NULL};
    struct fixture *fixture = *state;
    struct pl_rpc_conn *conn = fixture->pair.conn;

    raw_request(&fixture->raw, 1, END_STREAM, echo_path, fields);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(raw_find(&fixture->raw, NGHTTP2_RST_STREAM, 1)->error_code,
                     NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(pl_rpc_conn_tick(conn, fixture->pair.now_ms + PL_RPC_HEADERS_MS), PL_OK);
    assert_lives(fixture, 101);
}

static void frame_over_its_size_ends_the_connection(void **state)
{
    static const uint8_t big[16385];
    struct fixture *fixture = *state;

    raw_request(&fixture->raw, 1, 0, talk_path, NULL);
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, big, sizeof big);
    (void)talk(fixture);
    assert_goaway(fixture, NGHTTP2_FRAME_SIZE_ERROR);
}

/* A small generator, so that a failure can be had again by its seed. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void noise_harms_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3000; seed++) {
        struct fixture *fixture;
        uint32_t random = seed;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_request(&fixture->raw, 1, 0, talk_path, NULL);
        raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\5hello", 10);
        raw_request(&fixture->raw, 3, 0, echo_path, NULL);
        raw_frame(&fixture->raw, NGHTTP2_DATA, END_STREAM, 3, "\0\0\0\0\5hello", 10);
        raw_frame(&fixture->raw, NGHTTP2_PING, 0, 0, ping_data, 8);
        raw_request(&fixture->raw, 5, END_STREAM, "/test.Kinds/Many", NULL);
        raw_frame(&fixture->raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\10", 4);
        for (int i = 0; i < 3; i++) {
            size_t at = NGHTTP2_CLIENT_MAGIC_LEN +
                        next_random(&random) % (fixture->raw.out_size - NGHTTP2_CLIENT_MAGIC_LEN);

            fixture->raw.out[at] = (uint8_t)next_random(&random);
        }
        (void)talk(fixture);
        fixture->pair.now_ms += PL_RPC_REQUEST_MS;
        (void)pl_rpc_conn_tick(fixture->pair.conn, fixture->pair.now_ms);
        teardown(&inner);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(response_has_headers_message_and_trailers),
        TEST(error_at_once_is_trailers_only_and_reset_without_error),
        TEST(streams_get_their_headers_before_a_message),
        TEST(requests_that_are_not_grpc_get_an_http_status),
        TEST(bad_requests_get_a_status),
        TEST(header_list_over_its_size_is_refused),
        TEST(trailers_of_a_request_end_it),
        TEST(reset_by_the_peer_ends_the_call),
        TEST(streams_over_the_limit_are_refused),
        cmocka_unit_test(bad_frames_end_the_connection),
        TEST(bad_streams_are_reset),
        TEST(stream_of_messages_gets_a_larger_window),
        TEST(settings_in_parts_between_responses_harm_nothing),
        TEST(calls_at_the_wrong_door_are_told_so),
        TEST(malformed_request_leaves_the_connection_alone),
        TEST(frame_over_its_size_ends_the_connection),
        cmocka_unit_test(noise_harms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
