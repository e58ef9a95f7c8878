/* test_connect_stream.c - Connect's streams: frames, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/envelope.h"
#include "rpc/gzip.h"
#include "web.h"

#include <stdio.h>
#include <string.h>

#define JSON  "application/connect+json"
#define PROTO "application/connect+proto"

enum { FLAG_END_STREAM = 2, BODY_MAX = 1024 };

/* JSON within an envelope. */
static size_t json_frame(uint8_t *to, uint8_t flags, const char *json)
{
    pl_rpc_envelope_write(to, flags, strlen(json));
    memcpy(to + PL_RPC_ENVELOPE_SIZE, json, strlen(json));
    return PL_RPC_ENVELOPE_SIZE + strlen(json);
}

static void assert_frame(const struct web_reply *reply, size_t *offset, uint8_t flags,
                         const char *text)
{
    struct web_frame frame;

    assert_true(web_next_frame(reply, offset, &frame));
    assert_int_equal(frame.flags, flags);
    assert_int_equal(frame.size, strlen(text));
    assert_memory_equal(frame.data, text, frame.size);
}

/* The last frame: how the stream ended. */
static void assert_end(const struct web_reply *reply, size_t offset, const char *json)
{
    assert_frame(reply, &offset, FLAG_END_STREAM, json);
    assert_int_equal(offset, reply->body_size);
    assert_int_equal(reply->ended, 1);
    assert_string_equal(reply->trailers, "");
}

static void server_streams_in_protobuf(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX], item[BODY_MAX];
        size_t size = kinds_frame(body, 0, "item", 4), offset = 0;
        struct web_reply reply;
        struct web_frame frame;

        web_call(&web, "Many", PROTO, NULL, body, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "content-type: " PROTO));
        assert_true(web_has(&reply, "connect-accept-encoding: gzip"));
        for (int i = 0; i < 4; i++) {
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_int_equal(frame.size, kinds_item(item, "item", i));
            assert_memory_equal(frame.data, item, frame.size);
        }
        assert_end(&reply, offset, "{}");
        web_reply_done(&reply);
        assert_false(web.gone);
    }
}

static void server_streams_in_json(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        size_t size = json_frame(body, 0, "{\"number\":3}"), offset = 0;
        struct web_reply reply;

        web_call(&web, "Many", JSON, NULL, body, size, &reply);
        assert_true(web_has(&reply, "content-type: " JSON));
        assert_frame(&reply, &offset, 0, "{}");
        assert_frame(&reply, &offset, 0, "{\"number\":\"1\"}");
        assert_frame(&reply, &offset, 0, "{\"number\":\"2\"}");
        assert_end(&reply, offset, "{}");
        web_reply_done(&reply);
    }
}

static void clients_stream(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        static const char *const fields[] = {"content-type", JSON, NULL};
        struct web_reply reply;
        uint8_t body[BODY_MAX];
        size_t offset = 0;

        web_open(&web, "POST", "/test.v1.Kinds/Count", fields, &reply);
        for (int i = 0; i < 5; i++) {
            web_send(&reply, body, json_frame(body, 0, "{}"), false);
            web_pump(&web);
            assert_int_equal(web.seen.messages, i + 1);
        }
        web_send(&reply, NULL, 0, true);
        web_pump(&web);
        assert_frame(&reply, &offset, 0, "{\"number\":\"5\"}");
        assert_end(&reply, offset, "{}");
        web_reply_done(&reply);
    }
}

static void both_stream_over_http2_only(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        static const char *const fields[] = {"content-type", JSON, NULL};
        struct web_reply reply;
        uint8_t body[BODY_MAX];
        size_t offset = 0;

        web_open(&web, "POST", "/test.v1.Kinds/Talk", fields, &reply);
        web_send(&reply, body, json_frame(body, 0, "{\"text\":\"you\"}"), false);
        web_pump(&web);
        if (web.version == 1) {
            assert_int_equal(reply.status, 505);
            assert_int_equal(web.seen.opened, 0);
        } else {
            assert_frame(&reply, &offset, 0, "{\"text\":\"you\"}");
            web_send(&reply, NULL, 0, true);
            web_pump(&web);
            assert_end(&reply, offset, "{}");
        }
        web_reply_done(&reply);
    }
}

