/* test_backoff.c - pauses that grow, with jitter. */
#include "client/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void pauses_double_from_one_second_to_thirty(void **state)
{
    static const uint32_t steps[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    struct pl_backoff backoff = {0};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        assert_int_equal(pl_backoff_next(&backoff, 0), steps[i]);
}

static void jitter_takes_at_most_a_quarter_and_never_goes_under_a_second(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 100000; random += 37) {
        struct pl_backoff backoff = {0};
        uint32_t first = pl_backoff_next(&backoff, random);
        uint32_t second = pl_backoff_next(&backoff, random);

        assert_in_range(first, 1000, 1250);
        assert_in_range(second, 1500, 2000);
        for (int i = 0; i < 10; i++)
            assert_in_range(pl_backoff_next(&backoff, random), 3000, 30000);
    }
}

static void jitter_spreads_the_pauses(void **state)
{
    struct pl_backoff a = {.tries = 3};
    struct pl_backoff b = {.tries = 3};

    (void)state;
    assert_int_not_equal(pl_backoff_next(&a, 17), pl_backoff_next(&b, 1234));
}

static void a_success_begins_anew(void **state)
{
    struct pl_backoff backoff = {0};

    (void)state;
    for (int i = 0; i < 9; i++)
        pl_backoff_next(&backoff, 0);
    pl_backoff_reset(&backoff);
    assert_int_equal(pl_backoff_next(&backoff, 0), 1000);
}

static void a_very_long_absence_does_not_overflow(void **state)
{
    struct pl_backoff backoff = {.tries = UINT32_MAX - 1};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_in_range(pl_backoff_next(&backoff, UINT32_MAX), 1000, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_from_one_second_to_thirty),
        cmocka_unit_test(jitter_takes_at_most_a_quarter_and_never_goes_under_a_second),
        cmocka_unit_test(jitter_spreads_the_pauses),
        cmocka_unit_test(a_success_begins_anew),
        cmocka_unit_test(a_very_long_absence_does_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
