/*
 * backoff.h - how long to wait before the next try: pauses that grow, with jitter,
 * so that not all come back at once (gRPC, connection-backoff.md: ×1.6, ±0.2).
 */
#ifndef PL_TRANSPORT_BACKOFF_H
#define PL_TRANSPORT_BACKOFF_H

#include <stdint.h>

/* What gRPC's document names for connections. */
enum { PL_BACKOFF_BASE_MS = 1000, PL_BACKOFF_MAX_MS = 120 * 1000 };

struct pl_backoff {
    uint32_t base_ms; /* > 0 */
    uint32_t max_ms;  /* of a step: its pause is at most a fifth longer */
    uint32_t step_ms; /* the next one; 0: base_ms */
};

/* The pause after one more failure: the step, and up to a fifth less or more.
 * `random` is any number, evenly spread; 0 gives the least. */
uint32_t pl_backoff_next(struct pl_backoff *backoff, uint32_t random);

/* It went well. */
void pl_backoff_reset(struct pl_backoff *backoff);

#endif
