/* test_engine.c - batches: start, order, transactions, thrift. */
#include "world.h"

static void start_makes_the_lobby(void **state)
{
    struct world world;
    struct pl_room lobby;

    (void)state;
    world_start(&world);
    lobby = world_room(&world, "lobby");
    assert_int_equal(lobby.visibility, PL_ROOM_PUBLIC);
    assert_int_equal(lobby.delivery, PL_ROOM_EVERYONE);
    assert_true(lobby.quiet_membership);
    assert_int_equal(lobby.last_sequence, 1);
    assert_int_equal(lobby.member_count, 0);
    assert_int_equal(world_count(&world, PL_EFFECT_REPLY), 0);
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 1);
    assert_string_equal(world_event(&world, 0), "lobby 1 by (0) room '' members 0 last 1");
    world_done(&world);
}

static void a_second_start_keeps_the_lobby(void **state)
{
    struct world world;
    struct pl_meta meta;

    (void)state;
    world_start(&world);
    world_restart(&world);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 0);
    assert_int_equal(world.store.ops->get_meta(world.store.self, &meta), PL_OK);
    assert_int_equal(meta.log, 78);
    assert_int_equal(meta.batch, 2);
    assert_int_equal(meta.position, 1);
    assert_int_equal(meta.last_room, 1);
    world_done(&world);
}

static void sessions_outlive_a_restart(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    world_restart(&world);
    add_start(&world, 78);
    add_send(&world, "ana", "lobby", "here again");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    world_done(&world);
}

static void an_unknown_token_is_refused_for_every_kind(void **state)
{
    static const enum pl_command_kind kinds[] = {
        PL_COMMAND_SIGN_OUT,   PL_COMMAND_CREATE_ROOM,  PL_COMMAND_JOIN_ROOM,
        PL_COMMAND_LEAVE_ROOM, PL_COMMAND_SEND_MESSAGE, PL_COMMAND_MARK_READ,
        PL_COMMAND_OPEN_TAKER, PL_COMMAND_ACK_MESSAGE,  PL_COMMAND_RELEASE_MESSAGE,
        PL_QUERY_SUBSCRIBE,    PL_QUERY_GET_USER,       PL_QUERY_GET_USERS,
    };
    struct world world;

    (void)state;
    world_start(&world);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        world_add(&world, kinds[i], "nobody");
        assert_int_equal(world_apply(&world), PL_OK);
        assert_refused(world_last(&world), PL_REASON_TOKEN_INVALID);
        assert_int_equal(world_count(&world, PL_EFFECT_REPLY), 1);
    }
    world_done(&world);
}

static void commands_of_a_batch_see_those_before_them(void **state)
{
    struct world world;
    uint64_t refused, granted;

    (void)state;
    world_start(&world);
    refused = add_create(&world, "ana", "den")->reply_to;
    add_sign_in(&world, "ana");
    granted = add_create(&world, "ana", "den")->reply_to;
    add_send(&world, "ana", "den", "first");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_reply(&world, refused), PL_REASON_TOKEN_INVALID);
    assert_granted(world_reply(&world, granted));
    assert_granted(world_last(&world));
    assert_int_equal(world_last(&world)->u.send.message.sequence, 3);
    world_done(&world);
}

static void time_never_runs_back(void **state)
{
    struct world world;
    int64_t before;

    (void)state;
    world_start(&world);
    before = world.now_ms;
    world.now_ms -= 5000;
    do_sign_in(&world, "ana");
    assert_int_equal(world_user(&world, "ana").create_ms, before);
    world_done(&world);
}

static void a_batch_of_sends_costs_one_row_each(void **state)
{
    struct world world;
    struct pl_memory_counts before, after;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_create(&world, "ana", "den");
    before = pl_memory_store_counts(&world.store);
    for (int i = 0; i < 100; i++)
        add_send(&world, "ana", "den", "again");
    assert_int_equal(world_apply(&world), PL_OK);
    after = pl_memory_store_counts(&world.store);
    assert_int_equal(after.append_event - before.append_event, 100);
    assert_int_equal(after.put_room - before.put_room, 1);
    assert_int_equal(after.put_member - before.put_member, 1);
    assert_int_equal(after.put_meta - before.put_meta, 1);
    /* begin and commit, and nothing else */
    assert_int_equal(after.ops - before.ops, 100 + 3 + 2);
    world_done(&world);
}

