/* retry.c - see retry.h. */
#include "transport/retry.h"

enum pl_retry_verdict pl_retry_decide(struct pl_retry *retry,
                                      const struct pl_retry_failure *failure, uint32_t random,
                                      int64_t *ret_pause_ms)
{
    if (!failure->processed && retry->transparent_len < PL_RETRY_TRANSPARENT_MAX) {
        retry->transparent_len++;
        return PL_RETRY_NOW;
    }
    retry->attempts_len++;
    if (!retry->repeatable || failure->code != PL_CODE_UNAVAILABLE ||
        retry->attempts_len >= retry->attempts_max)
        return PL_RETRY_NO;
    if (failure->pushback == PL_E_INVALID)
        return PL_RETRY_NO;
    if (failure->pushback == PL_OK) {
        pl_backoff_reset(&retry->backoff);
        *ret_pause_ms = failure->pushback_ms;
        return PL_RETRY_LATER;
    }
    *ret_pause_ms = pl_backoff_next(&retry->backoff, random);
    return PL_RETRY_LATER;
}
