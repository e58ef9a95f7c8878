/* test_connect.c - Connect's calls of one message, in protobuf and in JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rpc/gzip.h"
#include "web.h"

#include <stdio.h>
#include <string.h>

#define JSON  "application/json"
#define PROTO "application/proto"

enum { BODY_MAX = 512 };

static void call_json(struct web *web, const char *method, const char *const *fields,
                      const char *json, struct web_reply *reply)
{
    web_call(web, method, JSON, fields, json, strlen(json), reply);
}

/* An error, and that the connection outlives it. */
static void assert_error(const struct web_reply *reply, int status, const char *json)
{
    assert_int_equal(reply->status, status);
    assert_int_equal(reply->ended, 1);
    assert_true(web_has(reply, "content-type: application/json"));
    assert_string_equal((const char *)reply->body, json);
    assert_false(reply->web->gone);
}

static void json_is_answered_in_json(void **state)
{
    static const struct {
        const char *request, *response;
    } cases[] = {
        {"{\"text\":\"hello\",\"number\":\"7\"}", "{\"text\":\"hello\",\"number\":\"7\"}"},
        {" { \"number\" : -3 } ", "{\"number\":\"-3\"}"},
        {"{}", "{}"},
        {"{\"data\":\"_-8\"}", "{\"data\":\"/+8=\"}"},
    };
    static const char *const types[] = {JSON, "Application/JSON ; charset=utf-8"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            for (size_t j = 0; j < 2; j++) {
                struct web_reply reply;

                web_call(&web, "Echo", types[j], NULL, cases[i].request, strlen(cases[i].request),
                         &reply);
                assert_int_equal(reply.status, 200);
                assert_true(web_has(&reply, "content-type: application/json"));
                assert_true(web_body_is(&reply, cases[i].response));
                assert_string_equal(reply.trailers, "");
                assert_false(web_names(&reply, "grpc-accept-encoding"));
                web_reply_done(&reply);
            }
}

static void protobuf_is_answered_in_protobuf(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t item[BODY_MAX];
        size_t size = kinds_item(item, "binary", 9);
        struct web_reply reply;
        char length[64];

        web_call(&web, "Echo", PROTO, NULL, item, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "content-type: application/proto"));
        snprintf(length, sizeof length, "content-length: %zu", size);
        assert_true(web_has(&reply, length));
        assert_int_equal(reply.body_size, size);
        assert_memory_equal(reply.body, item, size);
        web_reply_done(&reply);

        web_call(&web, "Echo", PROTO, NULL, NULL, 0, &reply); /* an item of defaults */
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.ended, 1);
        assert_int_equal(reply.body_size, 0);
        web_reply_done(&reply);
        assert_int_equal(web.seen.closed, 2);
    }
}

static void each_code_has_its_status_and_name(void **state)
{
    static const struct {
        int code, status;
        const char *name;
    } cases[] = {
        {1, 499, "canceled"},
        {2, 500, "unknown"},
        {3, 400, "invalid_argument"},
        {4, 504, "deadline_exceeded"},
        {5, 404, "not_found"},
        {6, 409, "already_exists"},
        {7, 403, "permission_denied"},
        {8, 429, "resource_exhausted"},
        {9, 400, "failed_precondition"},
        {10, 409, "aborted"},
        {11, 400, "out_of_range"},
        {12, 501, "unimplemented"},
        {13, 500, "internal"},
        {14, 503, "unavailable"},
        {15, 500, "data_loss"},
        {16, 401, "unauthenticated"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char json[BODY_MAX], start[BODY_MAX];
            struct web_reply reply;

            snprintf(json, sizeof json, "{\"number\":%d,\"text\":\"why \\\"so\\\"\"}",
                     cases[i].code);
            call_json(&web, "Fail", NULL, json, &reply);
            snprintf(start, sizeof start,
                     "{\"code\":\"%s\",\"message\":\"why \\\"so\\\"\",\"details\":[{\"type\":"
                     "\"test.v1.Item\",\"value\":\"",
                     cases[i].name);
            assert_int_equal(reply.status, cases[i].status);
            assert_true(web_has(&reply, "content-type: application/json"));
            assert_memory_equal(reply.body, start, strlen(start));
            web_reply_done(&reply);
        }
}

/* Also where messages are protobuf; details in base64 without padding. */
static void errors_are_json(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t item[BODY_MAX];
        size_t size = kinds_item(item, "x", 5);
        struct web_reply reply;

        web_call(&web, "Fail", PROTO, NULL, item, size, &reply);
        assert_error(&reply, 404,
                     "{\"code\":\"not_found\",\"message\":\"x\",\"details\":[{\"type\":"
                     "\"test.v1.Item\",\"value\":\"CgF4EAU\"}]}");
        web_reply_done(&reply);
    }
}

