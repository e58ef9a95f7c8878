/* test_account.c - guests: coming, being known, going. */
#include "world.h"

#include <stdio.h>

static void a_guest_comes_with_session_and_lobby(void **state)
{
    struct world world;
    const struct pl_reply *reply;
    struct pl_session session;
    struct pl_member member;

    (void)state;
    world_start(&world);
    reply = do_sign_in(&world, "ana");
    assert_granted(reply);
    assert_int_equal(reply->u.sign_in.user.id.v, 1);
    assert_string_equal(reply->u.sign_in.user.name, "ana");
    assert_int_equal(reply->u.sign_in.user.kind, PL_USER_GUEST);
    assert_int_equal(reply->u.sign_in.user.state, PL_USER_ACTIVE);
    assert_int_equal(reply->u.sign_in.user.room_count, 1);
    assert_int_equal(reply->u.sign_in.session.id.v, 1);
    assert_int_equal(reply->u.sign_in.session.used_ms, world.now_ms);

    /* the lobby is quiet: a membership, but no event */
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 0);
    assert_int_equal(world_count(&world, PL_EFFECT_MEMBERSHIP), 1);
    assert_true(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.joined);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 0)->u.membership.position, 1);
    assert_int_equal(world_room(&world, "lobby").member_count, 1);
    member = world_member(&world, "lobby", "ana");
    assert_int_equal(member.state, PL_MEMBER_JOINED);
    assert_int_equal(member.role, PL_ROLE_MEMBER);
    assert_int_equal(member.read_sequence, 1);
    assert_int_equal(world.store.ops->get_session(world.store.self, (pl_session_id){1}, &session),
                     PL_OK);
    assert_int_equal(session.user.v, 1);
    world_done(&world);
}

static void a_sign_in_is_refused_where_it_must_be(void **state)
{
    struct world world;
    char label[PL_LABEL_SIZE_MAX + 2] = {0};
    struct pl_room lobby;

    (void)state;
    world_start(&world);
    assert_granted(do_sign_in(&world, "ana"));
    assert_refused(do_sign_in(&world, "ana"), PL_REASON_NAME_TAKEN);
    assert_refused_field(do_sign_in(&world, ""), PL_REASON_FIELD_INVALID, "user");
    assert_refused_field(do_sign_in(&world, "Ana"), PL_REASON_FIELD_INVALID, "user");
    assert_refused_field(do_sign_in(&world, "1ana"), PL_REASON_FIELD_INVALID, "user");
    memset(label, 'x', sizeof label - 1);
    add_sign_in(&world, "bo")->u.sign_in_guest.label = label;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused_field(world_last(&world), PL_REASON_FIELD_INVALID, "label");

    lobby = world_room(&world, "lobby");
    lobby.member_count = PL_ROOM_MEMBERS_LEN_MAX;
    world_put_room(&world, &lobby);
    world_restart(&world);
    add_start(&world, 78);
    add_sign_in(&world, "bo");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_ROOM_FULL);
    world_done(&world);
}

static void guests_may_be_off(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    world.config.guests = false;
    world_restart(&world);
    add_start(&world, 78);
    add_sign_in(&world, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_GUESTS_OFF);
    world_done(&world);
}

static void signing_out_ends_a_guest_and_frees_the_name(void **state)
{
    struct world world;
    struct pl_user user;
    struct pl_member member;
    struct pl_session session;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_sign_in(&world, "bo");
    do_create(&world, "ana", "den");
    do_join(&world, "bo", "den");
    assert_granted(do_sign_out(&world, "ana"));
    assert_int_equal(world_count(&world, PL_EFFECT_SESSION_ENDED), 1);
    assert_int_equal(world_effect(&world, PL_EFFECT_SESSION_ENDED, 0)->u.ended.session.v, 1);
    assert_int_equal(world_effect(&world, PL_EFFECT_SESSION_ENDED, 0)->u.ended.user.v, 1);
    /* the den tells of it, the lobby does not */
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 1);
    assert_string_equal(world_event(&world, 0), "den 4 by ana(1) member ana(1) state 3 role 4");
    assert_int_equal(world_count(&world, PL_EFFECT_MEMBERSHIP), 2);
    assert_int_equal(world_count(&world, PL_EFFECT_FOLLOW_UP), 0);

    assert_int_equal(world.store.ops->get_user(world.store.self, (pl_user_id){1}, &user), PL_OK);
    assert_int_equal(user.state, PL_USER_ENDED);
    assert_int_equal(user.room_count, 0);
    assert_int_equal(world.store.ops->get_session(world.store.self, (pl_session_id){1}, &session),
                     PL_E_NOTFOUND);
    assert_int_equal(
        world.store.ops->get_member(world.store.self, (pl_room_id){2}, (pl_user_id){1}, &member),
        PL_E_NOTFOUND);
    assert_int_equal(world_room(&world, "den").member_count, 1);
    assert_int_equal(world_room(&world, "lobby").member_count, 1);

    assert_refused(do_send(&world, "ana", "den", "ghost"), PL_REASON_TOKEN_INVALID);
    world_done(&world);
}

