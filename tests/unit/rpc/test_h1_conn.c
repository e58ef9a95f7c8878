/* test_h1_conn.c - a server's connection of HTTP/1.1: requests in order, and its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "h1_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_connection_serves_one_request_after_another(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        int wants = f->wants;

        peer_give(f, ECHO SIZED);
        assert_int_equal(f->rc, PL_OK);
        assert_true(f->wants > wants);
        assert_string_equal(peer_take(f), "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                                          "accept-encoding: gzip\r\ncontent-length: 14\r\n"
                                          "connection: keep-alive\r\n\r\n{\"number\":\"1\"}");
        assert_false(pl_rpc_conn_finished(f->conn));
        assert_true(pl_rpc_conn_wants_recv(f->conn));
    }
    assert_int_equal(f->seen.closed, 3);
}

static void requests_may_be_cut_anywhere(void **state)
{
    static const char text[] = ECHO SIZED ECHO "Transfer-Encoding: chunked\r\n\r\n"
                                               "4\r\n{\"nu\r\na;x=y\r\nmber\":\"1\"}\r\n0\r\n\r\n";
    struct fixture *f = *state;

    for (size_t part = 1; part < sizeof text; part += part < 20 ? 1 : 37) {
        char out[1024] = "";

        peer_connect(f, PL_RPC_HTTP_ANY);
        for (size_t at = 0; at < sizeof text - 1; at += part) {
            size_t size = sizeof text - 1 - at < part ? sizeof text - 1 - at : part;

            assert_int_equal(pl_rpc_conn_recv(f->conn,
                                              (struct pl_bytes){(const uint8_t *)text + at, size},
                                              f->now_ms),
                             PL_OK);
            strcat(out, peer_take_by(f, part));
        }
        assert_true(has(out, "{\"number\":\"1\"}HTTP/1.1 200 OK\r\n"));
        assert_int_equal(strlen(out) % 2, 0);
        assert_memory_equal(out, out + strlen(out) / 2, strlen(out) / 2);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    const char *out, *first, *second, *third;

    peer_give(f, WAIT SIZED "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" ECHO SIZED);
    assert_int_equal(f->rc, PL_OK);
    assert_string_equal(peer_take(f), "");
    assert_int_equal(f->seen.opened, 1);
    assert_false(pl_rpc_conn_wants_recv(f->conn)); /* it has enough */
    peer_finish(f);
    out = peer_take(f);
    assert_true(pl_rpc_conn_wants_recv(f->conn));
    first = strstr(out, "HTTP/1.1 409 Conflict\r\n");
    second = strstr(out, "\r\n\r\nok\n");
    third = strstr(out, "{\"number\":\"1\"}");
    assert_true(first != NULL && second > first && third > second);
    assert_int_equal(f->seen.closed, 2);
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(has(peer_take(f), "ok\n"));
}

/* So that one who sends them by the thousand has no more than his turn. */
static void a_fill_goes_on_to_a_bounded_number_of_requests(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    struct fixture *f = *state;
    static uint8_t out[16 * 1024];
    char requests[40 * sizeof request] = "";
    int answers = 0, fills = 0;

    for (int i = 0; i < 40; i++)
        strcat(requests, request);
    peer_give(f, requests);
    do {
        ssize_t size = pl_rpc_conn_fill(f->conn, out, sizeof out - 1);
        int before = answers;

        assert_true(size > 0);
        out[size] = 0;
        for (const char *at = (char *)out; (at = strstr(at, "\r\n\r\nok\n")) != NULL; at++)
            answers++;
        assert_true(answers - before <= 17);
        fills++;
    } while (pl_rpc_conn_fill_later(f->conn));
    assert_int_equal(answers, 40);
    assert_int_equal(fills, 3);
    assert_true(pl_rpc_conn_wants_recv(f->conn));
}

/* A port that obeys stops reading at once; what was on its way finds room. */
static void requests_sent_ahead_are_bounded(void **state)
{
    struct fixture *f = *state;
    static uint8_t ahead[64 * 1024];

    peer_give(f, WAIT SIZED);
    assert_true(pl_rpc_conn_wants_recv(f->conn));
    memset(ahead, 'G', sizeof ahead);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pl_rpc_conn_recv(f->conn, (struct pl_bytes){ahead, sizeof ahead}, f->now_ms), PL_OK);
        assert_false(pl_rpc_conn_wants_recv(f->conn));
    }
    assert_int_equal(pl_rpc_conn_recv(f->conn, (struct pl_bytes){ahead, 1}, f->now_ms), PL_E_LIMIT);
    assert_false(pl_rpc_conn_wants_recv(f->conn));
}

