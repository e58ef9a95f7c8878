/*
 * trimmer.h - gives free memory back to the system once the server has become quiet.
 *
 * The allocator keeps what is freed, for it may be wanted soon; after many peers have
 * gone that is a lot. To give it back takes milliseconds, in which other threads may
 * wait for memory: so it is done once, when the work is over.
 *
 * Threads: the control loop's.
 */
#ifndef PL_SERVER_TRIMMER_H
#define PL_SERVER_TRIMMER_H

#include "net/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_trimmer {
    struct pl_timer *timer;
    int64_t used_us; /* of the processors, at the last look */
    bool worked;     /* since memory was given back */
};

/* Looks from now on. PL_E_NOMEM, PL_E_CLOSED. */
int pl_trimmer_start(struct pl_trimmer *trimmer, struct pl_loop *loop);
void pl_trimmer_stop(struct pl_trimmer *trimmer); /* one that is all zero is fine */

/* Whether memory is to be given back now, when the process has used that much of the
 * processors in all; asked every 5 seconds. */
bool pl_trimmer_due(struct pl_trimmer *trimmer, int64_t used_us);

#endif
