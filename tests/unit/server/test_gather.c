/* test_gather.c - which batches wait, for what, and when waiting is given up. */
#include "server/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { MS = 1000, LARGE_LEN = 200 };

/* A batch that has one message for the room; returns what it waits for. */
static enum pl_gather_wait batch_of_one(struct pl_gather *gather, const char *room, int64_t now_us)
{
    int64_t wait_us;

    return pl_gather_begin(gather, pl_gather_sent(gather, room, now_us), now_us, &wait_us);
}

/* The same, and whatever is waited for comes or not; then the batch is done. */
static bool waits(struct pl_gather *gather, const char *room, int64_t now_us, bool comes)
{
    enum pl_gather_wait wait = batch_of_one(gather, room, now_us);

    pl_gather_end(gather, wait, comes);
    pl_gather_shown(gather, room, PL_GATHER_STREAMS_LEN);
    pl_gather_batch(gather, 1, now_us);
    return wait != PL_GATHER_NONE;
}

static void a_quiet_room_never_waits(void **state)
{
    struct pl_gather gather;

    (void)state;
    pl_gather_init(&gather);
    for (int64_t now_us = 1; now_us < 10 * 1000 * MS; now_us += PL_GATHER_BUSY_US + 1)
        assert_false(waits(&gather, "quiet", now_us, true));
}

static void a_busy_room_waits_for_the_next_message(void **state)
{
    struct pl_gather gather;
    int64_t wait_us = 0, now_us = 0;
    int waited = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 1000; i++, now_us += MS)
        waited += waits(&gather, "busy", now_us, true);
    assert_in_range(waited, 980, 999);
    assert_int_equal(
        pl_gather_begin(&gather, pl_gather_sent(&gather, "busy", now_us), now_us, &wait_us),
        PL_GATHER_NEXT);
    assert_int_equal(wait_us, PL_GATHER_NEXT_US);
}

static void it_waits_only_once_it_is_busy_and_as_long_as_it_is(void **state)
{
    struct pl_gather gather;
    int64_t now_us = 0;

    (void)state;
    pl_gather_init(&gather);
    assert_false(waits(&gather, "room", now_us, true));
    assert_false(waits(&gather, "room", now_us += MS, true));
    for (int i = 0; i < 100; i++)
        waits(&gather, "room", now_us += MS, true);
    assert_true(waits(&gather, "room", now_us += MS, true));
    assert_false(waits(&gather, "room", now_us += 1000 * MS, true));
}

static void each_room_has_its_own_pace(void **state)
{
    struct pl_gather gather;
    int64_t now_us = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 100; i++) {
        waits(&gather, "busy", now_us, true);
        if (i % 10 == 0)
            assert_false(waits(&gather, "quiet", now_us, true));
        now_us += MS;
    }
    assert_true(waits(&gather, "busy", now_us, true));
}

static void a_room_that_few_follow_does_not_wait_a_millisecond(void **state)
{
    struct pl_gather gather;
    int64_t wait_us, now_us = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 100; i++, now_us += MS) {
        assert_int_equal(batch_of_one(&gather, "room", now_us), PL_GATHER_NONE);
        pl_gather_shown(&gather, "room", PL_GATHER_STREAMS_LEN - 1);
    }
    pl_gather_shown(&gather, "room", PL_GATHER_STREAMS_LEN);
    assert_int_equal(
        pl_gather_begin(&gather, pl_gather_sent(&gather, "room", now_us), now_us, &wait_us),
        PL_GATHER_NEXT);
    pl_gather_shown(&gather, "room", 0); /* they have left */
    assert_int_equal(batch_of_one(&gather, "room", now_us += MS), PL_GATHER_NONE);
}

static void a_rush_waits_whoever_follows_the_room(void **state)
{
    struct pl_gather gather;
    int64_t now_us = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 100; i++, now_us += PL_GATHER_RUSH_US / 2)
        batch_of_one(&gather, "room", now_us);
    assert_int_equal(batch_of_one(&gather, "room", now_us), PL_GATHER_NEXT);
}

