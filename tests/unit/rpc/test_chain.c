/* test_chain.c - a call that ends while the server fills, and answers another one then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/envelope.h"
#include "web.h"

/* The calls that wait are finished by the end of one that does not. */
struct chain {
    struct pl_rpc_host *host;
    uint64_t waiting;
};

static void finish(struct pl_rpc_call *call)
{
    static const struct pl_rpc_status ok = {.code = PL_CODE_OK};

    pl_rpc_call_finish(call, &ok);
}

static void on_wait(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct chain *chain = pl_rpc_call_ctx(call);

    (void)message;
    chain->waiting = pl_rpc_call_id(call);
}

static void on_end(struct pl_rpc_call *call, struct pl_bytes message)
{
    (void)message;
    finish(call);
}

static void on_ended(struct pl_rpc_call *call)
{
    struct chain *chain = pl_rpc_call_ctx(call);
    struct pl_rpc_call *waiting = pl_rpc_host_call(chain->host, chain->waiting);

    if (waiting != NULL)
        finish(waiting);
}

static const struct pl_rpc_method methods[] = {
    {.name = "Wait", .on_message = on_wait},
    {.name = "End", .on_message = on_end, .on_close = on_ended},
};

static const struct pl_rpc_service service = {"test.Chain", methods, 2, NULL};

static void web_begin(struct web *web, struct chain *chain, int version, size_t chunk)
{
    *chain = (struct chain){0};
    assert_int_equal(web_init(web, version), PL_OK);
    chain->host = web->host;
    assert_int_equal(pl_rpc_host_add(web->host, &service, chain), PL_OK);
    web->chunk_out = chunk;
}

static void an_answer_to_another_stream_leaves_at_once(void **state)
{
    static const uint8_t frame[PL_RPC_ENVELOPE_SIZE] = {0};
    (void)state;

    for (size_t chunk = 1; chunk < 100; chunk++) {
        struct web_reply waiting, ending;
        struct chain chain;
        struct web web;

        web_begin(&web, &chain, 2, chunk);
        web_call(&web, "/test.Chain/Wait", "application/grpc", NULL, frame, sizeof frame, &waiting);
        assert_int_equal(waiting.ended, 0);
        web_call(&web, "/test.Chain/End", "application/grpc", NULL, frame, sizeof frame, &ending);
        assert_int_equal(ending.ended, 1);
        assert_int_equal(waiting.ended, 1);
        web_reply_done(&waiting);
        web_reply_done(&ending);
        web_done(&web);
    }
}

/* The first call's end is noticed where nothing is left to fill, and the second one begins
 * there. */
static void an_answer_to_the_next_request_leaves_at_once(void **state)
{
    static const char *const fields[] = {"content-type", "application/proto", NULL};
    (void)state;

    for (size_t chunk = 1; chunk < 300; chunk++) {
        struct web_reply waiting, ending;
        struct chain chain;
        struct web web;

        web_begin(&web, &chain, 1, chunk);
        web_request(&web, "POST", "/test.Chain/End", fields, NULL, 0, &ending);
        web_request(&web, "POST", "/test.Chain/Wait", fields, NULL, 0, &waiting);
        web_pump(&web);
        assert_int_equal(ending.ended, 1);
        assert_int_equal(waiting.ended, 1);
        web_reply_done(&waiting);
        web_reply_done(&ending);
        web_done(&web);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_to_another_stream_leaves_at_once),
        cmocka_unit_test(an_answer_to_the_next_request_leaves_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
