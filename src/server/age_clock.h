/*
 * age_clock.h - the time by which things end: sessions, leases, delays, what is past a
 * room's retention, request ids.
 *
 * The time of day is for people: it may be set, an hour ahead or back, at any moment. The
 * age clock goes on from the greater of it and the last batch's age, at the pace of a clock
 * that nobody sets and that counts while the machine sleeps. So a jump ends nothing:
 *
 *   ahead: what is made from then on bears the new time of day, which the age clock reaches
 *          later, so that it lasts longer by the jump at most, and never less than promised.
 *   back:  the time of batches, which never runs back, follows the age clock, which goes at
 *          half its pace until the time of day has come up with it.
 *
 * The next start takes the time of day again: how long a server was off, only that can tell.
 * A jump that was set right before then has ended nothing: batches' ages are kept (pl_meta).
 *
 * Threads: the engine's ticks; any may read. The caller brings the clocks' times.
 */
#ifndef PL_SERVER_AGE_CLOCK_H
#define PL_SERVER_AGE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct pl_age_clock {
    _Atomic int64_t ahead_ms; /* of the steady clock */
    int64_t ticked_ms;        /* on that */
};

/* Begins. last_ms: the age of the last batch ever; wall_ms: the time of day; steady_ms:
 * pl_clock_steady_ms(). */
void pl_age_clock_start(struct pl_age_clock *clock, int64_t last_ms, int64_t wall_ms,
                        int64_t steady_ms);

/* The time, at each batch; never less than before. */
int64_t pl_age_clock_tick(struct pl_age_clock *clock, int64_t wall_ms, int64_t steady_ms);

/* The time in between. */
int64_t pl_age_clock_ms(const struct pl_age_clock *clock, int64_t steady_ms);

#endif
