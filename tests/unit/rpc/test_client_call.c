/* test_client_call.c - what a call of the client says, and takes: metadata,
 * compression, sizes, windows, and what a retry has to know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raw_server.h"
#include "rpc/gzip.h"
#include "rpc/limits.h"

#include <stdio.h>
#include <stdlib.h>
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

static void assert_over(enum pl_code code, const char *message)
{
    assert_int_equal(served.closed, 1);
    assert_int_equal(served.code, code);
    if (message != NULL)
        assert_string_equal(served.message, message);
}

/* Starts anew: another client, and a call of it that is not half-closed. */
static void begin(const struct pl_rpc_client_config *config,
                  const struct pl_rpc_client_request *request)
{
    raw_server_init(&server, config);
    assert_int_equal(raw_server_begin(&server, request, &served), PL_OK);
    talk();
}

static void end(void)
{
    teardown(NULL);
}

static void requests_say_who_asks_and_what_is_understood(void **state)
{
    static const char *const plain[] = {":scheme: http", "user-agent: grpc-c-parla/0.1.0",
                                        "grpc-accept-encoding: identity, gzip"};
    static const char *const full[] = {":scheme: https",
                                       ":authority: chat.example",
                                       "user-agent: app/1 grpc-c-parla/0.1.0",
                                       "grpc-encoding: gzip",
                                       "grpc-previous-rpc-attempts: 2",
                                       "grpc-timeout: 70000m",
                                       "x-note: a b",
                                       "x-note-bin: AP8"};
    const struct pl_rpc_metadata metadata[] = {
        {"x-note", pl_bytes_str("a b")},
        {"x-note-bin", {(const uint8_t *)"\0\xff", 2}},
    };
    const struct pl_rpc_client_config config = {
        .authority = "chat.example", .scheme = "https", .user_agent = "app/1"};
    const struct pl_rpc_client_request bare = {.path = "/a/b"}, request = {.path = "/a/b",
                                                                           .metadata = metadata,
                                                                           .metadata_len = 2,
                                                                           .timeout_ms = 70 * 1000,
                                                                           .gzip = true,
                                                                           .attempts = 2};

    (void)state;
    begin(NULL, &bare);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_true(raw_has_field(&server.raw, 1, plain[i]));
    assert_null(strstr(raw_find(&server.raw, NGHTTP2_HEADERS, 1)->text, "grpc-encoding"));
    assert_null(strstr(raw_find(&server.raw, NGHTTP2_HEADERS, 1)->text, "attempts"));
    end();

    begin(&config, &request);
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++)
        assert_true(raw_has_field(&server.raw, 1, full[i]));
    end();
}

