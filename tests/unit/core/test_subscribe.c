/* test_subscribe.c - the queries. */
#include "world.h"

static void setup(struct world *world)
{
    world_start(world);
    do_sign_in(world, "ana");
    do_sign_in(world, "bo");
    do_create(world, "ana", "den");                                              /* 2, 3 */
    do_create_as(world, "ana", "jobs", PL_ROOM_PUBLIC, PL_ROOM_ONE, false);      /* 4, 5 */
    do_create_as(world, "bo", "cave", PL_ROOM_PRIVATE, PL_ROOM_EVERYONE, false); /* 6, 7 */
}

static const struct pl_reply *subscribe(struct world *world, const char *token,
                                        const char *const *rooms, uint32_t rooms_len)
{
    add_subscribe(world, token, rooms, rooms_len);
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

static void all_rooms_are_those_joined_without_work(void **state)
{
    struct world world;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "x"); /* den 3, position 8 */
    reply = subscribe(&world, "ana", NULL, 0);
    assert_granted(reply);
    assert_true(reply->u.subscribe.all);
    assert_int_equal(reply->u.subscribe.shown, 8);
    assert_int_equal(reply->u.subscribe.log, 77);
    assert_int_equal(reply->u.subscribe.user.id.v, 1);
    assert_int_equal(reply->u.subscribe.session.id.v, 1);
    assert_int_equal(reply->u.subscribe.rooms_len, 2);
    assert_string_equal(reply->u.subscribe.rooms[0].name, "lobby");
    assert_string_equal(reply->u.subscribe.rooms[1].name, "den");
    assert_int_equal(reply->u.subscribe.rooms[1].last_sequence, 3);
    assert_int_equal(reply->u.subscribe.rooms[1].last_position, 8);
    assert_int_equal(reply->u.subscribe.rooms[1].read_sequence, 3);
    world_done(&world);
}

static void named_rooms_come_once_by_id(void **state)
{
    static const char *const names[] = {"jobs", "lobby", "jobs", "den", "lobby"};
    struct world world;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    reply = subscribe(&world, "ana", names, 5);
    assert_granted(reply);
    assert_false(reply->u.subscribe.all);
    assert_int_equal(reply->u.subscribe.rooms_len, 3);
    assert_string_equal(reply->u.subscribe.rooms[0].name, "lobby");
    assert_string_equal(reply->u.subscribe.rooms[1].name, "den");
    assert_string_equal(reply->u.subscribe.rooms[2].name, "jobs");
    world_done(&world);
}

static void rooms_that_may_not_be_streamed_are_refused(void **state)
{
    static const char *const not_joined[] = {"lobby", "den"};
    static const char *const hidden[] = {"lobby", "cave"};
    static const char *const none[] = {"\x1b[2J"};
    static const char *many[PL_STREAM_ROOMS_LEN_MAX + 1];
    struct world world;

    (void)state;
    setup(&world);
    assert_refused_field(subscribe(&world, "bo", not_joined, 2), PL_REASON_NOT_A_MEMBER, "rooms");
    assert_non_null(strstr(world_last(&world)->refusal.detail, "den"));
    assert_refused_field(subscribe(&world, "ana", hidden, 2), PL_REASON_ROOM_NOT_FOUND, "rooms");
    assert_refused_field(subscribe(&world, "ana", none, 1), PL_REASON_ROOM_NOT_FOUND, "rooms");
    assert_string_equal(world_last(&world)->refusal.detail, "");
    for (size_t i = 0; i < PL_STREAM_ROOMS_LEN_MAX + 1; i++)
        many[i] = "lobby";
    assert_refused_field(subscribe(&world, "ana", many, PL_STREAM_ROOMS_LEN_MAX + 1),
                         PL_REASON_FIELD_INVALID, "rooms");
    assert_granted(subscribe(&world, "ana", many, PL_STREAM_ROOMS_LEN_MAX));
    assert_int_equal(world_last(&world)->u.subscribe.rooms_len, 1);
    world_done(&world);
}