/* What a service says is not always what it should be; the error still goes out. */
static void errors_survive_what_json_cannot_say(void **state)
{
    static const struct {
        const char *message, *json;
    } cases[] = {
        {"caf\xe9!", "{\"code\":\"internal\",\"message\":\"caf\xef\xbf\xbd!\"}"},
        {"\xf0\x9f\x98",
         "{\"code\":\"internal\",\"message\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}"},
        {"\xed\xa0\x80\x01", "{\"code\":\"internal\",\"message\":"
                             "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u0001\"}"},
        {"", "{\"code\":\"internal\"}"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const struct pl_rpc_status status = {.code = PL_CODE_INTERNAL,
                                                 .message = cases[i].message,
                                                 .details = {(const uint8_t *)"\xff\xff", 2}};
            struct web_reply reply;

            call_json(&web, "Wait", NULL, "{}", &reply);
            pl_rpc_call_finish(pl_rpc_host_call(web.host, web.seen.last_id), &status);
            web_pump(&web);
            assert_error(&reply, 500, cases[i].json);
            web_reply_done(&reply);
        }
}

static void long_messages_are_cut_between_characters(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        static char message[100 * 1000];
        struct web_reply reply;

        for (size_t i = 0; i + 2 < sizeof message; i += 2)
            memcpy(message + i, "\xc3\xa9", 3);
        call_json(&web, "Wait", NULL, "{}", &reply);
        kinds_finish(web.host, &web.seen, PL_CODE_INTERNAL, message);
        web_pump(&web);
        assert_int_equal(reply.status, 500);
        assert_int_equal(reply.body_size, PL_RPC_STATUS_MESSAGE_SIZE_MAX +
                                              strlen("{\"code\":\"internal\",\"message\":\"\"}"));
        web_reply_done(&reply);
    }
}

static void headers_and_trailers_are_headers(void **state)
{
    static const char *const fields[] = {"x-in", "here", "x-in-bin", "//8", NULL};
    static const char *const methods[] = {"Echo", "Fail"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < 2; i++) {
            struct web_reply reply;

            call_json(&web, methods[i], fields, "{\"number\":5}", &reply);
            assert_int_equal(reply.status, i == 0 ? 200 : 404);
            assert_true(web_has(&reply, "x-out: here"));
            assert_true(web_has(&reply, "x-out-bin: //8"));
            assert_true(web_has(&reply, "trailer-x-end: here"));
            assert_true(web_has(&reply, "trailer-x-end-bin: //8"));
            web_reply_done(&reply);
        }
}

static void metadata_is_what_the_client_says_to_the_service(void **state)
{
    static const char *const fields[] = {"x-one", "1", "user-agent", "test", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        static const char *const others[] = {
            ":",       "host: ", "connection: ", "content-length: ", "te: ", "transfer-encoding: ",
            "expect: "};
        struct web_reply reply;

        call_json(&web, "Echo", fields, "{}", &reply);
        assert_non_null(strstr(web.seen.metadata, "x-one: 1\n"));
        assert_non_null(strstr(web.seen.metadata, "user-agent: test\n"));
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            assert_true(strncmp(web.seen.metadata, others[i], strlen(others[i])) != 0);
            if (i > 0) {
                char line[64];

                snprintf(line, sizeof line, "\n%s", others[i]);
                assert_null(strstr(web.seen.metadata, line));
            }
        }
        web_reply_done(&reply);
    }
}

