/* backoff.c - growing pauses with jitter. */
#include "client/backoff.h"

uint32_t pl_backoff_next(struct pl_backoff *backoff, uint32_t random)
{
    uint32_t step = PL_BACKOFF_MS_MAX;
    uint32_t pause;

    if (backoff->tries < 5)
        step = (uint32_t)PL_BACKOFF_MS_MIN << backoff->tries;
    backoff->tries++;
    if (step > PL_BACKOFF_MS_MAX)
        step = PL_BACKOFF_MS_MAX;
    pause = step - random % (step / 4 + 1);
    return pause < PL_BACKOFF_MS_MIN ? PL_BACKOFF_MS_MIN + random % 250 : pause;
}

void pl_backoff_reset(struct pl_backoff *backoff)
{
    backoff->tries = 0;
}
