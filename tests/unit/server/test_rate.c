/* test_rate.c - a second's worth at once, then one after the other. */
#include "server/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_seconds_worth_is_there_at_once(void **state)
{
    struct pl_rate rate = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(pl_rate_take(&rate, 5, 1000), 0);
    assert_int_equal(pl_rate_take(&rate, 5, 1000), 200);
}

static void it_says_when_the_next_one_is_there(void **state)
{
    struct pl_rate rate = {0};
    int64_t now_ms = 5000;
    int taken = 0;

    (void)state;
    while (now_ms < 5000 + 10 * 1000) {
        uint32_t wait_ms = pl_rate_take(&rate, 3, now_ms);

        if (wait_ms == 0) {
            taken++;
            continue;
        }
        assert_true(wait_ms <= 334);
        assert_int_not_equal(pl_rate_take(&rate, 3, now_ms + wait_ms - 1), 0);
        now_ms += wait_ms;
    }
    assert_in_range(taken, 3 + 29, 3 + 30);
}

static void silence_fills_it_but_not_beyond(void **state)
{
    struct pl_rate rate = {0};

    (void)state;
    assert_int_equal(pl_rate_take(&rate, 2, 0), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pl_rate_take(&rate, 2, 3600 * 1000), 0);
    assert_int_equal(pl_rate_take(&rate, 2, 3600 * 1000), 500);
}

static void many_in_a_millisecond_are_counted_too(void **state)
{
    struct pl_rate rate = {0};
    int taken = 0;

    (void)state;
    while (pl_rate_take(&rate, 1000 * 1000, 7) == 0)
        taken++;
    assert_int_equal(taken, 1000 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seconds_worth_is_there_at_once),
        cmocka_unit_test(it_says_when_the_next_one_is_there),
        cmocka_unit_test(silence_fills_it_but_not_beyond),
        cmocka_unit_test(many_in_a_millisecond_are_counted_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
