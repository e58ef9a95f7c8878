/*
 * port.c - listeners, the turn's end, time, and the drain.
 *
 * A connection that is being closed has calls no more, but its socket lives on for a
 * moment. So a port that its owner has freed goes with the last of them.
 */
#include "transport/port.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/tls.h"
#include "transport/port_connection.h"

enum { TICK_MS = 100 }; /* so late may be what is due */

struct port_listener {
    struct pl_list node; /* in port->listeners */
    struct pl_listener *listener;
};

static void on_want_send(void *self, struct pl_rpc_conn *rpc)
{
    struct pl_port_connection *connection = pl_rpc_conn_data(rpc);

    (void)self;
    if (connection != NULL) /* else it is being made */
        pl_port_connection_mark(connection);
}

static void on_due(void *self, struct pl_rpc_conn *rpc)
{
    struct pl_port_connection *connection = pl_rpc_conn_data(rpc);

    (void)self;
    if (connection != NULL) /* else it is filed when it is made */
        pl_port_connection_file(connection);
}

const struct pl_rpc_host_ops pl_port_host_ops = {.on_want_send = on_want_send, .on_due = on_due};

/* Those that wait go on, in turn, for as long as a turn has time for them. */
static void on_backlog(void *self)
{
    struct pl_port *port = self;
    struct pl_list *node;

    while ((node = pl_list_first(&port->backlogs)) != NULL) {
        struct pl_port_backlog *backlog = PL_CONTAINER(node, struct pl_port_backlog, node);

        pl_list_remove(node);
        if (!pl_port_connection_go_on(backlog->connection_weak))
            pl_list_append(&port->backlogs, node);
        if (port->used_us >= PL_PORT_TURN_US)
            return;
    }
}

/* The timer runs only towards a time at which a connection comes up. */
static void wake_at(struct pl_port *port, int64_t up_ms)
{
    int64_t now_ms = pl_loop_now_ms(port->loop_weak);

    if (up_ms >= port->wake_ms)
        return;
    port->wake_ms = up_ms;
    pl_timer_start(port->ticks, up_ms > now_ms ? (uint64_t)(up_ms - now_ms) : 0, 0);
}

void pl_port_file(struct pl_port *port, struct pl_list *node, int64_t due_ms)
{
    if (!port->freed) /* else it has no timer any more, and ends */
        wake_at(port, pl_wheel_add(&port->wheel, node, due_ms));
}

static void on_tick(void *self)
{
    struct pl_port *port = self;
    int64_t now_ms = pl_loop_now_ms(port->loop_weak);
    struct pl_list *node;

    port->wake_ms = INT64_MAX;
    while ((node = pl_wheel_next(&port->wheel, now_ms)) != NULL)
        pl_port_connection_tick(PL_CONTAINER(node, struct pl_port_connection, due_node), now_ms);
    wake_at(port, pl_wheel_up_ms(&port->wheel));
}

int pl_port_new(struct pl_loop *loop, struct pl_rpc_host *host, const struct pl_port_config *config,
                struct pl_port **ret_port)
{
    struct pl_port *port;
    int rc;

    PL_ASSERT(config->limits.connections_max > 0);
    PL_ASSERT(config->limits.peer_connections_max > 0);
    PL_ASSERT(config->limits.first_bytes_ms > 0);
    PL_ASSERT(config->limits.handshake_ms > 0);
    port = pl_zalloc(sizeof *port);
    if (port == NULL)
        return PL_E_NOMEM;
    port->loop_weak = loop;
    port->host_weak = host;
    port->config = *config;
    pl_list_init(&port->listeners);
    pl_list_init(&port->connections);
    pl_list_init(&port->dirty);
    pl_list_init(&port->dirty_busy);
    pl_list_init(&port->backlogs);
    pl_wheel_init(&port->wheel, TICK_MS, pl_loop_now_ms(loop));
    port->wake_ms = INT64_MAX;
    port->mixed_ms = pl_loop_now_ms(loop) - PL_PORT_ALONE_MS;
    pl_peers_init(&port->peers);
    pl_port_set_tls(port, config->tls);
    rc = pl_timer_new(loop, on_tick, port, &port->ticks);
    if (rc == PL_OK)
        rc = pl_timer_new(loop, on_backlog, port, &port->backlog_timer);
    if (rc < 0) {
        pl_port_free(port);
        return rc;
    }
    *ret_port = port;
    return PL_OK;
}

