/* test_cors.c - which web pages may call, and what their browsers are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "web.h"

#include <string.h>

static const char *const ORIGINS[] = {"https://app.example", "http://localhost:3000"};

static void preflight(struct web *web, const char *path, const char *origin, const char *names,
                      struct web_reply *reply)
{
    const char *const fields[] = {
        "origin", origin, "access-control-request-method", "POST", "access-control-request-headers",
        names,    NULL};

    web_request(web, "OPTIONS", path, fields, NULL, 0, reply);
    web_pump(web);
}

static void named_origins_may_call(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        pl_rpc_host_set_origins(web.host, ORIGINS, 2);
        for (size_t i = 0; i < 2; i++) {
            struct web_reply reply;

            preflight(&web, "/test.v1.Kinds/Echo", ORIGINS[i],
                      "content-type,connect-protocol-version,x-grpc-web,authorization", &reply);
            assert_int_equal(reply.status, 204);
            assert_int_equal(reply.ended, 1);
            assert_true(
                web_has(&reply, i == 0 ? "access-control-allow-origin: https://app.example"
                                       : "access-control-allow-origin: http://localhost:3000"));
            assert_true(web_has(&reply, "access-control-allow-methods: POST, GET"));
            assert_true(web_has(&reply,
                                "access-control-allow-headers: "
                                "content-type,connect-protocol-version,x-grpc-web,authorization"));
            assert_true(web_has(&reply, "access-control-max-age: 7200"));
            assert_true(web_has(&reply, "vary: origin, access-control-request-method, "
                                        "access-control-request-headers"));
            assert_false(web_names(&reply, "access-control-allow-credentials"));
            assert_false(web_names(&reply, "content-length"));
            web_reply_done(&reply);
        }
        assert_false(web.gone);
        assert_int_equal(web.seen.opened, 0);
    }
}

static void other_origins_are_told_nothing(void **state)
{
    static const char *const others[] = {"https://evil.example",       "null",
                                         "https://app.example:444",    "https://app.example.evil",
                                         "HTTPS://app.example/",       "http://app.example",
                                         "https://app.example, other", ""};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        pl_rpc_host_set_origins(web.host, ORIGINS, 2);
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            const char *const fields[] = {"origin", others[i], NULL};
            struct web_reply reply;

            preflight(&web, "/test.v1.Kinds/Echo", others[i], "content-type", &reply);
            assert_int_equal(reply.status, 204);
            assert_null(strstr(reply.head, "access-control-allow"));
            assert_true(web_names(&reply, "vary"));
            web_reply_done(&reply);

            web_call(&web, "Echo", "application/json", fields, "{}", 2, &reply);
            assert_null(strstr(reply.head, "access-control-allow"));
            assert_true(web_has(&reply, "vary: origin, accept-encoding"));
            web_reply_done(&reply);
        }
    }
}

static void the_servers_own_pages_may_call(void **state)
{
    static const char *const own[] = {"http://test", "https://test"};
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < 2; i++) {
            struct web_reply reply;

            preflight(&web, "/any", own[i], "content-type", &reply);
            assert_true(web_has(&reply, i == 0 ? "access-control-allow-origin: http://test"
                                               : "access-control-allow-origin: https://test"));
            web_reply_done(&reply);
        }
}

static void star_stands_for_all(void **state)
{
    static const char *const star[] = {"*"};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        pl_rpc_host_set_origins(web.host, star, 1);
        preflight(&web, "/any", "null", "content-type", &reply);
        assert_true(web_has(&reply, "access-control-allow-origin: null"));
        web_reply_done(&reply);
    }
}

/* Responses of every protocol, errors and pages too. */
static void answers_may_be_seen(void **state)
{
    static const struct {
        const char *path, *type, *body;
        size_t size;
    } cases[] = {
        {"Echo", "application/json", "{}", 2},
        {"Fail", "application/json", "{\"number\":5}", 12},
        {"Echo", "application/grpc-web", "\0\0\0\0\0", 5},
        {"Echo", "application/grpc-web-text", "AAAAAAA=", 8},
        {"Many", "application/connect+proto", "\0\0\0\0\0", 5},
        {"Nothing", "application/json", "{}", 2},
        {"/nothing", "text/plain", "", 0},
        {"Many", "application/json", "{}", 2},
    };
    static const char *const fields[] = {"origin", "https://app.example", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        pl_rpc_host_set_origins(web.host, ORIGINS, 2);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct web_reply reply;

            web_call(&web, cases[i].path, cases[i].type, fields, cases[i].body, cases[i].size,
                     &reply);
            assert_int_equal(reply.ended, 1);
            assert_true(web_has(&reply, "access-control-allow-origin: https://app.example"));
            assert_true(web_has(&reply, "vary: origin, accept-encoding"));
            assert_non_null(strstr(reply.head, "access-control-expose-headers: *, "));
            web_reply_done(&reply);
        }
    }
}

/* An OPTIONS that is no browser's question. */
static void options_say_what_may_be_asked(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        web_request(&web, "OPTIONS", "*", NULL, NULL, 0, &reply);
        web_pump(&web);
        assert_int_equal(reply.status, 204);
        assert_true(web_has(&reply, "allow: POST, GET, HEAD, OPTIONS"));
        assert_null(strstr(reply.head, "access-control-allow"));
        web_reply_done(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_origins_may_call),
        cmocka_unit_test(other_origins_are_told_nothing),
        cmocka_unit_test(the_servers_own_pages_may_call),
        cmocka_unit_test(star_stands_for_all),
        cmocka_unit_test(answers_may_be_seen),
        cmocka_unit_test(options_say_what_may_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
