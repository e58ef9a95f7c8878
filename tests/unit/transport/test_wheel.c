/* test_wheel.c - what is due comes up in its time, and nothing else is looked at. */
#include "transport/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH_MS = 100, ITEMS_LEN = 1000, START_MS = 12345678 };

struct item {
    struct pl_list node;
    int64_t due_ms;
    int64_t done_ms; /* 0: not yet */
    uint32_t looks;
};

static struct item items[ITEMS_LEN];

static struct item *item_of(struct pl_list *node)
{
    return PL_CONTAINER(node, struct item, node);
}

/* Numbers that look random, the same each time. */
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void add(struct pl_wheel *wheel, struct item *item, int64_t due_ms)
{
    *item = (struct item){.due_ms = due_ms};
    pl_list_init(&item->node);
    pl_wheel_add(wheel, &item->node, due_ms);
}

/* As owners do: what is not due yet is added again. Returns how many came up. */
static uint32_t look(struct pl_wheel *wheel, int64_t now_ms)
{
    struct pl_list *node;
    uint32_t looks = 0;

    for (; (node = pl_wheel_next(wheel, now_ms)) != NULL; looks++) {
        struct item *item = item_of(node);

        item->looks++;
        if (now_ms >= item->due_ms)
            item->done_ms = now_ms;
        else
            pl_wheel_add(wheel, node, item->due_ms);
    }
    return looks;
}

static void check_done_by(int64_t now_ms)
{
    for (size_t i = 0; i < ITEMS_LEN; i++) {
        if (items[i].due_ms <= now_ms / WIDTH_MS * WIDTH_MS)
            assert_true(items[i].done_ms > 0);
        if (items[i].done_ms > 0)
            assert_true(items[i].done_ms >= items[i].due_ms);
    }
}

/* Spans from a moment to a year, times that pass in steps small and large. */
static void each_node_comes_up_in_its_time(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int round = 0; round < 40; round++) {
        struct pl_wheel wheel;
        int64_t now_ms = START_MS + (int64_t)(next_random(&seed) % 1000000);
        int64_t span_ms = INT64_C(1) << (round % 36);

        pl_wheel_init(&wheel, WIDTH_MS, now_ms);
        for (size_t i = 0; i < ITEMS_LEN; i++)
            add(&wheel, &items[i], now_ms + (int64_t)next_random(&seed) % span_ms);
        while (pl_wheel_up_ms(&wheel) != INT64_MAX) {
            now_ms += 1 + (int64_t)next_random(&seed) % (span_ms / 20 + 1);
            look(&wheel, now_ms);
            check_done_by(now_ms);
        }
        for (size_t i = 0; i < ITEMS_LEN; i++)
            assert_true(items[i].done_ms > 0);
    }
}

static void who_sleeps_until_the_next_comes_up_is_never_late(void **state)
{
    struct pl_wheel wheel;
    uint64_t seed = 2;
    int64_t up_ms, now_ms = START_MS;

    (void)state;
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    for (size_t i = 0; i < ITEMS_LEN; i++)
        add(&wheel, &items[i], START_MS + (int64_t)next_random(&seed) % (24 * 3600 * 1000));
    while ((up_ms = pl_wheel_up_ms(&wheel)) != INT64_MAX) {
        assert_true(up_ms > now_ms);
        now_ms = up_ms;
        assert_true(look(&wheel, now_ms) > 0);
    }
    for (size_t i = 0; i < ITEMS_LEN; i++) {
        assert_true(items[i].done_ms >= items[i].due_ms);
        assert_true(items[i].done_ms <= items[i].due_ms + WIDTH_MS);
        assert_in_range(items[i].looks, 1, PL_WHEEL_LEVELS_LEN);
    }
}

static void adding_tells_when_a_node_comes_up(void **state)
{
    struct pl_wheel wheel;
    struct item item = {.due_ms = 0};

    (void)state;
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    for (int64_t span_ms = 1; span_ms < INT64_C(1) << 40; span_ms *= 3) {
        int64_t up_ms = pl_wheel_add(&wheel, &item.node, START_MS + span_ms);

        assert_int_equal(up_ms, pl_wheel_up_ms(&wheel));
        assert_true(up_ms > START_MS && up_ms < START_MS + span_ms + WIDTH_MS);
        pl_list_remove(&item.node);
    }
    assert_int_equal(pl_wheel_up_ms(&wheel), INT64_MAX);
}

