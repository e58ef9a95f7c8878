/*
 * reader_pool.h - threads that answer queries from snapshots of the store.
 *
 * Apart from the engine, so that history never waits for sends, nor sends for
 * history. Each thread has a reader of its own.
 *
 * Threads: start and stop on one; post from any.
 */
#ifndef PL_SERVER_READER_POOL_H
#define PL_SERVER_READER_POOL_H

#include "server/age_clock.h"
#include "server/errand.h"
#include "store/sqlite.h"

struct pl_reader_pool;

struct pl_reader_pool_config {
    const struct pl_sqlite_config *store; /* borrowed until start returns */
    uint32_t threads;
    uint64_t log; /* the log's id, for the cursors in pages */
    int64_t session_idle_ms;
    const struct pl_age_clock *age; /* the engine's, which has begun it */
    size_t pages_size_max;          /* of pages kept to be shared, in bytes, for each thread */
    /* An answered errand goes back: to its loop, or, of kind USERS, to the engine.
     * It is the receiver's. Called on a reader's thread. */
    void (*on_answer)(void *self, struct pl_errand *errand);
    void *self;
};

/* PL_E_NOMEM, PL_E_IO, PL_E_CORRUPT; `problem` says more. */
int pl_reader_pool_start(const struct pl_reader_pool_config *config,
                         struct pl_reader_pool **ret_pool, struct pl_store_problem *problem);

/* Hands an errand of kind QUERY or USERS over. PL_E_LIMIT, PL_E_CLOSED: it is still
 * the caller's. */
int pl_reader_pool_post(struct pl_reader_pool *pool, struct pl_errand *errand);

/* Answers what waits, then ends the threads. NULL is fine. */
void pl_reader_pool_stop(struct pl_reader_pool *pool);

#endif
