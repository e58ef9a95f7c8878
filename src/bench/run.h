/*
 * run.h - one run against a server: connections, subscribers, phases, and its end.
 *
 * Phases follow one another; the command that measures acts in WORKING, and may look
 * at the server when a phase begins (on_phase).
 *
 * Threads:   one.
 * Ownership: the run owns connections and subscribers.
 */
#ifndef PL_BENCH_RUN_H
#define PL_BENCH_RUN_H

#include "base/list.h"
#include "bench/driver.h"
#include "bench/options.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/tls.h"

enum {
    PL_BENCH_EXIT_FINE = 0,
    PL_BENCH_EXIT_FAILED = 1, /* a check failed, or the server said no */
    PL_BENCH_EXIT_USAGE = 2,
    PL_BENCH_EXIT_NO_SERVER = 3,
    PL_BENCH_EXIT_SIGNAL = 128, /* and the signal's number */
    PL_BENCH_RUN_ID_LEN = 8,
    PL_BENCH_NAME_SIZE = 33,
    PL_BENCH_WHY_SIZE = 512,
};

enum pl_bench_phase {
    PL_BENCH_REACHING, /* the first connection */
    PL_BENCH_PREPARING,
    PL_BENCH_CONNECTING,
    PL_BENCH_SUBSCRIBING,
    PL_BENCH_WORKING,
    PL_BENCH_CLEANING,
    PL_BENCH_OVER,
};

enum pl_bench_conn_state {
    PL_BENCH_CONN_NEW,
    PL_BENCH_CONN_CONNECTING,
    PL_BENCH_CONN_OPEN, /* the driver has it */
    PL_BENCH_CONN_READY,
    PL_BENCH_CONN_CLOSED,
};

struct pl_bench_conn {
    struct pl_bench_run *run_weak;
    struct pl_list node; /* in run->dirty while it is to be flushed */
    struct pl_socket *socket;
    void *driver;               /* the driver's state; NULL before it has the connection */
    struct pl_bench_held *held; /* while it is held; otherwise NULL */
    uint32_t number;
    enum pl_bench_conn_state state;
};

struct pl_bench_load;

/* What a command wants; called from the loop. Each may be NULL. */
struct pl_bench_run_ops {
    void *self;
    /* The phase has begun. In WORKING the command works until
     * pl_bench_run_finish(). */
    void (*on_phase)(void *self, enum pl_bench_phase phase);
    /* All subscribers are there, after pl_bench_run_subscribe(). */
    void (*on_subscribed)(void *self);
    /* Every 100 ms while it works. */
    void (*on_tick)(void *self);
};

/* How many of what. */
struct pl_bench_shape {
    uint32_t publishers; /* at least 1 */
    uint32_t conns;      /* of subscribers */
    uint32_t subs;       /* on them; dealt out in runs of equal length */
    uint32_t channels;   /* at least 1 */
    bool subs_later;     /* they wait for pl_bench_run_subscribe() */
};

struct pl_bench_run {
    const struct pl_bench_driver *driver_weak;
    const struct pl_bench_options *options_weak;
    struct pl_bench_run_ops ops;
    struct pl_bench_shape shape;
    void *driver; /* its state of the run */
    struct pl_loop *loop;
    struct pl_timer *timer;
    struct pl_signal *signals[2]; /* SIGINT, SIGTERM: the run is cleaned up */
    struct pl_tls_context *tls;
    char id[PL_BENCH_RUN_ID_LEN + 1];
    uint32_t id_number;
    char authority[PL_TARGET_TEXT_SIZE];
    char (*names)[PL_BENCH_NAME_SIZE]; /* of channels */
    struct pl_bench_conn *conns;       /* publishers' first */
    struct pl_bench_sub *subs;
    struct pl_list dirty;
    struct pl_bytebuf out;           /* what one connection sends in one turn */
    struct pl_bench_load *load_weak; /* what publishes and checks; NULL where nothing does */
    enum pl_bench_phase phase;
    uint32_t conns_begun, conns_ready;
    uint32_t subs_begun, subs_done;
    int64_t phase_us[PL_BENCH_OVER + 1]; /* when each began */
    int64_t moved_us;                    /* the last progress */
    int64_t now_us;                      /* of this read */
    int64_t ticked_ms;
    int status;
    bool failed;
    bool subscribing; /* in WORKING */
    char why[PL_BENCH_WHY_SIZE];
};

/* PL_E_NOMEM, PL_E_IO. What else keeps it from starting is told by pl_bench_run_go(). */
int pl_bench_run_new(const struct pl_bench_driver *driver, const struct pl_bench_options *options,
                     const struct pl_bench_shape *shape, const struct pl_bench_run_ops *ops,
                     struct pl_bench_run **ret_run);
void pl_bench_run_free(struct pl_bench_run *run);

/* Runs until the end. Returns the exit status, and has told on standard error why it
 * is not 0. */
int pl_bench_run_go(struct pl_bench_run *run);

/* The work is done: what the run has made is removed, and it ends. */
void pl_bench_run_finish(struct pl_bench_run *run);

/* In WORKING, of a run with subs_later: subscribes them, a few at a time; on_subscribed
 * tells when all are. */
void pl_bench_run_subscribe(struct pl_bench_run *run);

/* Holds an open connection: it is not read, and a server finds that it takes nothing.
 * PL_E_NOMEM. */
int pl_bench_conn_hold(struct pl_bench_conn *conn);

/* Of one that is held: until the next call, its driver is given `size` bytes, as soon as
 * they come. The socket is read again only when the driver has all that was read before,
 * a buffer of the loop's. */
void pl_bench_conn_give(struct pl_bench_conn *conn, size_t size);

/* It is read as the others are. One that is not held: nothing to do. */
void pl_bench_conn_let_go(struct pl_bench_conn *conn);

/* Ends at once with that status; the first text counts. */
void pl_bench_run_fail(struct pl_bench_run *run, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Something went on: the time without progress begins anew. */
static inline void pl_bench_run_moved(struct pl_bench_run *run)
{
    run->moved_us = run->now_us;
}

/* Connections: for run.c. */
int pl_bench_conn_connect(struct pl_bench_conn *conn);
void pl_bench_conn_flush(struct pl_bench_conn *conn);
void pl_bench_conn_done(struct pl_bench_conn *conn);

#endif