static void who_takes_a_freed_name_has_nothing_of_the_one_before(void **state)
{
    struct world world;
    const struct pl_reply *reply;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_sign_in(&world, "bo");
    do_create_as(&world, "ana", "den", PL_ROOM_PRIVATE, PL_ROOM_EVERYONE, false);
    do_send_user(&world, "bo", "ana", "secret");
    do_sign_out(&world, "ana");
    reply = do_sign_in(&world, "ana");
    assert_granted(reply);
    assert_int_equal(reply->u.sign_in.user.id.v, 3);
    assert_refused(do_join(&world, "ana", "den"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_send(&world, "ana", "@3", "?"), PL_REASON_ROOM_NOT_FOUND);
    /* a room of their own */
    reply = do_send_user(&world, "ana", "bo", "hello");
    assert_granted(reply);
    assert_string_equal(reply->u.send.room, "@4");
    world_done(&world);
}

static void a_name_is_free_within_the_same_batch(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    world_add(&world, PL_COMMAND_SIGN_OUT, "ana");
    add_sign_in(&world, "ana");
    add_send(&world, "ana", "lobby", "new");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    assert_int_equal(world_user(&world, "ana").id.v, 2);
    world_done(&world);
}

static void make_rooms(struct world *world, const char *token, uint32_t len)
{
    static char names[1200][12];

    for (uint32_t i = 0; i < len; i++) {
        snprintf(names[i], sizeof names[i], "r%u", i);
        add_create(world, token, names[i]);
    }
    assert_int_equal(world_apply(world), PL_OK);
    assert_granted(world_last(world));
}

static uint32_t left_in_batch(const struct world *world)
{
    return world_count(world, PL_EFFECT_MEMBERSHIP);
}

static void a_long_end_follows_up(void **state)
{
    struct world world;
    struct pl_user user;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    make_rooms(&world, "ana", 2 * PL_END_ROOMS_LEN_MAX);
    assert_granted(do_sign_out(&world, "ana"));
    assert_int_equal(left_in_batch(&world), PL_END_ROOMS_LEN_MAX);
    assert_int_equal(world_count(&world, PL_EFFECT_FOLLOW_UP), 1);
    assert_true(pl_engine_due_ms(world.engine) <= world.now_ms);
    assert_granted(do_sign_in(&world, "ana")); /* the name is free already */

    do_expire(&world);
    assert_int_equal(left_in_batch(&world), PL_END_ROOMS_LEN_MAX);
    assert_int_equal(world_count(&world, PL_EFFECT_FOLLOW_UP), 1);
    do_expire(&world);
    assert_int_equal(left_in_batch(&world), 1);
    assert_int_equal(world_count(&world, PL_EFFECT_FOLLOW_UP), 0);
    assert_true(pl_engine_due_ms(world.engine) > world.now_ms);
    assert_int_equal(world.store.ops->get_user(world.store.self, (pl_user_id){1}, &user), PL_OK);
    assert_int_equal(user.state, PL_USER_ENDED);
    world_done(&world);
}

static void a_start_goes_on_with_an_end(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    make_rooms(&world, "ana", PL_END_ROOMS_LEN_MAX + 5);
    do_sign_out(&world, "ana");
    world_restart(&world);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_int_equal(left_in_batch(&world), 6);
    assert_int_equal(world_count(&world, PL_EFFECT_FOLLOW_UP), 0);
    world_done(&world);
}

static void many_who_end_are_ended_in_steps(void **state)
{
    struct world world;
    char names[40][8];
    struct pl_user user;

    (void)state;
    world_start(&world);
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "g%d", i);
        add_sign_in(&world, names[i]);
    }
    assert_int_equal(world_apply(&world), PL_OK);
    for (int i = 0; i < 40; i++) {
        user = world_user(&world, names[i]);
        user.state = PL_USER_ENDING;
        world_put_user(&world, &user);
    }
    world_restart(&world);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    while (world_count(&world, PL_EFFECT_FOLLOW_UP) > 0)
        do_expire(&world);
    assert_int_equal(world_room(&world, "lobby").member_count, 0);
    world_done(&world);
}

