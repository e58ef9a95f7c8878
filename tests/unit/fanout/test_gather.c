/* test_gather.c - who waits, how long, and when waiting is given up. */
#include "fanout/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { STREAMS_LEN = 10, WAKES_MIN = 20 };

/* Streams of one room, and their time. */
struct room {
    struct pl_gather gather;
    int64_t pulled_ms; /* when all of them were last given something */
    int writes;
    bool waits;
};

static void room_init(struct room *room)
{
    *room = (struct room){.pulled_ms = -1000};
    pl_gather_init(&room->gather, WAKES_MIN);
}

/* They are woken, and read. */
static void look(struct room *room, int64_t time_ms)
{
    if (!pl_gather_is_over(&room->gather, time_ms))
        return;
    assert_true(room->waits);
    room->waits = false;
    room->pulled_ms = time_ms;
    room->writes++;
}

/* A feed for all of them; returns whether they wait. */
static bool feed(struct room *room, int64_t time_ms)
{
    bool waits = false;

    pl_gather_feed(&room->gather, time_ms);
    for (int i = 0; i < STREAMS_LEN && !room->waits; i++)
        waits = pl_gather_waits(&room->gather, room->pulled_ms, time_ms);
    if (waits) {
        room->waits = true;
    } else if (!room->waits) {
        room->pulled_ms = time_ms;
        room->writes++;
    }
    look(room, time_ms);
    return room->waits;
}

static void streams_of_a_quiet_room_never_wait(void **state)
{
    struct room room;

    (void)state;
    room_init(&room);
    for (int64_t time_ms = 0; time_ms < 10000; time_ms += PL_GATHER_MS + 1)
        assert_false(feed(&room, time_ms));
}

static void without_load_nobody_waits(void **state)
{
    struct pl_gather gather;

    (void)state;
    pl_gather_init(&gather, WAKES_MIN);
    for (int64_t time_ms = 0; time_ms < 1000; time_ms++) {
        pl_gather_feed(&gather, time_ms);
        for (int i = 0; i < WAKES_MIN / 8; i++)
            assert_false(pl_gather_waits(&gather, time_ms - 1, time_ms));
        assert_false(pl_gather_is_over(&gather, time_ms));
    }
    pl_gather_init(&gather, 0);
    for (int64_t time_ms = 0; time_ms < 1000; time_ms++) {
        pl_gather_feed(&gather, time_ms);
        for (int i = 0; i < WAKES_MIN; i++)
            assert_false(pl_gather_waits(&gather, time_ms, time_ms));
    }
}

static void a_feed_a_millisecond_goes_out_by_twos(void **state)
{
    struct room room;

    (void)state;
    room_init(&room);
    for (int64_t time_ms = 0; time_ms < 1000; time_ms++)
        feed(&room, time_ms);
    assert_in_range(room.writes, 500, 510);
}

static void what_comes_in_a_millisecond_goes_out_together(void **state)
{
    struct room room;

    (void)state;
    room_init(&room);
    for (int64_t time_ms = 0; time_ms < 1000; time_ms++)
        for (int i = 0; i < 10; i++)
            feed(&room, time_ms);
    assert_in_range(room.writes, 850, 1000);
}

static void nobody_waits_longer_than_the_bound(void **state)
{
    struct room room;
    int64_t time_ms = 0;

    (void)state;
    room_init(&room);
    while (!feed(&room, time_ms))
        time_ms++;
    look(&room, time_ms + PL_GATHER_MS - 1);
    assert_true(room.waits);
    look(&room, time_ms + PL_GATHER_MS);
    assert_false(room.waits);
}

/* Who sends waits for what was sent before: 2 ms later would be 2 ms lost. */
static void waiting_that_brings_nothing_is_given_up(void **state)
{
    struct room room;
    int waited = 0;
    int64_t time_ms = 0;

    (void)state;
    room_init(&room);
    for (int i = 0; i < 10000; i++, time_ms++) {
        if (!feed(&room, time_ms))
            continue;
        waited++;
        time_ms += PL_GATHER_MS;
        look(&room, time_ms);
        assert_false(room.waits);
    }
    assert_in_range(waited, 1, 60);
    for (int i = 0; i < 2000; i++, time_ms++) /* now it would pay: it is found out */
        feed(&room, time_ms);
    assert_in_range(room.writes - 10000, 900, 1600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_a_quiet_room_never_wait),
        cmocka_unit_test(without_load_nobody_waits),
        cmocka_unit_test(a_feed_a_millisecond_goes_out_by_twos),
        cmocka_unit_test(what_comes_in_a_millisecond_goes_out_together),
        cmocka_unit_test(nobody_waits_longer_than_the_bound),
        cmocka_unit_test(waiting_that_brings_nothing_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