static void what_waits_is_not_looked_at(void **state)
{
    enum { MINUTE_MS = 60 * 1000 };
    struct pl_wheel wheel;
    uint32_t looks = 0;

    (void)state;
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    for (size_t i = 0; i < ITEMS_LEN; i++)
        add(&wheel, &items[i], START_MS + MINUTE_MS);
    for (int64_t ms = 0; ms < MINUTE_MS * 8 / 10; ms += WIDTH_MS)
        assert_int_equal(look(&wheel, START_MS + ms), 0);
    for (int64_t ms = MINUTE_MS * 8 / 10; ms <= MINUTE_MS + WIDTH_MS; ms += WIDTH_MS)
        looks += look(&wheel, START_MS + ms);
    assert_true(looks <= 2 * ITEMS_LEN);
    check_done_by(START_MS + MINUTE_MS);
}

/* The clock leaps, also after nobody has looked for long. */
static void a_leap_of_time_brings_all_that_is_due_at_once(void **state)
{
    const int64_t year_ms = INT64_C(365) * 24 * 3600 * 1000;
    struct pl_wheel wheel;

    (void)state;
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    for (int64_t round = 0; round < 3; round++) {
        int64_t now_ms = START_MS + round * year_ms;

        for (size_t i = 0; i < ITEMS_LEN; i++)
            add(&wheel, &items[i], now_ms + year_ms / ITEMS_LEN * (int64_t)i);
        assert_true(look(&wheel, now_ms + year_ms) >= ITEMS_LEN);
        check_done_by(now_ms + year_ms);
        assert_int_equal(pl_wheel_up_ms(&wheel), INT64_MAX);
    }
}

static void what_is_added_in_a_round_waits_for_the_next(void **state)
{
    struct pl_wheel wheel;
    struct pl_list node;
    const int64_t later_ms = START_MS + 3600 * 1000;

    (void)state;
    pl_list_init(&node);
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    pl_wheel_add(&wheel, &node, 0);
    assert_null(pl_wheel_next(&wheel, START_MS));
    assert_ptr_equal(pl_wheel_next(&wheel, later_ms), &node);
    pl_wheel_add(&wheel, &node, 0);
    assert_null(pl_wheel_next(&wheel, later_ms));
    assert_null(pl_wheel_next(&wheel, START_MS)); /* a clock that runs back changes nothing */
    assert_ptr_equal(pl_wheel_next(&wheel, later_ms + WIDTH_MS), &node);
    assert_null(pl_wheel_next(&wheel, later_ms + WIDTH_MS));
}

static void a_node_that_was_taken_out_does_not_come_up(void **state)
{
    struct pl_wheel wheel;

    (void)state;
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    for (size_t i = 0; i < ITEMS_LEN; i++)
        add(&wheel, &items[i], START_MS + (int64_t)i * 1000);
    for (size_t i = 0; i < ITEMS_LEN; i += 2)
        pl_list_remove(&items[i].node);
    look(&wheel, START_MS + ITEMS_LEN * 1000);
    for (size_t i = 0; i < ITEMS_LEN; i++)
        assert_int_equal(items[i].looks > 0, i % 2 == 1);
}

static void what_is_never_due_is_hardly_looked_at(void **state)
{
    struct pl_wheel wheel;
    uint32_t looks = 0;

    (void)state;
    pl_wheel_init(&wheel, WIDTH_MS, START_MS);
    add(&wheel, &items[0], INT64_MAX);
    for (int64_t hour = 0; hour < 24 * 365; hour++)
        looks += look(&wheel, START_MS + hour * 3600 * 1000);
    assert_in_range(looks, 1, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_comes_up_in_its_time),
        cmocka_unit_test(who_sleeps_until_the_next_comes_up_is_never_late),
        cmocka_unit_test(adding_tells_when_a_node_comes_up),
        cmocka_unit_test(what_waits_is_not_looked_at),
        cmocka_unit_test(a_leap_of_time_brings_all_that_is_due_at_once),
        cmocka_unit_test(what_is_added_in_a_round_waits_for_the_next),
        cmocka_unit_test(a_node_that_was_taken_out_does_not_come_up),
        cmocka_unit_test(what_is_never_due_is_hardly_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
