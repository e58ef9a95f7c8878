/* test_event.c - events become bytes once, and messages come out of them. */
#include "base/err.h"
#include "base/mem.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/event.pb-c.h"
#include "pb/message.h"
#include "wire/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const mentions[] = {"bo", "cy"};

static const struct pl_event message_event = {
    .position = 99,
    .room_id = {5},
    .room = "lobby",
    .sequence = 7,
    .create_ms = 1700000000123,
    .actor_id = {3},
    .actor = "ana",
    .kind = PL_EVENT_MESSAGE_SENT,
    .u.message = {.text = "hello @bo @cy",
                  .reply_to = 4,
                  .thread = 2,
                  .mentions = mentions,
                  .mentions_len = 2},
};

static struct pl_buf *encode(const struct pl_event *event)
{
    struct pl_event_encoder encoder = pl_wire_event_encoder();
    struct pl_buf *buf = NULL;

    assert_int_equal(encoder.encode(encoder.self, event, &buf), PL_OK);
    return buf;
}

static Parla__V1__Event *decode(const struct pl_buf *buf, struct pl_arena *arena)
{
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;

    assert_int_equal(pl_pb_unpack(&parla__v1__event__descriptor,
                                  (struct pl_bytes){buf->data, buf->size}, arena, &fault, &message),
                     PL_OK);
    return (void *)message;
}

static void a_message_comes_out_as_it_went_in(void **state)
{
    struct pl_buf *buf = encode(&message_event);
    Parla__V1__ChatMessage *message = NULL;
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    assert_int_equal(
        pl_wire_message((struct pl_bytes){buf->data, buf->size}, 6, 8, &arena, &message), PL_OK);
    assert_string_equal(message->room, "lobby");
    assert_int_equal(message->sequence, 7);
    assert_string_equal(message->sender, "ana");
    assert_int_equal(message->sender_id, 3);
    assert_string_equal(message->text, "hello @bo @cy");
    assert_int_equal(message->create_time->seconds, 1700000000);
    assert_int_equal(message->create_time->nanos, 123000000);
    assert_int_equal(message->reply_to, 4);
    assert_int_equal(message->thread, 2);
    assert_int_equal(message->thread_size, 6);
    assert_int_equal(message->last_change_sequence, 8);
    assert_int_equal(message->n_mentions, 2);
    assert_string_equal(message->mentions[1], "cy");
    pl_arena_done(&arena);
    pl_buf_unref(buf);
}

static void a_room_and_a_member_are_told_whole(void **state)
{
    struct pl_room room = {.name = "den",
                           .title = "Den",
                           .topic = "foxes",
                           .visibility = PL_ROOM_PRIVATE,
                           .delivery = PL_ROOM_ONE,
                           .create_ms = 5000,
                           .settings_version = 3,
                           .member_count = 2,
                           .first_sequence = 1,
                           .last_sequence = 9};
    struct pl_member member = {
        .user = {3}, .state = PL_MEMBER_JOINED, .role = PL_ROLE_OWNER, .update_ms = 6000};
    struct pl_event event = message_event;
    struct pl_arena arena;
    Parla__V1__Event *to;
    struct pl_buf *buf;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    event.kind = PL_EVENT_ROOM_CHANGED;
    event.u.room = &room;
    buf = encode(&event);
    to = decode(buf, &arena);
    assert_int_equal(to->kind_case, PARLA__V1__EVENT__KIND_ROOM_CHANGED);
    assert_string_equal(to->room_changed->topic, "foxes");
    assert_int_equal(to->room_changed->delivery, PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE);
    assert_string_equal(to->room_changed->etag, "3");
    pl_buf_unref(buf);

    event.kind = PL_EVENT_MEMBER_CHANGED;
    event.u.member.member = &member;
    event.u.member.name = "ana";
    buf = encode(&event);
    to = decode(buf, &arena);
    assert_int_equal(to->kind_case, PARLA__V1__EVENT__KIND_MEMBER_CHANGED);
    assert_string_equal(to->member_changed->user, "ana");
    assert_int_equal(to->member_changed->role, PARLA__V1__MEMBER_ROLE__MEMBER_ROLE_OWNER);
    assert_int_equal(to->member_changed->update_time->seconds, 6);
    pl_buf_unref(buf);
    pl_arena_done(&arena);
}

static void what_is_no_message_is_called_damaged(void **state)
{
    struct pl_room room = {.name = "den"};
    struct pl_event event = message_event;
    Parla__V1__ChatMessage *message;
    struct pl_arena arena;
    struct pl_buf *buf;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    event.kind = PL_EVENT_ROOM_CHANGED;
    event.u.room = &room;
    buf = encode(&event);
    assert_int_equal(
        pl_wire_message((struct pl_bytes){buf->data, buf->size}, 0, 0, &arena, &message),
        PL_E_CORRUPT);
    assert_int_equal(
        pl_wire_message((struct pl_bytes){buf->data, buf->size - 1}, 0, 0, &arena, &message),
        PL_E_CORRUPT);
    pl_buf_unref(buf);
    pl_arena_done(&arena);
}

static void a_taken_message_bears_its_lease(void **state)
{
    struct pl_message_view view = {.event = encode(&message_event), .sequence = 7};
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;
    const Parla__V1__TakeMessagesResponse *response;
    struct pl_arena arena;
    struct pl_buf *buf;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    assert_int_equal(pl_wire_taken(&view, 11, 2, &buf), PL_OK);
    assert_int_equal(pl_pb_unpack(&parla__v1__take_messages_response__descriptor,
                                  (struct pl_bytes){buf->data, buf->size}, &arena, &fault,
                                  &message),
                     PL_OK);
    response = (void *)message;
    assert_int_equal(response->item_case, PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_TAKEN);
    assert_int_equal(response->taken->lease, 11);
    assert_int_equal(response->taken->attempt, 2);
    assert_string_equal(response->taken->message->text, "hello @bo @cy");
    pl_buf_unref(buf);
    pl_buf_unref(view.event);
    pl_arena_done(&arena);
}

static void failed_allocations_are_told(void **state)
{
    struct pl_event_encoder encoder = pl_wire_event_encoder();
    struct pl_buf *buf;

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_mem_fail_at(nth);
        rc = encoder.encode(encoder.self, &message_event, &buf);
        if (!pl_mem_failed()) {
            assert_int_equal(rc, PL_OK);
            break;
        }
        assert_int_equal(rc, PL_E_NOMEM);
    }
    pl_mem_fail_at(0);
    pl_buf_unref(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_out_as_it_went_in),
        cmocka_unit_test(a_room_and_a_member_are_told_whole),
        cmocka_unit_test(what_is_no_message_is_called_damaged),
        cmocka_unit_test(a_taken_message_bears_its_lease),
        cmocka_unit_test(failed_allocations_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
