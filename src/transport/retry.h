/*
 * retry.h - whether, and when, a call that failed is tried again (gRFC A6).
 *
 * Not here, but by its owner: that nothing is repeated once a response message has
 * been handed over, and that the deadline bounds it all.
 */
#ifndef PL_TRANSPORT_RETRY_H
#define PL_TRANSPORT_RETRY_H

#include "base/err.h"
#include "transport/backoff.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PL_RETRY_ATTEMPTS_MAX = 5, /* of a repeatable call, the first one included */
    /* Repeats of what the server surely did not look at, which count as no attempt. */
    PL_RETRY_TRANSPARENT_MAX = 3,
};

/* The tries of one call. */
struct pl_retry {
    bool repeatable;
    uint32_t attempts_max;
    uint32_t attempts_len; /* that have failed; for grpc-previous-rpc-attempts */
    uint32_t transparent_len;
    struct pl_backoff backoff;
};

/* How one of them has failed. */
struct pl_retry_failure {
    enum pl_code code;
    bool processed; /* false: the server surely did nothing */
    /* grpc-retry-pushback-ms: PL_OK and the time to wait, PL_E_NOTFOUND where there is
     * none, PL_E_INVALID where it says not to try again. */
    int pushback;
    int64_t pushback_ms;
};

enum pl_retry_verdict { PL_RETRY_NO, PL_RETRY_NOW, PL_RETRY_LATER };

/* What follows; LATER: in *ret_pause_ms. Counts the attempt. */
enum pl_retry_verdict pl_retry_decide(struct pl_retry *retry,
                                      const struct pl_retry_failure *failure, uint32_t random,
                                      int64_t *ret_pause_ms);

#endif
