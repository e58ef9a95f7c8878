/*
 * engine_thread.h - the one thread that owns all durable chat state.
 *
 * Letters come through a mailbox and become batches; so one fsync serves many
 * callers, and a batch grows by itself as load grows. After the commit, answers,
 * feeds and leases go to the loops, in order.
 *
 * Threads: start and stop on one; post from any.
 */
#ifndef PL_SERVER_ENGINE_THREAD_H
#define PL_SERVER_ENGINE_THREAD_H

#include "model/durability.h"
#include "model/store.h"
#include "server/age_clock.h"
#include "server/errand.h"

struct pl_engine_thread;

struct pl_engine_thread_config {
    struct pl_store store; /* the thread's while it runs */
    uint64_t log;          /* a fresh random id for the log from here on */
    uint32_t loops_len;
    bool guests;
    enum pl_durability durability;
    int64_t session_idle_ms;
    struct pl_age_clock *age; /* begun and ticked by the engine */
    size_t text_size_max;
    size_t inbox_len_max;
    /* Sends a letter to a loop, which need not see it before ring_loops, called after
     * each batch. On the engine's thread; the letter is the receiver's. */
    void (*to_loop)(void *self, uint32_t loop, struct pl_msg *msg);
    void (*ring_loops)(void *self);
    void *self;
};

/* Starts the thread after PL_COMMAND_START has been applied. PL_E_NOMEM, and what
 * the store fails with. */
int pl_engine_thread_start(const struct pl_engine_thread_config *config,
                           struct pl_engine_thread **ret_engine);

/* Puts an errand of kind COMMAND, ONLINE or USERS where it is seen when the engine
 * looks next; pl_engine_thread_ring() must follow, once for all of a turn, so that they
 * make one batch. PL_E_LIMIT: too many wait; PL_E_CLOSED: it is stopping; the errand is
 * still the caller's. */
int pl_engine_thread_put(struct pl_engine_thread *engine, struct pl_errand *errand);
void pl_engine_thread_ring(struct pl_engine_thread *engine);

/* Posts what must not be refused: answers on their way, and streams that
 * are gone. PL_E_CLOSED. */
int pl_engine_thread_post_always(struct pl_engine_thread *engine, struct pl_msg *msg);

/* Deals with what waits, then ends the thread. NULL is fine. */
void pl_engine_thread_stop(struct pl_engine_thread *engine);

#endif