static void close_is_answered_with_close(void **state)
{
    static const char *const requests[] = {
        ECHO "Connection: close\r\n" SIZED,
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n",
        "GET /nothing HTTP/1.0\r\nHost: a\r\n\r\n",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        peer_connect(f, PL_RPC_HTTP_ANY);
        peer_give(f, requests[i]);
        peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); /* nobody's */
        assert_int_equal(f->rc, PL_OK);
        assert_false(pl_rpc_conn_finished(f->conn));
        assert_true(has(peer_take(f), "connection: close\r\n"));
        assert_null(strstr(f->out + 1, "HTTP/1.1"));
        assert_true(pl_rpc_conn_finished(f->conn));
    }
}

static void http_1_0_may_keep_alive_what_has_a_length(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(has(peer_take(f), "connection: keep-alive\r\n"));
    peer_give(f, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(has(peer_take(f), "ok\n"));
    /* A stream ends with the connection there. */
    peer_give(f, "POST /test.v1.Kinds/Many HTTP/1.0\r\nConnection: keep-alive\r\n"
                 "Content-Type: application/connect+json\r\nContent-Length: 17\r\n\r\n"
                 "\0\0\0\0\14{\"number\":2}");
    assert_int_equal(
        pl_rpc_conn_recv(f->conn,
                         (struct pl_bytes){(const uint8_t *)"\0\0\0\0\14{\"number\":2}", 17},
                         f->now_ms),
        PL_OK);
    peer_take(f);
    assert_true(has(f->out, "connection: close\r\n"));
    assert_false(has(f->out, "transfer-encoding"));
    assert_false(has(f->out, "content-length"));
    assert_memory_equal(f->out + f->out_size - 7, "\2\0\0\0\2{}", 7);
    assert_true(pl_rpc_conn_finished(f->conn));
}

static void expectations_are_met_when_the_head_is_good(void **state)
{
    struct fixture *f = *state;

    peer_give(f, ECHO "Expect: 100-continue\r\nContent-Length: 14\r\n\r\n");
    assert_string_equal(peer_take(f), "HTTP/1.1 100 Continue\r\n\r\n");
    peer_give(f, "{\"number\":\"1\"}");
    assert_starts(peer_take(f), "HTTP/1.1 200 OK\r\n");
    assert_true(has(f->out, "connection: keep-alive"));

    peer_give(
        f,
        "POST /nothing HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 14\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 404 Not Found\r\n");
    assert_true(has(f->out, "connection: close")); /* the body may come or not */
    assert_true(pl_rpc_conn_finished(f->conn));

    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, ECHO "Expect: 100-continue\r\nContent-Length: 4194305\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 429 Too Many Requests\r\n");
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, ECHO "Expect: the-best\r\nContent-Length: 14\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 417 Expectation Failed\r\n");
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f,
              "GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"); /* has no body */
    assert_starts(peer_take(f), "HTTP/1.1 200 OK\r\n");
}

