/*
 * load.h - a seeded load of everything that a store is asked to keep, and the
 * comparison of two stores.
 *
 * The same load, seed and content give the same operations, so that one store
 * can be followed by another: the in-memory twin, or itself after a crash.
 */
#ifndef PL_TEST_STORE_LOAD_H
#define PL_TEST_STORE_LOAD_H

#include "model/store.h"

#include <stdbool.h>

enum { LOAD_USERS_MAX = 24, LOAD_ROOMS_MAX = 10 };

/* What the next operations need to know. Plain data: copy it to go back. */
struct load {
    struct pl_meta meta;
    struct pl_user users[LOAD_USERS_MAX + 1]; /* by id */
    struct pl_room rooms[LOAD_ROOMS_MAX + 1];
    enum pl_member_state states[LOAD_ROOMS_MAX + 1][LOAD_USERS_MAX + 1];
    uint64_t requests;
    uint64_t taker; /* the last one that there was */
};

/* Applies `ops` random operations, and the counters, in the transaction that is
 * under way. Returns the first error; then nothing of *load may be used. */
int load_apply(struct load *load, const struct pl_store *store, uint64_t seed, uint32_t ops);

/* Asks both stores everything that the load can have put there. */
void load_compare(const struct load *load, const struct pl_store *a, const struct pl_store *b);

#endif
