/* test_reply.c - replies and lists as clients read them. */
#include "base/err.h"
#include "base/mem.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "pb/message.h"
#include "wire/event.h"
#include "wire/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pl_arena arena;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_done(&arena);
    return 0;
}

static const void *unpack(const ProtobufCMessageDescriptor *descriptor, struct pl_buf *buf)
{
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;

    assert_int_equal(
        pl_pb_unpack(descriptor, (struct pl_bytes){buf->data, buf->size}, &arena, &fault, &message),
        PL_OK);
    pl_buf_unref(buf);
    return message;
}

static const struct pl_user ana = {
    .id = {3}, .name = "ana", .kind = PL_USER_GUEST, .state = PL_USER_ACTIVE, .create_ms = 1000};

static void a_session_is_told_with_its_token(void **state)
{
    struct pl_reply reply = {.u.sign_in = {.user = ana}};
    struct pl_reply_context context = {.token = "secret", .expire_ms = 9000, .online = true};
    const Parla__V1__SignInAsGuestResponse *response;
    struct pl_buf *buf;

    (void)state;
    reply.u.sign_in.session = (struct pl_session){.id = {8}, .create_ms = 2000};
    assert_int_equal(pl_wire_reply(PL_COMMAND_SIGN_IN_GUEST, &reply, &context, &arena, &buf),
                     PL_OK);
    response = unpack(&parla__v1__sign_in_as_guest_response__descriptor, buf);
    assert_string_equal(response->session->token, "secret");
    assert_string_equal(response->session->user->user, "ana");
    assert_true(response->session->user->online);
    assert_int_equal(response->session->create_time->seconds, 2);
    assert_int_equal(response->session->expire_time->seconds, 9);
    assert_string_not_equal(response->session->session, "");
}

static void a_response_without_fields_is_no_bytes(void **state)
{
    static const enum pl_command_kind kinds[] = {PL_COMMAND_SIGN_OUT, PL_COMMAND_LEAVE_ROOM,
                                                 PL_COMMAND_MARK_READ, PL_COMMAND_ACK_MESSAGE,
                                                 PL_COMMAND_RELEASE_MESSAGE};
    struct pl_reply_context context = {0};
    struct pl_reply reply = {0};
    struct pl_buf *buf;

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(pl_wire_reply(kinds[i], &reply, &context, &arena, &buf), PL_OK);
        assert_int_equal(buf->size, 0);
        pl_buf_unref(buf);
    }
}

static void rooms_are_listed_with_what_is_unread(void **state)
{
    struct pl_room room = {.name = "den", .message_count = 10, .last_sequence = 12};
    struct pl_member joined = {.state = PL_MEMBER_JOINED, .read_sequence = 8, .read_count = 7};
    struct pl_member none = {.state = PL_MEMBER_NONE};
    const Parla__V1__ListRoomsResponse *response;
    struct pl_wire_list list;
    struct pl_buf *buf;

    (void)state;
    assert_int_equal(pl_wire_list_init(&list, 2, &arena), PL_OK);
    assert_int_equal(pl_wire_list_add_room(&list, &room, &joined, "ana", 2), PL_OK);
    assert_int_equal(pl_wire_list_add_room(&list, &room, &none, "ana", 0), PL_OK);
    assert_int_equal(pl_wire_list_rooms_response(&list, "next", &buf), PL_OK);
    response = unpack(&parla__v1__list_rooms_response__descriptor, buf);
    assert_int_equal(response->n_rooms, 2);
    assert_int_equal(response->rooms[0]->unread_count, 3);
    assert_int_equal(response->rooms[0]->unread_mentions, 2);
    assert_int_equal(response->rooms[0]->read_sequence, 8);
    assert_string_equal(response->rooms[0]->member->user, "ana");
    assert_null(response->rooms[1]->member);
    assert_int_equal(response->rooms[1]->unread_count, 0);
    assert_string_equal(response->next_page_token, "next");
}

static struct pl_buf *message_event(const char *text, pl_sequence sequence)
{
    struct pl_event event = {
        .room = "den",
        .sequence = sequence,
        .create_ms = 3000,
        .actor_id = {3},
        .actor = "ana",
        .kind = PL_EVENT_MESSAGE_SENT,
        .u.message = {.text = text},
    };
    struct pl_event_encoder encoder = pl_wire_event_encoder();
    struct pl_buf *buf;