static const struct pl_reply *resume(struct world *world, uint64_t log, pl_position position)
{
    struct pl_command *command = add_subscribe(world, "ana", NULL, 0);

    command->u.subscribe.has_cursor = true;
    command->u.subscribe.cursor_log = log;
    command->u.subscribe.cursor_position = position;
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

static void a_cursor_is_of_this_log_or_lost(void **state)
{
    struct world world;

    (void)state;
    setup(&world); /* log 77 from 0, position 7 */
    assert_granted(resume(&world, 77, 0));
    assert_granted(resume(&world, 77, 7));
    assert_refused(resume(&world, 77, 8), PL_REASON_CURSOR_LOST);
    assert_refused(resume(&world, 76, 1), PL_REASON_CURSOR_LOST);
    do_send(&world, "ana", "den", "x"); /* 8 */
    world_restart(&world);
    add_start(&world, 78); /* from 8 */
    add_send(&world, "ana", "den", "y");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(resume(&world, 77, 8));
    assert_refused(resume(&world, 77, 9), PL_REASON_CURSOR_LOST);
    assert_granted(resume(&world, 78, 9));
    assert_granted(resume(&world, 78, 8));
    assert_granted(resume(&world, 78, 7)); /* a page of it gave that one */
    assert_granted(resume(&world, 78, 0));
    assert_refused(resume(&world, 78, 10), PL_REASON_CURSOR_LOST);
    world_done(&world);
}

static void a_subscription_stands_at_its_own_place(void **state)
{
    struct world world;
    const struct pl_reply *reply;
    uint64_t tag;
    bool seen = false;

    (void)state;
    setup(&world); /* position 7 */
    add_send(&world, "ana", "den", "before");
    tag = add_subscribe(&world, "ana", NULL, 0)->reply_to;
    add_send(&world, "ana", "den", "after");
    assert_int_equal(world_apply(&world), PL_OK);
    reply = world_reply(&world, tag);
    assert_int_equal(reply->u.subscribe.shown, 8);
    assert_int_equal(reply->u.subscribe.rooms[1].last_sequence, 3);
    assert_int_equal(reply->u.subscribe.rooms[1].read_sequence, 3); /* not yet in the store */
    PL_LIST_EACH (node, &world.effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        seen = seen || (effect->kind == PL_EFFECT_REPLY && effect->u.reply.to == tag);
        if (effect->kind == PL_EFFECT_EVENT)
            assert_true(seen == (effect->u.event.position > reply->u.subscribe.shown));
    }
    world_done(&world);
}

static const struct pl_reply *get_user(struct world *world, const char *name)
{
    world_add(world, PL_QUERY_GET_USER, "ana")->u.get_user.name = name;
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

static void users_are_found_by_name(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    assert_string_equal(get_user(&world, "")->u.user.user.name, "ana");
    assert_int_equal(get_user(&world, "bo")->u.user.user.id.v, 2);
    assert_refused(get_user(&world, "nobody"), PL_REASON_USER_NOT_FOUND);
    do_sign_out(&world, "bo");
    assert_refused(get_user(&world, "bo"), PL_REASON_USER_NOT_FOUND);
    world_done(&world);
}

static void users_are_found_by_id_without_those_gone(void **state)
{
    static const pl_user_id ids[] = {{3}, {1}, {99}, {2}};
    struct world world;
    struct pl_command *command;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    do_sign_in(&world, "cy");
    do_sign_out(&world, "bo");
    command = world_add(&world, PL_QUERY_GET_USERS, "ana");
    command->u.get_users.ids = ids;
    command->u.get_users.ids_len = 4;
    assert_int_equal(world_apply(&world), PL_OK);
    reply = world_last(&world);
    assert_granted(reply);
    assert_int_equal(reply->u.users.users_len, 2);
    assert_string_equal(reply->u.users.users[0].name, "cy");
    assert_string_equal(reply->u.users.users[1].name, "ana");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rooms_are_those_joined_without_work),
        cmocka_unit_test(named_rooms_come_once_by_id),
        cmocka_unit_test(rooms_that_may_not_be_streamed_are_refused),
        cmocka_unit_test(a_cursor_is_of_this_log_or_lost),
        cmocka_unit_test(a_subscription_stands_at_its_own_place),
        cmocka_unit_test(users_are_found_by_name),
        cmocka_unit_test(users_are_found_by_id_without_those_gone),
    };

    return cmocka_run_group_tests_name("subscribe", tests, NULL, NULL);
}
