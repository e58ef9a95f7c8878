/* test_connect_get.c - Connect's GET: the message is in the query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "rpc/gzip.h"
#include "web.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_SIZE = 2048 };

static void get(struct web *web, const char *query, struct web_reply *reply)
{
    char path[PATH_MAX_SIZE];

    snprintf(path, sizeof path, "/test.v1.Kinds/Look%s", query);
    web_request(web, "GET", path, NULL, NULL, 0, reply);
    web_pump(web);
}

/* Each spelling of the same message. */
static void json_may_be_spelled_in_all_ways(void **state)
{
    static const char *const queries[] = {
        "?connect=v1&encoding=json&message=%7B%22text%22%3A%22a%20b%22%7D",
        "?message=%7b%22text%22%3a%22a+b%22%7d&encoding=json&connect=v1",
        "?encoding=json&message={\"text\":\"a+b\"}",
        "?encoding=json&base64=1&message=eyJ0ZXh0IjoiYSBiIn0",
        "?encoding=json&base64=1&message=eyJ0ZXh0IjoiYSBiIn0=",
        "?encoding=json&base64=1&message=eyJ0ZXh0IjoiYSBiIn0%3D",
        "?encoding=json&base64=1&compression=identity&message=eyJ0ZXh0IjoiYSBiIn0",
        "?base64=0&encoding=json&compression=&message=%7B%22text%22%3A%22a%20b%22%7D",
        "?&&other&message2=x&encoding=json&message=%7B%22text%22%3A%22a%20b%22%7D&message=x&",
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
            struct web_reply reply;

            if (web.version == 2 || strchr(queries[i], '"') == NULL) {
                get(&web, queries[i], &reply);
                assert_int_equal(reply.status, 200);
                assert_true(web_has(&reply, "content-type: application/json"));
                assert_true(web_body_is(&reply, "{\"text\":\"a b\"}"));
                web_reply_done(&reply);
            }
        }
}

static void protobuf_is_in_base64(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t item[256];
        size_t size = kinds_item(item, "\xc3\xbf\xc3\xbe?>", -1);
        struct pl_bytebuf query;

        for (int padded = 0; padded <= 1; padded++) {
            struct web_reply reply;

            pl_bytebuf_init(&query, PATH_MAX_SIZE);
            pl_bytebuf_append_str(&query, "?encoding=proto&base64=1&message=");
            if (padded)
                pl_base64_encode((struct pl_bytes){item, size}, &query);
            else
                pl_base64_encode_bare((struct pl_bytes){item, size}, &query);
            for (size_t i = strlen("?encoding=proto&base64=1&message="); i < query.size; i++)
                if (query.data[i] == '+' || query.data[i] == '/')
                    query.data[i] = query.data[i] == '+' ? '-' : '_';
            get(&web, pl_bytebuf_cstr(&query), &reply);
            assert_int_equal(reply.status, 200);
            assert_true(web_has(&reply, "content-type: application/proto"));
            assert_int_equal(reply.body_size, size);
            assert_memory_equal(reply.body, item, size);
            web_reply_done(&reply);
            pl_bytebuf_done(&query);
        }
    }
}

static void messages_may_be_empty(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        static const char *const queries[] = {
            "?encoding=proto&message=", "?encoding=proto&base64=1&message=",
            "?encoding=proto&compression=gzip&message="};

        for (size_t i = 0; i < 3; i++) {
            struct web_reply reply;

            get(&web, queries[i], &reply);
            assert_int_equal(reply.status, 200);
            assert_int_equal(reply.body_size, 0);
            web_reply_done(&reply);
        }
    }
}

static void messages_may_be_compressed(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct pl_bytebuf packed, query;
        struct web_reply reply;

        pl_bytebuf_init(&packed, PATH_MAX_SIZE);
        pl_bytebuf_init(&query, PATH_MAX_SIZE);
        assert_int_equal(pl_rpc_gzip(pl_bytes_str("{\"number\":\"5\"}"), &packed), PL_OK);
        pl_bytebuf_append_str(&query, "?compression=gzip&encoding=json&base64=1&message=");
        for (size_t at = query.size, once = 1; once; once = 0) {
            pl_base64_encode_bare((struct pl_bytes){packed.data, packed.size}, &query);
            for (; at < query.size; at++)
                if (query.data[at] == '+' || query.data[at] == '/')
                    query.data[at] = query.data[at] == '+' ? '-' : '_';
        }
        get(&web, pl_bytebuf_cstr(&query), &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_body_is(&reply, "{\"number\":\"5\"}"));
        web_reply_done(&reply);
        pl_bytebuf_done(&packed);
        pl_bytebuf_done(&query);
    }
}

