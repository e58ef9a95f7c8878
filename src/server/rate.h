/*
 * rate.h - so much in a second: a bucket that fills by itself.
 *
 * It holds one second's worth, so that a burst after silence is free.
 *
 * Threads: its owner's.
 */
#ifndef PL_SERVER_RATE_H
#define PL_SERVER_RATE_H

#include <stdint.h>

/* All zero is a bucket that is full at its first use. */
struct pl_rate {
    int64_t full_us; /* when it is full again, on the clock of `now_ms`, in microseconds */
};

/* Takes one of `per_second` (> 0). Returns 0 where it was there, else after how many
 * milliseconds it will be, and takes nothing. */
uint32_t pl_rate_take(struct pl_rate *rate, uint32_t per_second, int64_t now_ms);

#endif
