/* test_client_flood.c - the client against servers that flood, hoard, or break
 * HTTP/2; and without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "raw_server.h"
#include "rpc/gzip.h"
#include "rpc/limits.h"

#include <stdio.h>
#include <string.h>

static struct raw_server server; /* large, and tests run one by one */
static struct served served;     /* a call on stream 1 */

static int setup(void **state)
{
    (void)state;
    raw_server_init(&server, NULL);
    raw_server_call(&server, &served);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    raw_server_done(&server);
    assert_int_equal(served.closed, 1);
    return 0;
}

static void talk(void)
{
    assert_int_equal(raw_server_talk(&server), PL_OK);
}

static void assert_goaway(uint32_t error_code)
{
    const struct raw_frame *frame = raw_find(&server.raw, NGHTTP2_GOAWAY, 0);

    assert_non_null(frame);
    assert_int_equal(frame->error_code, error_code);
}

static void floods_of_nothing_are_answered_with_enhance_your_calm(void **state)
{
    static const char *const early[] = {":status", "103", "link", "x", NULL};
    static const struct {
        uint8_t type;
        int32_t stream_id;
        const char *data;
        size_t size;
        bool after_head;
    } cases[] = {
        {NGHTTP2_PING, 0, "12345678", 8, false},
        {NGHTTP2_SETTINGS, 0, "", 0, false},
        {NGHTTP2_DATA, 1, "", 0, true},
        {NGHTTP2_PRIORITY, 1, "\0\0\0\0\1", 5, false},
        {0x42, 1, "", 0, false},                       /* of no known type */
        {NGHTTP2_RST_STREAM, 3, "\0\0\0\0", 4, false}, /* of a call that is over */
        {NGHTTP2_HEADERS, 1, NULL, 0, false},          /* informational */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct served other;
        int sent = 0;

        setup(NULL);
        raw_server_call(&server, &other);
        raw_frame(&server.raw, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\0", 4);
        if (cases[i].after_head)
            raw_headers(&server.raw, 1, END_HEADERS, raw_head);
        while (raw_server_talk(&server) == PL_OK && sent <= 2 * PL_RPC_CLIENT_BUDGET_NOTHINGS) {
            raw_clear(&server.raw);
            for (int j = 0; j < 500; j++, sent++)
                if (cases[i].data == NULL)
                    raw_headers(&server.raw, 1, END_HEADERS, early);
                else
                    raw_frame(&server.raw, cases[i].type, 0, cases[i].stream_id, cases[i].data,
                              cases[i].size);
        }
        assert_int_equal(server.rc, PL_E_LIMIT);
        assert_true(sent >= PL_RPC_CLIENT_BUDGET_NOTHINGS);
        assert_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
        assert_string_equal(pl_rpc_client_why(server.client),
                            "the server is given up: ENHANCE_YOUR_CALM (too_many_frames)");
        assert_int_equal(served.closed, 0);
        teardown(NULL);
        assert_int_equal(served.code, PL_CODE_UNAVAILABLE);
    }
}

static void what_time_allows_is_no_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * PL_RPC_CLIENT_BUDGET_NOTHINGS / 1000; i++) {
        for (int j = 0; j < 1000; j++)
            raw_frame(&server.raw, NGHTTP2_PING, 0, 0, "12345678", 8);
        talk();
        raw_clear(&server.raw);
        server.now_ms += 500;
    }
}

