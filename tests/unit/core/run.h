/*
 * run.h - random batches on a world, followed by the model.
 */
#ifndef PL_TESTS_CORE_RUN_H
#define PL_TESTS_CORE_RUN_H

#include "model.h"

enum { RUN_BATCH_LEN = 6 };

struct run {
    struct world world;
    struct model *model;
    uint64_t seed;
    struct step steps[RUN_BATCH_LEN];
    uint32_t steps_len;
};

/* Not started yet; prints the seed. */
void run_init(struct run *run, uint64_t seed);
void run_done(struct run *run);

uint32_t run_below(struct run *run, uint32_t bound);

/* Time passes, and people decide what to do: the world's next batch. */
void run_gather(struct run *run);

/* The batch START, or EXPIRE. */
void run_gather_start(struct run *run);
void run_gather_expire(struct run *run);

/* The batch was applied: the model does the same and judges the effects. */
void run_follow(struct run *run);

#endif