static void metadata_that_is_not_allowed_is_refused(void **state)
{
    static const struct pl_rpc_metadata cases[] = {
        {"grpc-x", {NULL, 0}},
        {"Upper", {NULL, 0}},
        {":path", {NULL, 0}},
        {"x", {(const uint8_t *)"a\nb", 3}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pl_rpc_client_request request = {
            .path = "/a/b", .metadata = &cases[i], .metadata_len = 1};
        struct served other;

        assert_int_equal(raw_server_begin(&server, &request, &other), PL_E_INVALID);
    }
}

/* What the accessors give in on_close, in one text. */
static char seen[2048];

static void note_metadata(struct served *of, void *arg)
{
    struct pl_bytes name, value;
    size_t at = 0;

    (void)arg;
    for (size_t pos = 0; pl_rpc_client_call_header_next(of->call, &pos, &name, &value);)
        at += (size_t)snprintf(seen + at, sizeof seen - at, "h %.*s=%.*s\n", (int)name.size,
                               (const char *)name.data, (int)value.size, (const char *)value.data);
    for (size_t pos = 0; pl_rpc_client_call_trailer_next(of->call, &pos, &name, &value);)
        at += (size_t)snprintf(seen + at, sizeof seen - at, "t %.*s=%.*s\n", (int)name.size,
                               (const char *)name.data, (int)value.size, (const char *)value.data);
    seen[at] = 0;
}

static void headers_and_trailers_are_seen(void **state)
{
    static const char *const early[] = {":status", "103", "x-early", "no", NULL};
    static const char *const head[] = {":status",
                                       "200",
                                       "content-type",
                                       "application/grpc+proto",
                                       "x-a",
                                       "1",
                                       "x-a",
                                       "2",
                                       "x-bin",
                                       "b25l",
                                       "y-bin",
                                       "dHdvMg==",
                                       "z-bin",
                                       "YQ,Yg==, Yw",
                                       NULL};
    static const char *const tail[] = {"grpc-status",
                                       "5",
                                       "x-t",
                                       "end",
                                       "grpc-message",
                                       "gone",
                                       "t-bin",
                                       "dHdvMg",
                                       "e-bin",
                                       "",
                                       "grpc-status-details-bin",
                                       "AAEC",
                                       NULL};
    struct pl_bytes value;

    (void)state;
    served.at_close = note_metadata;
    raw_headers(&server.raw, 1, END_HEADERS, early);
    raw_headers(&server.raw, 1, END_HEADERS, head);
    talk();
    assert_int_equal(served.headers, 1);
    assert_true(pl_rpc_client_call_answered(served.call));
    assert_true(pl_rpc_client_call_header(served.call, "x-a", &value));
    assert_true(pl_bytes_is(value, "1"));
    assert_true(pl_rpc_client_call_header(served.call, "y-bin", &value));
    assert_true(pl_bytes_is(value, "two2"));
    assert_false(pl_rpc_client_call_header(served.call, "x-early", &value));
    assert_false(pl_rpc_client_call_trailer(served.call, "x-a", &value));

    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, tail);
    talk();
    assert_over(PL_CODE_NOT_FOUND, "gone");
    assert_int_equal(served.details_size, 3);
    seen[strlen(seen) - 1] = 0; /* the details are not text: without their line's end */
    assert_non_null(strstr(seen, "h content-type=application/grpc+proto\nh x-a=1\nh x-a=2\n"
                                 "h x-bin=one\nh y-bin=two2\nh z-bin=a\nh z-bin=b\nh z-bin=c\n"
                                 "t x-t=end\nt t-bin=two2\nt e-bin=\nt grpc-status-details-bin="));
}

static void a_response_without_headers_has_trailers_only(void **state)
{
    static const char *const all[] = {
        ":status",     "200", "content-type", "application/grpc", "x-t", "yes",
        "grpc-status", "16",  "grpc-message", "who%3F",           NULL};

    (void)state;
    served.at_close = note_metadata;
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, all);
    talk();
    assert_over(PL_CODE_UNAUTHENTICATED, "who?");
    assert_int_equal(served.headers, 0);
    assert_string_equal(seen, "t content-type=application/grpc\nt x-t=yes\n");
}

static void binary_metadata_must_be_base64(void **state)
{
    static const char *const bad[] = {"!", "A", "AA=", "AA==AA", "QUI,!"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int in_trailers = 0; in_trailers < 2; in_trailers++) {
            const char *const head[] = {
                ":status", "200", "content-type", "application/grpc", "x-bin", bad[i], NULL};
            const char *const tail[] = {"grpc-status", "0", "x-bin", bad[i], NULL};

            setup(NULL);
            raw_headers(&server.raw, 1, END_HEADERS, in_trailers ? raw_head : head);
            if (in_trailers)
                raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, tail);
            talk();
            assert_over(PL_CODE_INTERNAL, "a -bin header is not base64");
            teardown(NULL);
        }
}

static void content_types_are_told_apart(void **state)
{
    static const struct {
        const char *type;
        bool ok;
    } cases[] = {
        {"application/grpc", true},
        {"application/grpc+proto", true},
        {"application/grpc;a=b", true},
        {"application/grpc-web", false},
        {"application/grpc-web+proto", false},
        {"application/grpcx", false},
        {"application/json", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const head[] = {":status", "200", "content-type", cases[i].type, NULL};

        setup(NULL);
        raw_headers(&server.raw, 1, END_HEADERS, head);
        raw_server_message(&server, 0, pl_bytes_str("x"));
        raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
        talk();
        assert_over(cases[i].ok ? PL_CODE_OK : PL_CODE_UNKNOWN, NULL);
        assert_int_equal(served.messages, cases[i].ok);
        teardown(NULL);
    }
}

static void a_status_counts_once_its_block_is_whole_and_in_order(void **state)
{
    static const char *const malformed[] = {"grpc-status", "0", "Upper", "x", NULL};
    static const char *const not_last[] = {
        ":status", "200", "content-type", "application/grpc", "grpc-status", "0", NULL};

    (void)state;
    raw_headers(&server.raw, 1, END_HEADERS, raw_head);
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, malformed);
    talk();
    assert_over(PL_CODE_INTERNAL, "the stream was reset: PROTOCOL_ERROR");
    teardown(NULL);

    setup(NULL);
    raw_headers(&server.raw, 1, END_HEADERS, not_last);
    raw_frame(&server.raw, NGHTTP2_DATA, END_STREAM, 1, NULL, 0);
    talk();
    assert_over(PL_CODE_UNKNOWN, "the response has no grpc-status");
    teardown(NULL);

    setup(NULL);
    raw_headers(&server.raw, 1, END_HEADERS, raw_head);
    raw_frame(&server.raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4);
    talk();
    assert_over(PL_CODE_INTERNAL, "the stream was reset: NO_ERROR");
}