static void only_guests_end_with_their_session(void **state)
{
    struct world world;
    struct pl_user user;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    user = world_user(&world, "ana");
    user.kind = PL_USER_PERSON;
    world_put_user(&world, &user);
    world_restart(&world);
    add_start(&world, 78);
    world_add(&world, PL_COMMAND_SIGN_OUT, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_int_equal(world_count(&world, PL_EFFECT_SESSION_ENDED), 1);
    assert_int_equal(world_count(&world, PL_EFFECT_MEMBERSHIP), 0);
    assert_refused(do_sign_in(&world, "ana"), PL_REASON_NAME_TAKEN);
    assert_int_equal(world_user(&world, "ana").state, PL_USER_ACTIVE);
    world_done(&world);
}

static void an_idle_session_is_refused_and_then_expires(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    world.now_ms += IDLE_MS;
    do_sign_in(&world, "bo");
    assert_true(pl_engine_due_ms(world.engine) <= world.now_ms);
    do_expire(&world);
    assert_int_equal(world_count(&world, PL_EFFECT_SESSION_ENDED), 0);

    world.now_ms += 1;
    assert_refused(do_send(&world, "ana", "lobby", "late"), PL_REASON_TOKEN_INVALID);
    world_add(&world, PL_COMMAND_TOUCH_SESSION, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(do_sign_in(&world, "ana"), PL_REASON_NAME_TAKEN);
    do_expire(&world);
    assert_int_equal(world_count(&world, PL_EFFECT_SESSION_ENDED), 1);
    assert_granted(do_sign_in(&world, "ana"));
    assert_granted(do_send(&world, "bo", "lobby", "still here"));
    world_done(&world);
}

static void a_session_is_as_old_as_it_is_whatever_the_time_of_day(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_sign_in(&world, "bo");
    world.jump_ms = 2 * IDLE_MS;
    do_expire(&world);
    assert_int_equal(world_count(&world, PL_EFFECT_SESSION_ENDED), 0);
    assert_granted(do_send(&world, "ana", "lobby", "here"));
    world_add(&world, PL_COMMAND_TOUCH_SESSION, "ana");
    assert_int_equal(world_apply(&world), PL_OK);

    /* The next start takes the time of day: only who was not there since is too old. */
    world.now_ms += world.jump_ms;
    world.jump_ms = 0;
    world_restart(&world);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    do_expire(&world);
    assert_int_equal(world_count(&world, PL_EFFECT_SESSION_ENDED), 1);
    assert_granted(do_send(&world, "ana", "lobby", "still here"));
    assert_refused(do_send(&world, "bo", "lobby", "late"), PL_REASON_TOKEN_INVALID);
    world_done(&world);
}

static void many_idle_sessions_expire_in_steps(void **state)
{
    struct world world;
    char names[150][8];
    uint32_t ended = 0, rounds = 0;

    (void)state;
    world_start(&world);
    for (int i = 0; i < 150; i++) {
        snprintf(names[i], sizeof names[i], "g%d", i);
        add_sign_in(&world, names[i]);
    }
    assert_int_equal(world_apply(&world), PL_OK);
    world.now_ms += IDLE_MS + 1;
    do {
        do_expire(&world);
        ended += world_count(&world, PL_EFFECT_SESSION_ENDED);
        rounds++;
    } while (world_count(&world, PL_EFFECT_FOLLOW_UP) > 0);
    assert_int_equal(ended, 150);
    assert_true(rounds > 1 && rounds < 10);
    assert_int_equal(world_room(&world, "lobby").member_count, 0);
    world_done(&world);
}

static int64_t used_ms(struct world *world)
{
    struct pl_session session;

    assert_int_equal(world->store.ops->get_session(world->store.self, (pl_session_id){1}, &session),
                     PL_OK);
    return session.used_ms;
}

static void use_of_a_session_is_told_in_coarse_steps(void **state)
{
    struct world world;
    int64_t begin;

    (void)state;
    world_start(&world);
    begin = world.now_ms;
    do_sign_in(&world, "ana");
    world.now_ms += 3600 * 1000 - 1;
    do_send(&world, "ana", "lobby", "soon");
    assert_int_equal(used_ms(&world), begin);
    world.now_ms += 1;
    do_send(&world, "ana", "lobby", "now");
    assert_int_equal(used_ms(&world), world.now_ms);

    begin = world.now_ms;
    world.now_ms += DAY_MS;
    add_subscribe(&world, "ana", NULL, 0); /* a query changes nothing */
    assert_int_equal(world_apply(&world), PL_OK);
    assert_int_equal(used_ms(&world), begin);
    world_add(&world, PL_COMMAND_TOUCH_SESSION, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_true(pl_list_empty(&world.effects.list));
    assert_int_equal(used_ms(&world), world.now_ms);
    world_add(&world, PL_COMMAND_TOUCH_SESSION, "nobody");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_true(pl_list_empty(&world.effects.list));
    world_done(&world);
}

static void a_touch_is_due_after_an_hour_or_a_hundredth(void **state)
{
    struct pl_session session = {.used_ms = 1000};

    (void)state;
    assert_false(pl_session_touch_due(&session, IDLE_MS, 1000 + 3600 * 1000 - 1));
    assert_true(pl_session_touch_due(&session, IDLE_MS, 1000 + 3600 * 1000));
    assert_false(pl_session_touch_due(&session, 10000, 1099));
    assert_true(pl_session_touch_due(&session, 10000, 1100));
}

static void the_last_stream_that_closes_is_remembered(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    world.now_ms += 500;
    world_add(&world, PL_COMMAND_STREAM_CLOSED, NULL)->u.stream_closed.user = (pl_user_id){1};
    world_add(&world, PL_COMMAND_STREAM_CLOSED, NULL)->u.stream_closed.user = (pl_user_id){99};
    assert_int_equal(world_apply(&world), PL_OK);
    assert_true(pl_list_empty(&world.effects.list));
    assert_int_equal(world_user(&world, "ana").last_seen_ms, world.now_ms);
    world_done(&world);
}

static void expiry_comes_sooner_where_sessions_are_short(void **state)
{
    struct world world;

    (void)state;
    world_init(&world);
    world.config.session_idle_ms = 1000;
    world_restart(&world);
    assert_int_equal(pl_engine_due_ms(world.engine), INT64_MAX);
    add_start(&world, 77);
    assert_int_equal(world_apply(&world), PL_OK);
    do_expire(&world);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms + 101);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_comes_with_session_and_lobby),
        cmocka_unit_test(a_sign_in_is_refused_where_it_must_be),
        cmocka_unit_test(guests_may_be_off),
        cmocka_unit_test(signing_out_ends_a_guest_and_frees_the_name),
        cmocka_unit_test(who_takes_a_freed_name_has_nothing_of_the_one_before),
        cmocka_unit_test(a_name_is_free_within_the_same_batch),
        cmocka_unit_test(a_long_end_follows_up),
        cmocka_unit_test(a_start_goes_on_with_an_end),
        cmocka_unit_test(many_who_end_are_ended_in_steps),
        cmocka_unit_test(only_guests_end_with_their_session),
        cmocka_unit_test(an_idle_session_is_refused_and_then_expires),
        cmocka_unit_test(a_session_is_as_old_as_it_is_whatever_the_time_of_day),
        cmocka_unit_test(many_idle_sessions_expire_in_steps),
        cmocka_unit_test(use_of_a_session_is_told_in_coarse_steps),
        cmocka_unit_test(a_touch_is_due_after_an_hour_or_a_hundredth),
        cmocka_unit_test(the_last_stream_that_closes_is_remembered),
        cmocka_unit_test(expiry_comes_sooner_where_sessions_are_short),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