static void bad_queries_are_refused(void **state)
{
    static const struct {
        const char *query;
        int status;
        const char *body;
    } cases[] = {
        {"", 415, "the query needs encoding=json or encoding=proto\n"},
        {"?", 415, NULL},
        {"?message=%7B%7D", 415, NULL},
        {"?encoding=xml&message=x", 415, NULL},
        {"?encoding=json", 400,
         "{\"code\":\"invalid_argument\",\"message\":\"the query has no message\"}"},
        {"?encoding=json&message", 400, NULL},
        {"?encoding=json&connect=v2&message=%7B%7D", 400,
         "{\"code\":\"invalid_argument\",\"message\":\"the query's connect is not v1\"}"},
        {"?encoding=json&base64=1&message=%7B%7D", 400,
         "{\"code\":\"invalid_argument\",\"message\":\"the message is not base64\"}"},
        {"?encoding=json&base64=1&message=A", 400, NULL},
        {"?encoding=json&message=", 400, NULL},
        {"?encoding=json&message=%7", 400, NULL},
        {"?encoding=json&compression=br&message=%7B%7D", 501,
         "{\"code\":\"unimplemented\",\"message\":\"the compression is not supported; identity "
         "and gzip are\"}"},
        {"?encoding=json&compression=gzip&message=%7B%7D", 400,
         "{\"code\":\"invalid_argument\",\"message\":\"the compressed message is not gzip\"}"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct web_reply reply;

            get(&web, cases[i].query, &reply);
            assert_int_equal(reply.status, cases[i].status);
            if (cases[i].body != NULL)
                assert_true(web_body_is(&reply, cases[i].body));
            if (cases[i].status == 501)
                assert_true(web_has(&reply, "accept-encoding: gzip"));
            assert_int_equal(web.seen.messages, 0);
            assert_false(web.gone);
            web_reply_done(&reply);
        }
}

static void methods_with_side_effects_are_405(void **state)
{
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"GET", "/test.v1.Kinds/Echo?encoding=json&message=%7B%7D", "allow: POST"},
        {"GET", "/test.v1.Kinds/Many?encoding=json&message=%7B%7D", "allow: POST"},
        {"HEAD", "/test.v1.Kinds/Echo?encoding=json&message=%7B%7D", "allow: POST"},
        {"HEAD", "/test.v1.Kinds/Look?encoding=json&message=%7B%7D", "allow: GET, POST"},
    };
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (size_t i = 0; i < 4; i++) {
            struct web_reply reply;

            web_request(&web, cases[i].method, cases[i].path, NULL, NULL, 0, &reply);
            web_pump(&web);
            assert_int_equal(reply.status, 405);
            assert_true(web_has(&reply, cases[i].allow));
            assert_int_equal(reply.body_size > 0, cases[i].method[0] == 'G');
            assert_int_equal(web.seen.opened, 0);
            web_reply_done(&reply);
        }
}

static void timeouts_and_encodings_are_header_fields(void **state)
{
    static const char *const fields[] = {
        "connect-timeout-ms", "77", "accept-encoding", "gzip", "x-compress", "1", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        web_request(&web, "GET", "/test.v1.Kinds/Look?encoding=json&message=%7B%7D", fields, NULL,
                    0, &reply);
        web_pump(&web);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "content-encoding: gzip"));
        assert_int_equal(web.seen.deadline_ms, web.now_ms + 77);
        web_reply_done(&reply);
    }
}

/* What a cache may hold depends on who asks. */
static void answers_tell_what_they_depend_on(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        get(&web, "?encoding=json&message=%7B%7D", &reply);
        assert_true(web_has(&reply, "vary: origin, accept-encoding"));
        web_reply_done(&reply);
    }
}

static void a_body_is_refused(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        web_request(&web, "GET", "/test.v1.Kinds/Look?encoding=json&message=%7B%7D", NULL, "x", 1,
                    &reply);
        web_pump(&web);
        assert_int_equal(reply.status, 400);
        assert_true(web_body_is(
            &reply, "{\"code\":\"invalid_argument\",\"message\":\"a GET has no body\"}"));
        assert_int_equal(web.seen.messages, 0);
        web_reply_done(&reply);
    }
}

/* The target has a limit of its own in HTTP/1.1, and counts as a header in HTTP/2. */
static void long_queries_pass_up_to_the_limit(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web)
        for (int over = 0; over <= 1; over++) {
            static char path[PL_RPC_TARGET_SIZE_MAX + 2];
            static const char start[] =
                "/test.v1.Kinds/Look?encoding=json&message=%7B%22text%22%3A%22";
            size_t size = web.version == 1 ? PL_RPC_TARGET_SIZE_MAX : 8000;
            struct web_reply reply;

            if (web.version == 2 && over)
                size = PL_RPC_HEADERS_SIZE_MAX;
            memset(path, 'x', sizeof path);
            memcpy(path, start, sizeof start - 1);
            size += web.version == 1 ? (size_t)over : 0;
            memcpy(path + size - 6, "%22%7D", 7);
            web_request(&web, "GET", path, NULL, NULL, 0, &reply);
            web_pump(&web);
            assert_int_equal(reply.status, !over ? 200 : web.version == 1 ? 414 : 431);
            web_reply_done(&reply);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_may_be_spelled_in_all_ways),
        cmocka_unit_test(protobuf_is_in_base64),
        cmocka_unit_test(messages_may_be_empty),
        cmocka_unit_test(messages_may_be_compressed),
        cmocka_unit_test(bad_queries_are_refused),
        cmocka_unit_test(methods_with_side_effects_are_405),
        cmocka_unit_test(timeouts_and_encodings_are_header_fields),
        cmocka_unit_test(answers_tell_what_they_depend_on),
        cmocka_unit_test(a_body_is_refused),
        cmocka_unit_test(long_queries_pass_up_to_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
