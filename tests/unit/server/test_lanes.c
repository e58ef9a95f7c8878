/* test_lanes.c - addresses have their turns at engine and readers. */
#include "server/lanes.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIZE = 1000, NOW_MS = 50000 };

static const uint8_t ana[PL_PEER_KEY_SIZE] = {1}, bob[PL_PEER_KEY_SIZE] = {2};

static struct pl_errand *enter(struct pl_lanes *lanes, const uint8_t *key)
{
    struct pl_errand *errand = pl_errand_new(PL_ERRAND_COMMAND, 0, 1);

    assert_non_null(errand);
    errand->charged_size = SIZE;
    assert_int_equal(pl_lanes_enter(lanes, key, errand), PL_OK);
    return errand;
}

static void leave(struct pl_lanes *lanes, struct pl_errand *errand)
{
    pl_lanes_leave(lanes, errand);
    pl_errand_free(errand);
}

static void come_back(struct pl_lanes *lanes, struct pl_errand *errand)
{
    pl_lanes_command_back(lanes, errand);
    leave(lanes, errand);
}

static void who_is_alone_does_not_wait(void **state)
{
    struct pl_errand *errands[10 * PL_LANE_OUT_MAX];
    struct pl_lanes lanes;

    (void)state;
    pl_lanes_init(&lanes);
    for (int i = 0; i < 10 * PL_LANE_OUT_MAX; i++) {
        errands[i] = enter(&lanes, ana);
        assert_int_equal(pl_lanes_command(&lanes, errands[i], NOW_MS), PL_OK);
    }
    for (int i = 0; i < 10 * PL_LANE_OUT_MAX; i++)
        come_back(&lanes, errands[i]);
    assert_int_equal(lanes.map.len, 0);
    pl_lanes_done(&lanes);
}

/* Bob has one command at the engine, Ana as many as she may, and two that wait. */
struct crowd {
    struct pl_lanes lanes;
    struct pl_errand *other;
    struct pl_errand *errands[PL_LANES_OUT_MAX + 1];
};

enum { GONE_LEN = PL_LANES_OUT_MAX - 1, ALL_LEN = PL_LANES_OUT_MAX + 1 };

static void crowd_init(struct crowd *crowd)
{
    pl_lanes_init(&crowd->lanes);
    crowd->other = enter(&crowd->lanes, bob);
    assert_int_equal(pl_lanes_command(&crowd->lanes, crowd->other, NOW_MS), PL_OK);
    for (int i = 0; i < ALL_LEN; i++) {
        crowd->errands[i] = enter(&crowd->lanes, ana);
        assert_int_equal(pl_lanes_command(&crowd->lanes, crowd->errands[i], NOW_MS),
                         i < GONE_LEN ? PL_OK : PL_E_AGAIN);
    }
}

static void beside_others_what_is_too_much_waits_in_order(void **state)
{
    struct crowd crowd;
    struct pl_lanes *lanes = &crowd.lanes;
    struct pl_errand *second;

    (void)state;
    crowd_init(&crowd);
    second = enter(lanes, bob); /* not behind them */
    assert_int_equal(pl_lanes_command(lanes, second, NOW_MS), PL_OK);
    assert_null(pl_lanes_next_command(lanes, crowd.errands[0]->lane_weak, NOW_MS));
    come_back(lanes, crowd.other);
    come_back(lanes, second);
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(pl_lanes_next_command(lanes, crowd.errands[0]->lane_weak, NOW_MS),
                         i == 0 ? crowd.errands[GONE_LEN] : NULL);
    }
    come_back(lanes, crowd.errands[0]);
    assert_ptr_equal(pl_lanes_next_command(lanes, crowd.errands[1]->lane_weak, NOW_MS),
                     crowd.errands[GONE_LEN + 1]);
    for (int i = 1; i < ALL_LEN; i++)
        come_back(lanes, crowd.errands[i]);
    assert_int_equal(lanes->map.len, 0);
    pl_lanes_done(lanes);
}