static void large_headers_end_the_call(void **state)
{
    static char large[PL_RPC_CLIENT_HEADERS_SIZE_MAX - 100]; /* as large as a frame allows */

    (void)state;
    memset(large, 'x', sizeof large - 1);
    for (int in_trailers = 0; in_trailers < 2; in_trailers++) {
        const char *const head[] = {":status", "200", "content-type", "application/grpc",
                                    "x-large", large, "x-b",          "y",
                                    "x-b",     "y",   "x-b",          "y",
                                    NULL};
        const char *const tail[] = {"grpc-status", "0", "x-large", large, "x-b", "y",
                                    "x-b",         "y", "x-b",     "y",   NULL};

        setup(NULL);
        raw_headers(&server.raw, 1, END_HEADERS, in_trailers ? raw_head : head);
        if (in_trailers)
            raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, tail);
        talk();
        assert_over(PL_CODE_RESOURCE_EXHAUSTED, "the headers are too large");
        teardown(NULL);
    }
    setup(NULL);
    large[sizeof large / 2] = 0; /* headers and trailers are counted each by itself */
    for (int i = 0; i < 2; i++) {
        const char *const head[] = {":status", "200", "content-type", "application/grpc",
                                    "x-large", large, "x-b",          "y",
                                    "x-b",     "y",   "x-b",          "y",
                                    NULL};
        const char *const tail[] = {"grpc-status", "7", "x-large", large, "x-b", "y",
                                    "x-b",         "y", "x-b",     "y",   NULL};

        raw_headers(&server.raw, 1, END_HEADERS | (i == 1 ? END_STREAM : 0), i == 1 ? tail : head);
    }
    talk();
    assert_over(PL_CODE_PERMISSION_DENIED, NULL);
}

/* The data compressed, in memory that the next call uses again. */
static struct pl_bytes gzip(struct pl_bytes data)
{
    static struct pl_bytebuf packed;

    pl_bytebuf_done(&packed);
    pl_bytebuf_init(&packed, 1 << 20);
    assert_int_equal(pl_rpc_gzip(data, &packed), PL_OK);
    return (struct pl_bytes){packed.data, packed.size};
}

static void compressed_messages_are_taken(void **state)
{
    static const char *const head[] = {
        ":status", "200", "content-type", "application/grpc", "grpc-encoding", "gzip", NULL};
    uint8_t *zeros = calloc(1, PL_RPC_MESSAGE_SIZE_MAX);

    (void)state;
    assert_non_null(zeros);
    raw_headers(&server.raw, 1, END_HEADERS, head);
    raw_server_message(&server, 1, gzip(pl_bytes_str("hello")));
    talk();
    assert_true(served.compressed);
    assert_string_equal(served.last, "hello");
    raw_server_message(&server, 0, pl_bytes_str("plain"));
    talk();
    assert_false(served.compressed);
    assert_string_equal(served.last, "plain");
    raw_server_message(&server, 1, gzip((struct pl_bytes){zeros, PL_RPC_MESSAGE_SIZE_MAX}));
    talk();
    assert_int_equal(served.messages, 3);
    assert_int_equal(served.size, PL_RPC_MESSAGE_SIZE_MAX);
    raw_server_message(&server, 1, gzip(pl_bytes_str("")));
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
    talk();
    assert_int_equal(served.size, 0);
    assert_over(PL_CODE_OK, "");
    gzip(pl_bytes_str(""));
    free(zeros);
}

