/* test_send.c - sending: targets, checks, threads, direct rooms, repeats. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static void setup(struct world *world)
{
    world_start(world);
    do_sign_in(world, "ana");
    do_sign_in(world, "bo");
    do_create(world, "ana", "den");
    do_join(world, "bo", "den"); /* the den's last sequence is 3 */
}

static const struct pl_reply *applied(struct world *world)
{
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

static void a_message_takes_its_place_in_the_log(void **state)
{
    struct world world;
    const struct pl_reply *reply;
    const struct pl_effect *event;
    struct pl_member member;
    struct pl_room room;

    (void)state;
    setup(&world);
    reply = do_send(&world, "ana", "den", "hello");
    assert_granted(reply);
    assert_string_equal(reply->u.send.room, "den");
    assert_int_equal(reply->u.send.message.sequence, 4);
    assert_int_equal(reply->u.send.message.last_change, 4);
    assert_int_equal(reply->u.send.message.thread_size, 0);
    assert_false(reply->u.send.deduplicated);
    event = world_effect(&world, PL_EFFECT_EVENT, 0);
    assert_ptr_equal(event->u.event.bytes, reply->u.send.message.event);
    assert_string_equal(world_event(&world, 0), "den 4 by ana(1) sent 'hello' re 0 thread 0");
    assert_int_equal(event->u.event.position, 5);
    assert_int_equal(event->u.event.kind, PL_EVENT_MESSAGE_SENT);

    room = world_room(&world, "den");
    assert_int_equal(room.last_sequence, 4);
    assert_int_equal(room.last_message_sequence, 4);
    assert_int_equal(room.message_count, 1);
    assert_int_equal(room.last_position, 5);
    member = world_member(&world, "den", "ana");
    assert_int_equal(member.read_sequence, 4);
    assert_int_equal(member.read_count, 1);
    assert_int_equal(world_effect(&world, PL_EFFECT_READ_MARKER, 0)->u.marker.sequence, 4);
    assert_int_equal(world_member(&world, "den", "bo").read_count, 0); /* one unread */
    world_done(&world);
}

static void a_send_is_refused_where_it_must_be(void **state)
{
    struct world world;
    struct pl_command *command;
    struct pl_member member;
    static char text[PL_TEXT_SIZE_MAX + 2];

    (void)state;
    setup(&world);
    do_sign_in(&world, "cy");
    assert_refused(do_send(&world, "cy", "den", "hi"), PL_REASON_NOT_A_MEMBER);
    assert_refused(do_send(&world, "cy", "none", "hi"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_send_user(&world, "cy", "none", "hi"), PL_REASON_USER_NOT_FOUND);
    assert_refused_field(do_send_user(&world, "cy", "cy", "hi"), PL_REASON_FIELD_INVALID, "user");
    assert_refused_field(do_send(&world, "cy", "", "hi"), PL_REASON_FIELD_INVALID, "target");
    command = add_send(&world, "cy", "lobby", "hi");
    command->u.send.user = "ana";
    assert_refused_field(applied(&world), PL_REASON_FIELD_INVALID, "target");
    memset(text, 'x', sizeof text - 1);
    assert_refused(do_send(&world, "cy", text, "hi"), PL_REASON_ROOM_NOT_FOUND);
    assert_refused(do_send_user(&world, "cy", text, "hi"), PL_REASON_USER_NOT_FOUND);
    assert_refused_field(do_send(&world, "cy", "lobby", ""), PL_REASON_FIELD_INVALID, "text");
    assert_refused_field(do_send(&world, "cy", "lobby", text), PL_REASON_FIELD_INVALID, "text");
    text[PL_TEXT_SIZE_MAX] = 0;
    assert_granted(do_send(&world, "cy", "lobby", text));
    add_send(&world, "cy", "lobby", "hi")->u.send.request_id = text;
    assert_refused_field(applied(&world), PL_REASON_FIELD_INVALID, "request_id");

    member = world_member(&world, "den", "bo");
    member.role = PL_ROLE_READER;
    world_put_member(&world, &member);
    world_restart(&world);
    add_start(&world, 78);
    add_send(&world, "bo", "den", "");
    assert_refused(applied(&world), PL_REASON_MAY_ONLY_READ); /* before the text */
    world_done(&world);
}

static void reply_to_must_be_a_message_there(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "first"); /* 4 */
    add_send(&world, "bo", "den", "re")->u.send.reply_to = 4;
    assert_granted(applied(&world));
    assert_string_equal(world_event(&world, 0), "den 5 by bo(2) sent 're' re 4 thread 0");
    add_send(&world, "bo", "den", "re")->u.send.reply_to = 3; /* an event, no message */
    assert_refused(applied(&world), PL_REASON_MESSAGE_NOT_FOUND);
    add_send(&world, "bo", "den", "re")->u.send.reply_to = 6;
    assert_refused(applied(&world), PL_REASON_MESSAGE_NOT_FOUND);
    add_send_user(&world, "bo", "ana", "re")->u.send.reply_to = 4;
    assert_refused(applied(&world), PL_REASON_MESSAGE_NOT_FOUND);
    world_done(&world);
}

static void a_thread_grows_from_its_first_message(void **state)
{
    struct world world;
    struct pl_thread_row thread;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    add_send(&world, "ana", "den", "topic")->u.send.request_id = "t"; /* 4 */
    assert_granted(applied(&world));
    add_send(&world, "bo", "den", "one")->u.send.thread = 4; /* 5 */
    assert_granted(applied(&world));
    do_send(&world, "bo", "den", "beside");                   /* 6 */
    add_send(&world, "ana", "den", "two")->u.send.thread = 4; /* 7 */
    assert_granted(applied(&world));
    assert_int_equal(
        world.store.ops->get_thread(world.store.self, world_room(&world, "den").id, 4, &thread),
        PL_OK);
    assert_int_equal(thread.size, 2);
    assert_int_equal(thread.last_message, 7);
    add_send(&world, "ana", "den", "deep")->u.send.thread = 5;
    assert_refused(applied(&world), PL_REASON_MESSAGE_NOT_FOUND);
    add_send(&world, "ana", "den", "none")->u.send.thread = 1;
    assert_refused(applied(&world), PL_REASON_MESSAGE_NOT_FOUND);
    /* a repeat tells of the message as it stands now */
    add_send(&world, "ana", "den", "topic")->u.send.request_id = "t";
    reply = applied(&world);
    assert_true(reply->u.send.deduplicated);
    assert_int_equal(reply->u.send.message.thread_size, 2);
    world_done(&world);
}

static void send_expecting(struct world *world, pl_sequence thread, pl_sequence expected,
                           enum pl_reason reason)
{
    struct pl_command *command = add_send(world, "ana", "den", "only if");

    command->u.send.thread = thread;
    command->u.send.expected_last_message = expected;
    assert_refused(applied(world), reason);
}

static void expected_last_message_holds_or_aborts(void **state)
{
    struct world world;
    struct pl_command *command;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "den", "a"); /* 4 */
    send_expecting(&world, 0, 3, PL_REASON_NOT_THE_LAST_MESSAGE);
    send_expecting(&world, 0, 4, PL_REASON_NONE); /* 5 */
    send_expecting(&world, 0, 4, PL_REASON_NOT_THE_LAST_MESSAGE);
    do_leave(&world, "bo", "den");                /* 6: no message */
    send_expecting(&world, 0, 5, PL_REASON_NONE); /* 7 */
    send_expecting(&world, 4, 7, PL_REASON_NOT_THE_LAST_MESSAGE);
    send_expecting(&world, 4, 4, PL_REASON_NONE); /* 8, the thread's first */
    send_expecting(&world, 4, 4, PL_REASON_NOT_THE_LAST_MESSAGE);
    do_send(&world, "ana", "den", "beside"); /* 9 */
    send_expecting(&world, 4, 8, PL_REASON_NONE);
    /* in one batch only the first of two gets it */
    add_send(&world, "ana", "den", "x")->u.send.expected_last_message = 10;
    command = add_send(&world, "ana", "den", "y");
    command->u.send.expected_last_message = 10;
    assert_refused(applied(&world), PL_REASON_NOT_THE_LAST_MESSAGE);
    add_send_user(&world, "ana", "bo", "x")->u.send.expected_last_message = 1;
    assert_refused(applied(&world), PL_REASON_NOT_THE_LAST_MESSAGE);
    world_done(&world);
}

