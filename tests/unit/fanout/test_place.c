/* test_place.c - a stream's places, ready ones in order. */
#include "base/err.h"
#include "base/mem.h"
#include "fanout/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROOMS_LEN = 40 };

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525 + 1013904223;
    return *random >> 8;
}

static void places_come_out_in_order_whatever_leaves(void **state)
{
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct pl_place *all[ROOMS_LEN];
        struct pl_places places;
        struct pl_tails tails;
        pl_position last = 0;

        pl_tails_init(&tails, 1000);
        pl_places_init(&places);
        for (uint32_t i = 0; i < ROOMS_LEN; i++) {
            pl_room_id room = {(i * 7) % ROOMS_LEN + 1};

            assert_int_equal(pl_places_add(&places, &tails, NULL, room, 0, &all[i]), PL_OK);
            assert_ptr_equal(pl_places_find(&places, room), all[i]);
            pl_places_make_ready(&places, all[i], 0, 1 + next_random(&random) % 1000);
        }
        for (uint32_t i = 0; i < ROOMS_LEN; i++)
            if (next_random(&random) % 3 == 0)
                pl_places_remove(&places, &tails, all[i]);
        assert_int_equal(places.ready_len, places.len);
        while (pl_places_first(&places) != NULL) {
            struct pl_place *place = pl_places_first(&places);

            assert_true(place->next >= last);
            last = place->next;
            if (next_random(&random) % 2 == 0)
                pl_places_move_first(&places, 0, last + next_random(&random) % 10);
            else
                pl_places_rest_first(&places);
        }
        pl_places_done(&places, &tails);
        assert_int_equal(tails.map.len, 0);
        pl_tails_done(&tails);
    }
}

static void place_that_was_left_is_not_found(void **state)
{
    struct pl_places places;
    struct pl_tails tails;
    struct pl_place *left, *back;
    pl_room_id room = {5};

    (void)state;
    pl_tails_init(&tails, 1000);
    pl_places_init(&places);
    assert_int_equal(pl_places_add(&places, &tails, NULL, room, 0, &left), PL_OK);
    left->until = 9;
    assert_null(pl_places_find(&places, room));
    assert_int_equal(pl_places_add(&places, &tails, NULL, room, 9, &back), PL_OK);
    assert_ptr_equal(pl_places_find(&places, room), back);
    pl_places_detach(&places, &tails);
    assert_int_equal(places.len, 1);
    assert_ptr_equal(pl_places_find(&places, room), back);
    pl_places_done(&places, &tails);
    pl_tails_done(&tails);
}

static void places_bear_each_allocation_failing(void **state)
{
    struct pl_places places;
    struct pl_tails tails;
    struct pl_place *place;
    uint64_t nth = 0;
    uint64_t room = 0;

    (void)state;
    pl_tails_init(&tails, 1000);
    pl_places_init(&places);
    while (room < 5) {
        pl_mem_fail_at(++nth);
        if (pl_places_add(&places, &tails, NULL, (pl_room_id){room + 1}, 0, &place) == PL_OK) {
            room++;
            nth = 0;
        }
        pl_mem_fail_at(0);
        assert_int_equal(places.len, room);
        assert_int_equal(tails.map.len, room);
    }
    pl_places_done(&places, &tails);
    pl_tails_done(&tails);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_come_out_in_order_whatever_leaves),
        cmocka_unit_test(place_that_was_left_is_not_found),
        cmocka_unit_test(places_bear_each_allocation_failing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
