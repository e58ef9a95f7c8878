/*
 * channel_conn.c - one connection of a channel: TCP, TLS, HTTP/2, in this order.
 *
 * It is READY once the server's SETTINGS have come (RFC 9113, section 3.4): before
 * that it may be anything that listens.
 */
#include "transport/channel_inner.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { FILL_SIZE = 16 * 1024 };

void pl_channel_conn_break(struct pl_channel_conn *conn, const char *why)
{
    if (conn->broken)
        return;
    conn->broken = true;
    snprintf(conn->why, sizeof conn->why, "%s", why);
    pl_channel_mark(conn->channel_weak);
}

static void on_want_send(void *self)
{
    struct pl_channel_conn *conn = self;

    pl_channel_mark(conn->channel_weak);
}

/* What a server says that is no gRPC server; NULL while it may be one. */
static const char *stranger(struct pl_channel_conn *conn, struct pl_bytes data)
{
    switch (pl_preface_feed(&conn->preface, data)) {
    case PL_PREFACE_MORE:
    case PL_PREFACE_HTTP2:
        break;
    case PL_PREFACE_HTTP1:
        return "the server speaks HTTP/1, not gRPC";
    case PL_PREFACE_TLS:
        return "the server speaks TLS: use grpcs://";
    case PL_PREFACE_OTHER:
        return "the server does not speak gRPC";
    }
    return NULL;
}

/* Whether the server is one of HTTP/2, and takes calls. */
static void settle(struct pl_channel_conn *conn, struct pl_bytes data)
{
    const char *why = stranger(conn, data);

    if (why == NULL && pl_rpc_client_draining(conn->client))
        why = pl_rpc_client_why(conn->client);
    if (why != NULL) {
        pl_channel_conn_break(conn, why);
    } else if (pl_rpc_client_settled(conn->client)) {
        conn->state = PL_CHANNEL_CONN_READY;
        pl_channel_settled(conn->channel_weak);
    }
}

static void on_read(void *self, struct pl_bytes data)
{
    struct pl_channel_conn *conn = self;
    struct pl_channel *channel = conn->channel_weak;
    int err;

    if (conn->broken)
        return;
    channel->inside = true;
    err = pl_rpc_client_recv(conn->client, data, pl_channel_now_ms(channel));
    channel->inside = false;
    pl_channel_mark(channel); /* it may drain now, and calls may have ended */
    if (conn->state == PL_CHANNEL_CONN_SETTLING)
        settle(conn, data);
    if (err < 0)
        pl_channel_conn_break(conn, pl_rpc_client_why(conn->client));
}

static void on_drained(void *self)
{
    struct pl_channel_conn *conn = self;

    pl_channel_mark(conn->channel_weak);
}

/* The best that is known of why the socket has ended. */
static const char *reason_of_end(const struct pl_channel_conn *conn, int err)
{
    const char *tls = pl_socket_tls_error(conn->socket);
    const char *rpc = conn->client != NULL ? pl_rpc_client_why(conn->client) : "";

    if (err < 0 && tls[0] != 0)
        return tls;
    if (rpc[0] != 0)
        return rpc;
    if (conn->state == PL_CHANNEL_CONN_SETTLING && !conn->channel_weak->config.target.tls)
        return "the server closed the connection at once; if it speaks TLS, use grpcs://";
    return err < 0 ? pl_err_text(err) : "the server closed the connection";
}

static void on_end(void *self, int err)
{
    struct pl_channel_conn *conn = self;

    pl_channel_conn_break(conn, reason_of_end(conn, err));
}

static void on_closed(void *self)
{
    struct pl_channel_conn *conn = self;

    conn->socket = NULL;
    pl_channel_conn_break(conn, "the connection was closed");
}

/* HTTP/2 begins: our preface goes out, the server's SETTINGS are waited for. */
static int begin_http2(struct pl_channel_conn *conn)
{
    struct pl_channel *channel = conn->channel_weak;
    struct pl_rpc_client_ops ops = {.self = conn, .on_want_send = on_want_send};
    struct pl_rpc_client_config config = {.authority = channel->authority,
                                          .scheme = channel->config.target.tls ? "https" : "http",
                                          .message_size_max = channel->config.message_size_max,
                                          .keepalive_ms = channel->keepalive_ms};
    int err = pl_rpc_client_new_with(&ops, &config, pl_channel_now_ms(channel), &conn->client);

    if (err < 0)
        return err;
    conn->state = PL_CHANNEL_CONN_SETTLING;
    pl_channel_mark(channel);
    return pl_socket_read_start(conn->socket);
}