static void each_address_has_its_share_however_many_there_are(void **state)
{
    struct pl_errand *errands[PL_LANE_OUT_MAX + 1];
    struct crowd crowd;

    (void)state;
    crowd_init(&crowd);
    for (int i = 0; i < PL_LANE_OUT_MAX; i++) { /* beside the one that Bob has */
        errands[i] = enter(&crowd.lanes, bob);
        assert_int_equal(pl_lanes_command(&crowd.lanes, errands[i], NOW_MS),
                         i < PL_LANE_OUT_MAX - 1 ? PL_OK : PL_E_AGAIN);
    }
    come_back(&crowd.lanes, crowd.other);
    assert_ptr_equal(pl_lanes_next_command(&crowd.lanes, errands[0]->lane_weak, NOW_MS),
                     errands[PL_LANE_OUT_MAX - 1]);
    for (int i = 0; i < PL_LANE_OUT_MAX; i++)
        come_back(&crowd.lanes, errands[i]);
    for (int i = 0; i < 2; i++)
        assert_ptr_equal(pl_lanes_next_command(&crowd.lanes, crowd.errands[0]->lane_weak, NOW_MS),
                         i == 0 ? crowd.errands[GONE_LEN] : NULL);
    come_back(&crowd.lanes, crowd.errands[0]);
    assert_non_null(pl_lanes_next_command(&crowd.lanes, crowd.errands[1]->lane_weak, NOW_MS));
    for (int i = 1; i < ALL_LEN; i++)
        come_back(&crowd.lanes, crowd.errands[i]);
    pl_lanes_done(&crowd.lanes);
}

static void what_waits_goes_once_one_is_alone(void **state)
{
    struct crowd crowd;

    (void)state;
    crowd_init(&crowd);
    for (int i = 0; i < 2; i++)
        assert_ptr_equal(pl_lanes_next_command(&crowd.lanes, crowd.errands[0]->lane_weak,
                                               NOW_MS + PL_LANES_ALONE_MS),
                         crowd.errands[GONE_LEN + i]);
    come_back(&crowd.lanes, crowd.other);
    for (int i = 0; i < ALL_LEN; i++)
        come_back(&crowd.lanes, crowd.errands[i]);
    pl_lanes_done(&crowd.lanes);
}

static void questions_are_taken_from_each_in_turn(void **state)
{
    struct pl_errand *of_ana[3], *of_bob, *next;
    struct pl_lanes lanes;

    (void)state;
    pl_lanes_init(&lanes);
    for (int i = 0; i < 3; i++) {
        of_ana[i] = enter(&lanes, ana);
        assert_int_equal(pl_lanes_question(&lanes, of_ana[i]), PL_OK);
    }
    of_bob = enter(&lanes, bob);
    assert_int_equal(pl_lanes_question(&lanes, of_bob), PL_OK);
    for (int i = 0; i < 4; i++) {
        struct pl_errand *const wanted[] = {of_ana[0], of_bob, of_ana[1], of_ana[2]};

        next = pl_lanes_next_question(&lanes);
        assert_ptr_equal(next, wanted[i]);
        leave(&lanes, next);
    }
    assert_null(pl_lanes_next_question(&lanes));
    pl_lanes_done(&lanes);
}

static void what_waits_is_bounded_and_freed_at_the_end(void **state)
{
    struct pl_errand *errand;
    struct pl_lanes lanes;
    int rc = PL_OK, len = 0;

    (void)state;
    pl_lanes_init(&lanes);
    while (rc == PL_OK) {
        errand = enter(&lanes, ana);
        errand->charged_size = PL_LANE_SIZE_MAX / 100;
        rc = pl_lanes_question(&lanes, errand);
        len++;
    }
    assert_int_equal(rc, PL_E_LIMIT);
    assert_int_equal(len, 101);
    leave(&lanes, errand);
    errand = enter(&lanes, bob);
    assert_int_equal(pl_lanes_question(&lanes, errand), PL_OK);
    pl_lanes_done(&lanes);
}

static void a_lane_needs_memory_or_says_so(void **state)
{
    struct pl_errand *errand = pl_errand_new(PL_ERRAND_COMMAND, 0, 1);
    struct pl_lanes lanes;

    (void)state;
    pl_lanes_init(&lanes);
    pl_mem_fail_at(1);
    assert_int_equal(pl_lanes_enter(&lanes, ana, errand), PL_E_NOMEM);
    pl_mem_fail_at(0);
    assert_null(errand->lane_weak);
    pl_errand_free(errand);
    pl_lanes_done(&lanes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_does_not_wait),
        cmocka_unit_test(beside_others_what_is_too_much_waits_in_order),
        cmocka_unit_test(each_address_has_its_share_however_many_there_are),
        cmocka_unit_test(what_waits_goes_once_one_is_alone),
        cmocka_unit_test(questions_are_taken_from_each_in_turn),
        cmocka_unit_test(what_waits_is_bounded_and_freed_at_the_end),
        cmocka_unit_test(a_lane_needs_memory_or_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