static void the_first_message_makes_a_direct_room(void **state)
{
    struct world world;
    const struct pl_reply *reply;
    struct pl_room room;
    struct pl_member member;

    (void)state;
    setup(&world); /* position 4 */
    reply = do_send_user(&world, "bo", "ana", "psst");
    assert_granted(reply);
    assert_string_equal(reply->u.send.room, "@3");
    assert_int_equal(reply->u.send.message.sequence, 4);
    assert_string_equal(world_event(&world, 0), "@3 1 by bo(2) room '' members 0 last 1");
    assert_string_equal(world_event(&world, 1), "@3 2 by bo(2) member bo(2) state 2 role 2");
    assert_string_equal(world_event(&world, 2), "@3 3 by bo(2) member ana(1) state 2 role 2");
    assert_string_equal(world_event(&world, 3), "@3 4 by bo(2) sent 'psst' re 0 thread 0");
    assert_int_equal(world_count(&world, PL_EFFECT_MEMBERSHIP), 2);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 1)->u.membership.user.v, 1);
    assert_int_equal(world_effect(&world, PL_EFFECT_MEMBERSHIP, 1)->u.membership.position, 4);
    room = world_room(&world, "@3");
    assert_int_equal(room.visibility, PL_ROOM_DIRECT);
    assert_int_equal(room.direct[0].v, 1);
    assert_int_equal(room.direct[1].v, 2);
    assert_int_equal(room.member_count, 2);
    member = world_member(&world, "@3", "ana");
    assert_int_equal(member.read_count, 0); /* the message is unread */
    assert_int_equal(member.read_sequence, 2);

    /* the same room from either side, by user or by id, warm or cold */
    assert_string_equal(do_send_user(&world, "ana", "bo", "yes?")->u.send.room, "@3");
    assert_int_equal(do_send(&world, "bo", "@3", "ok")->u.send.message.sequence, 6);
    world_restart(&world);
    add_start(&world, 78);
    add_send_user(&world, "ana", "bo", "later");
    assert_int_equal(applied(&world)->u.send.message.sequence, 7);
    world_done(&world);
}

