/* test_simple_client.c - a call that is waited for; the server runs beside it. */
#include "transport/simple_client.h"

#include "../net/certs.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/thread.h"
#include "transport/simple_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char check[] = "/grpc.health.v1.Health/Check";

struct served {
    struct certs certs;
    struct pl_simple_server *server;
    struct pl_thread *thread;
    char target[PL_TARGET_TEXT_SIZE];
};

static void serve(void *self)
{
    struct served *served = self;

    (void)pl_simple_server_run(served->server);
}

static void start(struct served *served, bool tls)
{
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    struct pl_target target = {.tls = tls};

    certs_init(&served->certs);
    config.drain_ms = 0;
    if (tls)
        config.port.tls = certs_server(&served->certs, "server", NULL);
    assert_int_equal(pl_simple_server_new(&config, &served->server), PL_OK);
    pl_tls_context_unref(config.port.tls);
    assert_int_equal(pl_simple_server_listen(served->server, "127.0.0.1:0", &target.address),
                     PL_OK);
    pl_target_format(&target, served->target, sizeof served->target);
    assert_int_equal(pl_thread_start("server", serve, served, &served->thread), PL_OK);
}

static void stop(struct served *served)
{
    pl_simple_server_stop(served->server);
    pl_thread_join(served->thread);
    pl_simple_server_free(served->server);
    certs_done(&served->certs);
}

static void the_answer_is_waited_for(void **state)
{
    static const char serving[] = "\x08\x01"; /* HealthCheckResponse {status: SERVING} */
    struct served served = {0};
    struct pl_simple_call call = {.path = check};
    struct pl_simple_reply reply;

    (void)state;
    start(&served, false);
    call.target = served.target;
    for (int i = 0; i < 3; i++) {
        pl_simple_call(&call, &reply);
        assert_string_equal(reply.text, "");
        assert_int_equal(reply.code, PL_CODE_OK);
        assert_int_equal(reply.message.size, 2);
        assert_memory_equal(reply.message.data, serving, 2);
        pl_simple_reply_done(&reply);
    }
    call.path = "/grpc.health.v1.Health/Cure";
    pl_simple_call(&call, &reply);
    assert_int_equal(reply.code, PL_CODE_UNIMPLEMENTED);
    assert_int_equal(reply.message.size, 0);
    assert_true(reply.text[0] != 0);
    pl_simple_reply_done(&reply);
    stop(&served);
}

static void it_is_the_same_over_tls(void **state)
{
    struct served served = {0};
    struct pl_simple_call call = {.path = check};
    struct pl_simple_reply reply;

    (void)state;
    start(&served, true);
    call.target = served.target;
    call.ca_file = certs_path(&served.certs, "ca.crt");
    pl_simple_call(&call, &reply);
    assert_string_equal(reply.text, "");
    assert_int_equal(reply.code, PL_CODE_OK);
    pl_simple_reply_done(&reply);

    call.ca_file = certs_path(&served.certs, "other-ca.crt");
    pl_simple_call(&call, &reply);
    assert_int_equal(reply.code, PL_CODE_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "certificate verify failed"));
    pl_simple_reply_done(&reply);

    call.ca_file = certs_path(&served.certs, "nobody.crt");
    pl_simple_call(&call, &reply);
    assert_int_equal(reply.code, PL_CODE_INVALID_ARGUMENT);
    assert_non_null(strstr(reply.text, "nobody.crt"));
    pl_simple_reply_done(&reply);
    stop(&served);
}

static void what_cannot_be_called_is_a_status_too(void **state)
{
    static const struct {
        const char *target;
        enum pl_code code;
        const char *text;
    } cases[] = {
        {"nowhere", PL_CODE_INVALID_ARGUMENT, "invalid value"},
        {"127.0.0.1:1", PL_CODE_UNAVAILABLE, "connecting to 127.0.0.1:1: connection refused"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_simple_call call = {.target = cases[i].target, .path = check};
        struct pl_simple_reply reply;

        pl_simple_call(&call, &reply);
        assert_int_equal(reply.code, cases[i].code);
        assert_string_equal(reply.text, cases[i].text);
        pl_simple_reply_done(&reply);
    }
}

static void want_of_memory_is_a_status_too(void **state)
{
    struct served served = {0};
    struct pl_simple_call call = {.path = check};

    (void)state;
    start(&served, false);
    call.target = served.target;
    for (uint64_t nth = 1;; nth++) {
        struct pl_simple_reply reply;
        bool failed;

        pl_mem_fail_at(nth);
        pl_simple_call(&call, &reply);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        if (reply.code != PL_CODE_OK)
            assert_true(failed && reply.text[0] != 0);
        pl_simple_reply_done(&reply);
        if (!failed)
            break;
    }
    stop(&served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_waited_for),
        cmocka_unit_test(it_is_the_same_over_tls),
        cmocka_unit_test(what_cannot_be_called_is_a_status_too),
        cmocka_unit_test(want_of_memory_is_a_status_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