static void compressed_messages_that_break_the_rules_end_the_call(void **state)
{
    static uint8_t zeros[2000];
    const struct {
        const char *encoding;
        uint8_t flags;
        struct pl_bytes data; /* compressed before it is sent, unless it is no gzip */
        bool as_it_is;
        enum pl_code code;
    } cases[] = {
        {NULL, 1, pl_bytes_str("x"), false, PL_CODE_INTERNAL},
        {"identity", 1, pl_bytes_str("x"), false, PL_CODE_INTERNAL},
        {"br", 1, pl_bytes_str("x"), false, PL_CODE_INTERNAL},
        {"br", 0, pl_bytes_str("x"), true, PL_CODE_OK},
        {"gzip", 2, pl_bytes_str("x"), false, PL_CODE_INTERNAL},
        {"gzip", 129, pl_bytes_str("x"), false, PL_CODE_INTERNAL},
        {"gzip", 1, pl_bytes_str("not gzip"), true, PL_CODE_INTERNAL},
        {"gzip", 1, {NULL, 0}, true, PL_CODE_INTERNAL},
        {"gzip", 1, {zeros, 1000}, false, PL_CODE_OK},
        {"gzip", 1, {zeros, 1001}, false, PL_CODE_RESOURCE_EXHAUSTED},
    };
    const struct pl_rpc_client_config config = {.authority = "a", .message_size_max = 1000};
    const struct pl_rpc_client_request request = {.path = "/a/b"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const head[] = {":status",
                                    "200",
                                    "content-type",
                                    "application/grpc",
                                    cases[i].encoding != NULL ? "grpc-encoding" : NULL,
                                    cases[i].encoding,
                                    NULL};

        begin(&config, &request);
        pl_rpc_client_half_close(served.call);
        raw_headers(&server.raw, 1, END_HEADERS, head);
        raw_server_message(&server, cases[i].flags,
                           cases[i].as_it_is ? cases[i].data : gzip(cases[i].data));
        raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
        talk();
        assert_over(cases[i].code, NULL);
        assert_int_equal(served.messages, cases[i].code == PL_CODE_OK);
        end();
    }
    gzip(pl_bytes_str(""));
}

static void the_size_limit_is_the_clients(void **state)
{
    static uint8_t zeros[101];
    const struct pl_rpc_client_config config = {.authority = "a", .message_size_max = 100};
    const struct pl_rpc_client_request request = {.path = "/a/b"};

    (void)state;
    for (size_t size = 100; size <= 101; size++) {
        begin(&config, &request);
        pl_rpc_client_half_close(served.call);
        raw_headers(&server.raw, 1, END_HEADERS, raw_head);
        raw_server_message(&server, 0, (struct pl_bytes){zeros, size});
        raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
        talk();
        if (size == 100)
            assert_over(PL_CODE_OK, "");
        else
            assert_over(PL_CODE_RESOURCE_EXHAUSTED, "a message of 101 bytes, of at most 100");
        end();
    }
}

/* The next DATA frame's message is that, sent with that flag. */
static void assert_sent(uint8_t flags, struct pl_bytes message)
{
    const struct raw_frame *frame = raw_find(&server.raw, NGHTTP2_DATA, 1);
    struct pl_bytebuf plain;
    struct pl_bytes body;

    assert_non_null(frame);
    assert_int_equal(frame->text[0], flags);
    assert_true(frame->size < sizeof frame->text);
    body = (struct pl_bytes){(const uint8_t *)frame->text + 5, frame->size - 5};
    pl_bytebuf_init(&plain, 1 << 20);
    if (flags != 0) {
        assert_int_equal(pl_rpc_gunzip(body, 1 << 20, &plain), PL_OK);
        body = (struct pl_bytes){plain.data, plain.size};
    }
    assert_true(pl_bytes_equal(body, message));
    pl_bytebuf_done(&plain);
    raw_clear(&server.raw);
}

