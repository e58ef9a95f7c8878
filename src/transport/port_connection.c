/*
 * port_connection.c - bytes between a socket and rpc.
 *
 * Until a first byte has come a connection costs next to nothing: rpc and TLS,
 * which keep tables and buffers for each of theirs, hear of it only then.
 *
 * While several peers send, what comes is dealt with in pieces, for a bounded time; the rest
 * waits for its peer's turn, and nothing more is read meanwhile. Whatever a heavy peer sends waits
 * for that, and so do its new connections and what is sent to it. So be it frames by the million
 * or little that unpacks to much, it is that peer who waits, not the others.
 */
#include "transport/port_connection.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum {
    TURNED_AWAY_MS = 10 * 1000, /* between two lines about connections turned away */
    DRAIN_MS = 1000,            /* for a connection that rpc does not have yet */
    TLS_HANDSHAKE = 0x16,       /* a record's first byte (RFC 8446, section 5.1) */
    HANDSHAKE_US = 500,         /* what one counts as: it runs later */
    ACCEPT_US = 500,            /* what a new connection does */
    READ_US = 4,                /* what reading does, */
    READ_SIZE_PER_US = 4096,    /* and each so many bytes */
};

/* The only way to change its state. */
static void set_state(struct pl_port_connection *connection, enum pl_port_connection_state state)
{
    PL_ASSERT(state > connection->state);
    connection->state = state;
}

static int64_t now_ms_of(const struct pl_port_connection *connection)
{
    return pl_loop_now_ms(connection->port_weak->loop_weak);
}

static int64_t due_ms_of(const struct pl_port_connection *connection)
{
    return connection->state == PL_PORT_CONNECTION_OPEN ? pl_rpc_conn_due_ms(connection->rpc)
                                                        : connection->deadline_ms;
}

void pl_port_connection_file(struct pl_port_connection *connection)
{
    if (connection->state == PL_PORT_CONNECTION_CLOSING)
        return;
    pl_list_remove(&connection->due_node);
    pl_port_file(connection->port_weak, &connection->due_node, due_ms_of(connection));
}

void pl_port_connection_close(struct pl_port_connection *connection, bool gently)
{
    struct pl_rpc_conn *rpc = connection->rpc;

    if (connection->state == PL_PORT_CONNECTION_CLOSING)
        return;
    set_state(connection, PL_PORT_CONNECTION_CLOSING);
    pl_list_remove(&connection->dirty_node);
    pl_list_remove(&connection->due_node);
    pl_list_remove(&connection->turn.node);
    if (gently)
        pl_socket_close(connection->socket);
    else
        pl_socket_abort(connection->socket);
    pl_rpc_conn_free(rpc);
    connection->rpc = NULL;
}

/* What rpc still has to say goes out. */
static void say_and_close(struct pl_port_connection *connection)
{
    pl_port_connection_flush(connection);
    pl_port_connection_close(connection, true);
}

/* Says that a connection was turned away, but not for each of many. */
static void say_turned_away(struct pl_port *port, const struct pl_socket *socket, int err)
{
    int64_t now_ms = pl_loop_now_ms(port->loop_weak);
    char others[64] = "";

    if (now_ms < port->turned_away_ms) {
        port->turned_away_len++;
        return;
    }
    if (port->turned_away_len > 0)
        snprintf(others, sizeof others, ", after %llu others",
                 (unsigned long long)port->turned_away_len);
    pl_diag(PL_DIAG_WARNING, "net", "%s was turned away: %s%s", pl_socket_peer(socket),
            pl_err_text(err), others);
    port->turned_away_len = 0;
    port->turned_away_ms = now_ms + TURNED_AWAY_MS;
}

static void open_rpc(struct pl_port_connection *connection, enum pl_rpc_http_version version)
{
    struct pl_port *port = connection->port_weak;
    int rc = pl_rpc_conn_new(port->host_weak, version, now_ms_of(connection), &connection->rpc);

    if (rc < 0) {
        say_turned_away(port, connection->socket, rc);
        pl_port_connection_close(connection, false);
        return;
    }
    pl_rpc_conn_set_data(connection->rpc, connection);
    set_state(connection, PL_PORT_CONNECTION_OPEN);
    pl_port_connection_file(connection);
    if (port->draining)
        pl_rpc_conn_drain(connection->rpc);
    pl_port_connection_mark(connection);
}

/* Reads while rpc wants it: what a client sends ahead of its answers waits in the
 * kernel. */