static void timeouts_are_kept(void **state)
{
    static const char *const fields[] = {"connect-timeout-ms", "250", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Wait", fields, "{}", &reply);
        assert_int_equal(web.seen.deadline_ms, web.now_ms + 250);
        web.now_ms += 249;
        assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
        assert_int_equal(web.seen.closed, 0);
        web.now_ms += 1;
        assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
        assert_int_equal(web.seen.closed, 1);
        web_pump(&web);
        assert_error(&reply, 504,
                     "{\"code\":\"deadline_exceeded\",\"message\":\"the deadline has passed\"}");
        web_reply_done(&reply);
    }
}

static void bad_timeouts_are_refused(void **state)
{
    static const char *const bad[] = {"soon", "-1", "1.5", "12345678901", "", "1 ", "+1", "10S"};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            const char *const fields[] = {"connect-timeout-ms", bad[i], NULL};

            if (bad[i][0] == '1' && bad[i][1] == ' ')
                continue; /* HTTP takes blanks at an end away */
            call_json(&web, "Echo", fields, "{}", &reply);
            assert_error(
                &reply, 400,
                "{\"code\":\"invalid_argument\",\"message\":\"malformed connect-timeout-ms\"}");
            web_reply_done(&reply);
        }
        static const char *const none[] = {"connect-timeout-ms", "0", NULL};
        static const char *const longest[] = {"connect-timeout-ms", "9999999999", NULL};

        call_json(&web, "Echo", none, "{}", &reply);
        assert_int_equal(reply.status, 504);
        web_reply_done(&reply);
        call_json(&web, "Echo", longest, "{}", &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(web.seen.deadline_ms, web.now_ms + 9999999999);
        assert_int_equal(web.seen.opened, 1);
        web_reply_done(&reply);
    }
}

static void versions_are_checked(void **state)
{
    static const char *const good[] = {"connect-protocol-version", "1", NULL};
    static const char *const bad[] = {"connect-protocol-version", "2", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Echo", good, "{}", &reply);
        assert_int_equal(reply.status, 200);
        web_reply_done(&reply);
        call_json(&web, "Echo", bad, "{}", &reply);
        assert_error(&reply, 400,
                     "{\"code\":\"invalid_argument\",\"message\":\"connect-protocol-version is "
                     "not 1\"}");
        web_reply_done(&reply);
    }
}

static void gzip_passes_both_ways(void **state)
{
    static const char *const accepts[] = {"gzip", "br, GZIP;q=0.5", "identity;q=0, gzip; q=1.0",
                                          "x-gzip ,\tgzip"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
            const char *const fields[] = {
                "content-encoding", "gzip", "accept-encoding", accepts[i], "x-compress", "1", NULL};
            struct pl_bytebuf packed, plain;
            struct web_reply reply;

            pl_bytebuf_init(&packed, BODY_MAX);
            pl_bytebuf_init(&plain, BODY_MAX);
            assert_int_equal(pl_rpc_gzip(pl_bytes_str("{\"text\":\"squeezed\"}"), &packed), PL_OK);
            web_call(&web, "Echo", JSON, fields, packed.data, packed.size, &reply);
            assert_int_equal(reply.status, 200);
            assert_true(web_has(&reply, "content-encoding: gzip"));
            assert_int_equal(
                pl_rpc_gunzip((struct pl_bytes){reply.body, reply.body_size}, BODY_MAX, &plain),
                PL_OK);
            assert_string_equal(pl_bytebuf_cstr(&plain), "{\"text\":\"squeezed\"}");
            pl_bytebuf_done(&packed);
            pl_bytebuf_done(&plain);
            web_reply_done(&reply);
        }
}

static void gzip_is_sent_only_to_those_who_take_it(void **state)
{
    static const char *const accepts[] = {"identity",   "gzip;q=0", "gzip; q=0.000", "gzipx",
                                          "x-gzip, br", "",         "gzip;q=0, br",  "br;gzip"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
            const char *const fields[] = {"accept-encoding", accepts[i], "x-compress", "1", NULL};
            struct web_reply reply;

            call_json(&web, "Echo", fields, "{}", &reply);
            assert_false(web_names(&reply, "content-encoding"));
            assert_true(web_body_is(&reply, "{}"));
            web_reply_done(&reply);
        }
}

