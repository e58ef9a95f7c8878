/* test_retention.c - what is past a room's retention goes, and what stays is right. */
#include "world.h"

#include <stdio.h>

enum { RETENTION_S = 100, SLACK_MS = 10 * 1000, DUE_MS = RETENTION_S * 1000 + SLACK_MS };

static void create(struct world *world, const char *room, uint64_t retention_s,
                   enum pl_room_delivery delivery)
{
    struct pl_command *command = add_create(world, "ana", room);

    command->u.create_room.retention_s = retention_s;
    command->u.create_room.delivery = delivery;
    assert_int_equal(world_apply(world), PL_OK);
    assert_granted(world_last(world));
}

static void setup(struct world *world)
{
    world_start(world);
    do_sign_in(world, "ana");
    do_sign_in(world, "bo");
    create(world, "den", RETENTION_S, PL_ROOM_EVERYONE); /* 1, 2 */
    do_join(world, "bo", "den");                         /* 3 */
    do_expire(world);                                    /* so that nothing else is due for long */
}

static void pass(struct world *world, int64_t ms)
{
    world->now_ms += ms;
}

static void assert_log(struct world *world, const char *room, pl_sequence first, pl_sequence last)
{
    struct pl_room row = world_room(world, room);

    assert_int_equal(row.first_sequence, first);
    assert_int_equal(row.last_sequence, last);
    for (pl_sequence sequence = 1; sequence <= last; sequence++) {
        struct pl_buf *bytes;
        pl_sequence thread;
        pl_user_id sender;
        int rc = world->store.ops->get_message(world->store.self, row.id, sequence, &bytes, &thread,
                                               &sender);

        if (rc == PL_OK)
            pl_buf_unref(bytes);
        assert_true(sequence >= first || rc == PL_E_NOTFOUND);
    }
}

static uint64_t unread(struct world *world, const char *user)
{
    struct pl_room room = world_room(world, "den");
    struct pl_member member = world_member(world, "den", user);

    return pl_room_unread(&room, &member);
}

static bool dump_has(struct world *world, const char *text)
{
    struct pl_bytebuf dump;
    bool has;

    world_dump(world, &dump);
    has = strstr(pl_bytebuf_cstr(&dump), text) != NULL;
    pl_bytebuf_done(&dump);
    return has;
}

static void nothing_goes_before_its_time_though_the_time_of_day_jumps(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "before"); /* 4 */
    world.jump_ms = DAY_MS;
    do_send(&world, "ana", "den", "after"); /* 5 */
    do_expire(&world);
    assert_log(&world, "den", 1, 5);
    pass(&world, DUE_MS);
    do_expire(&world);
    assert_log(&world, "den", 5, 5);
    world_done(&world);
}

static void events_go_from_the_front_when_their_time_is_over(void **state)
{
    struct world world;
    struct pl_room room;

    (void)state;
    setup(&world);
    pass(&world, 50 * 1000);
    do_send(&world, "ana", "den", "a"); /* 4 */
    pass(&world, 30 * 1000);
    do_send(&world, "ana", "den", "b"); /* 5 */
    pass(&world, DUE_MS - 80 * 1000 - 1);
    do_expire(&world);
    assert_log(&world, "den", 1, 5);
    pass(&world, 1);
    do_expire(&world);
    assert_log(&world, "den", 4, 5);
    room = world_room(&world, "den");
    assert_int_equal(room.trimmed.messages, 0);
    assert_int_equal(room.trimmed.last_message, 0);
    assert_int_equal(room.message_count, 2);
    pass(&world, 50 * 1000);
    do_send(&world, "ana", "den", "c"); /* 6 */
    do_expire(&world);
    assert_log(&world, "den", 5, 6);
    room = world_room(&world, "den");
    assert_int_equal(room.trimmed.messages, 1);
    assert_int_equal(room.trimmed.last_message, 4);
    assert_int_equal(room.trimmed.position, room.last_position - 2);
    assert_int_equal(room.message_count, 3);
    assert_int_equal(room.last_message_sequence, 6);
    world_done(&world);
}

static void a_rooms_last_event_stays_until_there_is_another(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "last"); /* 4 */
    pass(&world, 10 * DUE_MS);
    do_expire(&world);
    assert_log(&world, "den", 4, 4);
    assert_true(pl_engine_due_ms(world.engine) > world.now_ms + 1000); /* nothing is due */
    pass(&world, 10 * DUE_MS);
    do_expire(&world);
    assert_log(&world, "den", 4, 4);
    do_send(&world, "ana", "den", "next"); /* 5 */
    assert_true(pl_engine_due_ms(world.engine) <= world.now_ms + 1000);
    pass(&world, 1000);
    do_expire(&world);
    assert_log(&world, "den", 5, 5);
    world_done(&world);
}