static void on_accept(void *self, struct pl_socket *socket)
{
    pl_port_connection_accept(self, socket);
}

int pl_port_listen(struct pl_port *port, struct pl_bound *bound)
{
    struct port_listener *added;
    int rc;

    PL_ASSERT(!port->draining);
    added = pl_zalloc(sizeof *added);
    if (added == NULL)
        return PL_E_NOMEM;
    rc = pl_listener_new(port->loop_weak, bound, on_accept, port, &added->listener);
    if (rc < 0) {
        pl_free(added);
        return rc;
    }
    pl_list_append(&port->listeners, &added->node);
    return PL_OK;
}

static void stop_listening(struct pl_port *port)
{
    PL_LIST_EACH (node, &port->listeners) {
        struct port_listener *listener = PL_CONTAINER(node, struct port_listener, node);

        pl_list_remove(&listener->node);
        pl_listener_free(listener->listener);
        pl_free(listener);
    }
}

void pl_port_set_tls(struct pl_port *port, struct pl_tls_context *context)
{
    pl_tls_context_unref(port->tls);
    port->tls = context == NULL ? NULL : pl_tls_context_ref(context);
}

static bool flush_first(struct pl_list *dirty)
{
    struct pl_list *node = pl_list_first(dirty);

    if (node == NULL)
        return false;
    pl_list_remove(node);
    pl_port_connection_flush(PL_CONTAINER(node, struct pl_port_connection, dirty_node));
    return true;
}

bool pl_port_has_one_peer(const struct pl_port *port)
{
    return pl_loop_now_ms(port->loop_weak) - port->mixed_ms >= PL_PORT_ALONE_MS;
}

/* So that what they send has about half of the loop while others need some, who are served at
 * once. What goes to them does not pause: it may be others' messages. */
static uint64_t pause_ms(const struct pl_port *port)
{
    return !pl_list_empty(&port->dirty_busy) || pl_port_has_one_peer(port) ? 0 : PL_PORT_PAUSE_MS;
}

/* One of those that have had much goes on in each turn, more as there is time. */
bool pl_port_flush(struct pl_port *port)
{
    bool any = false;

    while (flush_first(&port->dirty))
        any = true;
    while ((!port->busy_flushed || port->used_us < 2 * PL_PORT_TURN_US) &&
           flush_first(&port->dirty_busy))
        any = port->busy_flushed = true;
    if (any)
        return true;
    port->busy_flushed = false;
    port->used_us = 0;
    if (!pl_list_empty(&port->dirty_busy) || !pl_list_empty(&port->backlogs))
        pl_timer_start(port->backlog_timer, pause_ms(port), 0);
    return false;
}

void pl_port_drain(struct pl_port *port)
{
    if (port->draining)
        return;
    port->draining = true;
    stop_listening(port);
    PL_LIST_EACH (node, &port->connections)
        pl_port_connection_drain(PL_CONTAINER(node, struct pl_port_connection, node));
}

size_t pl_port_connections_len(const struct pl_port *port)
{
    return port->connections_len;
}

void *pl_port_extra(struct pl_rpc_conn *conn)
{
    struct pl_port_connection *connection = pl_rpc_conn_data(conn);

    PL_ASSERT(connection != NULL);
    return connection->extra;
}

const uint8_t *pl_port_peer_key(struct pl_rpc_conn *conn)
{
    struct pl_port_connection *connection = pl_rpc_conn_data(conn);

    PL_ASSERT(connection != NULL);
    return pl_peer_key(connection->peer);
}

static void free_now(struct pl_port *port)
{
    pl_peers_done(&port->peers);
    pl_tls_context_unref(port->tls);
    pl_free(port);
}

void pl_port_connection_gone(struct pl_port *port)
{
    PL_ASSERT(port->connections_len > 0);
    port->connections_len--;
    if (port->freed && port->connections_len == 0)
        free_now(port);
}

void pl_port_free(struct pl_port *port)
{
    if (port == NULL)
        return;
    PL_ASSERT(!port->freed);
    port->freed = true;
    stop_listening(port);
    pl_timer_free(port->ticks);
    pl_timer_free(port->backlog_timer);
    if (port->connections_len == 0) {
        free_now(port);
        return;
    }
    PL_LIST_EACH (node, &port->connections)
        pl_port_connection_close(PL_CONTAINER(node, struct pl_port_connection, node), false);
}
