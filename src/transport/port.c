/*
 * port.c - listeners, the turn's end, time, and the drain.
 *
 * A connection that is being closed has calls no more, but its socket lives on for a
 * moment. So a port that its owner has freed goes with the last of them.
 */
#include "transport/port.h"

#include "base/assert.h"
#include "base/clock.h"
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

/* What heavy peers had is made up for by the time that has gone by; at once, where no light one
 * needs some. */
static void pay_back(struct pl_port *port)
{
    int64_t now_us = pl_clock_mono_us();
    int64_t part_us = (now_us - port->paid_us) * port->config.limits.heavy_percent / 100;

    port->paid_us = now_us;
    if (pl_port_company(port, NULL) == PL_COMPANY_LIGHT && port->turns_us > part_us)
        port->turns_us -= part_us;
    else
        port->turns_us = 0;
}

/* Those that wait go on, in turn, for as long as there is time for them. */
static void on_turns(void *self)
{
    struct pl_port *port = self;
    int64_t now_ms = pl_loop_now_ms(port->loop_weak), start_us = pl_clock_thread_us();
    struct pl_turn *turn;

    port->turns_due = false;
    pay_back(port);
    do {
        turn = pl_peers_next(&port->peers, port->turns_us < PL_PORT_TURNS_US, now_ms);
        if (turn != NULL)
            turn->go_on(turn);
    } while (turn != NULL && pl_clock_thread_us() - start_us < PL_PORT_TURNS_US);
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
    PL_ASSERT(config->limits.heavy_percent > 0 && config->limits.heavy_percent <= 100);
    port = pl_zalloc(sizeof *port);
    if (port == NULL)
        return PL_E_NOMEM;
    port->loop_weak = loop;
    port->host_weak = host;
    port->config = *config;
    pl_list_init(&port->listeners);
    pl_list_init(&port->connections);
    pl_list_init(&port->dirty);
    pl_wheel_init(&port->wheel, TICK_MS, pl_loop_now_ms(loop));
    port->wake_ms = INT64_MAX;
    port->paid_us = pl_clock_mono_us();
    pl_company_init(&port->company);
    port->with = config->company != NULL ? config->company : &port->company;
    pl_peers_init(&port->peers);
    pl_port_set_tls(port, config->tls);
    rc = pl_timer_new(loop, on_tick, port, &port->ticks);
    if (rc == PL_OK)
        rc = pl_timer_new(loop, on_turns, port, &port->turns);
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

enum pl_company_kind pl_port_company(const struct pl_port *port, const struct pl_peer *peer)
{
    if (port->config.limits.heavy_percent == 100)
        return PL_COMPANY_ALONE;
    return pl_company_kind(port->with, peer != NULL ? pl_peer_hash(peer) : 0,
                           pl_loop_now_ms(port->loop_weak));
}

struct pl_peer *pl_port_peer(struct pl_rpc_conn *conn)
{
    struct pl_port_connection *connection = pl_rpc_conn_data(conn);

    PL_ASSERT(connection != NULL);
    return connection->peer;
}

bool pl_port_has_turns(struct pl_port *port, struct pl_peer *peer)
{
    enum pl_company_kind company = pl_port_company(port, peer);

    if (company == PL_COMPANY_ALONE ||
        (company == PL_COMPANY_HEAVY && pl_peers_users_len(&port->peers) <= 1))
        return false; /* there is nobody to have it instead */
    return !pl_peers_is_light(&port->peers, peer, pl_loop_now_ms(port->loop_weak));
}

void pl_port_await_turn(struct pl_port *port, struct pl_peer *peer, struct pl_turn *turn)
{
    pl_peers_wait(&port->peers, peer, turn);
    if (!pl_port_has_turns(port, peer))
        port->turns_soon = true;
}

void pl_port_charge(struct pl_port *port, struct pl_peer *peer, int64_t used_us)
{
    if (pl_port_company(port, NULL) == PL_COMPANY_ALONE)
        return;
    pl_peers_use(&port->peers, peer, used_us, pl_loop_now_ms(port->loop_weak));
    if (pl_port_has_turns(port, peer))
        port->turns_us += used_us;
    if (port->turns_us > PL_PORT_DEBT_US_MAX)
        port->turns_us = PL_PORT_DEBT_US_MAX;
}

void pl_port_charge_others(struct pl_port *port, struct pl_peer *peer, int64_t used_us)
{
    if (pl_port_has_turns(port, peer))
        pl_port_charge(port, peer, used_us);
}

void pl_port_hold_peer(struct pl_port *port, struct pl_peer *peer)
{
    pl_peers_hold(&port->peers, peer);
}

void pl_port_release_peer(struct pl_port *port, struct pl_peer *peer)
{
    pl_peers_release(&port->peers, peer, pl_loop_now_ms(port->loop_weak));
}

/* At once, where a turn is awaited that need not be, also if a pause has begun. */
static void start_turns(struct pl_port *port)
{
    bool soon = port->turns_soon || pl_port_company(port, NULL) != PL_COMPANY_LIGHT;

    if ((port->turns_due && !port->turns_soon) || !pl_peers_any_waits(&port->peers))
        return;
    port->turns_soon = false;
    port->turns_due = true;
    pl_timer_start(port->turns, soon ? 0 : PL_PORT_PAUSE_MS, 0);
}

bool pl_port_flush(struct pl_port *port)
{
    bool any = false;

    while (flush_first(&port->dirty))
        any = true;
    if (!any)
        start_turns(port);
    return any;
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
    return pl_peer_key(pl_port_peer(conn));
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
    pl_timer_free(port->turns);
    if (port->connections_len == 0) {
        free_now(port);
        return;
    }
    PL_LIST_EACH (node, &port->connections)
        pl_port_connection_close(PL_CONTAINER(node, struct pl_port_connection, node), false);
}