static void errors_and_metadata_come_at_the_end(void **state)
{
    static const char *const fields[] = {"x-in", "here", "x-in-bin", "//8", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        size_t size = json_frame(body, 0, "{\"number\":9,\"text\":\"no\"}"), offset = 0;
        struct web_reply reply;

        web_call(&web, "FailStream", JSON, fields, body, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "x-out: here"));
        assert_true(web_has(&reply, "x-out-bin: //8"));
        assert_frame(&reply, &offset, 0, "{\"text\":\"first\",\"number\":\"1\"}");
        assert_end(&reply, offset,
                   "{\"error\":{\"code\":\"failed_precondition\",\"message\":\"no\",\"details\":"
                   "[{\"type\":\"test.v1.Item\",\"value\":\"CgJubxAJ\"}]},"
                   "\"metadata\":{\"x-end\":[\"here\"],\"x-end-bin\":[\"//8\"]}}");
        web_reply_done(&reply);
        assert_false(web.gone);
    }
}

static void errors_before_the_stream_come_the_same_way(void **state)
{
    static const char *const timeout[] = {"connect-timeout-ms", "never", NULL};
    static const char *const encoding[] = {"connect-content-encoding", "br", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        size_t size = json_frame(body, 0, "{}");
        struct web_reply reply;

        web_call(&web, "Nothing", JSON, NULL, body, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "content-type: " JSON));
        assert_end(&reply, 0,
                   "{\"error\":{\"code\":\"unimplemented\",\"message\":\"unknown method Nothing of "
                   "service test.v1.Kinds\"}}");
        web_reply_done(&reply);

        web_call(&web, "Many", JSON, timeout, body, size, &reply);
        assert_end(&reply, 0,
                   "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"malformed "
                   "connect-timeout-ms\"}}");
        web_reply_done(&reply);

        web_call(&web, "Many", JSON, encoding, body, size, &reply);
        assert_true(web_has(&reply, "connect-accept-encoding: gzip"));
        assert_end(&reply, 0,
                   "{\"error\":{\"code\":\"unimplemented\",\"message\":\"connect-content-encoding "
                   "br is not supported; identity and gzip are\"}}");
        web_reply_done(&reply);
        assert_int_equal(web.seen.opened, 0);
    }
}

static void messages_may_be_compressed(void **state)
{
    static const char *const fields[] = {"connect-content-encoding",
                                         "gzip",
                                         "connect-accept-encoding",
                                         "gzip",
                                         "x-compress",
                                         "1",
                                         NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        struct pl_bytebuf packed, plain;
        struct web_reply reply;
        struct web_frame frame;
        size_t offset = 0;

        pl_bytebuf_init(&packed, BODY_MAX);
        pl_bytebuf_init(&plain, BODY_MAX);
        assert_int_equal(pl_rpc_gzip(pl_bytes_str("{\"number\":2}"), &packed), PL_OK);
        pl_rpc_envelope_write(body, 1, packed.size);
        memcpy(body + PL_RPC_ENVELOPE_SIZE, packed.data, packed.size);
        web_call(&web, "Many", JSON, fields, body, PL_RPC_ENVELOPE_SIZE + packed.size, &reply);
        assert_true(web_has(&reply, "connect-content-encoding: gzip"));
        for (int i = 0; i < 2; i++) {
            pl_bytebuf_clear(&plain);
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_int_equal(frame.flags, 1);
            assert_int_equal(
                pl_rpc_gunzip((struct pl_bytes){frame.data, frame.size}, BODY_MAX, &plain), PL_OK);
            assert_string_equal(pl_bytebuf_cstr(&plain), i == 0 ? "{}" : "{\"number\":\"1\"}");
        }
        assert_end(&reply, offset, "{}");
        web_reply_done(&reply);
        pl_bytebuf_done(&packed);
        pl_bytebuf_done(&plain);
    }
}