static void messages_are_compressed_where_that_makes_them_smaller(void **state)
{
    static uint8_t zeros[500];
    const struct pl_bytes long_one = {zeros, sizeof zeros};
    const struct pl_rpc_client_request request = {.path = "/a/b", .gzip = true};

    (void)state;
    begin(NULL, &request);
    raw_clear(&server.raw);
    assert_int_equal(pl_rpc_client_send(served.call, long_one), PL_OK);
    talk();
    assert_sent(1, long_one);
    assert_int_equal(pl_rpc_client_send(served.call, pl_bytes_str("short")), PL_OK);
    talk();
    assert_sent(0, pl_bytes_str("short"));
    assert_int_equal(
        pl_rpc_client_send(served.call, pl_bytes_str("has 31 letters, none repeated?!")), PL_OK);
    talk();
    assert_sent(0, pl_bytes_str("has 31 letters, none repeated?!"));
    pl_rpc_client_call_compress(served.call, false);
    assert_int_equal(pl_rpc_client_send(served.call, long_one), PL_OK);
    talk();
    assert_sent(0, long_one);
    pl_rpc_client_call_compress(served.call, true);
    assert_int_equal(pl_rpc_client_send(served.call, long_one), PL_OK);
    talk();
    assert_sent(1, long_one);
    end();
}

/* How much the client has renewed of a window. */
static uint32_t renewed(int32_t stream_id)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < server.raw.frames_len; i++)
        if (server.raw.frames[i].type == NGHTTP2_WINDOW_UPDATE &&
            server.raw.frames[i].stream_id == stream_id)
            sum += server.raw.frames[i].size == 4;
    return sum;
}

static void a_paused_call_does_not_renew_its_window(void **state)
{
    static uint8_t data[16000];
    struct pl_bytes message = {data, sizeof data};
    int messages = 0;

    (void)state;
    pl_rpc_client_call_pause(served.call);
    raw_headers(&server.raw, 1, END_HEADERS, raw_head);
    talk();
    raw_clear(&server.raw);
    for (; (size_t)(messages + 1) * (sizeof data + 5) <= PL_RPC_CLIENT_STREAM_WINDOW; messages++) {
        raw_server_message(&server, 0, message);
        talk();
    }
    assert_int_equal(served.messages, messages); /* what the window lets through is delivered */
    assert_int_equal(renewed(1), 0);
    for (int i = 0; i < 100; i++) { /* on another call, whose window is renewed */
        struct served other;

        raw_server_call(&server, &other);
        pl_rpc_client_cancel(other.call);
    }
    pl_rpc_client_call_resume(served.call);
    talk();
    assert_int_equal(renewed(1), 1);
    raw_clear(&server.raw);
    for (int i = 0; i < 3 * messages; i++) {
        raw_server_message(&server, 0, message);
        talk();
    }
    assert_int_equal(served.messages, 4 * messages);
    assert_true(renewed(1) >= 4);
    assert_true(renewed(0) >= 1);
    raw_server_message(&server, 0, message);
    pl_rpc_client_call_pause(served.call);
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
    talk();
    assert_over(PL_CODE_OK, "");
}

static void a_server_that_ignores_the_window_loses_the_call(void **state)
{
    static uint8_t data[16000];

    (void)state;
    pl_rpc_client_call_pause(served.call);
    raw_headers(&server.raw, 1, END_HEADERS, raw_head);
    for (int i = 0; i < 70 && served.closed == 0; i++) {
        raw_server_message(&server, 0, (struct pl_bytes){data, sizeof data});
        talk();
    }
    assert_over(PL_CODE_INTERNAL, "the stream was reset: FLOW_CONTROL_ERROR");
    assert_int_equal(served.messages, 66); /* the frame that goes beyond may be whole */
}

static void one_reply_means_one(void **state)
{
    const struct pl_rpc_client_request request = {.path = "/a/b", .one_reply = true};
    static const char *const tail_bad[] = {"grpc-status", "5", NULL};

    (void)state;
    for (int messages = 0; messages <= 2; messages++)
        for (int ok = 0; ok < 2; ok++) {
            begin(NULL, &request);
            pl_rpc_client_half_close(served.call);
            raw_headers(&server.raw, 1, END_HEADERS, raw_head);
            for (int i = 0; i < messages; i++)
                raw_server_message(&server, 0, pl_bytes_str("x"));
            raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, ok ? raw_tail_ok : tail_bad);
            talk();
            if (messages == 2)
                assert_over(PL_CODE_UNIMPLEMENTED, "the server sends more than one message");
            else if (!ok)
                assert_over(PL_CODE_NOT_FOUND, "");
            else if (messages == 1)
                assert_over(PL_CODE_OK, "");
            else
                assert_over(PL_CODE_UNIMPLEMENTED, "the server sends no message");
            assert_true(served.messages <= 1);
            end();
        }
}