    assert_int_equal(encoder.encode(encoder.self, &event, &buf), PL_OK);
    return buf;
}

static void a_send_is_answered_with_its_message(void **state)
{
    struct pl_reply reply = {.u.send = {.message = {.sequence = 7, .thread_size = 2}}};
    struct pl_reply_context context = {.durability = PL_DURABILITY_SYNCED};
    const Parla__V1__SendMessageResponse *response;
    struct pl_buf *buf;

    (void)state;
    reply.u.send.message.event = message_event("hello", 7);
    reply.u.send.message.last_change = 7;
    for (int deduplicated = 0; deduplicated <= 1; deduplicated++) {
        reply.u.send.deduplicated = deduplicated == 1;
        assert_int_equal(pl_wire_reply(PL_COMMAND_SEND_MESSAGE, &reply, &context, &arena, &buf),
                         PL_OK);
        response = unpack(&parla__v1__send_message_response__descriptor, buf);
        assert_string_equal(response->message->text, "hello");
        assert_int_equal(response->message->sequence, 7);
        assert_int_equal(response->message->thread_size, 2);
        assert_int_equal(response->message->last_change_sequence, 7);
        assert_int_equal(response->deduplicated, deduplicated);
        assert_int_equal(response->durability, PARLA__V1__DURABILITY__DURABILITY_SYNCED);
    }
    reply.u.send.message.event->data[0] = 0xff;
    assert_int_equal(pl_wire_reply(PL_COMMAND_SEND_MESSAGE, &reply, &context, &arena, &buf),
                     PL_E_CORRUPT);
    pl_buf_unref(reply.u.send.message.event);
}

static void messages_are_listed_in_their_order(void **state)
{
    static const char *const texts[] = {"one", "", "three"};
    const Parla__V1__ListMessagesResponse *response;
    struct pl_wire_list list;
    struct pl_buf *buf;

    (void)state;
    assert_int_equal(pl_wire_list_init(&list, 3, &arena), PL_OK);
    for (uint32_t i = 0; i < 3; i++) {
        struct pl_buf *event = message_event(texts[i], i + 1);
        struct pl_message_row row = {
            .sequence = i + 1, .thread_size = i, .event = {event->data, event->size}};

        assert_int_equal(pl_wire_list_add_message(&list, &row), PL_OK);
        row.event.size--;
        assert_int_equal(pl_wire_list_add_message(&list, &row), PL_E_CORRUPT);
        memset(event->data, 0, event->size); /* it was copied */
        pl_buf_unref(event);
    }
    assert_int_equal(pl_wire_list_messages_response(&list, "next", 300, &buf), PL_OK);
    response = unpack(&parla__v1__list_messages_response__descriptor, buf);
    assert_int_equal(response->n_messages, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(response->messages[i]->sequence, i + 1);
        assert_int_equal(response->messages[i]->thread_size, i);
        assert_int_equal(response->messages[i]->last_change_sequence, i + 1);
        assert_string_equal(response->messages[i]->text, texts[i]);
        assert_string_equal(response->messages[i]->room, "den");
    }
    assert_string_equal(response->next_page_token, "next");
    assert_int_equal(response->as_of_sequence, 300);

    list.len = 0;
    assert_int_equal(pl_wire_list_messages_response(&list, "", 0, &buf), PL_OK);
    assert_int_equal(buf->size, 0);
    pl_buf_unref(buf);
}

static void failed_allocations_are_told(void **state)
{
    struct pl_reply reply = {.u.user = {.user = ana}};
    struct pl_reply_context context = {0};
    struct pl_buf *buf;

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_arena_done(&arena);
        pl_mem_fail_at(nth);
        rc = pl_wire_reply(PL_QUERY_GET_USER, &reply, &context, &arena, &buf);
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
        cmocka_unit_test_setup_teardown(a_session_is_told_with_its_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_response_without_fields_is_no_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(rooms_are_listed_with_what_is_unread, setup, teardown),
        cmocka_unit_test_setup_teardown(a_send_is_answered_with_its_message, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_are_listed_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_allocations_are_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
