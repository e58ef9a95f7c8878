/*
 * conn.c - a connection of the server, whichever HTTP it speaks.
 *
 * HTTP's code runs the handlers, which may answer at once: handing over a response
 * is allowed there, sending and receiving is not. So nothing is called out to the
 * socket from inside: `busy` notes that HTTP is under way, and who wants to send is
 * told after it has been left.
 */
#include "rpc/conn.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/secret.h"
#include "rpc/call.h"
#include "rpc/host_inner.h"
#include "rpc/timeout.h"

#include <string.h>

static const uint8_t preface[PL_RPC_PREFACE_SIZE] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const struct pl_rpc_limits *pl_rpc_conn_limits(const struct pl_rpc_conn *conn)
{
    return &conn->host_weak->limits;
}

void pl_rpc_conn_want_send(struct pl_rpc_conn *conn)
{
    if (conn->busy)
        return;
    if (conn->failed < 0 || (conn->http != NULL && conn->http->wants_send(conn)))
        conn->host_weak->ops.on_want_send(conn->host_weak->ops.self, conn);
}

void pl_rpc_conn_due_at(struct pl_rpc_conn *conn, int64_t due_ms)
{
    const struct pl_rpc_host_ops *ops = &conn->host_weak->ops;

    if (due_ms >= conn->due_ms)
        return;
    conn->due_ms = due_ms;
    if (ops->on_due != NULL)
        ops->on_due(ops->self, conn);
}

void pl_rpc_conn_fail(struct pl_rpc_conn *conn, int err)
{
    PL_ASSERT(err < 0);
    if (conn->failed == PL_OK)
        conn->failed = err;
}

void pl_rpc_conn_grant(struct pl_rpc_conn *conn)
{
    struct pl_list *node;

    while ((node = pl_list_first(&conn->waiting)) != NULL) {
        struct pl_rpc_intake *intake = PL_CONTAINER(node, struct pl_rpc_intake, waiting);

        if (conn->reserved_size + intake->announced_size > pl_rpc_conn_limits(conn)->held_size_max)
            return;
        pl_rpc_call_grant(intake->call_weak);
    }
}

void pl_rpc_conn_closed(struct pl_rpc_conn *conn, struct pl_rpc_call *call)
{
    pl_rpc_call_set_state(call, PL_RPC_CALL_CLOSED);
    pl_list_remove(&call->node);
    pl_list_append(&conn->closed, &call->node);
}

/* When a connection made now is old: within a tenth of the maximum, at random, so
 * that those which came together do not go together. */
static int64_t old_at(const struct pl_rpc_limits *limits, int64_t now_ms)
{
    uint32_t spread = limits->age_max_ms / 5, random;

    if (limits->age_max_ms == 0)
        return INT64_MAX;
    pl_random(&random, sizeof random);
    return pl_rpc_timeout_after(now_ms, (int64_t)limits->age_max_ms - spread / 2 +
                                            (spread > 0 ? random % spread : 0));
}

/* Which HTTP it is has become known. */
static int choose(struct pl_rpc_conn *conn, const struct pl_rpc_http *http)
{
    int rc;

    conn->http = http;
    rc = http->start(conn);
    if (rc < 0) {
        http->free(conn);
        conn->http = NULL; /* there is nobody to say it */
        pl_rpc_conn_fail(conn, rc);
        return rc;
    }
    if (conn->away_text != NULL)
        http->turn_away(conn, conn->away_text);
    else if (conn->draining)
        http->drain(conn);
    pl_rpc_conn_due_at(conn, http->next_due(conn));
    return PL_OK;
}

int pl_rpc_conn_new(struct pl_rpc_host *host, enum pl_rpc_http_version version, int64_t now_ms,
                    struct pl_rpc_conn **ret_conn)
{
    struct pl_rpc_conn *conn = pl_zalloc(sizeof *conn);
    int rc = PL_OK;