static void a_response_may_end_before_its_request(void **state)
{
    static const char *const all[] = {
        ":status", "200", "content-type", "application/grpc", "grpc-status", "8", NULL};
    const struct pl_rpc_client_request request = {.path = "/a/b"};

    (void)state;
    for (int with_reset = 0; with_reset < 2; with_reset++) {
        begin(NULL, &request);
        raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, all);
        if (with_reset)
            raw_frame(&server.raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4);
        server.keeps_all = true; /* it needs not have read a byte of ours */
        talk();
        assert_over(PL_CODE_RESOURCE_EXHAUSTED, "");
        server.keeps_all = false;
        talk();
        if (!with_reset)
            assert_int_equal(raw_find(&server.raw, NGHTTP2_RST_STREAM, 1)->error_code,
                             NGHTTP2_CANCEL);
        end();
    }
}

static int pushback_rc;
static int64_t pushback_ms;

static void note_pushback(struct served *of, void *arg)
{
    (void)arg;
    pushback_rc = pl_rpc_client_call_pushback(of->call, &pushback_ms);
}

static void pushback_is_told(void **state)
{
    static const struct {
        const char *value;
        int rc;
        int64_t ms;
    } cases[] = {
        {"0", PL_OK, 0},
        {"1500", PL_OK, 1500},
        {"2147483647", PL_OK, INT32_MAX},
        {"2147483648", PL_E_INVALID, 0},
        {"99999999999999999999", PL_E_INVALID, 0},
        {"-1", PL_E_INVALID, 0},
        {"soon", PL_E_INVALID, 0},
        {"", PL_E_INVALID, 0},
        {NULL, PL_E_NOTFOUND, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int only = 0; only < 2; only++) {
            const char *const fields[] = {":status",
                                          "200",
                                          "grpc-status",
                                          "14",
                                          cases[i].value != NULL ? "grpc-retry-pushback-ms" : NULL,
                                          cases[i].value,
                                          NULL};

            setup(NULL);
            served.at_close = note_pushback;
            pushback_ms = 0;
            if (!only)
                raw_headers(&server.raw, 1, END_HEADERS, raw_head);
            raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, only ? fields : fields + 2);
            talk();
            assert_over(PL_CODE_UNAVAILABLE, NULL);
            assert_int_equal(pushback_rc, cases[i].rc);
            assert_int_equal(pushback_ms, cases[i].ms);
            teardown(NULL);
        }
}

