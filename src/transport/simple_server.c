/*
 * simple_server.c - wires loop, host and port, and ends them in order.
 *
 * The order to stop is a letter, so that it may come from any thread, and is
 * taken where everything else is: on the loop's.
 */
#include "transport/simple_server.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "rpc/health.h"
#include "rpc/reflection.h"

#include <signal.h>
#include <stdatomic.h>

enum { INBOX_LEN_MAX = 1, SIGNALS_LEN = 2 };

struct pl_simple_server {
    struct pl_simple_server_config config;
    struct pl_loop *loop;
    struct pl_rpc_host *host;
    struct pl_rpc_health *health;
    struct pl_rpc_reflection *reflection;
    struct pl_port *port;
    struct pl_signal *signals[SIGNALS_LEN];
    struct pl_timer *grace;
    struct pl_letter stop;
    atomic_bool stopped; /* the letter is on its way, or has come */
    bool draining;
    bool cut_off;
};

static void cut_off(void *self)
{
    struct pl_simple_server *server = self;

    server->cut_off = pl_port_connections_len(server->port) > 0;
    pl_loop_stop(server->loop);
}

static void drain(struct pl_simple_server *server)
{
    server->draining = true;
    pl_timer_start(server->grace, (uint64_t)server->config.drain_ms, 0);
    pl_rpc_health_drain(server->health);
    pl_port_drain(server->port);
}

static void on_letter(void *self, struct pl_letter *letter)
{
    struct pl_simple_server *server = self;

    (void)letter;                                  /* the only one there is */
    if (server->port != NULL && !server->draining) /* else it is being freed, and never ran */
        drain(server);
}

static void on_signal(void *self, int signum)
{
    struct pl_simple_server *server = self;

    (void)signum;
    if (server->draining)
        cut_off(server);
    else
        drain(server);
}

static void on_turn_end(void *self)
{
    struct pl_simple_server *server = self;

    if (server->port == NULL)
        return; /* half-built, being freed */
    while (pl_port_flush(server->port)) {
    }
    if (server->draining && pl_port_connections_len(server->port) == 0)
        pl_loop_stop(server->loop);
}

static int make_host(struct pl_simple_server *server)
{
    int rc = pl_rpc_host_new(&pl_port_host_ops, &server->host);

    if (rc == PL_OK)
        rc = pl_rpc_health_new(server->host, &server->health);
    if (rc == PL_OK)
        rc = pl_rpc_health_set(server->health, "", true);
    if (rc == PL_OK && server->config.descriptor_set.size > 0)
        rc =
            pl_rpc_reflection_new(server->host, server->config.descriptor_set, &server->reflection);
    return rc;
}

static int make_signals(struct pl_simple_server *server)
{
    static const int signums[SIGNALS_LEN] = {SIGINT, SIGTERM};
    int rc = pl_timer_new(server->loop, cut_off, server, &server->grace);

    for (size_t i = 0; rc == PL_OK && i < SIGNALS_LEN; i++)
        rc = pl_signal_new(server->loop, signums[i], on_signal, server, &server->signals[i]);
    return rc;
}

int pl_simple_server_new(const struct pl_simple_server_config *config,
                         struct pl_simple_server **ret_server)
{
    struct pl_simple_server *server = pl_zalloc(sizeof *server);
    struct pl_loop_ops loop_ops = {server, on_letter, on_turn_end};
    int rc;

    if (server == NULL)
        return PL_E_NOMEM;
    server->config = *config;
    rc = pl_secret_init();
    if (rc == PL_OK)
        rc = pl_loop_new(&loop_ops, INBOX_LEN_MAX, &server->loop);
    if (rc == PL_OK)
        rc = make_host(server);
    if (rc == PL_OK)
        rc = pl_port_new(server->loop, server->host, &config->port, &server->port);
    if (rc == PL_OK)
        rc = make_signals(server);
    if (rc < 0) {
        pl_simple_server_free(server);
        return rc;
    }
    *ret_server = server;
    return PL_OK;
}

struct pl_rpc_host *pl_simple_server_host(struct pl_simple_server *server)
{
    return server->host;
}

struct pl_loop *pl_simple_server_loop(struct pl_simple_server *server)
{
    return server->loop;
}

struct pl_port *pl_simple_server_port(struct pl_simple_server *server)
{
    return server->port;
}

int pl_simple_server_listen(struct pl_simple_server *server, const char *address,
                            struct pl_address *ret_address)
{
    struct pl_address wanted;
    struct pl_bound *bound = NULL;
    int rc = pl_address_parse(address, &wanted);

    if (rc == PL_OK)
        rc = pl_bound_open(&wanted, &bound);
    if (rc < 0)
        return rc;
    rc = pl_port_listen(server->port, bound);
    if (rc == PL_OK && ret_address != NULL)
        *ret_address = *pl_bound_address(bound);
    pl_bound_close(bound);
    return rc;
}

int pl_simple_server_run(struct pl_simple_server *server)
{
    pl_loop_run(server->loop);
    return server->cut_off ? PL_E_TIMEOUT : PL_OK;
}

void pl_simple_server_stop(struct pl_simple_server *server)
{
    if (!atomic_exchange(&server->stopped, true))
        (void)pl_loop_post_always(server->loop, &server->stop); /* refused: it has ended */
}

void pl_simple_server_free(struct pl_simple_server *server)
{
    if (server == NULL)
        return;
    pl_port_free(server->port);
    server->port = NULL;
    for (size_t i = 0; i < SIGNALS_LEN; i++)
        pl_signal_free(server->signals[i]);
    pl_timer_free(server->grace);
    pl_loop_free(server->loop);
    pl_rpc_reflection_free(server->reflection);
    pl_rpc_health_free(server->health);
    pl_rpc_host_free(server->host);
    pl_free(server);
}
