/* test_room.c - making rooms, joining and leaving them. */
#include "world.h"

#include <stdio.h>

static void setup(struct world *world)
{
    world_start(world);
    do_sign_in(world, "ana");
    do_sign_in(world, "bo");
}

static void create_makes_a_log_and_an_owner(void **state)
{
    struct world world;
    const struct pl_reply *reply;
    struct pl_command *command;
    struct pl_member member;

    (void)state;
    setup(&world);
    command = add_create(&world, "ana", "den");
    command->u.create_room.title = "The den";
    command->u.create_room.topic = "bears";
    command->u.create_room.retention_s = 60;
    assert_int_equal(world_apply(&world), PL_OK);
    reply = world_last(&world);
    assert_granted(reply);
    assert_string_equal(reply->u.room.room.name, "den");
    assert_string_equal(reply->u.room.room.title, "The den");
    assert_string_equal(reply->u.room.room.topic, "bears");
    assert_int_equal(reply->u.room.room.retention_s, 60);
    assert_int_equal(reply->u.room.room.member_count, 1);
    assert_int_equal(reply->u.room.room.first_sequence, 1);
    assert_int_equal(reply->u.room.room.last_sequence, 2);
    assert_int_equal(reply->u.room.room.settings_version, 1);
    assert_int_equal(reply->u.room.room.partition, pl_room_partition((pl_room_id){2}));
    assert_string_equal(world_event(&world, 0), "den 1 by ana(1) room 'The den' members 0 last 1");
    assert_string_equal(world_event(&world, 1), "den 2 by ana(1) member ana(1) state 2 role 4");
    /* what is seen begins before the room's first event */
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.position, 1);
    member = world_member(&world, "den", "ana");
    assert_int_equal(member.role, PL_ROLE_OWNER);
    assert_int_equal(member.read_sequence, 1);
    assert_int_equal(world_user(&world, "ana").room_count, 2);
    world_done(&world);
}

static void create_is_refused_where_it_must_be(void **state)
{
    struct world world;
    char title[PL_TITLE_SIZE_MAX + 2] = {0};
    char topic[PL_TOPIC_SIZE_MAX + 2] = {0};

    (void)state;
    setup(&world);
    assert_granted(do_create(&world, "ana", "den"));
    assert_refused(do_create(&world, "bo", "den"), PL_REASON_ROOM_EXISTS);
    assert_refused(do_create(&world, "bo", "lobby"), PL_REASON_ROOM_EXISTS);
    assert_refused_field(do_create(&world, "bo", ""), PL_REASON_FIELD_INVALID, "room.room");
    assert_refused_field(do_create(&world, "bo", "@9"), PL_REASON_FIELD_INVALID, "room.room");
    assert_refused_field(do_create(&world, "bo", "Den"), PL_REASON_FIELD_INVALID, "room.room");
    assert_refused_field(do_create_as(&world, "bo", "x", PL_ROOM_DIRECT, PL_ROOM_EVERYONE, false),
                         PL_REASON_FIELD_INVALID, "room.visibility");
    assert_refused_field(
        do_create_as(&world, "bo", "x", PL_ROOM_PUBLIC, (enum pl_room_delivery)7, false),
        PL_REASON_FIELD_INVALID, "room.delivery");
    memset(title, 't', sizeof title - 1);
    add_create(&world, "bo", "x")->u.create_room.title = title;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused_field(world_last(&world), PL_REASON_FIELD_INVALID, "room.title");
    memset(topic, 't', sizeof topic - 1);
    add_create(&world, "bo", "x")->u.create_room.topic = topic;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused_field(world_last(&world), PL_REASON_FIELD_INVALID, "room.topic");
    world_done(&world);
}

static void joining_shows_the_room_from_its_own_event_on(void **state)
{
    struct world world;
    const struct pl_reply *reply;
    struct pl_member member;

    (void)state;
    setup(&world);
    do_create(&world, "ana", "den");            /* positions 2, 3 */
    do_send(&world, "ana", "den", "before bo"); /* 4 */
    reply = do_join(&world, "bo", "den");
    assert_granted(reply);
    assert_int_equal(reply->u.room.room.member_count, 2);
    assert_int_equal(reply->u.room.room.last_sequence, 4);
    assert_string_equal(world_event(&world, 0), "den 4 by bo(2) member bo(2) state 2 role 2");
    assert_int_equal(world_effect(&world, PL_EFFECT_EVENT, 0)->u.event.position, 5);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.position, 4);
    member = world_member(&world, "den", "bo");
    assert_int_equal(member.read_sequence, 3); /* the join itself is news */
    assert_int_equal(member.read_count, 1);
    assert_int_equal(world_effect(&world, PL_EFFECT_READ_MARKER, 0)->u.marker.sequence, 3);

    assert_granted(do_join(&world, "bo", "den")); /* again: nothing changes */
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 0);
    assert_int_equal(world_count(&world, PL_EFFECT_MEMBERSHIP), 0);
    assert_int_equal(world_room(&world, "den").member_count, 2);
    world_done(&world);
}

