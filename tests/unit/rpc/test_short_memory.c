/*
 * test_short_memory.c - whole conversations in every protocol, with each allocation
 * of the server's failed in turn: nothing crashes or leaks, each call that was opened is
 * closed once, and no client is left waiting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/mem.h"
#include "rpc/envelope.h"
#include "rpc/gzip.h"
#include "rpc/health.h"
#include "web.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 2048, ROUNDS_MAX = 20 * 1000 };

#define UNUSUAL                                                                                   \
    "x-in", "here", "x-in-bin", "//8,AA", "accept", "*/*", "origin", "http://test", "x-compress", \
        "1"

/* What a request sends, and how often it comes on one connection. */
struct talk {
    int version;
    const char *method; /* of HTTP */
    const char *path;
    const char *const *fields;
    const void *body;
    size_t size;
};

/* Nothing is left in the dark: the response is whole, or has been broken off. */
static void assert_decided(const struct web *web, const struct web_reply *reply)
{
    assert_true(reply->ended || reply->reset >= 0 || web->gone || web->conn_rc < 0);
}

static void run_once(const struct talk *talk, uint64_t nth)
{
    struct kinds_seen seen;
    struct web web;

    pl_mem_fail_at(nth);
    if (web_init(&web, talk->version) == PL_OK) {
        struct web_reply replies[2];

        for (size_t i = 0; i < 2; i++)
            web_request(&web, talk->method, talk->path, talk->fields, talk->body, talk->size,
                        &replies[i]);
        web_pump(&web);
        for (size_t i = 0; i < 2; i++) {
            assert_decided(&web, &replies[i]);
            web_reply_done(&replies[i]);
        }
    }
    web_hang_up(&web);
    seen = web.seen;
    web_done(&web);
    assert_int_equal(seen.opened, seen.closed);
}

static void run(const struct talk *talk)
{
    uint64_t nth = 0;

    do {
        assert_true(++nth < ROUNDS_MAX);
        run_once(talk, nth);
    } while (pl_mem_failed());
    pl_mem_fail_at(0);
    assert_true(nth > 20);
}

static void run_both(struct talk talk)
{
    for (talk.version = 1; talk.version <= 2; talk.version++)
        run(&talk);
}

/* A compressed item in its envelope. */
static size_t packed_frame(uint8_t *to, const char *message, size_t size)
{
    struct pl_bytebuf packed;

    pl_bytebuf_init(&packed, BODY_MAX);
    assert_int_equal(pl_rpc_gzip((struct pl_bytes){(const uint8_t *)message, size}, &packed),
                     PL_OK);
    pl_rpc_envelope_write(to, 1, packed.size);
    memcpy(to + PL_RPC_ENVELOPE_SIZE, packed.data, packed.size);
    size = PL_RPC_ENVELOPE_SIZE + packed.size;
    pl_bytebuf_done(&packed);
    return size;
}

static void grpc(void **state)
{
    static const char *const fields[] = {"content-type",
                                         "application/grpc",
                                         "te",
                                         "trailers",
                                         "grpc-accept-encoding",
                                         "gzip",
                                         "grpc-encoding",
                                         "gzip",
                                         UNUSUAL,
                                         "grpc-timeout",
                                         "10S",
                                         NULL};
    static const char *const paths[] = {"/test.v1.Kinds/Echo",  "/test.v1.Kinds/Many",
                                        "/test.v1.Kinds/Count", "/test.v1.Kinds/Talk",
                                        "/test.v1.Kinds/Fail",  "/test.v1.Kinds/Nothing"};
    uint8_t item[BODY_MAX], body[BODY_MAX];
    size_t size;
    (void)state;

    size = packed_frame(body, (const char *)item, kinds_item(item, "some text", 5));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        run(&(struct talk){2, "POST", paths[i], fields, body, size});
}

static void grpc_web(void **state)
{
    static const char *const fields[] = {"content-type",
                                         "application/grpc-web+proto",
                                         "grpc-accept-encoding",
                                         "gzip",
                                         "grpc-encoding",
                                         "gzip",
                                         UNUSUAL,
                                         NULL};
    static const char *const paths[] = {"/test.v1.Kinds/Many", "/test.v1.Kinds/FailStream"};
    uint8_t item[BODY_MAX], body[BODY_MAX];
    size_t size;
    (void)state;

    size = packed_frame(body, (const char *)item, kinds_item(item, "some text", 5));
    for (size_t i = 0; i < 2; i++)
        run_both((struct talk){0, "POST", paths[i], fields, body, size});
}

static void grpc_web_text(void **state)
{
    static const char *const fields[] = {"content-type", "application/grpc-web-text", UNUSUAL,
                                         NULL};
    uint8_t body[BODY_MAX];
    struct pl_bytebuf text;
    (void)state;

    pl_bytebuf_init(&text, BODY_MAX);
    pl_base64_encode((struct pl_bytes){body, kinds_frame(body, 0, "some text", 5)}, &text);
    run_both((struct talk){0, "POST", "/test.v1.Kinds/Many", fields, text.data, text.size});
    pl_bytebuf_done(&text);
}