static void queries_alone_write_nothing(void **state)
{
    struct world world;
    struct pl_bytebuf before, after;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    pl_bytebuf_init(&before, SIZE_MAX);
    pl_bytebuf_init(&after, SIZE_MAX);
    world_dump(&world, &before);
    world.now_ms += DAY_MS;
    add_subscribe(&world, "ana", NULL, 0);
    world_add(&world, PL_QUERY_GET_USER, "ana");
    world_add(&world, PL_QUERY_GET_USERS, "nobody");
    assert_int_equal(world_apply(&world), PL_OK);
    world_dump(&world, &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);

    /* with a command, number and time are written */
    add_send(&world, "ana", "lobby", "hello");
    world_add(&world, PL_QUERY_GET_USER, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    pl_bytebuf_done(&after);
    world_dump(&world, &after);
    assert_int_not_equal(before.size, after.size);
    pl_bytebuf_done(&before);
    pl_bytebuf_done(&after);
    world_done(&world);
}

static void a_query_tells_that_its_session_is_to_be_marked(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    world_add(&world, PL_QUERY_GET_USER, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_false(world_last(&world)->touch_due);
    world.now_ms += IDLE_MS - 1000;
    world_add(&world, PL_QUERY_GET_USER, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_true(world_last(&world)->touch_due);
    world_add(&world, PL_COMMAND_TOUCH_SESSION, "ana");
    assert_int_equal(world_apply(&world), PL_OK);
    add_subscribe(&world, "ana", NULL, 0);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    assert_false(world_last(&world)->touch_due);
    world_done(&world);
}

static void a_failed_commit_leaves_nothing(void **state)
{
    struct world world;
    struct pl_bytebuf before, after;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    world_dump(&world, &before);
    add_create(&world, "ana", "den");
    add_send(&world, "ana", "den", "lost?");
    pl_memory_store_fail_commit(&world.store, 1, PL_E_FULL);
    assert_int_equal(world_apply(&world), PL_E_FULL);
    assert_true(pl_list_empty(&world.effects.list));
    world_dump(&world, &after);
    assert_string_equal(pl_bytebuf_cstr(&before), pl_bytebuf_cstr(&after));

    assert_int_equal(world_again(&world), PL_OK);
    assert_granted(world_last(&world));
    assert_int_equal(world_last(&world)->u.send.message.sequence, 3);
    pl_bytebuf_done(&before);
    pl_bytebuf_done(&after);
    world_done(&world);
}

static void an_engine_needs_a_sound_config(void **state)
{
    struct world world;
    struct pl_engine *engine = NULL;
    struct pl_engine_config config;

    (void)state;
    world_init(&world);
    config = world.config;
    config.session_idle_ms = 0;
    assert_int_equal(pl_engine_new(&config, &engine), PL_E_INVALID);
    config = world.config;
    config.text_size_max = PL_TEXT_SIZE_MAX + 1;
    assert_int_equal(pl_engine_new(&config, &engine), PL_E_INVALID);
    config.text_size_max = 0;
    assert_int_equal(pl_engine_new(&config, &engine), PL_E_INVALID);
    assert_null(engine);
    pl_engine_free(NULL);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_makes_the_lobby),
        cmocka_unit_test(a_second_start_keeps_the_lobby),
        cmocka_unit_test(sessions_outlive_a_restart),
        cmocka_unit_test(an_unknown_token_is_refused_for_every_kind),
        cmocka_unit_test(commands_of_a_batch_see_those_before_them),
        cmocka_unit_test(time_never_runs_back),
        cmocka_unit_test(a_batch_of_sends_costs_one_row_each),
        cmocka_unit_test(queries_alone_write_nothing),
        cmocka_unit_test(a_query_tells_that_its_session_is_to_be_marked),
        cmocka_unit_test(a_failed_commit_leaves_nothing),
        cmocka_unit_test(an_engine_needs_a_sound_config),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