static void a_direct_room_ends_with_either_side(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send_user(&world, "ana", "bo", "psst");
    do_sign_out(&world, "bo");
    assert_refused(do_send(&world, "ana", "@3", "there?"), PL_REASON_USER_NOT_FOUND);
    assert_refused(do_send_user(&world, "ana", "bo", "there?"), PL_REASON_USER_NOT_FOUND);
    assert_int_equal(world_room(&world, "@3").member_count, 1);
    world_done(&world);
}

static struct pl_command *add_request(struct world *world, const char *id, const char *text)
{
    struct pl_command *command = add_send(world, "ana", "den", text);

    command->u.send.request_id = id;
    return command;
}

static void a_repeat_is_done_once(void **state)
{
    struct world world;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    add_request(&world, "r1", "once");
    assert_int_equal(applied(&world)->u.send.message.sequence, 4);
    add_request(&world, "r1", "once");
    reply = applied(&world);
    assert_granted(reply);
    assert_true(reply->u.send.deduplicated);
    assert_int_equal(reply->u.send.message.sequence, 4);
    assert_string_equal(reply->u.send.room, "den");
    assert_string_equal(world_text(&world, reply->u.send.message.event),
                        "den 4 by ana(1) sent 'once' re 0 thread 0");
    assert_int_equal(world_count(&world, PL_EFFECT_EVENT), 0);
    /* also after a restart, and when one may no longer send */
    world_restart(&world);
    add_start(&world, 78);
    add_leave(&world, "ana", "den");
    add_request(&world, "r1", "once");
    reply = applied(&world);
    assert_true(reply->u.send.deduplicated);
    assert_int_equal(reply->u.send.message.sequence, 4);
    world_done(&world);
}

static void a_request_id_is_for_one_content(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    add_request(&world, "r1", "once");
    assert_granted(applied(&world));
    add_request(&world, "r1", "other");
    assert_refused_field(applied(&world), PL_REASON_REQUEST_ID_REUSED, "request_id");
    add_request(&world, "r1", "once")->u.send.reply_to = 4;
    assert_refused(applied(&world), PL_REASON_REQUEST_ID_REUSED);
    add_request(&world, "r1", "once")->u.send.thread = 4;
    assert_refused(applied(&world), PL_REASON_REQUEST_ID_REUSED);
    add_request(&world, "r1", "once")->u.send.expected_last_message = 4;
    assert_refused(applied(&world), PL_REASON_REQUEST_ID_REUSED);
    world_done(&world);
}

