/*
 * recent.h - the latest messages, as the first who got each of them did.
 *
 * All subscribers get the same bytes, mostly. So a message is read once, by whoever
 * gets it first; of everyone else's the bytes are compared with those, all of them,
 * and the same bytes say the same.
 *
 * Places are numbered 1, 2, 3, … as messages come; who got the one at a place will
 * get the one at the next. To look at a wrong place costs time and nothing else.
 *
 * Threads: one.
 * Limits:  PL_BENCH_RECENT_LEN messages of at most PL_BENCH_RECENT_SIZE_MAX bytes;
 *          the oldest makes room for the next, one that is longer is not kept.
 */
#ifndef PL_BENCH_RECENT_H
#define PL_BENCH_RECENT_H

#include "base/bytes.h"
#include "bench/payload.h"

#include <stdbool.h>
#include <stdint.h>

enum { PL_BENCH_RECENT_LEN = 1024, PL_BENCH_RECENT_SIZE_MAX = 400 };

/* What a message says. */
struct pl_bench_reading {
    struct pl_bench_payload payload;
    uint64_t sequence; /* as the server numbers it; 0 where it does not */
};

struct pl_bench_recent_message {
    struct pl_bench_reading reading;
    uint32_t size; /* 0: none is here yet */
    uint8_t bytes[PL_BENCH_RECENT_SIZE_MAX];
};

struct pl_bench_recent {
    uint32_t len; /* kept so far, in all: the place of the latest */
    struct pl_bench_recent_message messages[PL_BENCH_RECENT_LEN]; /* by place */
};

/* NULL where memory is short. */
struct pl_bench_recent *pl_bench_recent_new(void);
void pl_bench_recent_free(struct pl_bench_recent *recent);

/* The message at that place, if the data begins with its bytes or, where it is `alone`, is
 * its bytes; otherwise NULL. */
static inline const struct pl_bench_recent_message *pl_bench_recent_find(
    const struct pl_bench_recent *recent, uint32_t place, struct pl_bytes data, bool alone)
{
    const struct pl_bench_recent_message *message = &recent->messages[place % PL_BENCH_RECENT_LEN];

    if (message->size == 0 || (alone ? message->size != data.size : message->size > data.size) ||
        memcmp(message->bytes, data.data, message->size) != 0)
        return NULL;
    return message;
}

/* Keeps a message. Returns its place; 0 where it is empty or too long. */
uint32_t pl_bench_recent_keep(struct pl_bench_recent *recent, struct pl_bytes whole,
                              const struct pl_bench_reading *reading);

#endif