static void bad_frames_end_the_call(void **state)
{
    static const struct {
        uint8_t flags;
        const char *json, *end;
    } cases[] = {
        {2, "{}",
         "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"unknown flags before a "
         "message\"}}"},
        {0x80, "{}",
         "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"unknown flags before "
         "a message\"}}"},
        {1, "{}",
         "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"a message with the "
         "compressed flag, but without its encoding\"}}"},
        {0, "[]", "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"expected an object\"}}"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            uint8_t body[BODY_MAX];
            size_t size = json_frame(body, cases[i].flags, cases[i].json);
            struct web_reply reply;

            web_call(&web, "Many", JSON, NULL, body, size, &reply);
            assert_int_equal(reply.status, 200);
            if (i < 3)
                assert_end(&reply, 0, cases[i].end);
            assert_int_equal(web.seen.messages, 0);
            assert_int_equal(web.seen.opened, web.seen.closed);
            web_reply_done(&reply);
        }
}

/* A method that does not stream takes one message, whole. */
static void message_counts_are_checked(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        size_t size = json_frame(body, 0, "{}");
        struct web_reply reply;

        size += json_frame(body + size, 0, "{}");
        web_call(&web, "Many", JSON, NULL, body, size, &reply);
        assert_end(&reply, 0,
                   "{\"error\":{\"code\":\"unimplemented\",\"message\":\"the method takes one "
                   "message\"}}");
        web_reply_done(&reply);

        web_call(&web, "Many", JSON, NULL, NULL, 0, &reply);
        assert_end(&reply, 0,
                   "{\"error\":{\"code\":\"unimplemented\",\"message\":\"the method takes one "
                   "message\"}}");
        web_reply_done(&reply);

        web_call(&web, "Many", JSON, NULL, body, 6, &reply);
        assert_end(
            &reply, 0,
            "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"the request ends within "
            "a message\"}}");
        web_reply_done(&reply);

        web_call(&web, "Count", JSON, NULL, NULL, 0, &reply); /* as few as none */
        assert_int_equal(reply.ended, 1);
        web_reply_done(&reply);
        assert_int_equal(web.seen.opened, web.seen.closed);
    }
}

static void deadlines_end_streams_between_messages(void **state)
{
    static const char *const fields[] = {"connect-timeout-ms", "100", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        size_t size = json_frame(body, 0, "{}");
        struct web_reply reply;

        web_call(&web, "WaitStream", JSON, fields, body, size, &reply);
        assert_int_equal(reply.status, 200);
        web.now_ms += 100;
        assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
        web_pump(&web);
        assert_end(&reply, 0,
                   "{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"the deadline has "
                   "passed\"}}");
        web_reply_done(&reply);
    }
}

static void invalid_utf8_in_an_error_is_replaced(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[BODY_MAX];
        size_t size = json_frame(body, 0, "{}");
        struct web_reply reply;

        web_call(&web, "WaitStream", JSON, NULL, body, size, &reply);
        kinds_finish(web.host, &web.seen, PL_CODE_ABORTED, "\xff");
        web_pump(&web);
        assert_end(&reply, 0, "{\"error\":{\"code\":\"aborted\",\"message\":\"\xef\xbf\xbd\"}}");
        web_reply_done(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_streams_in_protobuf),
        cmocka_unit_test(server_streams_in_json),
        cmocka_unit_test(clients_stream),
        cmocka_unit_test(both_stream_over_http2_only),
        cmocka_unit_test(errors_and_metadata_come_at_the_end),
        cmocka_unit_test(errors_before_the_stream_come_the_same_way),
        cmocka_unit_test(messages_may_be_compressed),
        cmocka_unit_test(bad_frames_end_the_call),
        cmocka_unit_test(message_counts_are_checked),
        cmocka_unit_test(deadlines_end_streams_between_messages),
        cmocka_unit_test(invalid_utf8_in_an_error_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
