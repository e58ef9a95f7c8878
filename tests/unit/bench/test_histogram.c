/* test_histogram.c - shares of what was added. */
#include "bench/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct pl_bench_histogram histogram;

static int empty(void **state)
{
    (void)state;
    pl_bench_histogram_init(&histogram);
    return 0;
}

static void nothing_added_is_zero_everywhere(void **state)
{
    (void)state;
    assert_int_equal(pl_bench_histogram_at(&histogram, 0), 0);
    assert_int_equal(pl_bench_histogram_at(&histogram, 1), 0);
    assert_int_equal(histogram.max, 0);
}

static void one_value_is_every_share(void **state)
{
    (void)state;
    pl_bench_histogram_add(&histogram, 12345);
    assert_int_equal(pl_bench_histogram_at(&histogram, 0), 12345);
    assert_int_equal(pl_bench_histogram_at(&histogram, 0.5), 12345);
    assert_int_equal(pl_bench_histogram_at(&histogram, 1), 12345);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 1; value <= 100; value++)
        pl_bench_histogram_add(&histogram, value);
    assert_int_equal(pl_bench_histogram_at(&histogram, 0.5), 50);
    assert_int_equal(pl_bench_histogram_at(&histogram, 0.99), 99);
    assert_int_equal(pl_bench_histogram_at(&histogram, 1), 100);
    assert_int_equal(histogram.len, 100);
}

static void large_values_are_within_a_step(void **state)
{
    (void)state;
    for (uint64_t value = 1; value <= 100000; value++)
        pl_bench_histogram_add(&histogram, value);
    for (unsigned percent = 1; percent <= 100; percent++) {
        uint64_t exact = percent * 1000;
        uint64_t found = pl_bench_histogram_at(&histogram, percent / 100.0);

        assert_in_range(found, exact, exact + exact / 64);
    }
}

static void steps_rise_with_values_and_never_leave_the_table(void **state)
{
    uint32_t before = 0;

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t more = 0; more < 3; more++) {
            uint32_t step =
                pl_bench_histogram_step((UINT64_C(1) << bit) + more * (UINT64_C(1) << bit) / 4);

            assert_in_range(step, before, PL_BENCH_HISTOGRAM_LEN - 1);
            before = step;
        }
    }
}

static void the_largest_is_kept_as_it_was(void **state)
{
    (void)state;
    pl_bench_histogram_add(&histogram, 1);
    pl_bench_histogram_add(&histogram, UINT64_MAX);
    assert_true(histogram.max == UINT64_MAX);
    assert_int_equal(pl_bench_histogram_at(&histogram, 0.5), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_added_is_zero_everywhere, empty),
        cmocka_unit_test_setup(one_value_is_every_share, empty),
        cmocka_unit_test_setup(small_values_are_exact, empty),
        cmocka_unit_test_setup(large_values_are_within_a_step, empty),
        cmocka_unit_test_setup(steps_rise_with_values_and_never_leave_the_table, empty),
        cmocka_unit_test_setup(the_largest_is_kept_as_it_was, empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
