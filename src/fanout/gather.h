/*
 * gather.h - whether streams that have news are woken at once, or a moment later
 * together with more of it.
 *
 * What a delivery costs is the write, not the bytes. So under load a stream that
 * was given something a moment ago waits for what comes in about a millisecond: for
 * the next feed, or for as many as it has been lately, and never longer than
 * PL_GATHER_MS. A stream that was silent before never waits. Nor does any for a
 * while where waiting brought nothing: who sends may be waiting for these streams.
 *
 * Knows no streams and no clock: the time never runs back. Threads: the loop's.
 */
#ifndef PL_FANOUT_GATHER_H
#define PL_FANOUT_GATHER_H

#include <stdbool.h>
#include <stdint.h>

enum { PL_GATHER_MS = 2 };

struct pl_gather {
    int64_t until_ms;    /* those who wait are woken then; INT64_MAX: nobody waits */
    bool may_wait;       /* streams may begin to wait with the feed at hand */
    uint32_t gathered;   /* feeds that came since somebody waits */
    uint32_t skip;       /* feeds to let pass before anybody may wait, … */
    uint32_t skip_next;  /* … and how many, the next time that waiting brings nothing */
    uint32_t wakes_min;  /* in two slots of time: below that there is no load */
    int64_t slot;        /* of time, the present one: */
    uint32_t wakes;      /* streams that had news in it */
    uint32_t feeds;      /* feeds that came in it */
    uint32_t wakes_last; /* the same of the slot before */
    uint32_t feeds_last;
};

/* wakes_min: see struct pl_hub_config. */
void pl_gather_init(struct pl_gather *gather, uint32_t wakes_min);

/* A feed has come. */
void pl_gather_feed(struct pl_gather *gather, int64_t time_ms);

/* Whether a stream that has news by it, and was last given something at pulled_ms,
 * waits; otherwise it is woken. */
bool pl_gather_waits(struct pl_gather *gather, int64_t pulled_ms, int64_t time_ms);

/* Whether those who wait are to be woken: then nobody waits any more. */
bool pl_gather_is_over(struct pl_gather *gather, int64_t time_ms);

#endif
