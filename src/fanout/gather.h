/*
 * gather.h - whether streams that have news are woken at once, or a moment later
 * together with more of it.
 *
 * What a delivery costs is the write, not the bytes. So under load a stream that
 * was given something a moment ago is held, and what comes meanwhile goes with it.
 * A stream that was silent before never waits. Holding is given up for a while
 * where it brings nothing: where those who send wait for what is held, or are not
 * as fast as that.
 *
 * Knows no streams and no clock. Threads: the loop's.
 */
#ifndef PL_FANOUT_GATHER_H
#define PL_FANOUT_GATHER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PL_GATHER_MS = 2,          /* streams are held no longer than this */
    PL_GATHER_WAKES_MIN = 128, /* in two slots of time: below that there is no load */
};

struct pl_gather {
    int64_t until_ms;    /* when those that are held are woken; INT64_MAX: nobody is */
    bool may_hold;       /* the feed at hand may begin to hold, or goes on with it */
    uint32_t feeds;      /* that came since the first was held */
    uint32_t skip;       /* so many feeds are let pass before the next try, … */
    uint32_t skip_next;  /* … and after one that brings nothing, so many */
    int64_t slot;        /* of time, the present one */
    uint32_t wakes;      /* in it */
    uint32_t wakes_last; /* in the slot before */
};

void pl_gather_init(struct pl_gather *gather);

/* A feed has come. */
void pl_gather_feed(struct pl_gather *gather, int64_t time_ms);

/* Whether a stream that last was given something at pulled_ms is to be held;
 * otherwise it is woken. */
bool pl_gather_waits(struct pl_gather *gather, int64_t pulled_ms, int64_t time_ms);

/* Whether those that are held are to be woken now. Then they are held no more. */
bool pl_gather_is_over(struct pl_gather *gather, int64_t time_ms);

#endif
