/*
 * local.h - the order of commands when this process alone decides it.
 *
 * There is no file of its own: a batch lasts by the store's transaction, which
 * also holds its number and time (pl_meta), and begins again from those.
 *
 * Threads: the engine's. Ownership: in the caller's memory; borrows `arg`.
 */
#ifndef PL_JOURNAL_LOCAL_H
#define PL_JOURNAL_LOCAL_H

#include "journal/journal.h"

struct pl_journal_local {
    uint64_t number; /* of the last batch applied */
    int64_t time_ms; /* its time */
    pl_journal_apply apply;
    void *arg;
};

/* Goes on after the last batch that the store has applied: see pl_meta. */
void pl_journal_local_init(struct pl_journal_local *local, uint64_t number, int64_t time_ms,
                           pl_journal_apply apply, void *arg);

/* The journal as others know it; valid as long as `local` is. */
struct pl_journal pl_journal_local_iface(struct pl_journal_local *local);

#endif