static void answers_that_the_server_does_not_read_are_bounded(void **state)
{
    static const struct {
        uint8_t type;
        const char *data;
        size_t size;
    } cases[] = {{NGHTTP2_PING, "12345678", 8}, {NGHTTP2_SETTINGS, "", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int sent = 0;

        setup(NULL);
        server.keeps_all = true;
        while (raw_server_talk(&server) == PL_OK && sent <= 10 * PL_RPC_OUTBOUND_ACKS_MAX)
            for (int j = 0; j < 100; j++, sent++)
                raw_frame(&server.raw, cases[i].type, 0, 0, cases[i].data, cases[i].size);
        assert_int_equal(server.rc, PL_E_LIMIT);
        assert_true(sent <= PL_RPC_OUTBOUND_ACKS_MAX + 200);
        assert_string_not_equal(pl_rpc_client_why(server.client), "");
        teardown(NULL);
    }
}

static void pushes_are_refused_acknowledged_or_not(void **state)
{
    static const char block[] = "\0\0\0\2"; /* of stream 2, and no fields */
    const struct pl_rpc_client_request request = {.path = "/test.Kinds/Any"};
    struct served late;

    (void)state;
    raw_frame(&server.raw, NGHTTP2_PUSH_PROMISE, END_HEADERS, 1, block, 4);
    assert_int_equal(raw_server_talk(&server), PL_E_PROTO);
    assert_goaway(NGHTTP2_PROTOCOL_ERROR);
    assert_string_equal(pl_rpc_client_why(server.client),
                        "the server is given up: PROTOCOL_ERROR (push is disabled)");
    assert_int_equal(raw_server_begin(&server, &request, &late), PL_E_CLOSED);
}

static void headers_without_end_are_cut_off(void **state)
{
    static const char part[] = "\0\1a\1b"; /* a: b */
    int sent = 0;

    (void)state;
    raw_frame(&server.raw, NGHTTP2_HEADERS, 0, 1, "\x88", 1); /* :status 200 */
    while (raw_server_talk(&server) == PL_OK && sent++ < 1000)
        raw_frame(&server.raw, NGHTTP2_CONTINUATION, 0, 1, part, 5);
    assert_true(server.rc < 0);
    assert_true(sent <= PL_RPC_CONTINUATIONS_MAX + 1);
}

static void header_bombs_are_cut_off(void **state)
{
    static uint8_t block[16000];
    size_t size = 0;

    (void)state;
    /* One field of 4,000 bytes goes into the table; then it is referred to, a byte
     * each time. */
    block[size++] = 0x88;
    memcpy(block + size, "\x40\1a\x7f\xa1\x1e", 6);
    size += 6;
    memset(block + size, 'x', 4000);
    size += 4000;
    memset(block + size, 0xbe, sizeof block - size);
    raw_frame(&server.raw, NGHTTP2_HEADERS, END_HEADERS, 1, block, sizeof block);
    talk();
    assert_int_equal(served.code, PL_CODE_RESOURCE_EXHAUSTED);
    assert_string_equal(served.message, "the headers are too large");
}

static void streams_that_break_the_rules_are_reset(void **state)
{
    static const char *const upper[] = {":status", "200", "Upper", "x", NULL};
    static const char *const no_status[] = {"content-type", "application/grpc", NULL};
    static const char *const late_status[] = {"content-type", "application/grpc", ":status", "200",
                                              NULL};
    static const char *const bad_status[] = {":status", "2x0", NULL};
    static const char *const early[] = {":status", "100", NULL};
    static const char *const sized[] = {
        ":status", "200", "content-type", "application/grpc", "content-length", "3", NULL};
    static const struct {
        const char *const *head;
        uint8_t flags;
        bool data;
    } cases[] = {
        {NULL, 0, true}, /* DATA before HEADERS */
        {upper, 0, false},      {no_status, 0, false},      {late_status, 0, false},
        {bad_status, 0, false}, {early, END_STREAM, false}, {early, 0, true},
        {sized, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setup(NULL);
        if (cases[i].head != NULL)
            raw_headers(&server.raw, 1, END_HEADERS | cases[i].flags, cases[i].head);
        if (cases[i].data)
            raw_server_message(&server, 0, pl_bytes_str("hello"));
        (void)raw_server_talk(&server);
        if (server.rc == PL_OK) {
            assert_int_equal(served.closed, 1);
            assert_int_equal(served.code, PL_CODE_INTERNAL);
            assert_int_equal(raw_find(&server.raw, NGHTTP2_RST_STREAM, 1)->error_code,
                             NGHTTP2_PROTOCOL_ERROR);
        } else {
            assert_goaway(NGHTTP2_PROTOCOL_ERROR);
        }
        assert_int_equal(served.messages, 0);
        teardown(NULL);
        assert_int_not_equal(served.code, PL_CODE_OK);
    }
}

static void frames_of_a_call_that_is_over_are_passed_over(void **state)
{
    struct served other;

    (void)state;
    raw_headers(&server.raw, 1, END_HEADERS, raw_head);
    talk();
    pl_rpc_client_cancel(served.call);
    raw_server_message(&server, 0, pl_bytes_str("late")); /* before it can know */
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
    talk();
    raw_server_message(&server, 0, pl_bytes_str("later")); /* and when it must */
    raw_frame(&server.raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4);
    raw_frame(&server.raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4);
    (void)raw_server_talk(&server);
    assert_int_equal(served.messages, 0);
    assert_int_equal(served.code, PL_CODE_CANCELLED);
    if (server.rc == PL_OK) {
        raw_server_call(&server, &other);
        raw_headers(&server.raw, 3, END_HEADERS, raw_head);
        raw_headers(&server.raw, 3, END_HEADERS | END_STREAM, raw_tail_ok);
        talk();
        assert_int_equal(other.code, PL_CODE_OK);
    }
}

static void goaway_is_told_with_its_text(void **state)
{
    static const struct {
        uint8_t error_code;
        const char *text;
        const char *why;
        bool pings;
    } cases[] = {
        {NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings",
         "the server says GOAWAY: ENHANCE_YOUR_CALM (too_many_pings)", true},
        {NGHTTP2_NO_ERROR, "too_many_pings", "the server says GOAWAY: NO_ERROR (too_many_pings)",
         false},
        {NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings!",
         "the server says GOAWAY: ENHANCE_YOUR_CALM (too_many_pings!)", false},
        {NGHTTP2_NO_ERROR, "", "the server says GOAWAY: NO_ERROR", false},
        {NGHTTP2_NO_ERROR, "\x1b[31mred\n\x80\xff",
         "the server says GOAWAY: NO_ERROR (?[31mred?"
         "??"
         ")",
         false},
        {200, "what", "the server says GOAWAY: unknown (what)", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t data[64] = {0, 0, 0, 1, 0, 0, 0, cases[i].error_code};
        size_t size = strlen(cases[i].text);
        char text[256];

        setup(NULL);
        assert_string_equal(pl_rpc_client_why(server.client), "");
        memcpy(data + 8, cases[i].text, size);
        raw_frame(&server.raw, NGHTTP2_GOAWAY, 0, 0, data, 8 + size);
        talk();
        assert_true(pl_rpc_client_draining(server.client));
        assert_string_equal(pl_rpc_client_why(server.client), cases[i].why);
        assert_int_equal(pl_rpc_client_pings_too_often(server.client), cases[i].pings);
        teardown(NULL);
        snprintf(text, sizeof text, "the connection is lost: %s", cases[i].why);
        assert_string_equal(served.message, text);
        assert_true(served.processed);
    }
}

static void a_long_goaway_is_cut(void **state)
{
    static uint8_t data[16000];

    (void)state;
    data[3] = 1;
    memset(data + 8, 'x', sizeof data - 8);
    raw_frame(&server.raw, NGHTTP2_GOAWAY, 0, 0, data, sizeof data);
    talk();
    assert_true(strlen(pl_rpc_client_why(server.client)) < 160);
}

static void broken_http2_is_the_end(void **state)
{
    static const struct {
        uint8_t type;
        int32_t stream_id;
        const char *data;
        size_t size;
        uint32_t error_code;
    } cases[] = {
        {NGHTTP2_PING, 0, "1234567", 7, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_PING, 1, "12345678", 8, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_SETTINGS, 0, "x", 1, NGHTTP2_FRAME_SIZE_ERROR},
        {NGHTTP2_SETTINGS, 0, "\0\4\377\377\377\377", 6, NGHTTP2_FLOW_CONTROL_ERROR},
        {NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\0", 4, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_WINDOW_UPDATE, 0, "\x7f\xff\xff\xff", 4, NGHTTP2_FLOW_CONTROL_ERROR},
        {NGHTTP2_DATA, 0, "x", 1, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_DATA, 5, "x", 1, NGHTTP2_PROTOCOL_ERROR}, /* a stream that is not there yet */
        {NGHTTP2_HEADERS, 2, "\x88", 1, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_HEADERS, 1, "\xff\xff\xff\xff\xff\xff", 6, NGHTTP2_COMPRESSION_ERROR},
        {NGHTTP2_CONTINUATION, 1, "\x88", 1, NGHTTP2_PROTOCOL_ERROR},
        {NGHTTP2_GOAWAY, 0, "x", 1, NGHTTP2_FRAME_SIZE_ERROR},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t byte;

        setup(NULL);
        raw_frame(&server.raw, cases[i].type, END_HEADERS, cases[i].stream_id, cases[i].data,
                  cases[i].size);
        assert_true(raw_server_talk(&server) < 0); /* without which calls would hang */
        assert_goaway(cases[i].error_code);
        assert_true(pl_rpc_client_fill(server.client, &byte, 1) < 0);
        assert_true(pl_rpc_client_recv(server.client, pl_bytes_str(""), server.now_ms) < 0);
        assert_int_equal(strncmp(pl_rpc_client_why(server.client), "the server is given up: ", 24),
                         0);
        assert_int_equal(served.closed, 0);
        teardown(NULL);
        assert_int_equal(served.code, PL_CODE_UNAVAILABLE);
    }
}

static void on_want_send(void *self)
{
    (void)self;
}

static void settings_must_come_first(void **state)
{
    const struct pl_rpc_client_ops ops = {NULL, on_want_send};
    struct pl_rpc_client *client;
    struct raw *raw = &server.raw;

    (void)state;
    assert_true(pl_rpc_client_settled(server.client));
    for (int i = 0; i < 2; i++) {
        uint8_t out[256];

        assert_int_equal(pl_rpc_client_new(&ops, "a", 0, &client), PL_OK);
        assert_false(pl_rpc_client_settled(client));
        assert_true(pl_rpc_client_fill(client, out, sizeof out) > 0);
        raw->out_size = 0;
        if (i == 0)
            raw_frame(raw, NGHTTP2_PING, 0, 0, "12345678", 8);
        else
            raw_bytes(raw, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        (void)pl_rpc_client_recv(client, (struct pl_bytes){raw->out, raw->out_size}, 0);
        while (pl_rpc_client_fill(client, out, sizeof out) > 0)
            ;
        assert_true(pl_rpc_client_recv(client, pl_bytes_str(""), 0) < 0);
        assert_false(pl_rpc_client_settled(client));
        pl_rpc_client_free(client);
    }
    raw->out_size = 0;
}

static void calls_that_wait_for_the_server_are_bounded(void **state)
{
    enum { LEN = PL_RPC_CLIENT_CALLS_MAX };
    static struct served waiting[LEN];
    const struct pl_rpc_client_request request = {.path = "/a/b"};

    (void)state;
    raw_frame(&server.raw, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\0", 6); /* no streams at once */
    talk();
    for (int i = 1; i < LEN; i++)
        assert_int_equal(raw_server_begin(&server, &request, &waiting[i]), PL_OK);
    assert_int_equal(raw_server_begin(&server, &request, &waiting[0]), PL_E_LIMIT);
    talk();
    for (int i = 1; i < LEN; i++) { /* cancelled, they still wait in nghttp2 */
        assert_false(waiting[i].closed);
        pl_rpc_client_cancel(waiting[i].call);
        assert_int_equal(waiting[i].code, PL_CODE_CANCELLED);
        assert_false(waiting[i].processed);
    }
    talk();
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* A response with all that there can be in it. */
static void make_response(void)
{
    static const char *const early[] = {":status", "103", NULL};
    static const char *const head[] = {
        ":status",   "200", "content-type", "application/grpc", "grpc-encoding", "gzip", "x-bin",
        "AAEC,AA==", NULL};
    static const char *const tail[] = {
        "grpc-status", "5", "grpc-message", "g%21", "x-t-bin", "AAEC", "grpc-status-details-bin",
        "AAEC",        NULL};
    static const char text[] = "hello, hello, hello, hello, hello";
    struct pl_bytebuf packed;

    pl_bytebuf_init(&packed, 1000);
    assert_int_equal(pl_rpc_gzip(pl_bytes_str(text), &packed), PL_OK);
    raw_frame(&server.raw, NGHTTP2_PING, 0, 0, "12345678", 8);
    raw_headers(&server.raw, 1, END_HEADERS, early);
    raw_headers(&server.raw, 1, END_HEADERS, head);
    raw_server_message(&server, 1, (struct pl_bytes){packed.data, packed.size});
    raw_server_message(&server, 0, pl_bytes_str(text));
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, tail);
    pl_bytebuf_done(&packed);
}

static void noise_harms_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3000; seed++) {
        uint32_t random = seed;

        setup(NULL);
        make_response();
        for (int i = 0; i < 3; i++) {
            size_t at = next_random(&random) % server.raw.out_size;

            server.raw.out[at] = (uint8_t)next_random(&random);
        }
        (void)raw_server_talk(&server);
        teardown(NULL);
    }
}

static void on_message(void *self, struct pl_bytes message)
{
    struct served *of = self;

    (void)message;
    of->messages++;
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct served *of = self;

    (void)processed;
    of->closed++;
    of->code = status->code;
}

/* A client's whole life, in bytes that are made before: PL_OK, or what failed. */
static int live(struct pl_bytes response, struct served *of)
{
    static const char data[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const struct pl_rpc_metadata metadata[] = {{"x-a-bin", {(const uint8_t *)"\0", 1}}};
    const struct pl_rpc_client_ops ops = {NULL, on_want_send};
    const struct pl_rpc_client_config config = {
        .authority = "a", .scheme = "https", .user_agent = "app"};
    const struct pl_rpc_client_request request = {
        .path = "/a/b", .metadata = metadata, .metadata_len = 1, .timeout_ms = 1000, .gzip = true};
    const struct pl_rpc_client_call_ops call_ops = {
        .self = of, .on_message = on_message, .on_close = on_close};
    struct pl_rpc_client *client;
    uint8_t out[4096];
    int rc = pl_rpc_client_new_with(&ops, &config, 0, &client);

    if (rc < 0)
        return rc;
    rc = pl_rpc_client_begin(client, &request, &call_ops, &of->call);
    if (rc == PL_OK) {
        rc = pl_rpc_client_send(of->call, pl_bytes_str(data));
        pl_rpc_client_half_close(of->call);
        while (rc == PL_OK && pl_rpc_client_fill(client, out, sizeof out) > 0)
            ;
        if (rc == PL_OK)
            rc = pl_rpc_client_recv(client, response, 1);
        pl_rpc_client_free(client);
        assert_int_equal(of->closed, 1);
        return rc < 0 ? rc : of->code == PL_CODE_NOT_FOUND ? PL_OK : PL_E_NOMEM;
    }
    pl_rpc_client_free(client);
    assert_int_equal(of->closed, 0);
    return rc;
}

static void each_allocation_of_a_life_may_fail(void **state)
{
    static uint8_t response[8192];
    size_t size;
    int failures = 0;

    (void)state;
    server.raw.out_size = 0;
    raw_frame(&server.raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    make_response();
    size = server.raw.out_size;
    assert_true(size <= sizeof response);
    memcpy(response, server.raw.out, size);
    for (uint64_t nth = 1;; nth++) {
        struct served of = {.call = NULL};
        int rc;

        pl_mem_fail_at(nth);
        rc = live((struct pl_bytes){response, size}, &of);
        if (!pl_mem_failed()) {
            assert_int_equal(rc, PL_OK);
            assert_int_equal(of.code, PL_CODE_NOT_FOUND);
            assert_int_equal(of.messages, 2);
            break;
        }
        pl_mem_fail_at(0);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        failures++;
    }
    pl_mem_fail_at(0);
    assert_true(failures > 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods_of_nothing_are_answered_with_enhance_your_calm),
        TEST(what_time_allows_is_no_flood),
        cmocka_unit_test(answers_that_the_server_does_not_read_are_bounded),
        TEST(pushes_are_refused_acknowledged_or_not),
        TEST(headers_without_end_are_cut_off),
        TEST(header_bombs_are_cut_off),
        cmocka_unit_test(streams_that_break_the_rules_are_reset),
        TEST(frames_of_a_call_that_is_over_are_passed_over),
        cmocka_unit_test(goaway_is_told_with_its_text),
        TEST(a_long_goaway_is_cut),
        cmocka_unit_test(broken_http2_is_the_end),
        TEST(settings_must_come_first),
        TEST(calls_that_wait_for_the_server_are_bounded),
        cmocka_unit_test(noise_harms_nothing),
        cmocka_unit_test(each_allocation_of_a_life_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
