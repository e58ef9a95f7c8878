/*
 * journal.h - who decides the order of commands.
 *
 * Batches are numbered 1, 2, 3, … without a hole, and their time never runs
 * back. What was appended is applied once, in that order.
 *
 * Threads: the engine's.
 */
#ifndef PL_JOURNAL_JOURNAL_H
#define PL_JOURNAL_JOURNAL_H

#include "model/command.h"

#include <stdint.h>

struct pl_journal_ops {
    /* Gives the batch its number and its time (now_ms, but no less than that of
     * the batch before) and has it applied. PL_OK: it is in the journal, and
     * its outcome lasts. < 0: the error of who applies it; it is not in the
     * journal, and the next batch gets its number. */
    int (*append)(void *self, struct pl_batch *batch, int64_t now_ms);
};

struct pl_journal {
    const struct pl_journal_ops *ops;
    void *self;
};

/* Applies a batch: PL_OK when its outcome lasts; < 0 when nothing has happened. */
typedef int (*pl_journal_apply)(void *arg, const struct pl_batch *batch);

#endif
