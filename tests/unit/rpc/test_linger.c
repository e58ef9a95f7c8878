/* A response of HTTP/2 that ends before its request: what may still come, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "web.h"

enum { PART = 65535 / 5 }; /* of a body that just fits a stream's window */

/* Begins a request that is refused by its head. */
static void refuse(struct web *web, const char *content_type, const char *size,
                   struct web_reply *reply)
{
    const char *fields[] = {"content-type", content_type, NULL, NULL, NULL};

    if (size != NULL) {
        fields[2] = "content-length";
        fields[3] = size;
    }
    web_open(web, "POST", "/test.v1.Kinds/Nothing", fields, reply);
    web_pump(web);
}

/* Whether the stream is there yet: neither reset, nor ended by both. */
static bool is_open(const struct web *web, const struct web_reply *reply)
{
    return nghttp2_session_get_stream_user_data(web->client, reply->stream_id) != NULL;
}

static void a_short_rest_is_let_in(void **state)
{
    static const char *const types[] = {"application/json", "application/grpc-web", "text/plain"};
    struct web web;
    (void)state;

    assert_int_equal(web_init(&web, 2), PL_OK);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct web_reply reply;

        refuse(&web, types[i], "65535", &reply);
        assert_true(reply.ended);
        for (int sent = 0; sent < 65535; sent += PART) {
            static const char data[PART];

            assert_true(is_open(&web, &reply));
            web_send(&reply, data, sizeof data, sent + PART == 65535);
            web_pump(&web);
        }
        assert_false(is_open(&web, &reply));
        web.now_ms += PL_RPC_LINGER_MS;
        assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
        web_pump(&web);
        assert_false(web.gone);
        web_reply_done(&reply);
    }
    web_done(&web);
}

static void the_rest_has_its_time(void **state)
{
    struct web_reply reply;
    struct web web;
    (void)state;

    assert_int_equal(web_init(&web, 2), PL_OK);
    refuse(&web, "application/json", "10", &reply);
    assert_true(reply.ended);
    assert_true(pl_rpc_conn_due_ms(web.conn) <= web.now_ms + PL_RPC_LINGER_MS);
    web.now_ms += PL_RPC_LINGER_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
    web_pump(&web);
    assert_true(is_open(&web, &reply));
    web.now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
    web_pump(&web);
    assert_false(is_open(&web, &reply));
    web_reply_done(&reply);
    web_done(&web);
}

static void what_is_long_or_of_grpc_is_reset(void **state)
{
    static const struct {
        const char *content_type;
        const char *size;
    } requests[] = {
        {"application/json", "65536"},
        {"application/json", NULL},
        {"application/grpc", "10"},
    };
    struct web web;
    (void)state;

    assert_int_equal(web_init(&web, 2), PL_OK);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct web_reply reply;

        refuse(&web, requests[i].content_type, requests[i].size, &reply);
        assert_true(reply.ended);
        assert_false(is_open(&web, &reply));
        web_reply_done(&reply);
    }
    web_done(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_rest_is_let_in),
        cmocka_unit_test(the_rest_has_its_time),
        cmocka_unit_test(what_is_long_or_of_grpc_is_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
