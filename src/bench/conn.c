/*
 * conn.c - one connection: TCP, TLS, then bytes between socket and driver.
 */
#include "bench/run.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

enum { HELD_SIZE_MAX = 1 << 20 };

/* What a connection that is held has read. */
struct pl_bench_held {
    struct pl_bytebuf data; /* the driver has not got it */
    size_t allowed;         /* bytes that it may be given */
};

/* What may be behind a connection that the server closes. */
static const char *hint_of(const struct pl_bench_conn *conn)
{
    if (conn->number == 0 || conn->run_weak->phase == PL_BENCH_WORKING)
        return "";
    return "; is there a limit of connections from one address (parlad: peer_connections)?";
}

static void lost(struct pl_bench_conn *conn, const char *why)
{
    struct pl_bench_run *run = conn->run_weak;

    pl_bench_run_fail(run, PL_BENCH_EXIT_NO_SERVER, "connection %u of %u to %s is lost: %s%s",
                      conn->number + 1, pl_bench_conns_len(run), run->options_weak->server, why,
                      hint_of(conn));
}

static void check(struct pl_bench_conn *conn, int err)
{
    if (err < 0)
        pl_bench_fail(conn->run_weak, "connection %u: %s", conn->number + 1, pl_err_text(err));
}

/* Gives the driver what it may have of what was read; when that is all, reads on. */
static void give(struct pl_bench_conn *conn)
{
    struct pl_bench_run *run = conn->run_weak;
    struct pl_bench_held *held = conn->held;
    size_t size = held->allowed < held->data.size ? held->allowed : held->data.size;

    if (size > 0) {
        held->allowed -= size;
        check(conn, run->driver_weak->recv(conn->driver, (struct pl_bytes){held->data.data, size}));
        pl_bytebuf_consume(&held->data, size);
    }
    if (held->allowed > 0 && !run->failed)
        check(conn, pl_socket_read_start(conn->socket));
}

/* Keeps what has come, and reads no more until the driver has it. */
static void keep(struct pl_bench_conn *conn, struct pl_bytes data)
{
    struct pl_bench_held *held = conn->held;

    pl_socket_read_stop(conn->socket);
    pl_bytebuf_append(&held->data, data.data, data.size);
    check(conn, held->data.err);
    give(conn);
}

static void on_read(void *self, struct pl_bytes data)
{
    struct pl_bench_conn *conn = self;
    struct pl_bench_run *run = conn->run_weak;

    if (run->failed)
        return;
    run->now_us = pl_clock_mono_us();
    if (conn->held != NULL)
        keep(conn, data);
    else
        check(conn, run->driver_weak->recv(conn->driver, data));
}

static void on_drained(void *self)
{
    pl_bench_want_flush(self);
}

static void on_end(void *self, int err)
{
    struct pl_bench_conn *conn = self;
    const char *tls = pl_socket_tls_error(conn->socket);

    if (conn->run_weak->phase == PL_BENCH_REACHING && tls[0] == 0)
        pl_bench_run_fail(conn->run_weak, PL_BENCH_EXIT_NO_SERVER,
                          "%s closes the connection at once%s",
                          conn->run_weak->options_weak->server,
                          conn->run_weak->tls == NULL ? "; if it speaks TLS, use grpcs://" : "");
    else if (err == PL_OK)
        lost(conn, "the server closed it");
    else
        lost(conn, tls[0] != 0 ? tls : pl_err_text(err));
}

static void on_closed(void *self)
{
    struct pl_bench_conn *conn = self;

    conn->socket = NULL;
    conn->state = PL_BENCH_CONN_CLOSED;
}

/* The driver takes over. */
static void open_driver(struct pl_bench_conn *conn)
{
    struct pl_bench_run *run = conn->run_weak;
    int err = run->driver_weak->conn_open(run->driver, conn, &conn->driver);

    if (err == PL_OK) {
        if (conn->state == PL_BENCH_CONN_CONNECTING)
            conn->state = PL_BENCH_CONN_OPEN;
        err = pl_socket_read_start(conn->socket);
    }
    check(conn, err);
}