/* What is still to come of a small body is dropped; a large one's end is not waited for. */
static void early_refusals_drop_what_still_comes(void **state)
{
    struct fixture *f = *state;

    peer_give(f, "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 404 Not Found\r\n");
    assert_true(has(f->out, "connection: keep-alive\r\n"));
    assert_false(pl_rpc_conn_finished(f->conn));
    for (int i = 0; i < 65536 / 16; i++) {
        peer_give(f, "GET / HTTP/1.1\r\n");
        assert_string_equal(peer_take(f), "");
    }
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(has(peer_take(f), "ok\n"));

    peer_give(f, "POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n123");
    assert_true(has(peer_take(f), "connection: close\r\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
    peer_give(f, "456");
    assert_string_equal(peer_take(f), "");

    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, "POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_true(has(peer_take(f), "connection: close\r\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
}

/* The reader's refusals, each with its status, after the answers that come before. */
static void what_cannot_be_read_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *start;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: \rb\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {ECHO "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\n"},
        {ECHO "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {ECHO "Transfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
        {"\x16\x03\x01\x02", "HTTP/1.1 400 Bad Request\r\n"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        peer_connect(f, PL_RPC_HTTP_ANY);
        peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        peer_give(f, cases[i].text);
        peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(f->rc, PL_OK);
        peer_take(f);
        assert_starts(f->out, "HTTP/1.1 200 OK\r\n");
        assert_starts(strstr(f->out, "ok\n") + 3, cases[i].start);
        assert_true(has(f->out, "connection: close\r\n"));
        assert_true(pl_rpc_conn_finished(f->conn));
    }
}

/* A body that turns out malformed: the call is told of nothing but its end. */
static void a_malformed_body_ends_its_call(void **state)
{
    struct fixture *f = *state;

    peer_give(f, ECHO "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"nu\r\n");
    assert_int_equal(f->seen.opened, 1);
    peer_give(f, "zz\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 400 Bad Request\r\n");
    assert_true(pl_rpc_conn_finished(f->conn));
    assert_int_equal(f->seen.messages, 0);
    assert_int_equal(f->seen.closed, 1);

    /* A response that is under way is broken off; one that is whole still leaves. */
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, "POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_int_equal(f->rc, PL_OK);
    assert_starts(peer_take(f), "HTTP/1.1 404 Not Found\r\n");
    assert_true(has(f->out, "there is no such page\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
}

static void head_is_answered_without_a_body(void **state)
{
    struct fixture *f = *state;

    peer_give(f,
              "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_take(f);
    assert_true(has(f->out, "content-length: 3\r\nconnection: keep-alive\r\n\r\nHTTP/1.1 404"));
    assert_true(has(f->out, "content-length: 22\r\nconnection: keep-alive\r\n\r\n"));
    assert_memory_equal(f->out + f->out_size - 4, "\r\n\r\n", 4);
}

static void pages_tell_how_the_server_is(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pl_rpc_health_set(f->health, "", false), PL_OK);
    peer_give(f, "GET /healthz?x=y HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 503 Service Unavailable\r\n");
    assert_true(has(f->out, "not serving\n"));
    peer_give(f, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 404 Not Found\r\n");
}

static void a_peer_that_has_sent_all_gets_its_answers(void **state)
{
    struct fixture *f = *state;

    peer_give(f, WAIT SIZED "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" ECHO SIZED);
    assert_int_equal(pl_rpc_conn_recv_end(f->conn, f->now_ms), PL_OK);
    assert_false(pl_rpc_conn_finished(f->conn));
    peer_finish(f);
    peer_take(f);
    assert_true(has(f->out, "409 Conflict") && has(f->out, "ok\n") &&
                has(f->out, "{\"number\":\"1\"}"));
    assert_true(pl_rpc_conn_finished(f->conn));
}

static void a_peer_that_has_left_is_let_go(void **state)
{
    static const char *const texts[] = {
        "",
        "GET / HTTP/1.1\r\nHo",
        ECHO "Content-Length: 14\r\n\r\n{",
        ECHO "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        peer_connect(f, PL_RPC_HTTP_ANY);
        peer_give(f, texts[i]);
        assert_int_equal(pl_rpc_conn_recv_end(f->conn, f->now_ms), PL_E_CLOSED);
        assert_true(pl_rpc_conn_finished(f->conn));
    }
    /* A stream that it could not stop, also with more behind it. */
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, WAIT_STREAM);
    peer_take(f);
    assert_int_equal(pl_rpc_conn_recv_end(f->conn, f->now_ms), PL_E_CLOSED);
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, WAIT_STREAM "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    peer_take(f);
    assert_true(pl_rpc_conn_wants_recv(f->conn)); /* or its end would not be heard */
    assert_int_equal(pl_rpc_conn_recv_end(f->conn, f->now_ms), PL_E_CLOSED);
    /* The last answer still waits to be taken. */
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET / HT");
    assert_int_equal(pl_rpc_conn_recv_end(f->conn, f->now_ms), PL_OK);
    assert_true(has(peer_take(f), "ok\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
}

static void the_first_bytes_tell_which_http_it_is(void **state)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct fixture *f = *state;
    uint8_t settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};

    for (size_t known = 0; known < sizeof preface - 1; known++) {
        peer_connect(f, PL_RPC_HTTP_ANY);
        for (size_t i = 0; i < known; i++) {
            assert_int_equal(pl_rpc_conn_recv(f->conn,
                                              (struct pl_bytes){(const uint8_t *)preface + i, 1},
                                              f->now_ms),
                             PL_OK);
            assert_string_equal(peer_take(f), "");
            assert_true(pl_rpc_conn_wants_recv(f->conn));
        }
        peer_give(f, "x");
        peer_give(f, "\r\n\r\n");
        assert_starts(peer_take(f), "HTTP/1.1 "); /* 400, 501 or 505 */
        assert_true(f->out[9] == '4' || f->out[9] == '5');
        assert_true(pl_rpc_conn_finished(f->conn));
    }
    peer_connect(f, PL_RPC_HTTP_ANY);
    for (size_t i = 0; i < sizeof preface - 1; i++)
        assert_int_equal(pl_rpc_conn_recv(f->conn,
                                          (struct pl_bytes){(const uint8_t *)preface + i, 1},
                                          f->now_ms),
                         PL_OK);
    assert_int_equal(
        pl_rpc_conn_recv(f->conn, (struct pl_bytes){settings, sizeof settings}, f->now_ms), PL_OK);
    peer_take(f);
    assert_int_equal(f->out[3], 4); /* SETTINGS */

    /* A method whose name begins likewise. */
    peer_connect(f, PL_RPC_HTTP_ANY);
    peer_give(f, "P");
    peer_give(f, &(ECHO SIZED)[1]);
    assert_starts(peer_take(f), "HTTP/1.1 200 OK\r\n");
}

static void plain_peers_of_a_tls_port_are_turned_away(void **state)
{
    static const char text[] = "this port speaks TLS";
    struct fixture *f = *state;

    pl_rpc_conn_turn_away(f->conn, text);
    assert_false(pl_rpc_conn_finished(f->conn));
    peer_give(f, ECHO SIZED);
    assert_int_equal(f->rc, PL_E_REFUSED);
    assert_starts(peer_take(f), "HTTP/1.1 400 Bad Request\r\n");
    assert_true(has(f->out, "this port speaks TLS\n"));
    assert_true(pl_rpc_conn_finished(f->conn));

    peer_connect(f, PL_RPC_HTTP_1);
    pl_rpc_conn_turn_away(f->conn, text);
    assert_true(has(peer_take(f), "this port speaks TLS\n"));
    assert_true(pl_rpc_conn_finished(f->conn));
    assert_int_equal(f->seen.opened, 0);
}

static void grpc_needs_http2(void **state)
{
    struct fixture *f = *state;

    peer_give(f,
              "POST /test.v1.Kinds/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n"
              "Content-Length: 5\r\n\r\n....!");
    assert_starts(peer_take(f), "HTTP/1.1 505 HTTP Version Not Supported\r\n");
    peer_give(f, "POST /test.v1.Kinds/Nothing HTTP/1.1\r\nHost: a\r\n"
                 "Content-Type: application/grpc\r\nContent-Length: 0\r\n\r\n");
    assert_starts(peer_take(f), "HTTP/1.1 505 HTTP Version Not Supported\r\n");
    assert_int_equal(f->seen.opened, 0);
}

static void a_lost_connection_closes_its_call(void **state)
{
    struct fixture *f = *state;

    peer_give(f, WAIT SIZED);
    assert_int_equal(f->seen.closed, 0);
    peer_connect(f, PL_RPC_HTTP_ANY);
    assert_int_equal(f->seen.closed, 1);
    assert_int_equal(pl_rpc_host_calls_len(f->host), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, peer_setup, peer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_serves_one_request_after_another),
        TEST(requests_may_be_cut_anywhere),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(a_fill_goes_on_to_a_bounded_number_of_requests),
        TEST(requests_sent_ahead_are_bounded),
        TEST(close_is_answered_with_close),
        TEST(http_1_0_may_keep_alive_what_has_a_length),
        TEST(expectations_are_met_when_the_head_is_good),
        TEST(early_refusals_drop_what_still_comes),
        TEST(what_cannot_be_read_is_refused),
        TEST(a_malformed_body_ends_its_call),
        TEST(head_is_answered_without_a_body),
        TEST(pages_tell_how_the_server_is),
        TEST(a_peer_that_has_sent_all_gets_its_answers),
        TEST(a_peer_that_has_left_is_let_go),
        TEST(the_first_bytes_tell_which_http_it_is),
        TEST(plain_peers_of_a_tls_port_are_turned_away),
        TEST(grpc_needs_http2),
        TEST(a_lost_connection_closes_its_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
