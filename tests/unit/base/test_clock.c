/* test_clock.c - the clocks run forward and agree with the system's. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void the_monotonic_clock_never_runs_back(void **state)
{
    int64_t us = pl_clock_mono_us(), ms = pl_clock_mono_ms();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t next_us = pl_clock_mono_us(), next_ms = pl_clock_mono_ms();

        assert_true(next_us >= us);
        assert_true(next_ms >= ms);
        assert_true(next_ms >= next_us / 1000);
        us = next_us;
        ms = next_ms;
    }
}

static void the_wall_clock_is_the_systems(void **state)
{
    int64_t before = (int64_t)time(NULL) - 1, now = pl_clock_wall_ms(),
            after = (int64_t)time(NULL) + 1;

    (void)state;
    assert_true(now >= before * 1000);
    assert_true(now <= after * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_runs_back),
        cmocka_unit_test(the_wall_clock_is_the_systems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
