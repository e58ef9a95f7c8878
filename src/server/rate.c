/*
 * rate.c - the bucket as a moment: each taking moves the moment when it is full by
 * the time that one needs to come back. Kept in microseconds, so that a rate of
 * many in a millisecond is exact enough.
 */
#include "server/rate.h"

#include "base/assert.h"

uint32_t pl_rate_take(struct pl_rate *rate, uint32_t per_second, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000, one_us, full_us;

    PL_ASSERT(per_second > 0);
    one_us = (1000000 + (int64_t)per_second - 1) / (int64_t)per_second;
    full_us = (rate->full_us > now_us ? rate->full_us : now_us) + one_us;
    if (full_us - now_us > 1000000 && one_us <= 1000000)
        return (uint32_t)((full_us - now_us - 1000000 + 999) / 1000);
    rate->full_us = full_us;
    return 0;
}
