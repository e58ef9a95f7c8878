/*
 * replay.h - the journal, kept: what was applied, in order, to be applied again.
 *
 * A fresh engine on a fresh store that is given the same batches must come to the
 * same state, to the letter. That a batch failed is kept as well, since its takers
 * ended by it.
 */
#ifndef PL_TESTS_SIM_REPLAY_H
#define PL_TESTS_SIM_REPLAY_H

#include "core/engine.h"
#include "judge.h"

struct replay_entry {
    uint64_t number; /* 0: a batch failed here */
    int64_t time_ms;
    int64_t age_ms;
    uint32_t first; /* of its commands */
    uint32_t len;
};

struct replay {
    struct replay_entry *entries;
    uint32_t entries_len;
    uint32_t entries_cap;
    struct pl_command *commands; /* copies; strings stay the caller's */
    uint32_t commands_len;
    uint32_t commands_cap;
};

void replay_init(struct replay *replay);
void replay_done(struct replay *replay);

void replay_note(struct replay *replay, const struct pl_batch *batch);
void replay_note_failure(struct replay *replay);

/* Applies all to an in-memory store, and holds the outcome to the judge, and to
 * `memory`, another such store, if it is not NULL. */
void replay_judge(const struct replay *replay, const struct pl_engine_config *config,
                  const struct pl_store *memory, const struct judge *judge);

#endif
