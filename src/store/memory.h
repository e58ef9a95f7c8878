/*
 * memory.h - the in-memory twin of the store, for tests and simulation.
 *
 * Naive on purpose: arrays that are searched from end to end, so that it is
 * plain to see that it is right. Nothing lasts beyond the process.
 *
 * A failure can be asked for, to see that whoever uses a store bears it.
 *
 * Threads: one at a time. Ownership: the store owns all that it keeps, and a
 *   reference of each event's bytes.
 */
#ifndef PL_STORE_MEMORY_H
#define PL_STORE_MEMORY_H

#include "base/bytes.h"
#include "model/store.h"

#include <stdbool.h>
#include <stdint.h>

/* An empty store. PL_E_NOMEM. */
int pl_memory_store_new(struct pl_store *ret_store);

/* NULL in `self` is fine. */
void pl_memory_store_free(struct pl_store *store);

/* The `nth` operation from now on that can fail fails with `err`, once, and
 * changes nothing; begin and commit count too. 0 turns it off. */
void pl_memory_store_fail_op(struct pl_store *store, uint64_t nth, int err);

/* The `nth` commit from now on fails with `err`, once. 0 turns it off. */
void pl_memory_store_fail_commit(struct pl_store *store, uint64_t nth, int err);

/* Whether a failure that was asked for has happened since. */
bool pl_memory_store_failed(const struct pl_store *store);

/* How many operations there were so far, and how many of them wrote events,
 * rooms and members: what a test holds the engine's thrift to. */
struct pl_memory_counts {
    uint64_t ops;
    uint64_t append_event;
    uint64_t put_room;
    uint64_t put_member;
    uint64_t put_meta;
};

struct pl_memory_counts pl_memory_store_counts(const struct pl_store *store);

/* Appends all that the store holds, as text, one row a line in a fixed order
 * of tables: two stores with the same text hold the same. */
void pl_memory_store_dump(const struct pl_store *store, struct pl_bytebuf *buf);

#endif
