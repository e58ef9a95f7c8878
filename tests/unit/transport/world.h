/*
 * world.h - for tests: a port with a service, and clients over loopback, on one loop.
 *
 * test.Echo has Say (unary: the message comes back) and Watch (server-streaming: held
 * open until world_end_watches(), or the call's end).
 */
#ifndef PL_TEST_TRANSPORT_WORLD_H
#define PL_TEST_TRANSPORT_WORLD_H

#include "net/tcp.h"
#include "net/tls.h"
#include "rpc/client.h"
#include "rpc/host.h"
#include "transport/port.h"

enum { WORLD_WATCHES_LEN_MAX = 8 };

struct world {
    struct pl_loop *loop;
    struct pl_rpc_host *host;
    struct pl_port *port;
    struct pl_address address; /* where it listens */
    int flushes;               /* how often a flush had something to do */
    size_t most_connections;
    uint64_t watches[WORLD_WATCHES_LEN_MAX]; /* ids of calls */
    size_t watches_len;
    int opened, closed;                /* calls, as the handlers see them */
    bool (*done)(struct world *world); /* asked at each turn's end: then the loop stops */
    void *data;
};

extern const struct pl_rpc_service world_service;

/* PL_OK, or what the constructors return where memory is short; world_done() takes
 * any state. */
int world_init(struct world *world, const struct pl_port_config *config);
void world_done(struct world *world);

/* Runs the loop until done() says so. */
void world_run(struct world *world, bool (*done)(struct world *world), void *data);

/* Ends the Watch calls that are open. */
void world_end_watches(struct world *world);

/* A client: a socket, and rpc on it unless it is mute. */
struct caller {
    struct pl_loop *loop_weak;
    struct pl_socket *socket; /* NULL once closed */
    struct pl_rpc_client *rpc;
    struct pl_rpc_client_call *call;
    bool mute;                  /* connects and says nothing */
    int64_t timeout_ms;         /* of its call; 0: none */
    struct pl_tls_context *tls; /* a client's; or NULL */
    int connected, ended, gone;
    int secured;    /* once TLS's handshake has ended */
    int secure_err; /* and how */
    int connect_err;
    int messages, over;
    enum pl_code code;
    char text[64]; /* the last message */
    int reads;
};

/* Connects (to "localhost", where it speaks TLS) and, unless it is mute, calls test.Echo/METHOD
 * with that text. */
int caller_start(struct caller *caller, struct pl_loop *loop, const struct pl_address *address,
                 const char *method, const char *text);

/* Closes its socket; caller_done() after the loop has run, or instead of it. */
void caller_close(struct caller *caller);
void caller_done(struct caller *caller);

#endif