static void connect_unary(void **state)
{
    static const char *const fields[] = {"content-type",
                                         "application/json",
                                         "accept-encoding",
                                         "gzip",
                                         "content-encoding",
                                         "gzip",
                                         UNUSUAL,
                                         NULL};
    static const char *const paths[] = {"/test.v1.Kinds/Echo", "/test.v1.Kinds/Fail",
                                        "/test.v1.Kinds/Nothing"};
    static const char json[] = "{\"text\":\"some text\",\"number\":5,\"data\":\"AAAA\"}";
    uint8_t body[BODY_MAX];
    size_t size = packed_frame(body, json, sizeof json - 1);
    (void)state;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        run_both((struct talk){0, "POST", paths[i], fields, body + PL_RPC_ENVELOPE_SIZE,
                               size - PL_RPC_ENVELOPE_SIZE});
}

static void connect_streams(void **state)
{
    static const char *const fields[] = {"content-type",
                                         "application/connect+json",
                                         "connect-accept-encoding",
                                         "gzip",
                                         "connect-content-encoding",
                                         "gzip",
                                         UNUSUAL,
                                         NULL};
    static const char *const paths[] = {"/test.v1.Kinds/Many", "/test.v1.Kinds/Count",
                                        "/test.v1.Kinds/FailStream"};
    static const char json[] = "{\"text\":\"some text\",\"number\":5}";
    uint8_t body[BODY_MAX];
    size_t size = packed_frame(body, json, sizeof json - 1);
    (void)state;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        run_both((struct talk){0, "POST", paths[i], fields, body, size});
}

static void connect_get(void **state)
{
    static const char *const fields[] = {"accept-encoding", "gzip", UNUSUAL, NULL};
    (void)state;

    run_both((struct talk){0, "GET",
                           "/test.v1.Kinds/Look?encoding=json&base64=1&message=eyJ0ZXh0IjoiYSBiIn0",
                           fields, NULL, 0});
}

static void preflights(void **state)
{
    static const char *const fields[] = {"origin", "http://test", "access-control-request-headers",
                                         "content-type", NULL};
    (void)state;

    run_both((struct talk){0, "OPTIONS", "/test.v1.Kinds/Echo", fields, NULL, 0});
}

/* Pages, and the streams of sources, which health has. */
static void health(void **state)
{
    static const struct {
        const char *method, *path, *content_type, *body;
        size_t size;
    } cases[] = {
        {"GET", "/healthz", "text/plain", "", 0},
        {"GET", "/nothing", "text/plain", "", 0},
        {"POST", "/grpc.health.v1.Health/Check", "application/json", "{}", 2},
        {"POST", "/grpc.health.v1.Health/Watch", "application/connect+json", "\0\0\0\0\2{}", 7},
        {"POST", "/grpc.health.v1.Health/Watch", "application/grpc-web-text", "AAAAAAA=", 8},
        {"POST", "/grpc.health.v1.Health/Watch", "application/grpc-web", "\0\0\0\0\0", 5},
    };
    (void)state;

    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++)
        for (uint64_t nth = 1, failed = 1; failed; nth++) {
            const char *const fields[] = {"content-type", cases[i / 2].content_type, NULL};
            struct pl_rpc_health *served = NULL;
            struct web web;

            pl_mem_fail_at(nth);
            if (web_init(&web, i % 2 == 0 ? 1 : 2) == PL_OK &&
                pl_rpc_health_new(web.host, &served) == PL_OK &&
                pl_rpc_health_set(served, "", true) == PL_OK) {
                struct web_reply reply;

                web_request(&web, cases[i / 2].method, cases[i / 2].path, fields, cases[i / 2].body,
                            cases[i / 2].size, &reply);
                web_pump(&web);
                pl_rpc_health_drain(served);
                web_pump(&web);
                assert_decided(&web, &reply);
                web_reply_done(&reply);
            }
            web_done(&web);
            pl_rpc_health_free(served);
            failed = (uint64_t)pl_mem_failed();
        }
    pl_mem_fail_at(0);
}

/* Requests that come a byte at a time, answers that leave likewise. */
static void slow_peers(void **state)
{
    static const char *const fields[] = {"content-type", "application/json", NULL};
    (void)state;

    for (int version = 1; version <= 2; version++)
        for (uint64_t nth = 1, failed = 1; failed; nth++) {
            struct web web;

            pl_mem_fail_at(nth);
            if (web_init(&web, version) == PL_OK) {
                struct web_reply reply;

                web.chunk_in = web.chunk_out = 1;
                web_request(&web, "POST", "/test.v1.Kinds/Echo", fields, "{\"number\":1}", 12,
                            &reply);
                web_pump(&web);
                assert_decided(&web, &reply);
                web_reply_done(&reply);
            }
            web_done(&web);
            failed = (uint64_t)pl_mem_failed();
        }
    pl_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grpc),
        cmocka_unit_test(grpc_web),
        cmocka_unit_test(grpc_web_text),
        cmocka_unit_test(connect_unary),
        cmocka_unit_test(connect_streams),
        cmocka_unit_test(connect_get),
        cmocka_unit_test(preflights),
        cmocka_unit_test(health),
        cmocka_unit_test(slow_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
