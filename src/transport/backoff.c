/* backoff.c - see backoff.h; all in whole numbers, wide enough for any step. */
#include "transport/backoff.h"

#include "base/assert.h"

uint32_t pl_backoff_next(struct pl_backoff *backoff, uint32_t random)
{
    uint32_t step = backoff->step_ms > 0 ? backoff->step_ms : backoff->base_ms;
    uint64_t next, jitter, pause;

    PL_ASSERT(backoff->base_ms > 0);
    if (step > backoff->max_ms)
        step = backoff->max_ms;
    next = ((uint64_t)step * 8 + 4) / 5; /* rounded up: even the smallest grows */
    backoff->step_ms = next < backoff->max_ms ? (uint32_t)next : backoff->max_ms;
    jitter = step / 5;
    pause = step - jitter + random * (2 * jitter) / UINT32_MAX;
    return pause < UINT32_MAX ? (uint32_t)pause : UINT32_MAX;
}

void pl_backoff_reset(struct pl_backoff *backoff)
{
    backoff->step_ms = 0;
}