/* The room whose place another has taken tells nothing about that one. */
static void who_follows_another_room_does_not_count(void **state)
{
    struct pl_gather gather;
    int64_t now_us = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 100; i++, now_us += MS) {
        assert_int_equal(batch_of_one(&gather, "room", now_us), PL_GATHER_NONE);
        for (int other = 0; other < 4 * PL_GATHER_ROOMS_LEN; other++) {
            char name[16];

            snprintf(name, sizeof name, "other%d", other);
            pl_gather_shown(&gather, name, PL_GATHER_STREAMS_LEN);
        }
    }
}

static void what_is_not_for_a_busy_room_is_not_kept_waiting(void **state)
{
    struct pl_gather gather;
    int64_t wait_us, now_us = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 100; i++)
        waits(&gather, "busy", now_us += MS, true);
    assert_int_equal(pl_gather_begin(&gather, false, now_us, &wait_us), PL_GATHER_NONE);
}

/* Who sends waits for what was sent before. */
static void waiting_that_brings_nothing_is_given_up(void **state)
{
    struct pl_gather gather;
    int64_t now_us = 0;
    int waited = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 10000; i++)
        waited += waits(&gather, "alone", now_us += MS / 2, false);
    assert_in_range(waited, 1, 60);
    for (int i = 0; i < 2000; i++) /* now it would pay: it is found out */
        waited += waits(&gather, "alone", now_us += MS / 2, true);
    assert_true(waited > 1700);
}

static void after_a_large_batch_many_are_let_come(void **state)
{
    struct pl_gather gather;
    int64_t wait_us = 0;

    (void)state;
    pl_gather_init(&gather);
    pl_gather_batch(&gather, LARGE_LEN, 0);
    assert_int_equal(pl_gather_begin(&gather, false, MS, &wait_us), PL_GATHER_MANY);
    assert_in_range(wait_us, 1, PL_GATHER_MANY_US);
    pl_gather_end(&gather, PL_GATHER_MANY, true);
    pl_gather_batch(&gather, 1, 2 * MS);
    assert_int_equal(pl_gather_begin(&gather, false, 2 * MS, &wait_us), PL_GATHER_NONE);
}

static void a_large_batch_that_is_long_ago_means_nothing(void **state)
{
    struct pl_gather gather;
    int64_t wait_us;

    (void)state;
    pl_gather_init(&gather);
    pl_gather_batch(&gather, LARGE_LEN, 0);
    assert_int_equal(pl_gather_begin(&gather, false, 1000 * MS, &wait_us), PL_GATHER_NONE);
}

static void letting_many_come_is_given_up_too(void **state)
{
    struct pl_gather gather;
    int64_t wait_us, now_us = 0;
    int waited = 0;

    (void)state;
    pl_gather_init(&gather);
    for (int i = 0; i < 10000; i++) {
        enum pl_gather_wait wait;

        pl_gather_batch(&gather, LARGE_LEN, now_us += MS);
        wait = pl_gather_begin(&gather, false, now_us, &wait_us);
        waited += wait != PL_GATHER_NONE;
        pl_gather_end(&gather, wait, false);
    }
    assert_in_range(waited, 1, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_room_never_waits),
        cmocka_unit_test(a_busy_room_waits_for_the_next_message),
        cmocka_unit_test(it_waits_only_once_it_is_busy_and_as_long_as_it_is),
        cmocka_unit_test(each_room_has_its_own_pace),
        cmocka_unit_test(a_room_that_few_follow_does_not_wait_a_millisecond),
        cmocka_unit_test(a_rush_waits_whoever_follows_the_room),
        cmocka_unit_test(who_follows_another_room_does_not_count),
        cmocka_unit_test(what_is_not_for_a_busy_room_is_not_kept_waiting),
        cmocka_unit_test(waiting_that_brings_nothing_is_given_up),
        cmocka_unit_test(after_a_large_batch_many_are_let_come),
        cmocka_unit_test(a_large_batch_that_is_long_ago_means_nothing),
        cmocka_unit_test(letting_many_come_is_given_up_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