static void update_reading(struct pl_port_connection *connection)
{
    bool wanted = !connection->ended && !connection->held && connection->backlog == NULL;

    if (connection->state != PL_PORT_CONNECTION_OPEN && connection->state != PL_PORT_CONNECTION_NEW)
        return;
    if (connection->state == PL_PORT_CONNECTION_OPEN)
        wanted = wanted && pl_rpc_conn_wants_recv(connection->rpc);
    if (wanted == connection->reading)
        return;
    connection->reading = wanted;
    if (!wanted)
        pl_socket_read_stop(connection->socket);
    else if (pl_socket_read_start(connection->socket) < 0)
        pl_port_connection_close(connection, false);
}

static void feed(struct pl_port_connection *connection, struct pl_bytes data)
{
    if (connection->state != PL_PORT_CONNECTION_OPEN)
        return;
    if (pl_rpc_conn_recv(connection->rpc, data, now_ms_of(connection)) < 0) {
        pl_diag(PL_DIAG_DEBUG, "net", "%s broke the protocol", pl_socket_peer(connection->socket));
        say_and_close(connection);
    }
    update_reading(connection);
}

static void handshake_failed(struct pl_port_connection *connection, int err)
{
    const char *why = pl_socket_tls_error(connection->socket);

    pl_diag(PL_DIAG_DEBUG, "net", "%s: TLS failed: %s", pl_socket_peer(connection->socket),
            why[0] != 0 ? why : pl_err_text(err));
    pl_port_connection_close(connection, true); /* with the alert */
}

static void use(struct pl_port_connection *connection, int64_t used_us)
{
    pl_port_charge(connection->port_weak, connection->peer, used_us);
}

static void start_tls(struct pl_port_connection *connection, struct pl_bytes first)
{
    struct pl_port *port = connection->port_weak;
    int rc;

    use(connection, HANDSHAKE_US);
    set_state(connection, PL_PORT_CONNECTION_SECURING);
    if (!port->draining)
        connection->deadline_ms = now_ms_of(connection) + port->config.limits.handshake_ms;
    pl_port_connection_file(connection);
    rc = pl_socket_start_tls(connection->socket, port->tls, NULL, first);
    if (rc < 0)
        handshake_failed(connection, rc);
}

/* What ALPN agreed on; without it the first bytes tell. */
static enum pl_rpc_http_version version_of(const char *alpn)
{
    if (alpn == NULL)
        return PL_RPC_HTTP_ANY;
    return strcmp(alpn, "h2") == 0 ? PL_RPC_HTTP_2 : PL_RPC_HTTP_1;
}

static void on_secured(void *self, int err, const char *alpn)
{
    struct pl_port_connection *connection = self;

    if (err < 0)
        handshake_failed(connection, err);
    else
        open_rpc(connection, version_of(alpn));
}

/* The first bytes on a port that speaks TLS. */
static void begin_secure(struct pl_port_connection *connection, struct pl_bytes data)
{
    if (data.data[0] == TLS_HANDSHAKE) {
        start_tls(connection, data);
        return;
    }
    pl_diag(PL_DIAG_DEBUG, "net", "%s speaks no TLS", pl_socket_peer(connection->socket));
    open_rpc(connection, PL_RPC_HTTP_ANY);
    if (connection->state != PL_PORT_CONNECTION_OPEN)
        return;
    pl_rpc_conn_turn_away(connection->rpc, "this port speaks TLS: use grpcs:// or https://");
    feed(connection, data);
}

static void take(struct pl_port_connection *connection, struct pl_bytes data)
{
    if (connection->state != PL_PORT_CONNECTION_NEW) {
        feed(connection, data);
    } else if (connection->port_weak->tls != NULL) {
        begin_secure(connection, data);
    } else {
        open_rpc(connection, PL_RPC_HTTP_ANY);
        feed(connection, data);
    }
}

static bool has_turns(const struct pl_port_connection *connection)
{
    return pl_port_has_turns(connection->port_weak, connection->peer);
}

static void await_turn(struct pl_port_connection *connection)
{
    if (pl_list_empty(&connection->turn.node))
        pl_port_await_turn(connection->port_weak, connection->peer, &connection->turn);
}

/* How much is dealt with before the clock is looked at. The first bytes of TLS are not cut. */
static size_t piece_size(const struct pl_port_connection *connection, size_t size)
{
    bool whole = connection->state == PL_PORT_CONNECTION_NEW && connection->port_weak->tls != NULL;

    return size > PL_PORT_PIECE_SIZE && !whole ? PL_PORT_PIECE_SIZE : size;
}

/* Deals with data for a while; returns what is left of it. */
static struct pl_bytes take_for_a_while(struct pl_port_connection *connection, struct pl_bytes data)
{
    int64_t start_us = pl_clock_thread_us(), used_us;