static void unknown_encodings_are_unimplemented(void **state)
{
    static const char *const fields[] = {"content-encoding", "zstd", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Echo", fields, "{}", &reply);
        assert_error(&reply, 501,
                     "{\"code\":\"unimplemented\",\"message\":\"content-encoding zstd is not "
                     "supported; identity and gzip are\"}");
        assert_true(web_has(&reply, "accept-encoding: gzip"));
        web_reply_done(&reply);
    }
}

static void damaged_gzip_is_refused(void **state)
{
    static const char *const fields[] = {"content-encoding", "gzip", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Echo", fields, "{}", &reply);
        assert_error(
            &reply, 400,
            "{\"code\":\"invalid_argument\",\"message\":\"the compressed message is not gzip\"}");
        web_reply_done(&reply);

        /* What is empty is not compressed. */
        web_call(&web, "Echo", PROTO, fields, NULL, 0, &reply);
        assert_int_equal(reply.status, 200);
        web_reply_done(&reply);
    }
}

static void malformed_messages_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "{", "[]", "{\"nothing\":1}", "{} ", "{\"text\":1}", "{\"text\":\"\xff\"}"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct web_reply reply;

            call_json(&web, "Echo", NULL, bad[i], &reply);
            assert_int_equal(reply.status, i == 4 ? 200 : 400);
            if (i != 4)
                assert_non_null(strstr((char *)reply.body, "{\"code\":\"invalid_argument\","));
            web_reply_done(&reply);
            assert_false(web.gone);
        }
}