static void leaving_is_the_last_event_seen(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_create(&world, "ana", "den");
    do_join(&world, "bo", "den");
    assert_granted(do_leave(&world, "bo", "den"));
    assert_string_equal(world_event(&world, 0), "den 4 by bo(2) member bo(2) state 3 role 2");
    assert_false(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.joined);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.position,
                     world_effect(&world, PL_EFFECT_EVENT, 0)->u.event.position);
    assert_int_equal(world_room(&world, "den").member_count, 1);
    assert_int_equal(world_user(&world, "bo").room_count, 1);
    assert_int_equal(world_member(&world, "den", "bo").state, PL_MEMBER_LEFT);
    assert_refused(do_leave(&world, "bo", "den"), PL_REASON_NOT_A_MEMBER);
    assert_refused(do_send(&world, "bo", "den", "?"), PL_REASON_NOT_A_MEMBER);
    world_done(&world);
}

static void coming_back_opens_a_second_span(void **state)
{
    struct world world;
    struct pl_bytebuf dump;

    (void)state;
    setup(&world);
    do_create(&world, "ana", "den");         /* 2, 3 */
    do_join(&world, "bo", "den");            /* 4 */
    do_leave(&world, "bo", "den");           /* 5 */
    do_send(&world, "ana", "den", "unseen"); /* 6 */
    do_join(&world, "bo", "den");            /* 7 */
    world_dump(&world, &dump);
    assert_non_null(strstr(pl_bytebuf_cstr(&dump), "span room=2 user=2 from=3 until=5\n"));
    assert_non_null(
        strstr(pl_bytebuf_cstr(&dump), "span room=2 user=2 from=6 until=9223372036854775807\n"));
    assert_int_equal(world_member(&world, "den", "bo").read_sequence, 5);
    assert_int_equal(world_member(&world, "den", "bo").read_count, 1);
    pl_bytebuf_done(&dump);
    world_done(&world);
}

static void roles_but_readers_are_lost_by_leaving(void **state)
{
    struct world world;
    struct pl_member member;

    (void)state;
    setup(&world);
    do_create(&world, "ana", "den");
    do_join(&world, "bo", "den");
    do_leave(&world, "ana", "den");
    do_join(&world, "ana", "den");
    assert_int_equal(world_member(&world, "den", "ana").role, PL_ROLE_MEMBER);

    member = world_member(&world, "den", "bo");
    member.role = PL_ROLE_READER;
    world_put_member(&world, &member);
    world_restart(&world);
    add_start(&world, 78);
    add_leave(&world, "bo", "den");
    add_join(&world, "bo", "den");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_int_equal(world_member(&world, "den", "bo").role, PL_ROLE_READER);
    world_done(&world);
}

static void a_quiet_room_tells_nothing_of_who_comes_and_goes(void **state)
{
    struct world world;
    pl_position position;

    (void)state;
    setup(&world);
    do_create_as(&world, "ana", "crowd", PL_ROOM_PUBLIC, PL_ROOM_EVERYONE, true);
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 1);
    assert_int_equal(world_room(&world, "crowd").last_sequence, 1);
    do_send(&world, "ana", "crowd", "one");
    position = world_effect(&world, PL_EFFECT_EVENT, 0)->u.event.position;
    do_join(&world, "bo", "crowd");
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 0);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.position,
                     position);
    assert_int_equal(world_room(&world, "crowd").member_count, 2);
    do_leave(&world, "bo", "crowd");
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 0);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.position,
                     position);
    assert_int_equal(world_room(&world, "crowd").member_count, 1);
    world_done(&world);
}

