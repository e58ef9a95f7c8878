/* test_event.c - events become bytes once, and takers are told of them. */
#include "base/err.h"
#include "base/mem.h"
#include "model/limits.h"
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

/* The same event, by protobuf-c. */
static struct pl_buf *packed(const struct pl_event *event)
{
    Parla__V1__Event to = PARLA__V1__EVENT__INIT;
    Parla__V1__MessageSent sent = PARLA__V1__MESSAGE_SENT__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    struct pl_buf *buf = NULL;

    time.seconds = event->create_ms / 1000;
    time.nanos = (int32_t)(event->create_ms % 1000 * 1000000);
    to.room = (char *)(uintptr_t)event->room;
    to.sequence = event->sequence;
    to.actor = (char *)(uintptr_t)event->actor;
    to.actor_id = event->actor_id.v;
    to.create_time = event->create_ms == 0 ? NULL : &time;
    to.kind_case = PARLA__V1__EVENT__KIND_MESSAGE_SENT;
    to.message_sent = &sent;
    sent.text = (char *)(uintptr_t)event->u.message.text;
    sent.reply_to = event->u.message.reply_to;
    sent.thread = event->u.message.thread;
    sent.n_mentions = event->u.message.mentions_len;
    sent.mentions = (char **)(uintptr_t)event->u.message.mentions;
    assert_int_equal(pl_pb_pack(&to.base, &buf), PL_OK);
    return buf;
}

static void check_bytes(const struct pl_event *event)
{
    struct pl_buf *ours = encode(event), *theirs = packed(event);

    assert_int_equal(ours->size, theirs->size);
    assert_memory_equal(ours->data, theirs->data, ours->size);
    pl_buf_unref(ours);
    pl_buf_unref(theirs);
}

/* What is stored is what any protobuf library would have written. */
static void a_message_is_packed_as_by_the_library(void **state)
{
    static const size_t sizes[] = {0, 1, 40, 119, 120, 127, 128, 129, 300, 16383, 16384};
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    static const int64_t times[] = {0, 1, 999, 1000, 1001, 1700000000123, 253402300799999};
    static char text[PL_TEXT_SIZE_MAX + 1];
    struct pl_event event = message_event;

    (void)state;
    check_bytes(&event);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(text, 'x', sizes[i]);
        text[sizes[i]] = 0;
        event.u.message.text = text;
        for (event.u.message.mentions_len = 0; event.u.message.mentions_len <= 2;
             event.u.message.mentions_len++)
            check_bytes(&event);
        event.u.message.mentions_len = 0;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        event = message_event;
        event.sequence = numbers[i];
        check_bytes(&event);
        event.u.message.reply_to = numbers[i];
        event.actor_id.v = numbers[i];
        check_bytes(&event);
        event.u.message.thread = numbers[i];
        check_bytes(&event);
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        event = message_event;
        event.create_ms = times[i];
        check_bytes(&event);
    }
    event = message_event;
    event.room = event.actor = event.u.message.text = "";
    check_bytes(&event);
}

static void an_event_has_its_maximum(void **state)
{
    struct pl_event_encoder encoder = pl_wire_event_encoder();
    struct pl_event event = message_event;
    char *text = pl_alloc(PL_EVENT_SIZE_MAX + 1);
    struct pl_buf *buf;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', PL_EVENT_SIZE_MAX);
    text[PL_EVENT_SIZE_MAX] = 0;
    event.u.message.text = text;
    assert_int_equal(encoder.encode(encoder.self, &event, &buf), PL_E_LIMIT);
    pl_free(text);
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
        cmocka_unit_test(a_message_is_packed_as_by_the_library),
        cmocka_unit_test(an_event_has_its_maximum),
        cmocka_unit_test(a_room_and_a_member_are_told_whole),
        cmocka_unit_test(a_taken_message_bears_its_lease),
        cmocka_unit_test(failed_allocations_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
