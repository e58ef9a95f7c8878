/*
 * io_loop.h - one thread with its port, calls and streams.
 *
 * Loops share nothing. What a loop needs of others it gets by errands.
 *
 * Threads: made, started and freed on one; drain and set_tls from any; the rest on
 *          its own.
 */
#ifndef PL_SERVER_IO_LOOP_H
#define PL_SERVER_IO_LOOP_H

#include "fanout/hub.h"
#include "net/tcp.h"
#include "net/thread.h"
#include "rpc/health.h"
#include "rpc/host.h"
#include "rpc/reflection.h"
#include "server/config.h"
#include "server/engine_thread.h"
#include "server/lanes.h"
#include "server/newcomers.h"
#include "server/reader_pool.h"
#include "server/service.h"
#include "server/stream_call.h"
#include "transport/port.h"
#include "wire/frame.h"

struct pl_io_loop_config {
    const struct pl_config *config; /* borrowed */
    uint32_t number;
    uint64_t log;               /* the log's id, for cursors */
    struct pl_tls_context *tls; /* borrowed; NULL: plain */
    struct pl_company *company; /* all loops'; borrowed */
    struct pl_engine_thread *engine_weak;
    struct pl_reader_pool *readers_weak;
    /* The loop has drained: nothing is under way on it any more. On the loop's
     * thread. */
    void (*on_drained)(void *self, struct pl_msg *msg);
    void *self;
};

/* The latest token and its hash; size 0: there was none. */
struct pl_token_memo {
    uint8_t token[64];
    size_t size;
    struct pl_hash hash;
};

struct pl_io_loop {
    struct pl_io_loop_config config;
    struct pl_loop *loop;
    struct pl_thread *thread;
    struct pl_rpc_host *host;
    const char *origins[PL_CONFIG_ORIGINS_LEN_MAX]; /* the configuration's, for the host */
    struct pl_rpc_health *health;
    struct pl_rpc_reflection *reflection;
    struct pl_hub *hub;
    struct pl_wire_framer framer;
    struct pl_service_ctx services[PL_SERVICES_LEN];
    struct pl_port *port;
    struct pl_timer *beats; /* heartbeats, sessions in use; runs while there are streams */
    bool beating;
    struct pl_list stream_calls;           /* of struct pl_stream_call, not yet GONE */
    struct pl_live_sessions live_sessions; /* theirs */
    struct pl_errand_pool pool;            /* errands at rest */
    struct pl_lanes lanes;                 /* what addresses have asked, and what waits of it */
    struct pl_token_memo token_memo;
    struct pl_newcomers newcomers; /* guests who sign in here */
    size_t errands_size;           /* what requests hold that are under way, in bytes */
    bool pages_failed;             /* some stream's page could not be asked for */
    bool draining;
    bool drained;
    int64_t drain_until_ms; /* monotonic */
    struct pl_msg drain;    /* the letter that says so, and the answer */
};

/* PL_E_NOMEM, PL_E_IO. */
int pl_io_loop_new(const struct pl_io_loop_config *config, struct pl_io_loop **ret_io);

/* Listens on an address. Before start. */
int pl_io_loop_listen(struct pl_io_loop *io, struct pl_bound *bound);

/* Starts the thread. */
int pl_io_loop_start(struct pl_io_loop *io);

/* Posts a letter to the loop, or discards it where the loop has ended. Any thread. */
void pl_io_loop_post(struct pl_io_loop *io, struct pl_msg *msg);

/* The same without waking the loop; and that. Any thread. */
void pl_io_loop_put(struct pl_io_loop *io, struct pl_msg *msg);
void pl_io_loop_ring(struct pl_io_loop *io);

/* New connections use that context; the loop takes a reference. PL_E_NOMEM. Any
 * thread. */
int pl_io_loop_set_tls(struct pl_io_loop *io, struct pl_tls_context *context);

/* A stream has been opened: its heart beats. */
void pl_io_loop_beat(struct pl_io_loop *io);

/* Stops accepting, tells streams and connections, lets calls end; on_drained
 * tells when. Any thread, once. */
void pl_io_loop_drain(struct pl_io_loop *io);

/* Ends the thread; what is still open is cut off. */
void pl_io_loop_stop(struct pl_io_loop *io);

/* After stop. NULL is fine. */
void pl_io_loop_free(struct pl_io_loop *io);

#endif