    do {
        struct pl_bytes piece = {data.data, piece_size(connection, data.size)};

        data.data += piece.size;
        data.size -= piece.size;
        take(connection, piece);
        used_us = pl_clock_thread_us() - start_us;
    } while (data.size > 0 && connection->state == PL_PORT_CONNECTION_OPEN &&
             used_us < PL_PORT_STINT_US);
    use(connection, used_us);
    return data;
}

static void keep(struct pl_port_connection *connection, struct pl_bytes data)
{
    struct pl_port_backlog *backlog = pl_alloc(sizeof *backlog + data.size);

    if (backlog == NULL) {
        pl_port_connection_close(connection, false);
        return;
    }
    backlog->at = 0;
    backlog->size = data.size;
    memcpy(backlog->data, data.data, data.size);
    connection->backlog = backlog;
    await_turn(connection);
    update_reading(connection);
}

/* What is left of it waits. */
static void share(struct pl_port_connection *connection, struct pl_bytes data)
{
    bool waits = has_turns(connection);

    use(connection, READ_US + (int64_t)(data.size / READ_SIZE_PER_US));
    if (!waits) {
        pl_company_note_light(connection->port_weak->with, pl_peer_hash(connection->peer),
                              now_ms_of(connection));
        data = take_for_a_while(connection, data);
    }
    if (data.size > 0 && connection->state != PL_PORT_CONNECTION_CLOSING)
        keep(connection, data);
}

static void on_read(void *self, struct pl_bytes data)
{
    struct pl_port_connection *connection = self;
    struct pl_port *port = connection->port_weak;

    PL_ASSERT(data.size > 0 && connection->backlog == NULL);
    pl_company_note(port->with, pl_peer_hash(connection->peer), now_ms_of(connection));
    if (pl_port_company(port, NULL) == PL_COMPANY_ALONE)
        take(connection, data);
    else
        share(connection, data);
}

static void take_backlog(struct pl_port_connection *connection)
{
    struct pl_port_backlog *backlog = connection->backlog;
    struct pl_bytes data = {backlog->data + backlog->at, backlog->size - backlog->at};

    data = take_for_a_while(connection, data);
    backlog->at = backlog->size - data.size;
    if (connection->state == PL_PORT_CONNECTION_CLOSING)
        return; /* what is left goes with it */
    if (data.size > 0) {
        await_turn(connection);
        return;
    }
    connection->backlog = NULL;
    pl_free(backlog);
}

static void on_turn(struct pl_turn *turn)
{
    struct pl_port_connection *connection = PL_CONTAINER(turn, struct pl_port_connection, turn);

    connection->held = false;
    if (connection->backlog != NULL)
        take_backlog(connection);
    pl_port_connection_flush(connection);
    update_reading(connection);
}

static void on_drained(void *self)
{
    pl_port_connection_mark(self);
}

/* A peer that will send no more may still wait for an answer. */
static void on_end(void *self, int err)
{
    struct pl_port_connection *connection = self;

    connection->ended = true;
    if (err < 0 || connection->state != PL_PORT_CONNECTION_OPEN)
        pl_port_connection_close(connection, false);
    else if (pl_rpc_conn_recv_end(connection->rpc, now_ms_of(connection)) < 0)
        say_and_close(connection);
    else
        pl_port_connection_mark(connection); /* to be closed if nothing is left to say */
}

static void on_close(void *self)
{
    struct pl_port_connection *connection = self;
    struct pl_port *port = connection->port_weak;

    if (connection->state != PL_PORT_CONNECTION_CLOSING) { /* the loop ends */
        set_state(connection, PL_PORT_CONNECTION_CLOSING);
        pl_list_remove(&connection->dirty_node);
        pl_list_remove(&connection->turn.node);
        pl_list_remove(&connection->due_node);
        pl_rpc_conn_free(connection->rpc);
    }
    pl_list_remove(&connection->node);
    pl_peers_remove(&port->peers, connection->peer, now_ms_of(connection));
    pl_free(connection->backlog);
    pl_free(connection);
    pl_port_connection_gone(port);
}

static int connection_new(struct pl_port *port, const char *peer,
                          struct pl_port_connection **ret_connection)
{
    const struct pl_port_limits *limits = &port->config.limits;
    struct pl_port_connection *connection;
    int rc;

    if (port->connections_len >= limits->connections_max)
        return PL_E_LIMIT;
    connection = pl_zalloc(sizeof *connection + port->config.extra_size);
    if (connection == NULL)
        return PL_E_NOMEM;
    rc = pl_peers_add(&port->peers, peer, limits->peer_connections_max, &connection->peer);
    if (rc < 0) {
        pl_free(connection);
        return rc;
    }
    *ret_connection = connection;
    return PL_OK;
}