    if (conn == NULL)
        return PL_E_NOMEM;
    conn->host_weak = host;
    conn->now_ms = now_ms;
    conn->made_ms = now_ms;
    conn->heard_ms = now_ms;
    conn->old_ms = old_at(&host->limits, now_ms);
    conn->due_ms = conn->old_ms;
    pl_rpc_conn_due_at(conn, now_ms + host->limits.preface_ms);
    if (conn->old_ms < conn->due_ms)
        conn->due_ms = conn->old_ms;
    pl_list_init(&conn->calls);
    pl_list_init(&conn->closed);
    pl_list_init(&conn->waiting);
    host->conns_len++;
    if (version != PL_RPC_HTTP_ANY)
        rc = choose(conn, version == PL_RPC_HTTP_2 ? &pl_rpc_http2 : &pl_rpc_http1);
    if (rc < 0) {
        pl_rpc_conn_free(conn);
        return rc;
    }
    *ret_conn = conn;
    return PL_OK;
}

static void reap(struct pl_rpc_conn *conn)
{
    struct pl_list *node;

    while ((node = pl_list_first(&conn->closed)) != NULL) {
        struct pl_rpc_call *call = PL_CONTAINER(node, struct pl_rpc_call, node);

        pl_rpc_call_over(call);
        pl_rpc_call_free(call);
    }
}

void pl_rpc_conn_free(struct pl_rpc_conn *conn)
{
    if (conn == NULL)
        return;
    PL_ASSERT(!conn->busy);
    conn->busy = true; /* nobody is told of anything more to send */
    PL_LIST_EACH (node, &conn->calls)
        pl_rpc_call_over(PL_CONTAINER(node, struct pl_rpc_call, node));
    if (conn->http != NULL)
        conn->http->free(conn);
    PL_LIST_EACH (node, &conn->calls)
        pl_rpc_call_free(PL_CONTAINER(node, struct pl_rpc_call, node));
    reap(conn);
    conn->host_weak->conns_len--;
    pl_free(conn);
}

/* HTTP has been left: what it could not do inside. */
static void settle(struct pl_rpc_conn *conn)
{
    reap(conn);
    pl_rpc_conn_grant(conn);
    conn->busy = false;
}

/* Looks at the first bytes; those of HTTP/2's preface are kept until all have come.
 * True: it is known which HTTP it is. */
static bool tell_apart(struct pl_rpc_conn *conn, struct pl_bytes *data)
{
    while (data->size > 0 && conn->first_size < sizeof preface) {
        if (data->data[0] != preface[conn->first_size])
            return choose(conn, &pl_rpc_http1) == PL_OK;
        conn->first[conn->first_size++] = data->data[0];
        data->data++;
        data->size--;
    }
    return conn->first_size == sizeof preface && choose(conn, &pl_rpc_http2) == PL_OK;
}

int pl_rpc_conn_recv(struct pl_rpc_conn *conn, struct pl_bytes data, int64_t now_ms)
{
    PL_ASSERT(!conn->busy);
    if (conn->failed < 0)
        return conn->failed;
    conn->now_ms = now_ms;
    conn->heard_ms = now_ms;

    conn->busy = true;
    if (conn->http != NULL) {
        conn->http->recv(conn, data);
    } else if (tell_apart(conn, &data)) {
        if (conn->failed == PL_OK && conn->first_size > 0)
            conn->http->recv(conn, (struct pl_bytes){conn->first, conn->first_size});
        if (conn->failed == PL_OK && data.size > 0)
            conn->http->recv(conn, data);
    }
    settle(conn);
    pl_rpc_conn_want_send(conn);
    return conn->failed;
}

int pl_rpc_conn_recv_end(struct pl_rpc_conn *conn, int64_t now_ms)
{
    PL_ASSERT(!conn->busy);
    if (conn->failed < 0)
        return conn->failed;
    conn->now_ms = now_ms;
    if (conn->http == NULL) {
        pl_rpc_conn_fail(conn, PL_E_CLOSED);
        return conn->failed;
    }
    conn->busy = true;
    conn->http->recv_end(conn);
    settle(conn);
    pl_rpc_conn_want_send(conn);
    return conn->failed;
}

bool pl_rpc_conn_wants_recv(const struct pl_rpc_conn *conn)
{
    return conn->failed == PL_OK && (conn->http == NULL || conn->http->wants_recv(conn));
}

ssize_t pl_rpc_conn_fill(struct pl_rpc_conn *conn, uint8_t *to, size_t size)
{
    size_t total = 0;

    PL_ASSERT(!conn->busy);
    if (conn->http == NULL)
        return conn->failed;
    for (;;) {
        bool closed;
        ssize_t rc;

        conn->busy = true;
        rc = conn->http->fill(conn, to + total, size - total);
        closed = !pl_list_empty(&conn->closed);
        settle(conn); /* a handler may have queued more, on another call */
        if (rc < 0)
            return total > 0 ? (ssize_t)total : rc;
        total += (size_t)rc;
        if (conn->fill_later || !closed || total == size)
            return (ssize_t)total;
    }
}