static void a_private_room_is_as_if_there_were_none(void **state)
{
    struct world world;
    struct pl_member member;

    (void)state;
    setup(&world);
    do_create_as(&world, "ana", "den", PL_ROOM_PRIVATE, PL_ROOM_EVERYONE, false);
    assert_refused(do_join(&world, "bo", "den"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_leave(&world, "bo", "den"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_send(&world, "bo", "den", "?"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_mark(&world, "bo", "den", 1), PL_REASON_ROOM_NOT_FOUND);
    add_join(&world, "bo", "den")->u.join_room.create_if_missing = true;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_join(&world, "bo", "none"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_leave(&world, "bo", "none"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_create(&world, "bo", "den"), PL_REASON_ROOM_EXISTS);

    /* who is invited knows of it, and may enter */
    member = (struct pl_member){.room = world_room(&world, "den").id,
                                .user = world_user(&world, "bo").id,
                                .state = PL_MEMBER_INVITED,
                                .role = PL_ROLE_MODERATOR};
    world_put_member(&world, &member);
    world_restart(&world);
    add_start(&world, 78);
    add_send(&world, "bo", "den", "?");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_NOT_A_MEMBER);
    assert_granted(do_join(&world, "bo", "den"));
    assert_int_equal(world_member(&world, "den", "bo").role, PL_ROLE_MODERATOR);
    /* having left, they do not */
    assert_granted(do_leave(&world, "bo", "den"));
    assert_refused(do_join(&world, "bo", "den"), PL_REASON_ROOM_NOT_FOUND);
    world_done(&world);
}

static void the_banned_stay_out(void **state)
{
    struct world world;
    struct pl_member member;

    (void)state;
    setup(&world);
    do_create(&world, "ana", "den");
    do_create_as(&world, "ana", "cave", PL_ROOM_PRIVATE, PL_ROOM_EVERYONE, false);
    member = (struct pl_member){.room = world_room(&world, "den").id,
                                .user = world_user(&world, "bo").id,
                                .state = PL_MEMBER_BANNED,
                                .role = PL_ROLE_MEMBER};
    world_put_member(&world, &member);
    member.room = world_room(&world, "cave").id;
    world_put_member(&world, &member);
    world_restart(&world);
    add_start(&world, 78);
    add_join(&world, "bo", "den");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_BANNED);
    assert_refused(do_join(&world, "bo", "cave"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_send(&world, "bo", "den", "?"), PL_REASON_NOT_A_MEMBER);
    world_done(&world);
}

static void joining_may_make_the_room(void **state)
{
    struct world world;
    struct pl_room room;

    (void)state;
    setup(&world);
    add_join(&world, "ana", "new")->u.join_room.create_if_missing = true;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    room = world_room(&world, "new");
    assert_int_equal(room.visibility, PL_ROOM_PUBLIC);
    assert_int_equal(room.delivery, PL_ROOM_EVERYONE);
    assert_int_equal(world_member(&world, "new", "ana").role, PL_ROLE_OWNER);
    add_join(&world, "bo", "new")->u.join_room.create_if_missing = true;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_int_equal(world_member(&world, "new", "bo").role, PL_ROLE_MEMBER);

    add_join(&world, "bo", "No such")->u.join_room.create_if_missing = true;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused_field(world_last(&world), PL_REASON_FIELD_INVALID, "room");
    add_join(&world, "bo", "@99")->u.join_room.create_if_missing = true;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_ROOM_NOT_FOUND);
    world_done(&world);
}

static void nobody_leaves_the_lobby(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    assert_refused(do_leave(&world, "ana", "lobby"), PL_REASON_ROOM_IS_LOBBY);
    assert_granted(do_join(&world, "ana", "lobby"));
    world_done(&world);
}

static void a_direct_room_is_neither_joined_nor_left(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_sign_in(&world, "cy");
    do_send_user(&world, "ana", "bo", "psst");
    assert_refused(do_join(&world, "ana", "@2"), PL_REASON_ROOM_IS_DIRECT);
    assert_refused(do_leave(&world, "bo", "@2"), PL_REASON_ROOM_IS_DIRECT);
    assert_refused(do_join(&world, "cy", "@2"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_leave(&world, "cy", "@2"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_send(&world, "cy", "@2", "?"), PL_REASON_ROOM_NOT_FOUND);
    world_done(&world);
}

static void limits_are_answers(void **state)
{
    struct world world;
    struct pl_user user;
    struct pl_room room;

    (void)state;
    setup(&world);
    do_create(&world, "ana", "den");
    room = world_room(&world, "den");
    room.member_count = PL_ROOM_MEMBERS_LEN_MAX;
    world_put_room(&world, &room);
    world_restart(&world);
    add_start(&world, 78);
    add_join(&world, "bo", "den");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_ROOM_FULL);

    room.member_count = 1;
    world_put_room(&world, &room);
    user = world_user(&world, "bo");
    user.room_count = PL_USER_ROOMS_LEN_MAX;
    world_put_user(&world, &user);
    world_restart(&world);
    add_start(&world, 79);
    add_join(&world, "bo", "den");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_TOO_MANY_ROOMS);
    assert_refused(do_create(&world, "bo", "own"), PL_REASON_TOO_MANY_ROOMS);
    add_join(&world, "bo", "own")->u.join_room.create_if_missing = true;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_TOO_MANY_ROOMS);
    assert_refused(do_send_user(&world, "bo", "ana", "hi"), PL_REASON_TOO_MANY_ROOMS);
    assert_string_equal(world_last(&world)->refusal.detail, "");
    assert_refused(do_send_user(&world, "ana", "bo", "hi"), PL_REASON_TOO_MANY_ROOMS);
    assert_string_not_equal(world_last(&world)->refusal.detail, "");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_makes_a_log_and_an_owner),
        cmocka_unit_test(create_is_refused_where_it_must_be),
        cmocka_unit_test(joining_shows_the_room_from_its_own_event_on),
        cmocka_unit_test(leaving_is_the_last_event_seen),
        cmocka_unit_test(coming_back_opens_a_second_span),
        cmocka_unit_test(roles_but_readers_are_lost_by_leaving),
        cmocka_unit_test(a_quiet_room_tells_nothing_of_who_comes_and_goes),
        cmocka_unit_test(a_private_room_is_as_if_there_were_none),
        cmocka_unit_test(the_banned_stay_out),
        cmocka_unit_test(joining_may_make_the_room),
        cmocka_unit_test(nobody_leaves_the_lobby),
        cmocka_unit_test(a_direct_room_is_neither_joined_nor_left),
        cmocka_unit_test(limits_are_answers),
    };

    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
