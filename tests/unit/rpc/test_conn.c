/* test_conn.c - many calls on a connection, its drain, its loss, and want of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pair.h"
#include "rpc/limits.h"

static int setup(void **state)
{
    struct pair *pair = test_calloc(1, sizeof *pair);

    assert_int_equal(pair_init(pair), PL_OK);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    pair_done(pair);
    test_free(pair);
    return 0;
}

static void call_lost_connection_ends_all(void **state)
{
    struct pair *pair = *state;
    struct reply sent, unsent;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &sent), PL_OK);
    pair_pump(pair);
    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &unsent), PL_OK);
    pl_rpc_conn_free(pair->conn);
    pair->conn = NULL;
    assert_int_equal(pair->seen.closed, 1);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), 0);
    pl_rpc_client_free(pair->client);
    pair->client = NULL;
    assert_int_equal(sent.code, PL_CODE_UNAVAILABLE);
    assert_true(sent.processed);
    assert_int_equal(unsent.code, PL_CODE_UNAVAILABLE);
    assert_false(unsent.processed);
}

static void call_thousand_at_once(void **state)
{
    enum { LEN = 1200 }; /* over the limit of streams: the rest waits in the client */
    struct pair *pair = *state;
    struct reply *replies = test_calloc(LEN, sizeof *replies);

    pair_pump(pair); /* the client learns the limit */
    for (int i = 0; i < LEN; i++)
        assert_int_equal(
            pair_call(pair, i % 2 ? "Echo" : "WaitStream", pl_bytes_str("hi"), &replies[i]), PL_OK);
    pair_pump(pair);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), LEN / 2);
    for (int i = 0; i < LEN; i += 2)
        pl_rpc_client_cancel(replies[i].call);
    pair_pump(pair);
    for (int i = 0; i < LEN; i++) {
        assert_int_equal(replies[i].closed, 1);
        assert_int_equal(replies[i].code, i % 2 ? PL_CODE_OK : PL_CODE_CANCELLED);
    }
    assert_int_equal(pair->seen.closed, LEN);
    test_free(replies);
}

static void drain_lets_calls_end_and_refuses_new_ones(void **state)
{
    struct pair *pair = *state;
    const struct pl_rpc_status bye = {.code = PL_CODE_UNAVAILABLE};
    struct reply stream, echo, late;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &stream), PL_OK);
    pair_pump(pair);
    assert_false(pl_rpc_client_draining(pair->client));
    assert_int_equal(pair_call(pair, "Echo", pl_bytes_str("on its way"), &echo), PL_OK);
    pl_rpc_conn_drain(pair->conn);
    pl_rpc_conn_drain(pair->conn);
    pair_pump(pair);
    assert_true(pl_rpc_client_draining(pair->client));
    assert_int_equal(echo.code, PL_CODE_OK);
    assert_int_equal(stream.closed, 0);
    assert_int_equal(pair_start(pair, "Echo", 0, &late), PL_E_CLOSED);
    assert_false(pl_rpc_conn_finished(pair->conn));
    pl_rpc_call_finish(pl_rpc_host_call(pair->host, 1), &bye);
    pair_pump(pair);
    assert_int_equal(stream.code, PL_CODE_UNAVAILABLE);
    assert_true(pl_rpc_conn_finished(pair->conn));
}

static void drain_does_not_wait_for_a_silent_peer(void **state)
{
    struct pair *pair = *state;
    uint8_t data[1000];

    pair_pump(pair);
    pl_rpc_conn_drain(pair->conn);
    while (pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0)
        ;
    assert_false(pl_rpc_conn_finished(pair->conn));
    pair->now_ms += PL_RPC_DRAIN_MS;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    while (pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0)
        ;
    assert_true(pl_rpc_conn_finished(pair->conn));
}

static void keepalive_finds_a_dead_peer(void **state)
{
    struct pair *pair = *state;
    struct reply reply;
    uint8_t data[1000];

    assert_int_equal(pair_start(pair, "Talk", 0, &reply), PL_OK);
    for (int i = 0; i < 100; i++) { /* a live one is kept for ever */
        pair_pump(pair);
        pair_tick(pair, PL_RPC_KEEPALIVE_MS);
        assert_int_equal(pair->conn_rc, PL_OK);
        assert_int_equal(pair->client_rc, PL_OK);
    }
    pair_pump(pair);
    pair_tick(pair, PL_RPC_KEEPALIVE_MS);
    assert_true(pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0);
    pair_tick(pair, PL_RPC_KEEPALIVE_TIMEOUT_MS);
    assert_int_equal(pair->conn_rc, PL_E_TIMEOUT);
    assert_int_equal(pair->client_rc, PL_E_TIMEOUT);
    pl_rpc_client_free(pair->client);
    pair->client = NULL;
    assert_int_equal(reply.code, PL_CODE_UNAVAILABLE);
}

/* A whole conversation; every allocation in it fails once. */
static int conversation(struct pair *pair, struct reply replies[5])
{
    struct reply *talk = &replies[4];
    int rc = pair_init(pair);

    if (rc < 0)
        return rc;
    pair->chunk = 50;
    if ((rc = pair_call(pair, "Echo", pl_bytes_str("hello, hello, hello, hello"), &replies[0])) <
            0 ||
        (rc = pair_call(pair, "Many", pl_bytes_str("20"), &replies[1])) < 0 ||
        (rc = pair_call(pair, "Fail", pl_bytes_str("why"), &replies[2])) < 0 ||
        (rc = pair_start(pair, "Wait", 1000, &replies[3])) < 0 ||
        (rc = pair_start(pair, "Talk", 0, talk)) < 0)
        return rc;
    for (int i = 0; i < 3 && talk->call != NULL; i++) {
        (void)pl_rpc_client_send(talk->call, pl_bytes_str("a longer message than the chunks"));
        pair_pump(pair);
    }
    if (talk->call != NULL)
        pl_rpc_client_half_close(talk->call);
    pair_pump(pair);
    pair_tick(pair, 1000);
    pl_rpc_conn_drain(pair->conn);
    pair_pump(pair);
    return PL_OK;
}

static void every_allocation_may_fail(void **state)
{
    uint64_t nth = 0;
    int failed;

    (void)state;
    do {
        struct pair pair;
        struct reply replies[5];

        pl_mem_fail_at(++nth);
        (void)conversation(&pair, replies);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(pair.seen.closed <= pair.seen.opened, 1);
        if (pair.conn != NULL)
            pl_rpc_conn_free(pair.conn);
        pair.conn = NULL;
        assert_int_equal(pair.seen.closed, pair.seen.opened);
        pair_done(&pair);
    } while (failed);
    assert_true(nth > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call_lost_connection_ends_all),
        TEST(call_thousand_at_once),
        TEST(drain_lets_calls_end_and_refuses_new_ones),
        TEST(drain_does_not_wait_for_a_silent_peer),
        TEST(keepalive_finds_a_dead_peer),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