bool pl_rpc_conn_fill_later(const struct pl_rpc_conn *conn)
{
    return conn->fill_later;
}

bool pl_rpc_conn_finished(const struct pl_rpc_conn *conn)
{
    if (conn->http == NULL)
        return conn->failed < 0 || conn->draining;
    return conn->http->finished(conn);
}

/* When it falls due next. */
static int64_t next_due(const struct pl_rpc_conn *conn)
{
    int64_t due_ms = conn->http == NULL ? conn->made_ms + pl_rpc_conn_limits(conn)->preface_ms
                                        : conn->http->next_due(conn);

    if (conn->old_ms < due_ms)
        due_ms = conn->old_ms;
    PL_LIST_EACH (node, &conn->calls) {
        int64_t call_due_ms = pl_rpc_call_next_due(PL_CONTAINER(node, struct pl_rpc_call, node));

        if (call_due_ms < due_ms)
            due_ms = call_due_ms;
    }
    return due_ms;
}

int64_t pl_rpc_conn_due_ms(const struct pl_rpc_conn *conn)
{
    return conn->due_ms;
}

/* It has lived long enough: it is drained, and ended when its calls have had time
 * to end. */
static void grow_old(struct pl_rpc_conn *conn)
{
    if (conn->now_ms < conn->old_ms)
        return;
    if (conn->draining) {
        pl_rpc_conn_fail(conn, PL_E_TIMEOUT);
        return;
    }
    pl_rpc_conn_drain(conn);
    conn->old_ms = conn->now_ms + pl_rpc_conn_limits(conn)->age_grace_ms;
}

int pl_rpc_conn_tick(struct pl_rpc_conn *conn, int64_t now_ms)
{
    int rc;

    PL_ASSERT(!conn->busy);
    conn->now_ms = now_ms;
    if (conn->failed < 0 || now_ms < conn->due_ms)
        return conn->failed;

    conn->busy = true;
    PL_LIST_EACH (node, &conn->calls)
        pl_rpc_call_tick(PL_CONTAINER(node, struct pl_rpc_call, node), now_ms);
    grow_old(conn);
    if (conn->http != NULL)
        rc = conn->http->tick(conn);
    else
        rc = now_ms >= conn->made_ms + pl_rpc_conn_limits(conn)->preface_ms ? PL_E_TIMEOUT : PL_OK;
    if (rc < 0)
        pl_rpc_conn_fail(conn, rc);
    settle(conn);
    conn->due_ms = next_due(conn);
    pl_rpc_conn_want_send(conn);
    return conn->failed;
}

void pl_rpc_conn_drain(struct pl_rpc_conn *conn)
{
    if (conn->draining)
        return;
    conn->draining = true;
    conn->old_ms = INT64_MAX;
    if (conn->http != NULL) {
        conn->http->drain(conn);
        pl_rpc_conn_due_at(conn, conn->http->next_due(conn));
    }
    pl_rpc_conn_want_send(conn);
}

void pl_rpc_conn_turn_away(struct pl_rpc_conn *conn, const char *text)
{
    PL_ASSERT(pl_list_empty(&conn->calls));
    conn->away_text = text;
    if (conn->now_ms + pl_rpc_conn_limits(conn)->preface_ms < conn->old_ms)
        conn->old_ms = conn->now_ms + pl_rpc_conn_limits(conn)->preface_ms;
    pl_rpc_conn_due_at(conn, conn->old_ms);
    if (conn->http != NULL)
        conn->http->turn_away(conn, text);
    pl_rpc_conn_want_send(conn);
}

size_t pl_rpc_conn_queue_size(const struct pl_rpc_conn *conn)
{
    size_t size = 0;

    PL_LIST_EACH (node, &conn->calls)
        size += pl_rpc_call_queue_size(PL_CONTAINER(node, struct pl_rpc_call, node));
    return size;
}

void pl_rpc_conn_set_data(struct pl_rpc_conn *conn, void *data)
{
    conn->data_weak = data;
}

void *pl_rpc_conn_data(const struct pl_rpc_conn *conn)
{
    return conn->data_weak;
}