void pl_port_connection_accept(struct pl_port *port, struct pl_socket *socket)
{
    struct pl_port_connection *connection;
    int rc = connection_new(port, pl_socket_peer(socket), &connection);

    if (rc < 0) {
        say_turned_away(port, socket, rc);
        pl_socket_abort(socket);
        return;
    }
    connection->port_weak = port;
    connection->socket = socket;
    pl_list_append(&port->connections, &connection->node);
    pl_list_init(&connection->dirty_node);
    pl_list_init(&connection->turn.node);
    connection->turn.go_on = on_turn;
    pl_list_init(&connection->due_node);
    port->connections_len++;
    use(connection, ACCEPT_US);
    set_state(connection, PL_PORT_CONNECTION_NEW);
    connection->deadline_ms = now_ms_of(connection) + port->config.limits.first_bytes_ms;
    pl_port_connection_file(connection);
    pl_socket_set_ops(socket, &(struct pl_socket_ops){
                                  .self = connection,
                                  .on_read = on_read,
                                  .on_drained = on_drained,
                                  .on_end = on_end,
                                  .on_close = on_close,
                                  .on_secured = on_secured,
                              });
    connection->held = has_turns(connection);
    if (connection->held)
        await_turn(connection);
    update_reading(connection);
}

void pl_port_connection_mark(struct pl_port_connection *connection)
{
    if (connection->state != PL_PORT_CONNECTION_OPEN || !pl_list_empty(&connection->dirty_node) ||
        !pl_list_empty(&connection->turn.node))
        return;
    if (has_turns(connection))
        await_turn(connection);
    else
        pl_list_append(&connection->port_weak->dirty, &connection->dirty_node);
}

/* Returns what rpc had to send, or its error. To a heavy peer goes a part at a time. */
static ssize_t write_out(struct pl_port_connection *connection)
{
    struct pl_port *port = connection->port_weak;
    bool in_turns = has_turns(connection);
    size_t size_max = in_turns ? PL_PORT_HEAVY_SEND_SIZE : sizeof port->send_buf;
    ssize_t size = 0;

    while (!pl_socket_writing(connection->socket)) {
        size = pl_rpc_conn_fill(connection->rpc, port->send_buf, size_max);
        if (size <= 0)
            break;
        if (!pl_socket_write(connection->socket, (struct pl_bytes){port->send_buf, (size_t)size}))
            break; /* on_drained goes on */
        if ((size_t)size < size_max && !pl_rpc_conn_fill_later(connection->rpc))
            break; /* that was all */
        if (in_turns || (size_t)size < size_max) {
            pl_port_connection_mark(connection);
            break;
        }
    }
    return size;
}

static ssize_t write_and_count(struct pl_port_connection *connection)
{
    int64_t start_us;
    ssize_t size;

    if (pl_port_company(connection->port_weak, NULL) == PL_COMPANY_ALONE)
        return write_out(connection);
    start_us = pl_clock_thread_us();
    size = write_out(connection);
    use(connection, pl_clock_thread_us() - start_us);
    return size;
}

void pl_port_connection_flush(struct pl_port_connection *connection)
{
    ssize_t size;

    if (connection->state != PL_PORT_CONNECTION_OPEN)
        return;
    size = write_and_count(connection);
    if (size < 0 ||
        (!pl_socket_writing(connection->socket) && pl_rpc_conn_finished(connection->rpc)))
        pl_port_connection_close(connection, true);
    update_reading(connection);
}

static void tick(struct pl_port_connection *connection, int64_t now_ms)
{
    if (connection->state != PL_PORT_CONNECTION_OPEN) {
        pl_diag(PL_DIAG_DEBUG, "net", "%s was too slow to begin",
                pl_socket_peer(connection->socket));
        pl_port_connection_close(connection, true);
        return;
    }
    if (pl_rpc_conn_tick(connection->rpc, now_ms) < 0)
        say_and_close(connection);
    update_reading(connection);
}

void pl_port_connection_tick(struct pl_port_connection *connection, int64_t now_ms)
{
    PL_ASSERT(connection->state != PL_PORT_CONNECTION_CLOSING);
    if (now_ms >= due_ms_of(connection))
        tick(connection, now_ms);
    pl_port_connection_file(connection);
}

void pl_port_connection_drain(struct pl_port_connection *connection)
{
    int64_t soon_ms = now_ms_of(connection) + DRAIN_MS;

    if (connection->state == PL_PORT_CONNECTION_OPEN) {
        pl_rpc_conn_drain(connection->rpc);
        pl_port_connection_mark(connection);
    } else if (connection->deadline_ms > soon_ms) {
        connection->deadline_ms = soon_ms;
        pl_port_connection_file(connection);
    }
}