static void the_queue_is_told_of_and_drains(void **state)
{
    static uint8_t data[70000]; /* more than a stream's first window */
    const struct pl_rpc_client_request request = {.path = "/a/b"};

    (void)state;
    begin(NULL, &request);
    assert_int_equal(pl_rpc_client_call_queue_size(served.call), 0);
    assert_int_equal(pl_rpc_client_send(served.call, (struct pl_bytes){data, sizeof data}), PL_OK);
    assert_int_equal(pl_rpc_client_call_queue_size(served.call), sizeof data + 5);
    talk();
    assert_int_equal(served.drained, 0);
    assert_int_equal(pl_rpc_client_call_queue_size(served.call), sizeof data + 5 - 65535);
    raw_frame(&server.raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\1\0\0", 4);
    raw_frame(&server.raw, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\1\0\0", 4);
    talk();
    assert_int_equal(served.drained, 1);
    assert_int_equal(pl_rpc_client_call_queue_size(served.call), 0);
    assert_int_equal(pl_rpc_client_send(served.call, pl_bytes_str("x")), PL_OK);
    pl_rpc_client_half_close(served.call);
    talk();
    assert_int_equal(served.drained, 1); /* after half-close there is nothing to wait for */
    end();
}

static void a_reset_at_the_deadline_is_the_deadline(void **state)
{
    const struct pl_rpc_client_request request = {.path = "/a/b", .timeout_ms = 50};

    (void)state;
    for (int late = 0; late < 2; late++) {
        begin(NULL, &request);
        assert_int_equal(pl_rpc_client_due_ms(server.client), server.now_ms + 50);
        server.now_ms += late ? 50 : 49;
        raw_frame(&server.raw, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x8", 4);
        talk();
        assert_over(late ? PL_CODE_DEADLINE_EXCEEDED : PL_CODE_CANCELLED, NULL);
        end();
    }
}

static void the_deadline_is_kept_here(void **state)
{
    const struct pl_rpc_client_request request = {.path = "/a/b", .timeout_ms = 50};

    (void)state;
    begin(NULL, &request);
    assert_int_equal(pl_rpc_client_tick(server.client, server.now_ms + 49), PL_OK);
    assert_int_equal(served.closed, 0);
    assert_int_equal(pl_rpc_client_tick(server.client, server.now_ms + 50), PL_OK);
    assert_over(PL_CODE_DEADLINE_EXCEEDED, "the deadline has passed");
    talk();
    assert_int_equal(raw_find(&server.raw, NGHTTP2_RST_STREAM, 1)->error_code, NGHTTP2_CANCEL);
    end();
}

static void keepalive_is_as_configured(void **state)
{
    const struct pl_rpc_client_config config = {
        .authority = "a", .keepalive_ms = 300, .keepalive_timeout_ms = 70};
    const struct pl_rpc_client_request request = {.path = "/a/b"};

    (void)state;
    raw_server_init(&server, &config);
    assert_int_equal(pl_rpc_client_due_ms(server.client), INT64_MAX); /* without calls, none */
    assert_int_equal(raw_server_begin(&server, &request, &served), PL_OK);
    talk();
    raw_clear(&server.raw);
    assert_int_equal(pl_rpc_client_due_ms(server.client), server.now_ms + 300);
    server.now_ms += 300;
    assert_int_equal(pl_rpc_client_tick(server.client, server.now_ms), PL_OK);
    assert_int_equal(pl_rpc_client_due_ms(server.client), server.now_ms + 70);
    talk(); /* a silent recv, which counts as heard */
    assert_non_null(raw_find(&server.raw, NGHTTP2_PING, 0));
    server.now_ms += 300;
    assert_int_equal(pl_rpc_client_tick(server.client, server.now_ms), PL_OK);
    assert_int_equal(pl_rpc_client_tick(server.client, server.now_ms + 69), PL_OK);
    assert_int_equal(pl_rpc_client_tick(server.client, server.now_ms + 70), PL_E_TIMEOUT);
    assert_string_equal(pl_rpc_client_why(server.client), "the server does not answer");
    end();
    assert_over(PL_CODE_UNAVAILABLE, "the connection is lost: the server does not answer");
}

static void calls_may_be_cancelled_from_their_callbacks(void **state)
{
    (void)state;
    served.cancels = true;
    raw_headers(&server.raw, 1, END_HEADERS, raw_head);
    for (int i = 0; i < 3; i++)
        raw_server_message(&server, 0, pl_bytes_str("x"));
    raw_headers(&server.raw, 1, END_HEADERS | END_STREAM, raw_tail_ok);
    talk();
    assert_over(PL_CODE_CANCELLED, "cancelled");
    assert_int_equal(served.messages, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_say_who_asks_and_what_is_understood),
        TEST(metadata_that_is_not_allowed_is_refused),
        TEST(headers_and_trailers_are_seen),
        TEST(a_response_without_headers_has_trailers_only),
        cmocka_unit_test(binary_metadata_must_be_base64),
        cmocka_unit_test(content_types_are_told_apart),
        TEST(a_status_counts_once_its_block_is_whole_and_in_order),
        cmocka_unit_test_teardown(large_headers_end_the_call, teardown),
        TEST(compressed_messages_are_taken),
        cmocka_unit_test(compressed_messages_that_break_the_rules_end_the_call),
        cmocka_unit_test(the_size_limit_is_the_clients),
        cmocka_unit_test(messages_are_compressed_where_that_makes_them_smaller),
        TEST(a_paused_call_does_not_renew_its_window),
        TEST(a_server_that_ignores_the_window_loses_the_call),
        cmocka_unit_test(one_reply_means_one),
        cmocka_unit_test(a_response_may_end_before_its_request),
        cmocka_unit_test(pushback_is_told),
        cmocka_unit_test(the_queue_is_told_of_and_drains),
        cmocka_unit_test(a_reset_at_the_deadline_is_the_deadline),
        cmocka_unit_test(the_deadline_is_kept_here),
        cmocka_unit_test(keepalive_is_as_configured),
        TEST(calls_may_be_cancelled_from_their_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