static void the_engine_asks_to_be_called_in_time(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_expire(&world);
    create(&world, "short", 1, PL_ROOM_EVERYONE);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms + 1100);
    create(&world, "long", 10, PL_ROOM_EVERYONE);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms + 1100);
    pass(&world, 1100);
    do_expire(&world);
    assert_log(&world, "short", 2, 2);
    assert_log(&world, "long", 1, 2);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms - 1100 + 11000);
    world_restart(&world);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    do_expire(&world);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms - 1100 + 11000);
    world_done(&world);
}

static void a_room_without_retention_keeps_all(void **state)
{
    struct world world;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    create(&world, "ever", 0, PL_ROOM_EVERYONE);
    create(&world, "aeons", INT64_MAX / 1000, PL_ROOM_EVERYONE);
    do_send(&world, "ana", "ever", "x");
    do_send(&world, "ana", "aeons", "x");
    pass(&world, 6 * DAY_MS);
    do_expire(&world);
    assert_log(&world, "ever", 1, 3);
    assert_log(&world, "aeons", 1, 3);
    world_done(&world);
}

static void what_is_gone_is_not_unread(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "a"); /* 4 */
    do_send(&world, "ana", "den", "b"); /* 5 */
    pass(&world, 20 * 1000);
    do_send(&world, "ana", "den", "c"); /* 6 */
    assert_int_equal(unread(&world, "bo"), 3);
    pass(&world, DUE_MS - 20 * 1000);
    do_expire(&world);
    assert_log(&world, "den", 6, 6);
    assert_int_equal(unread(&world, "bo"), 1);
    assert_int_equal(unread(&world, "ana"), 0);

    assert_granted(do_mark(&world, "bo", "den", 4)); /* before all that is kept */
    assert_int_equal(world_count(&world, PL_EFFECT_READ_MARKER), 1);
    assert_int_equal(world_member(&world, "den", "bo").read_sequence, 4);
    assert_int_equal(unread(&world, "bo"), 1);
    do_send(&world, "ana", "den", "d"); /* 7 */
    assert_int_equal(unread(&world, "bo"), 2);
    assert_granted(do_mark(&world, "bo", "den", 6));
    assert_int_equal(unread(&world, "bo"), 1);
    assert_granted(do_mark(&world, "bo", "den", 7));
    assert_int_equal(unread(&world, "bo"), 0);
    world_done(&world);
}

static const struct pl_reply *send_once(struct world *world, const char *request_id)
{
    add_send(world, "ana", "den", "once")->u.send.request_id = request_id;
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

static void what_was_sent_and_is_gone_is_not_sent_again(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    assert_granted(send_once(&world, "r1")); /* 4 */
    pass(&world, DUE_MS);
    do_send(&world, "ana", "den", "later"); /* 5 */
    do_expire(&world);
    assert_log(&world, "den", 5, 5);
    assert_refused(send_once(&world, "r1"), PL_REASON_MESSAGE_NOT_FOUND);
    assert_non_null(strstr(world_last(&world)->refusal.detail, "retention"));
    assert_log(&world, "den", 5, 5);
    assert_granted(send_once(&world, "r2")); /* 6 */
    pass(&world, PL_REQUEST_ID_MS);
    assert_granted(send_once(&world, "r1")); /* 7: a day is over */
    assert_false(world_last(&world)->u.send.deduplicated);
    world_done(&world);
}

static void mentions_and_threads_go_with_their_messages(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "first @bo"); /* 4 */
    add_send(&world, "bo", "den", "in it")->u.send.thread = 4;
    assert_int_equal(world_apply(&world), PL_OK); /* 5 */
    assert_true(dump_has(&world, "thread room=2 first=4"));
    pass(&world, 50 * 1000);
    add_send(&world, "bo", "den", "later")->u.send.thread = 4;
    assert_int_equal(world_apply(&world), PL_OK); /* 6 */
    pass(&world, DUE_MS - 50 * 1000);
    do_expire(&world);
    assert_log(&world, "den", 6, 6);
    assert_false(dump_has(&world, "thread room="));
    add_send(&world, "bo", "den", "too late")->u.send.thread = 4;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_MESSAGE_NOT_FOUND);
    add_send(&world, "bo", "den", "to what?")->u.send.reply_to = 5;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_MESSAGE_NOT_FOUND);
    add_send(&world, "bo", "den", "still the last")->u.send.expected_last_message = 6;
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    world_done(&world);
}

