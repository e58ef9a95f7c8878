/*
 * simple_server.h - a gRPC server in a few lines: one loop, one host, one port.
 *
 *     pl_simple_server_new(&config, &server);
 *     pl_rpc_host_add(pl_simple_server_host(server), &service, ctx);
 *     pl_simple_server_listen(server, "127.0.0.1:50051", &address);
 *     pl_simple_server_run(server);
 *     pl_simple_server_free(server);
 *
 * It runs until SIGINT or SIGTERM, or pl_simple_server_stop(): then it drains. A
 * second signal, or the grace's end, cuts off what is still open.
 *
 * grpc.health.v1 is there, SERVING until the drain; and reflection, where the
 * descriptors are given.
 *
 * Threads: one, the caller's; _stop() from any.
 */
#ifndef PL_TRANSPORT_SIMPLE_SERVER_H
#define PL_TRANSPORT_SIMPLE_SERVER_H

#include "transport/port.h"

struct pl_simple_server;

struct pl_simple_server_config {
    struct pl_port_config port;
    /* A FileDescriptorSet with all imports, for reflection; borrowed. Empty: none. */
    struct pl_bytes descriptor_set;
    int64_t drain_ms; /* for calls under way when it drains; 0: cut off at once */
};

#define PL_SIMPLE_SERVER_DEFAULT                                              \
    {                                                                         \
        .port = {.limits = PL_PORT_LIMITS_DEFAULT}, .drain_ms = INT64_C(3000) \
    }

/* PL_E_NOMEM, PL_E_IO; PL_E_CORRUPT for descriptors that are none. */
int pl_simple_server_new(const struct pl_simple_server_config *config,
                         struct pl_simple_server **ret_server);

/* What services are added to, before the run; what timers are made on. */
struct pl_rpc_host *pl_simple_server_host(struct pl_simple_server *server);
struct pl_loop *pl_simple_server_loop(struct pl_simple_server *server);
struct pl_port *pl_simple_server_port(struct pl_simple_server *server);

/* Listens on "HOST:PORT"; may be called again. The address with its real port goes
 * to ret_address, NULL where nobody wants it. PL_E_INVALID for what is no address;
 * errors of pl_bound_open() and pl_port_listen(). */
int pl_simple_server_listen(struct pl_simple_server *server, const char *address,
                            struct pl_address *ret_address);

/* Serves until it has drained. Once only. PL_OK, PL_E_TIMEOUT where calls were cut
 * off. */
int pl_simple_server_run(struct pl_simple_server *server);

/* Begins the drain; harmless where it has begun. Any thread, and before the run. */
void pl_simple_server_stop(struct pl_simple_server *server);

/* After the run, or instead of it. NULL is fine. */
void pl_simple_server_free(struct pl_simple_server *server);

#endif