static void unknown_paths_are_404(void **state)
{
    static const struct {
        const char *path, *json;
    } cases[] = {
        {"Nothing", "{\"code\":\"unimplemented\",\"message\":\"unknown method Nothing of service "
                    "test.v1.Kinds\"}"},
        {"/no.Service/Echo",
         "{\"code\":\"unimplemented\",\"message\":\"unknown service no.Service\"}"},
        {"/", "{\"code\":\"unimplemented\",\"message\":\"the path is not /service/method\"}"},
        {"/%22%C3/x", "{\"code\":\"unimplemented\",\"message\":\"unknown service %22%C3\"}"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct web_reply reply;

            call_json(&web, cases[i].path, NULL, "{}", &reply);
            assert_error(&reply, 404, cases[i].json);
            web_reply_done(&reply);
        }
}

static void other_content_types_are_415(void **state)
{
    static const struct {
        const char *method, *type;
    } cases[] = {
        {"Echo", "text/plain"},
        {"Echo", NULL},
        {"Echo", "application/jsonp"},
        {"Echo", "application/connect+json"}, /* that is for streams, */
        {"Echo", "application/connect+proto"},
        {"Many", "application/json"}, /* and this is not */
        {"Count", "application/proto"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct web_reply reply;

            web_call(&web, cases[i].method, cases[i].type, NULL, "{}", 2, &reply);
            assert_int_equal(reply.status, 415);
            assert_true(web_has(&reply, "content-type: text/plain; charset=utf-8"));
            assert_int_equal(web.seen.opened, 0);
            web_reply_done(&reply);
            assert_false(web.gone);
        }
}

static void methods_of_http_are_told_apart(void **state)
{
    static const char *const methods[] = {"PUT", "DELETE", "PATCH", "TRACE"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < 4; i++) {
            struct web_reply reply;

            web_request(&web, methods[i], "/test.v1.Kinds/Echo", NULL, NULL, 0, &reply);
            web_pump(&web);
            assert_int_equal(reply.status, 405);
            assert_true(web_has(&reply, "allow: POST"));
            web_reply_done(&reply);
        }
}

/* The size is known before the body, or only when it has come. */
static void messages_over_the_limit_are_refused(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++)
        for (int chunked = 0; chunked <= 1; chunked++)
            for (uint32_t over = 0; over <= 1; over++) {
                struct pl_rpc_limits limits = PL_RPC_LIMITS_DEFAULT;
                static const char *const fields[] = {"content-type", PROTO, NULL};
                uint8_t body[1001] = {0x1a, 0xe5, 0x07}; /* Item.data of 997 bytes */
                struct web_reply reply;
                struct web web;

                limits.message_size_max = 1000;
                body[1] = over ? 0xe6 : 0xe5;
                assert_int_equal(web_init_with(&web, version, &limits), PL_OK);
                if (chunked) {
                    web_open(&web, "POST", "/test.v1.Kinds/Echo", fields, &reply);
                    web_send(&reply, body, 500, false);
                    web_pump(&web);
                    web_send(&reply, body + 500, 500 + over, true);
                    web_pump(&web);
                } else {
                    web_call(&web, "Echo", PROTO, NULL, body, 1000 + over, &reply);
                }
                assert_int_equal(reply.status, over ? 429 : 200);
                if (over)
                    assert_string_equal((char *)reply.body,
                                        "{\"code\":\"resource_exhausted\",\"message\":\"the "
                                        "message has more than 1000 bytes\"}");
                web_reply_done(&reply);
                web_done(&web);
            }
}

/* A few bytes that grow beyond the limit. */
static void decompressed_messages_are_limited(void **state)
{
    static const char *const fields[] = {"content-encoding", "gzip", NULL};
    (void)state;

    for (int version = 1; version <= 2; version++) {
        struct pl_rpc_limits limits = PL_RPC_LIMITS_DEFAULT;
        static uint8_t zeros[100 * 1000];
        struct pl_bytebuf packed;
        struct web_reply reply;
        struct web web;

        limits.message_size_max = 1000;
        assert_int_equal(web_init_with(&web, version, &limits), PL_OK);
        pl_bytebuf_init(&packed, 1000);
        assert_int_equal(pl_rpc_gzip((struct pl_bytes){zeros, sizeof zeros}, &packed), PL_OK);
        web_call(&web, "Echo", PROTO, fields, packed.data, packed.size, &reply);
        assert_error(&reply, 429,
                     "{\"code\":\"resource_exhausted\",\"message\":\"the decompressed message has "
                     "more than 1000 bytes\"}");
        web_reply_done(&reply);
        pl_bytebuf_done(&packed);
        web_done(&web);
    }
}

static void responses_are_compressed_from_a_size_on(void **state)
{
    static const char *const fields[] = {"accept-encoding", "gzip", NULL};
    (void)state;

    for (int version = 1; version <= 2; version++)
        for (uint32_t min = 10; min <= 11; min++) {
            struct pl_rpc_limits limits = PL_RPC_LIMITS_DEFAULT;
            uint8_t item[BODY_MAX];
            size_t size = kinds_item(item, "12345678", 0);
            struct web_reply reply;
            struct web web;

            assert_int_equal(size, 10);
            limits.compress_size_min = min;
            assert_int_equal(web_init_with(&web, version, &limits), PL_OK);
            web_call(&web, "Echo", PROTO, fields, item, size, &reply);
            assert_int_equal(web_names(&reply, "content-encoding"), min == 10);
            web_reply_done(&reply);
            web_done(&web);
        }
}

static void ok_without_a_message_is_an_error(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Silent", NULL, "{}", &reply);
        assert_error(&reply, 500,
                     "{\"code\":\"internal\",\"message\":\"the call ended without a response\"}");
        web_reply_done(&reply);
    }
}

/* What comes after HEAD's response would be read as the next one. */
static void head_gets_no_body_whatever_is_wrong(void **state)
{
    static const char *const types[] = {JSON, PROTO, "application/grpc-web", "text/plain"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            const char *fields[] = {"content-type", types[i], "x-in-bin", "?", NULL};
            struct web_reply reply;

            web_request(&web, "HEAD", "/test.v1.Kinds/Look", fields, NULL, 0, &reply);
            web_pump(&web);
            assert_int_equal(reply.status, 400);
            assert_int_equal(reply.ended, 1);
            assert_int_equal(reply.body_size, 0);
            assert_int_equal(web.in_size, 0);
            web_reply_done(&reply);
        }
}