static void open_taker(struct world *world, const char *token, uint64_t taker)
{
    struct pl_command *command = add_taker(world, token, "jobs", taker);

    command->u.open_taker.unacked_len_max = 1;
    command->u.open_taker.lease_s = PL_LEASE_S_MAX;
    assert_int_equal(world_apply(world), PL_OK);
    assert_granted(world_last(world));
}

static void work_goes_with_its_message_and_its_lease_with_it(void **state)
{
    struct world world;
    const struct pl_effect *leased;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_sign_in(&world, "bo");
    create(&world, "jobs", RETENTION_S, PL_ROOM_ONE); /* 1, 2 */
    do_join(&world, "bo", "jobs");                    /* 3 */
    open_taker(&world, "bo", 11);
    do_send(&world, "ana", "jobs", "leased"); /* 4 */
    assert_int_equal(world_count(&world, PL_EFFECT_LEASED), 1);
    do_send(&world, "ana", "jobs", "waits"); /* 5 */
    pass(&world, 50 * 1000);
    do_send(&world, "ana", "jobs", "stays"); /* 6 */
    pass(&world, DUE_MS - 50 * 1000);
    do_expire(&world);
    assert_log(&world, "jobs", 6, 6);
    assert_int_equal(world_count(&world, PL_EFFECT_LEASED), 1); /* the taker is free again */
    leased = world_effect(&world, PL_EFFECT_LEASED, 0);
    assert_int_equal(leased->u.leased.message.sequence, 6);
    assert_int_equal(leased->u.leased.lease, 2);
    assert_false(dump_has(&world, "work room=2 sequence=4"));
    assert_false(dump_has(&world, "work room=2 sequence=5"));
    add_lease(&world, PL_COMMAND_ACK_MESSAGE, "bo", "jobs", 4, 1);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_refused(world_last(&world), PL_REASON_LEASE_LOST);
    add_lease(&world, PL_COMMAND_ACK_MESSAGE, "bo", "jobs", 6, 2);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(world_last(&world));
    world_done(&world);
}

static void a_long_log_goes_in_steps(void **state)
{
    struct world world;
    uint32_t rounds = 0;

    (void)state;
    setup(&world);
    create(&world, "two", RETENTION_S, PL_ROOM_EVERYONE);
    for (int i = 0; i < 500; i++)
        add_send(&world, "ana", i % 3 == 0 ? "two" : "den", "x");
    assert_int_equal(world_apply(&world), PL_OK);
    pass(&world, DUE_MS);
    do {
        do_expire(&world);
        assert_true(world_count(&world, PL_EFFECT_FOLLOW_UP) == 0 ||
                    pl_engine_due_ms(world.engine) <= world.now_ms);
        rounds++;
    } while (world_count(&world, PL_EFFECT_FOLLOW_UP) > 0);
    assert_true(rounds > 1);
    assert_log(&world, "den", 336, 336);
    assert_log(&world, "two", 169, 169);
    assert_int_equal(unread(&world, "bo"), 1);
    world_done(&world);
}

static void what_is_said_in_the_same_batch_counts(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    pass(&world, 10 * DUE_MS);
    do_expire(&world);
    assert_log(&world, "den", 3, 3);
    add_send(&world, "ana", "den", "a"); /* 4: the room is due from here on */
    world_add(&world, PL_COMMAND_EXPIRE, NULL);
    add_send(&world, "ana", "den", "b"); /* 5 */
    world_add(&world, PL_COMMAND_EXPIRE, NULL);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_log(&world, "den", 4, 5);
    assert_int_equal(pl_engine_due_ms(world.engine) <= world.now_ms + DUE_MS, 1);
    pass(&world, DUE_MS);
    do_expire(&world);
    assert_log(&world, "den", 5, 5);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_before_its_time_though_the_time_of_day_jumps),
        cmocka_unit_test(events_go_from_the_front_when_their_time_is_over),
        cmocka_unit_test(a_rooms_last_event_stays_until_there_is_another),
        cmocka_unit_test(the_engine_asks_to_be_called_in_time),
        cmocka_unit_test(a_room_without_retention_keeps_all),
        cmocka_unit_test(what_is_gone_is_not_unread),
        cmocka_unit_test(what_was_sent_and_is_gone_is_not_sent_again),
        cmocka_unit_test(mentions_and_threads_go_with_their_messages),
        cmocka_unit_test(work_goes_with_its_message_and_its_lease_with_it),
        cmocka_unit_test(a_long_log_goes_in_steps),
        cmocka_unit_test(what_is_said_in_the_same_batch_counts),
    };

    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