static void on_secured(void *self, int err, const char *alpn)
{
    struct pl_bench_conn *conn = self;

    (void)alpn;
    if (err < 0)
        on_end(conn, err);
    else
        open_driver(conn);
}

static void on_connect(void *self, int err)
{
    struct pl_bench_conn *conn = self;
    struct pl_bench_run *run = conn->run_weak;
    const struct pl_bytes nothing = {0};

    if (err < 0) {
        pl_bench_run_fail(run, PL_BENCH_EXIT_NO_SERVER, "cannot reach %s: %s",
                          run->options_weak->server, pl_err_text(err));
        return;
    }
    if (run->tls == NULL) {
        open_driver(conn);
        return;
    }
    err = pl_socket_start_tls(conn->socket, run->tls, run->options_weak->target.address.host,
                              nothing);
    check(conn, err);
}

int pl_bench_conn_connect(struct pl_bench_conn *conn)
{
    struct pl_bench_run *run = conn->run_weak;
    const struct pl_socket_ops ops = {.self = conn,
                                      .on_read = on_read,
                                      .on_drained = on_drained,
                                      .on_end = on_end,
                                      .on_close = on_closed,
                                      .on_secured = on_secured};

    conn->state = PL_BENCH_CONN_CONNECTING;
    return pl_socket_connect(run->loop, &run->options_weak->target.address, on_connect, &ops,
                             &conn->socket);
}

void pl_bench_want_flush(struct pl_bench_conn *conn)
{
    if (pl_list_empty(&conn->node))
        pl_list_append(&conn->run_weak->dirty, &conn->node);
}

int pl_bench_conn_hold(struct pl_bench_conn *conn)
{
    PL_ASSERT(conn->held == NULL && conn->driver != NULL);
    conn->held = pl_zalloc(sizeof *conn->held);
    if (conn->held == NULL)
        return PL_E_NOMEM;
    pl_bytebuf_init(&conn->held->data, HELD_SIZE_MAX);
    if (conn->socket != NULL)
        pl_socket_read_stop(conn->socket);
    return PL_OK;
}

void pl_bench_conn_give(struct pl_bench_conn *conn, size_t size)
{
    PL_ASSERT(conn->held != NULL);
    conn->held->allowed = size;
    if (conn->socket != NULL)
        give(conn);
}

static void free_held(struct pl_bench_conn *conn)
{
    if (conn->held != NULL)
        pl_bytebuf_done(&conn->held->data);
    pl_free(conn->held);
    conn->held = NULL;
}

void pl_bench_conn_let_go(struct pl_bench_conn *conn)
{
    if (conn->held == NULL)
        return;
    pl_bench_conn_give(conn, SIZE_MAX);
    free_held(conn);
}

void pl_bench_conn_flush(struct pl_bench_conn *conn)
{
    struct pl_bench_run *run = conn->run_weak;
    int err;

    if (conn->driver == NULL || conn->socket == NULL || pl_socket_writing(conn->socket))
        return; /* on_drained comes back to it */
    pl_bytebuf_clear(&run->out);
    err = run->driver_weak->flush(conn->driver, &run->out);
    if (err == PL_OK)
        err = run->out.err;
    if (err == PL_OK && run->out.size > 0)
        (void)pl_socket_write(conn->socket, (struct pl_bytes){run->out.data, run->out.size});
    check(conn, err);
}

void pl_bench_conn_done(struct pl_bench_conn *conn)
{
    static const struct pl_socket_ops nobody = {0};

    if (conn->driver != NULL)
        conn->run_weak->driver_weak->conn_close(conn->driver);
    conn->driver = NULL;
    free_held(conn);
    pl_list_remove(&conn->node);
    if (conn->socket == NULL)
        return;
    pl_socket_set_ops(conn->socket, &nobody);
    pl_socket_abort(conn->socket);
    conn->socket = NULL;
}

uint32_t pl_bench_conn_number(const struct pl_bench_conn *conn)
{
    return conn->number;
}

bool pl_bench_conn_is_publisher(const struct pl_bench_conn *conn)
{
    return conn->number < conn->run_weak->shape.publishers;
}

struct pl_bench_run *pl_bench_conn_run(const struct pl_bench_conn *conn)
{
    return conn->run_weak;
}