/* A list of binary values: each item costs more than its comma. */
static void more_binary_metadata_than_there_is_room_for_is_refused(void **state)
{
    static char list[6000];
    const char *fields[] = {"x-in-bin", list, NULL};
    struct web web;
    (void)state;

    memset(list, ',', sizeof list - 1);
    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Echo", fields, "{}", &reply);
        assert_error(&reply, 431,
                     "{\"code\":\"resource_exhausted\","
                     "\"message\":\"the request's headers are too large\"}");
        assert_int_equal(web.seen.opened, 0);
        web_reply_done(&reply);
    }
}

static void ok_with_two_messages_is_an_error(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct pl_buf *buf = pl_buf_copy("", 0);
        struct pl_rpc_call *call;
        struct web_reply reply;

        call_json(&web, "Wait", NULL, "{}", &reply);
        call = pl_rpc_host_call(web.host, web.seen.last_id);
        assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
        assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
        kinds_finish(web.host, &web.seen, PL_CODE_OK, NULL);
        web_pump(&web);
        assert_error(
            &reply, 500,
            "{\"code\":\"internal\",\"message\":\"the call ended with more than one response\"}");
        web_reply_done(&reply);
        pl_buf_unref(buf);
    }
}

static void binary_metadata_that_is_no_base64_is_refused(void **state)
{
    static const char *const fields[] = {"x-in-bin", "?", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Echo", fields, "{}", &reply);
        assert_error(&reply, 400,
                     "{\"code\":\"invalid_argument\",\"message\":\"a -bin header is not base64\"}");
        web_reply_done(&reply);
    }
}

/* HTTP/1.1's reader refuses by itself, and knows no protocol. */
static void headers_over_the_limit_are_refused(void **state)
{
    static char value[PL_RPC_HEADERS_SIZE_MAX];
    const char *const fields[] = {"x-long", value, NULL};
    struct web web;
    (void)state;

    memset(value, 'v', sizeof value - 1);
    EACH_VERSION (&web) {
        struct web_reply reply;

        call_json(&web, "Echo", fields, "{}", &reply);
        assert_int_equal(reply.status, 431);
        if (web.version == 2)
            assert_error(&reply, 431,
                         "{\"code\":\"resource_exhausted\",\"message\":\"the request's headers "
                         "are too large\"}");
        web_reply_done(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_answered_in_json),
        cmocka_unit_test(protobuf_is_answered_in_protobuf),
        cmocka_unit_test(each_code_has_its_status_and_name),
        cmocka_unit_test(errors_are_json),
        cmocka_unit_test(errors_survive_what_json_cannot_say),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(headers_and_trailers_are_headers),
        cmocka_unit_test(metadata_is_what_the_client_says_to_the_service),
        cmocka_unit_test(timeouts_are_kept),
        cmocka_unit_test(bad_timeouts_are_refused),
        cmocka_unit_test(versions_are_checked),
        cmocka_unit_test(gzip_passes_both_ways),
        cmocka_unit_test(gzip_is_sent_only_to_those_who_take_it),
        cmocka_unit_test(unknown_encodings_are_unimplemented),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(unknown_paths_are_404),
        cmocka_unit_test(other_content_types_are_415),
        cmocka_unit_test(methods_of_http_are_told_apart),
        cmocka_unit_test(messages_over_the_limit_are_refused),
        cmocka_unit_test(decompressed_messages_are_limited),
        cmocka_unit_test(responses_are_compressed_from_a_size_on),
        cmocka_unit_test(ok_without_a_message_is_an_error),
        cmocka_unit_test(ok_with_two_messages_is_an_error),
        cmocka_unit_test(binary_metadata_that_is_no_base64_is_refused),
        cmocka_unit_test(more_binary_metadata_than_there_is_room_for_is_refused),
        cmocka_unit_test(head_gets_no_body_whatever_is_wrong),
        cmocka_unit_test(headers_over_the_limit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
