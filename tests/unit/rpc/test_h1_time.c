/* test_h1_time.c - how long a connection of HTTP/1.1 waits for whom, and how it drains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "h1_peer.h"

#include <string.h>

static void dropping_has_its_time(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    peer_take(f);
    f->now_ms += PL_RPC_LINGER_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_E_TIMEOUT);
}

static void a_silent_peer_has_its_time(void **state)
{
    struct fixture *f = *state;

    for (int version = 0; version < 2; version++) {
        peer_connect(f, version == 0 ? PL_RPC_HTTP_ANY : PL_RPC_HTTP_1);
        assert_int_equal(pl_rpc_conn_due_ms(f->conn), f->now_ms + PL_RPC_PREFACE_MS);
        f->now_ms += PL_RPC_PREFACE_MS - 1;
        assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
        f->now_ms += 1;
        assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_E_TIMEOUT);
        assert_true(pl_rpc_conn_finished(f->conn));
    }
}

/* However slowly it trickles: the whole head has its time. */
static void a_head_has_its_time(void **state)
{
    struct fixture *f = *state;

    f->now_ms += 5000;
    peer_give(f, "\r\n");
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
    for (int i = 0; i < 9; i++) {
        f->now_ms += PL_RPC_HEADERS_MS / 10;
        peer_give(f, "x");
        assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    }
    f->now_ms += PL_RPC_HEADERS_MS / 10 - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_E_TIMEOUT);
}

/* Also where an idle connection could wait longer. */
static void headers_of_a_later_request_have_the_same_time(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 ");
    f->now_ms += PL_RPC_KEEPALIVE_MS / 2;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    peer_give(f, "GET /healthz HTTP/1.1\r\n");
    f->now_ms += PL_RPC_HEADERS_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_E_TIMEOUT);
}

static void a_body_has_its_time(void **state)
{
    struct fixture *f = *state;

    peer_give(f, ECHO "Content-Length: 14\r\n\r\n{");
    f->now_ms += PL_RPC_REQUEST_MS - 1;
    peer_give(f, "\"");
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    assert_starts(peer_take(f), "HTTP/1.1 504 Gateway Timeout\r\n");
    assert_true(has(f->out, "the request took too long to come"));
    assert_int_equal(f->seen.closed, 1);
}

static void an_idle_connection_has_its_time(void **state)
{
    struct fixture *f = *state;

    f->now_ms += 9000;
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_take(f);
    f->now_ms += PL_RPC_KEEPALIVE_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    /* A tick between request and answer finds nothing late. */
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    peer_take(f);
    f->now_ms += PL_RPC_KEEPALIVE_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_E_TIMEOUT);
}

static void a_call_may_take_as_long_as_it_takes(void **state)
{
    struct fixture *f = *state;

    peer_give(f, WAIT SIZED);
    for (int i = 0; i < 100; i++) {
        f->now_ms += PL_RPC_KEEPALIVE_MS;
        assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    }
    peer_finish(f);
    assert_starts(peer_take(f), "HTTP/1.1 409 Conflict\r\n");
}

static void a_peer_that_does_not_read_has_its_time(void **state)
{
    struct fixture *f = *state;
    char part[10];

    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    f->now_ms += PL_RPC_LINGER_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    assert_int_equal(pl_rpc_conn_fill(f->conn, (uint8_t *)part, sizeof part), sizeof part);
    f->now_ms += PL_RPC_LINGER_MS - 1; /* it has taken something */
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_true(pl_rpc_conn_tick(f->conn, f->now_ms) < 0);
}

static void refusals_wait_for_a_slow_peer_too(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_take(f);
    f->now_ms += PL_RPC_KEEPALIVE_MS - 1; /* longer than the peer then has to read */
    peer_give(f, "?\r\n");
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += PL_RPC_LINGER_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    f->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_E_TIMEOUT);
}

/* Also where an idle connection has all the time of the world. */
static void whatever_is_said_falls_due(void **state)
{
    static const char *const texts[] = {
        "?\r\n",
        ECHO "Expect: 100-continue\r\nContent-Length: 14\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        ECHO SIZED,
    };
    struct fixture *f = *state;

    f->limits.keepalive_ms = 1000 * 1000;
    pl_rpc_host_set_limits(f->host, &f->limits);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        peer_connect(f, PL_RPC_HTTP_ANY);
        peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        peer_take(f);
        f->now_ms += PL_RPC_LINGER_MS;
        assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
        assert_true(pl_rpc_conn_due_ms(f->conn) > f->now_ms + PL_RPC_LINGER_MS);
        peer_give(f, texts[i]);
        assert_true(pl_rpc_conn_due_ms(f->conn) <= f->now_ms + PL_RPC_LINGER_MS);
    }
}

static void drain_ends_an_idle_connection_at_once(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_take(f);
    assert_false(pl_rpc_conn_finished(f->conn));
    pl_rpc_conn_drain(f->conn);
    assert_true(pl_rpc_conn_finished(f->conn));

    peer_connect(f, PL_RPC_HTTP_ANY); /* of which nothing is known */
    pl_rpc_conn_drain(f->conn);
    assert_true(pl_rpc_conn_finished(f->conn));
}

/* Its owner is told, to close it. */
static void an_idle_connection_that_grows_old_ends_at_once(void **state)
{
    struct fixture *f = *state;
    int wants;

    f->limits.age_max_ms = 1000;
    pl_rpc_host_set_limits(f->host, &f->limits);
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_take(f);
    wants = f->wants;
    f->now_ms += 1100;
    assert_int_equal(pl_rpc_conn_tick(f->conn, f->now_ms), PL_OK);
    assert_true(f->wants > wants);
    assert_true(pl_rpc_conn_finished(f->conn));
}

static void drain_lets_the_call_under_way_end(void **state)
{
    struct fixture *f = *state;

    peer_give(f, WAIT SIZED "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    pl_rpc_conn_drain(f->conn);
    assert_false(pl_rpc_conn_finished(f->conn));
    peer_finish(f);
    assert_starts(peer_take(f), "HTTP/1.1 409 Conflict\r\n");
    assert_true(has(f->out, "connection: close\r\n"));
    assert_false(has(f->out, "ok\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
}

static void drain_lets_a_request_that_has_begun_be_answered(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "GET /healthz HTTP/1.1\r\n");
    pl_rpc_conn_drain(f->conn);
    assert_false(pl_rpc_conn_finished(f->conn));
    peer_give(f, "Host: a\r\n\r\n");
    assert_true(has(peer_take(f), "connection: close\r\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, peer_setup, peer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dropping_has_its_time),
        TEST(a_silent_peer_has_its_time),
        TEST(a_head_has_its_time),
        TEST(headers_of_a_later_request_have_the_same_time),
        TEST(a_body_has_its_time),
        TEST(an_idle_connection_has_its_time),
        TEST(a_call_may_take_as_long_as_it_takes),
        TEST(a_peer_that_does_not_read_has_its_time),
        TEST(refusals_wait_for_a_slow_peer_too),
        TEST(whatever_is_said_falls_due),
        TEST(drain_ends_an_idle_connection_at_once),
        TEST(an_idle_connection_that_grows_old_ends_at_once),
        TEST(drain_lets_the_call_under_way_end),
        TEST(drain_lets_a_request_that_has_begun_be_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
