/*
 * judge.h - one client's stream, held against what the world says it must be given.
 *
 * It knows the world, what the stream was opened with, and the bytes that came: events
 * in order, each once, those that the user may see and no others, with a cursor that
 * goes on; markers; what comes once.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a reader has read to in a room. */
struct marker {
    bool care; /* the judge knows what it must be */
    pl_sequence must;
    pl_sequence got;
};

struct judge {
    const struct world *world_weak;
    uint64_t seed;
    struct world_want want;
    pl_position cursor;
    enum pl_backlog_kind cursor_backlog;
    uint32_t next; /* events before this one have been judged */
    /* of the stream that is open */
    pl_position shown;
    bool caught_up;
    bool drained;
    struct marker markers[WORLD_ROOMS_LEN];
    uint8_t bytes[1 << 17]; /* that have come and are no whole frame yet */
    size_t bytes_size;
    /* ever */
    uint64_t events_len;
    uint64_t caught_up_len;
};

/* Of what has a seed: a simulation, a judge. */
#define JUDGE(of, condition)                                                               \
    do {                                                                                   \
        if (!(condition))                                                                  \
            fail_msg("seed %llu: not so: %s", (unsigned long long)(of)->seed, #condition); \
    } while (0)

/* A new stream has been asked for, and events up to `shown` may have been shown. */
void judge_asked(struct judge *judge, pl_position shown);

/* Bytes have come: all whole frames are judged. */
void judge_bytes(struct judge *judge);

/* The stream is gone: the next one goes on after its last cursor, whatever came after that. */
void judge_gone(struct judge *judge);

/* All that there is has come. */
void judge_whole(struct judge *judge);

#endif
