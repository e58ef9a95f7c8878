/* test_marker.c - read markers and what is unread. */
#include "world.h"

static void setup(struct world *world)
{
    world_start(world);
    do_sign_in(world, "ana");
    do_sign_in(world, "bo");
    do_create(world, "ana", "den");
    do_join(world, "bo", "den");       /* 3 */
    do_send(world, "ana", "den", "a"); /* 4 */
    do_send(world, "ana", "den", "b"); /* 5 */
    do_sign_in(world, "cy");
    do_join(world, "cy", "den");       /* 6 */
    do_send(world, "ana", "den", "c"); /* 7 */
    do_leave(world, "cy", "den");      /* 8 */
}

static void assert_read(struct world *world, pl_sequence sequence, uint64_t count)
{
    struct pl_member member = world_member(world, "den", "bo");

    assert_int_equal(member.read_sequence, sequence);
    assert_int_equal(member.read_count, count);
}

static void a_marker_moves_forward_only(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    assert_read(&world, 2, 0);
    assert_granted(do_mark(&world, "bo", "den", 4));
    assert_int_equal(world_count(&world, PL_EFFECT_READ_MARKER), 1);
    assert_int_equal(world_effect(&world, PL_EFFECT_READ_MARKER, 0)->u.marker.sequence, 4);
    assert_int_equal(world_effect(&world, PL_EFFECT_READ_MARKER, 0)->u.marker.user.v, 2);
    assert_string_equal(world_effect(&world, PL_EFFECT_READ_MARKER, 0)->u.marker.name, "den");
    assert_read(&world, 4, 1);
    assert_granted(do_mark(&world, "bo", "den", 6));
    assert_read(&world, 6, 2);
    assert_granted(do_mark(&world, "bo", "den", 5)); /* not back */
    assert_int_equal(world_count(&world, PL_EFFECT_READ_MARKER), 0);
    assert_granted(do_mark(&world, "bo", "den", 0));
    assert_read(&world, 6, 2);
    assert_granted(do_mark(&world, "bo", "den", 8));
    assert_read(&world, 8, 3);
    world_done(&world);
}

static void a_marker_is_refused_where_it_must_be(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    assert_refused(do_mark(&world, "bo", "den", 9), PL_REASON_SEQUENCE_OUT_OF_RANGE);
    assert_refused(do_mark(&world, "cy", "den", 1), PL_REASON_NOT_A_MEMBER);
    assert_refused(do_mark(&world, "bo", "none", 1), PL_REASON_ROOM_NOT_FOUND);
    assert_read(&world, 2, 0);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_marker_moves_forward_only),
        cmocka_unit_test(a_marker_is_refused_where_it_must_be),
    };

    return cmocka_run_group_tests_name("marker", tests, NULL, NULL);
}
