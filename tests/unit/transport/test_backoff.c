/* test_backoff.c - pauses that grow, with jitter. */
#include "transport/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct pl_backoff fresh = {.base_ms = PL_BACKOFF_BASE_MS, .max_ms = PL_BACKOFF_MAX_MS};

static void steps_grow_by_three_fifths_to_the_maximum(void **state)
{
    static const uint32_t least[] = {800,   1280,  2048,  3276,  5243,  8388, 13421,
                                     21474, 34359, 54975, 87960, 96000, 96000};
    struct pl_backoff backoff = fresh;

    (void)state;
    for (size_t i = 0; i < sizeof least / sizeof least[0]; i++)
        assert_in_range(pl_backoff_next(&backoff, 0), least[i] - 5, least[i] + 20);
}

static void jitter_is_a_fifth_each_way(void **state)
{
    static const struct {
        uint32_t random, pause;
    } cases[] = {{0, 800}, {UINT32_MAX / 2, 999}, {UINT32_MAX / 2 + 1, 1000}, {UINT32_MAX, 1200}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_backoff backoff = fresh;

        assert_int_equal(pl_backoff_next(&backoff, cases[i].random), cases[i].pause);
    }
    for (uint32_t random = 0; random < 4000000000U; random += 37000003) {
        struct pl_backoff backoff = fresh;

        assert_in_range(pl_backoff_next(&backoff, random), 800, 1200);
        assert_in_range(pl_backoff_next(&backoff, random), 1280, 1920);
    }
}

static void a_success_begins_anew(void **state)
{
    struct pl_backoff backoff = fresh;

    (void)state;
    for (int i = 0; i < 9; i++)
        pl_backoff_next(&backoff, 0);
    pl_backoff_reset(&backoff);
    assert_int_equal(pl_backoff_next(&backoff, 0), 800);
}

static void the_longest_steps_do_not_overflow(void **state)
{
    struct pl_backoff backoff = {.base_ms = 1, .max_ms = UINT32_MAX};
    uint32_t last = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        uint32_t pause = pl_backoff_next(&backoff, UINT32_MAX);

        assert_true(pause >= last);
        last = pause;
    }
    assert_int_equal(last, UINT32_MAX);
}

static void a_base_beyond_the_maximum_is_cut(void **state)
{
    struct pl_backoff backoff = {.base_ms = 500, .max_ms = 100};

    (void)state;
    assert_int_equal(pl_backoff_next(&backoff, 0), 80);
    assert_int_equal(pl_backoff_next(&backoff, 0), 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_grow_by_three_fifths_to_the_maximum),
        cmocka_unit_test(jitter_is_a_fifth_each_way),
        cmocka_unit_test(a_success_begins_anew),
        cmocka_unit_test(the_longest_steps_do_not_overflow),
        cmocka_unit_test(a_base_beyond_the_maximum_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
