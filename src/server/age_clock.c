/* age_clock.c - a distance from the steady clock, which shrinks while the time of day is behind. */
#include "server/age_clock.h"

#include "base/assert.h"

void pl_age_clock_start(struct pl_age_clock *clock, int64_t last_ms, int64_t wall_ms,
                        int64_t steady_ms)
{
    atomic_init(&clock->ahead_ms, (last_ms > wall_ms ? last_ms : wall_ms) - steady_ms);
    clock->ticked_ms = steady_ms;
}

int64_t pl_age_clock_tick(struct pl_age_clock *clock, int64_t wall_ms, int64_t steady_ms)
{
    int64_t ahead_ms = atomic_load(&clock->ahead_ms);
    int64_t passed_ms = steady_ms - clock->ticked_ms, behind_ms = steady_ms + ahead_ms - wall_ms;

    PL_ASSERT(passed_ms >= 0);
    if (behind_ms > 0) {
        ahead_ms -= passed_ms / 2 < behind_ms ? passed_ms / 2 : behind_ms;
        atomic_store(&clock->ahead_ms, ahead_ms);
    }
    /* Half a millisecond is not lost. */
    clock->ticked_ms = steady_ms - (behind_ms > 0 ? passed_ms % 2 : 0);
    return steady_ms + ahead_ms;
}

int64_t pl_age_clock_ms(const struct pl_age_clock *clock, int64_t steady_ms)
{
    return steady_ms + atomic_load(&clock->ahead_ms);
}