static void request_ids_are_told_apart_by_user_and_target(void **state)
{
    struct world world;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    add_request(&world, "r1", "x");
    assert_false(applied(&world)->u.send.deduplicated);
    add_send(&world, "bo", "den", "x")->u.send.request_id = "r1";
    assert_false(applied(&world)->u.send.deduplicated);
    add_send(&world, "ana", "lobby", "x")->u.send.request_id = "r1";
    assert_false(applied(&world)->u.send.deduplicated);
    add_send_user(&world, "ana", "bo", "x")->u.send.request_id = "r1";
    assert_false(applied(&world)->u.send.deduplicated);
    add_send_user(&world, "ana", "bo", "x")->u.send.request_id = "r1";
    reply = applied(&world);
    assert_true(reply->u.send.deduplicated);
    assert_string_equal(reply->u.send.room, "@3");
    world_done(&world);
}

static void refusals_are_not_remembered(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_leave(&world, "ana", "den");
    add_request(&world, "r1", "x");
    assert_refused(applied(&world), PL_REASON_NOT_A_MEMBER);
    do_join(&world, "ana", "den");
    add_request(&world, "r1", "other");
    assert_granted(applied(&world));
    world_done(&world);
}

static void a_request_id_is_forgotten_after_a_day(void **state)
{
    struct world world;
    struct pl_request request;

    (void)state;
    setup(&world);
    add_request(&world, "r1", "x");
    assert_granted(applied(&world));
    world.now_ms += PL_REQUEST_ID_MS;
    do_expire(&world);
    add_request(&world, "r1", "x");
    assert_true(applied(&world)->u.send.deduplicated);
    world.now_ms += 1;
    add_request(&world, "r1", "x"); /* before EXPIRE has come */
    assert_false(applied(&world)->u.send.deduplicated);
    add_request(&world, "r1", "x");
    assert_true(applied(&world)->u.send.deduplicated);
    world.now_ms += PL_REQUEST_ID_MS + 1;
    do_expire(&world);
    assert_int_equal(
        world.store.ops->get_request(world.store.self, (pl_user_id){1}, "den", "r1", &request),
        PL_E_NOTFOUND);
    world_done(&world);
}

static void old_request_ids_go_in_steps(void **state)
{
    static char ids[600][8];
    struct world world;
    struct pl_bytebuf dump;
    uint32_t rounds = 0;

    (void)state;
    setup(&world);
    for (int i = 0; i < 600; i++) {
        snprintf(ids[i], sizeof ids[i], "r%d", i);
        add_request(&world, ids[i], "x");
    }
    assert_granted(applied(&world));
    world.now_ms += PL_REQUEST_ID_MS + 1;
    do {
        do_expire(&world);
        rounds++;
    } while (world_count(&world, PL_EFFECT_FOLLOW_UP) > 0);
    assert_true(rounds > 1);
    world_dump(&world, &dump);
    assert_null(strstr(pl_bytebuf_cstr(&dump), "request "));
    pl_bytebuf_done(&dump);
    world_done(&world);
}

static void the_limit_of_a_text_is_the_configs(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    world.config.text_size_max = 5;
    world_restart(&world);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(do_send(&world, "ana", "den", "12345"));
    assert_refused_field(do_send(&world, "ana", "den", "123456"), PL_REASON_FIELD_INVALID, "text");
    assert_string_equal(world_last(&world)->refusal.detail, "1 to 5 bytes");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_takes_its_place_in_the_log),
        cmocka_unit_test(a_send_is_refused_where_it_must_be),
        cmocka_unit_test(reply_to_must_be_a_message_there),
        cmocka_unit_test(a_thread_grows_from_its_first_message),
        cmocka_unit_test(expected_last_message_holds_or_aborts),
        cmocka_unit_test(the_first_message_makes_a_direct_room),
        cmocka_unit_test(a_direct_room_ends_with_either_side),
        cmocka_unit_test(a_repeat_is_done_once),
        cmocka_unit_test(a_request_id_is_for_one_content),
        cmocka_unit_test(request_ids_are_told_apart_by_user_and_target),
        cmocka_unit_test(refusals_are_not_remembered),
        cmocka_unit_test(a_request_id_is_forgotten_after_a_day),
        cmocka_unit_test(old_request_ids_go_in_steps),
        cmocka_unit_test(the_limit_of_a_text_is_the_configs),
    };

    return cmocka_run_group_tests_name("send", tests, NULL, NULL);
}
