/*
 * backoff.h - how long to wait before the next try: 1 s, doubling to 30 s, each
 * with jitter, so that not all come back at once.
 */
#ifndef PL_CLIENT_BACKOFF_H
#define PL_CLIENT_BACKOFF_H

#include <stdint.h>

enum { PL_BACKOFF_MS_MIN = 1000, PL_BACKOFF_MS_MAX = 30000 };

struct pl_backoff {
    uint32_t tries; /* failed ones in a row */
};

/* The pause after one more failure: between three quarters and the whole of
 * the step, never under PL_BACKOFF_MS_MIN or over PL_BACKOFF_MS_MAX. `random`
 * is any number. */
uint32_t pl_backoff_next(struct pl_backoff *backoff, uint32_t random);

/* It went well. */
void pl_backoff_reset(struct pl_backoff *backoff);

#endif
