/* test_age_clock.c - what ages does so at an even pace, whatever is done to the time of day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/age_clock.h"

#define HOUR_MS INT64_C(3600000)

enum { STEADY_MS = 5000 };

static const int64_t day_ms = INT64_C(1700000000000);

static void it_begins_with_the_time_of_day(void **state)
{
    struct pl_age_clock clock;

    (void)state;
    pl_age_clock_start(&clock, day_ms - HOUR_MS, day_ms, STEADY_MS);
    assert_int_equal(pl_age_clock_ms(&clock, STEADY_MS), day_ms);
    assert_int_equal(pl_age_clock_ms(&clock, STEADY_MS + 7), day_ms + 7);
    assert_int_equal(pl_age_clock_tick(&clock, day_ms + 8, STEADY_MS + 8), day_ms + 8);
}

static void it_begins_no_earlier_than_it_ended(void **state)
{
    struct pl_age_clock clock;

    (void)state;
    pl_age_clock_start(&clock, day_ms + HOUR_MS, day_ms, STEADY_MS);
    assert_int_equal(pl_age_clock_ms(&clock, STEADY_MS), day_ms + HOUR_MS);
}

static void a_jump_ahead_does_not_move_it(void **state)
{
    struct pl_age_clock clock;

    (void)state;
    pl_age_clock_start(&clock, 0, day_ms, STEADY_MS);
    for (int64_t ms = 1; ms < 1000; ms++)
        assert_int_equal(pl_age_clock_tick(&clock, day_ms + HOUR_MS + ms, STEADY_MS + ms),
                         day_ms + ms);
}

static void after_a_jump_back_it_waits_for_the_time_of_day_at_half_its_pace(void **state)
{
    struct pl_age_clock clock;
    int64_t now_ms = day_ms, ms = 0;

    (void)state;
    pl_age_clock_start(&clock, 0, day_ms, STEADY_MS);
    while (now_ms > day_ms - HOUR_MS + ms) {
        int64_t last_ms = now_ms;

        ms += 1 + ms % 3;
        now_ms = pl_age_clock_tick(&clock, day_ms - HOUR_MS + ms, STEADY_MS + ms);
        assert_true(now_ms >= last_ms);
    }
    assert_in_range(ms, 2 * HOUR_MS, 2 * HOUR_MS + 10);
    assert_int_equal(now_ms, day_ms - HOUR_MS + ms); /* exactly: not one is lost */
    ms += HOUR_MS;
    assert_int_equal(pl_age_clock_tick(&clock, day_ms - HOUR_MS + ms, STEADY_MS + ms),
                     now_ms + HOUR_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_the_time_of_day),
        cmocka_unit_test(it_begins_no_earlier_than_it_ended),
        cmocka_unit_test(a_jump_ahead_does_not_move_it),
        cmocka_unit_test(after_a_jump_back_it_waits_for_the_time_of_day_at_half_its_pace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