static void on_secured(void *self, int err, const char *alpn)
{
    struct pl_channel_conn *conn = self;
    const char *text = err < 0 ? pl_socket_tls_error(conn->socket) : "";

    PL_ASSERT(conn->state == PL_CHANNEL_CONN_SECURING);
    if (text[0] != 0)
        pl_channel_conn_break(conn, text);
    else if (err == PL_OK && (alpn == NULL || strcmp(alpn, "h2") != 0))
        pl_channel_conn_break(conn, "the server speaks TLS, but not HTTP/2 over it");
    if (err == PL_OK && !conn->broken)
        err = begin_http2(conn);
    if (err < 0)
        pl_channel_conn_break(conn, pl_err_text(err));
}

static int begin_tls(struct pl_channel_conn *conn)
{
    struct pl_channel *channel = conn->channel_weak;
    const struct pl_bytes nothing = {0};
    int err = pl_socket_start_tls(conn->socket, channel->config.tls, channel->server_name, nothing);

    if (err == PL_OK)
        conn->state = PL_CHANNEL_CONN_SECURING;
    return err;
}

static void on_connect(void *self, int err)
{
    struct pl_channel_conn *conn = self;

    PL_ASSERT(conn->state == PL_CHANNEL_CONN_CONNECTING);
    if (err == PL_OK)
        err = conn->channel_weak->config.target.tls ? begin_tls(conn) : begin_http2(conn);
    if (err < 0)
        pl_channel_conn_break(conn, pl_err_text(err));
}

int pl_channel_conn_new(struct pl_channel *channel, struct pl_channel_conn **ret_conn)
{
    struct pl_channel_conn *conn = pl_zalloc(sizeof *conn);
    struct pl_socket_ops ops = {.self = conn,
                                .on_read = on_read,
                                .on_drained = on_drained,
                                .on_end = on_end,
                                .on_close = on_closed,
                                .on_secured = on_secured};
    int err;

    if (conn == NULL)
        return PL_E_NOMEM;
    conn->channel_weak = channel;
    conn->state = PL_CHANNEL_CONN_CONNECTING;
    err = pl_socket_connect(channel->loop_weak, &channel->config.target.address, on_connect, &ops,
                            &conn->socket);
    if (err < 0) {
        pl_free(conn);
        return err;
    }
    pl_list_append(&channel->conns, &conn->node);
    *ret_conn = conn;
    return PL_OK;
}

/* Lets the socket go: nothing of it comes back here. */
static void drop_socket(struct pl_channel_conn *conn)
{
    static const struct pl_socket_ops nobody = {0};

    if (conn->socket == NULL)
        return;
    pl_socket_set_ops(conn->socket, &nobody);
    if (conn->broken || conn->client == NULL)
        pl_socket_abort(conn->socket);
    else
        pl_socket_close(conn->socket);
    conn->socket = NULL;
}

void pl_channel_conn_free(struct pl_channel_conn *conn)
{
    drop_socket(conn);
    conn->tells_why = conn->client != NULL && pl_rpc_client_why(conn->client)[0] == 0;
    pl_rpc_client_free(conn->client); /* ends its calls */
    PL_ASSERT(conn->calls_len == 0);
    pl_list_remove(&conn->node);
    pl_free(conn);
}

void pl_channel_conn_send(struct pl_channel_conn *conn)
{
    uint8_t bytes[FILL_SIZE];

    if (conn->client == NULL)
        return;
    while (!conn->broken && !pl_socket_writing(conn->socket)) {
        ssize_t size = pl_rpc_client_fill(conn->client, bytes, sizeof bytes);

        if (size < 0)
            pl_channel_conn_break(conn, pl_rpc_client_why(conn->client));
        if (size <= 0)
            break;
        pl_socket_write(conn->socket, (struct pl_bytes){bytes, (size_t)size});
    }
    /* what went out may have been our own GOAWAY */
    if (!pl_rpc_client_draining(conn->client) && pl_rpc_client_why(conn->client)[0] != 0)
        pl_channel_conn_break(conn, pl_rpc_client_why(conn->client));
}

void pl_channel_conn_tick(struct pl_channel_conn *conn)
{
    if (conn->client == NULL || conn->broken)
        return;
    if (pl_rpc_client_tick(conn->client, pl_channel_now_ms(conn->channel_weak)) < 0)
        pl_channel_conn_break(conn, pl_rpc_client_why(conn->client));
}
