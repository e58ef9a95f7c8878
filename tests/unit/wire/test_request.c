/* test_request.c - requests become commands and queries, or are refused by field. */
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"
#include "wire/cursor.h"
#include "wire/field.h"
#include "wire/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pl_arena arena;
static struct pl_command command;
static struct pl_query query;
static struct pl_refusal refusal;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, 1 << 20);
    command = (struct pl_command){0};
    query = (struct pl_query){0};
    refusal = (struct pl_refusal){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_done(&arena);
    return 0;
}

static struct pl_bytes pack(const ProtobufCMessage *message)
{
    uint8_t *data = pl_arena_alloc(&arena, protobuf_c_message_get_packed_size(message));

    assert_non_null(data);
    return (struct pl_bytes){data, protobuf_c_message_pack(message, data)};
}

static void ask(pl_wire_decode_command decode, const ProtobufCMessage *message)
{
    assert_int_equal(decode(pack(message), &arena, &command, &refusal), PL_OK);
}

static void ask_query(pl_wire_decode_query decode, const ProtobufCMessage *message)
{
    assert_int_equal(decode(pack(message), &arena, &query, &refusal), PL_OK);
}

static void assert_refused(const char *field)
{
    assert_int_equal(refusal.reason, PL_REASON_FIELD_INVALID);
    assert_string_equal(refusal.field, field);
}

static void a_send_is_taken_whole(void **state)
{
    Parla__V1__SendMessageRequest from = PARLA__V1__SEND_MESSAGE_REQUEST__INIT;
    char room[] = "lobby", text[] = "hello", id[] = "r1";

    (void)state;
    from.target_case = PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_ROOM;
    from.room = room;
    from.text = text;
    from.request_id = id;
    from.thread = 3;
    from.expected_last_message = 9;
    ask(pl_wire_send_message, &from.base);
    assert_int_equal(refusal.reason, PL_REASON_NONE);
    assert_int_equal(command.kind, PL_COMMAND_SEND_MESSAGE);
    assert_string_equal(command.u.send.room, "lobby");
    assert_string_equal(command.u.send.user, "");
    assert_string_equal(command.u.send.text, "hello");
    assert_string_equal(command.u.send.request_id, "r1");
    assert_int_equal(command.u.send.thread, 3);
    assert_int_equal(command.u.send.expected_last_message, 9);
}

/* Appends a field of SendMessageRequest, or one that it does not have. */
static uint8_t *append_any(uint8_t *to, uint32_t random)
{
    static const char *const texts[] = {"", "a", "lobby", "hello, all of you"};
    static const uint64_t values[] = {0, 1, 300, UINT64_MAX};
    const char *text = texts[random % 4];

    switch (random / 4 % 11) {
    case 0:
    case 1:
    case 2:
    case 3:
        return pl_field_put_message(to, 1 + random / 4 % 11, pl_bytes_str(text));
    case 4:
    case 5:
    case 7:
        *to++ = (uint8_t)((1 + random / 4 % 11) << 3); /* also a 0, which is put by no one */
        return to + pl_varint_put(to, values[random % 4]);
    case 8:
        return pl_field_put_message(to, 12, pl_bytes_str(text));
    case 9:
        return pl_field_put_number(to, 13, values[random % 4]);
    case 10:
        memcpy(to, "\x75\1\2\3\4\x71\1\2\3\4\5\6\7\x08", 14); /* of 32 and of 64 bits */
        return to + 14;
    default:
        return to;
    }
}

static void assert_same_send(const Parla__V1__SendMessageRequest *from)
{
    const struct pl_send *send = &command.u.send;
    bool to_room = from->target_case == PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_ROOM;

    if (from->target_case == PARLA__V1__SEND_MESSAGE_REQUEST__TARGET__NOT_SET) {
        assert_refused("target");
        return;
    }
    assert_string_equal(send->room, to_room ? from->room : "");
    assert_string_equal(send->user, to_room ? "" : from->user);
    if (refusal.reason != PL_REASON_NONE) {
        assert_refused(to_room ? "room" : "user");
        return;
    }
    assert_string_equal(send->text, from->text);
    assert_string_equal(send->request_id, from->request_id);
    assert_true(send->reply_to == from->reply_to);
    assert_true(send->thread == from->thread);
    assert_true(send->expected_last_message == from->expected_last_message);
}

/* Fields in any order, more than once, and unknown ones. */
static void a_send_is_read_as_by_the_library(void **state)
{
    uint32_t random = 1;

    for (int i = 0; i < 20000; i++) {
        uint8_t data[512], *to = data;
        Parla__V1__SendMessageRequest *from;

        for (int j = 0; j < i % 9; j++) {
            random = random * 1664525 + 1013904223;
            to = append_any(to, random >> 16);
        }
        assert_int_equal(pl_wire_send_message((struct pl_bytes){data, (size_t)(to - data)}, &arena,
                                              &command, &refusal),
                         PL_OK);
        from = parla__v1__send_message_request__unpack(NULL, (size_t)(to - data), data);
        assert_non_null(from);
        assert_same_send(from);
        parla__v1__send_message_request__free_unpacked(from, NULL);
        teardown(state);
        setup(state);
    }
}

static void a_send_wants_one_target_of_its_form(void **state)
{
    Parla__V1__SendMessageRequest from = PARLA__V1__SEND_MESSAGE_REQUEST__INIT;
    char bad[] = "No Room";

    (void)state;
    ask(pl_wire_send_message, &from.base);
    assert_refused("target");
    from.target_case = PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_ROOM;
    from.room = bad;
    ask(pl_wire_send_message, &from.base);
    assert_refused("room");
    from.target_case = PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_USER;
    from.user = bad;
    ask(pl_wire_send_message, &from.base);
    assert_refused("user");
}

static void attachments_are_not_taken(void **state)
{
    Parla__V1__SendMessageRequest from = PARLA__V1__SEND_MESSAGE_REQUEST__INIT;
    Parla__V1__Attachment attachment = PARLA__V1__ATTACHMENT__INIT;
    Parla__V1__Attachment *attachments[] = {&attachment};
    char room[] = "lobby";

    (void)state;
    from.target_case = PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_ROOM;
    from.room = room;
    from.n_attachments = 1;
    from.attachments = attachments;
    ask(pl_wire_send_message, &from.base);
    assert_int_equal(refusal.reason, PL_REASON_ATTACHMENTS_UNSUPPORTED);
}

static void a_room_takes_the_defaults(void **state)
{
    Parla__V1__CreateRoomRequest from = PARLA__V1__CREATE_ROOM_REQUEST__INIT;
    Parla__V1__Room room = PARLA__V1__ROOM__INIT;
    char name[] = "den";

    (void)state;
    room.room = name;
    from.room = &room;
    ask(pl_wire_create_room, &from.base);
    assert_int_equal(refusal.reason, PL_REASON_NONE);
    assert_int_equal(command.u.create_room.visibility, PL_ROOM_PUBLIC);
    assert_int_equal(command.u.create_room.delivery, PL_ROOM_EVERYONE);
}

static void a_room_that_cannot_be_is_refused_by_field(void **state)
{
    static char topic[PL_TOPIC_SIZE_MAX + 2];
    Parla__V1__CreateRoomRequest from = PARLA__V1__CREATE_ROOM_REQUEST__INIT;
    Parla__V1__Room room = PARLA__V1__ROOM__INIT;
    char name[] = "den";

    (void)state;
    ask(pl_wire_create_room, &from.base);
    assert_refused("room.room");
    from.room = &room;
    ask(pl_wire_create_room, &from.base);
    assert_refused("room.room");
    room.room = name;
    room.visibility = PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_DIRECT;
    ask(pl_wire_create_room, &from.base);
    assert_refused("room.visibility");
    room.visibility = PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_PRIVATE;
    room.delivery = (Parla__V1__RoomDelivery)9;
    ask(pl_wire_create_room, &from.base);
    assert_refused("room.delivery");
    room.delivery = PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE;
    room.retention_seconds = UINT64_MAX;
    ask(pl_wire_create_room, &from.base);
    assert_refused("room.retention_seconds");
    room.retention_seconds = 0;
    memset(topic, 'x', sizeof topic - 1);
    room.topic = topic;
    ask(pl_wire_create_room, &from.base);
    assert_refused("room.topic");
}

static void pages_have_a_default_and_a_maximum(void **state)
{
    static const struct {
        uint32_t asked, given;
    } rows[] = {{0, 50}, {1, 1}, {1000, 1000}, {1001, 1000}, {UINT32_MAX, 1000}};
    Parla__V1__ListUsersRequest from = PARLA__V1__LIST_USERS_REQUEST__INIT;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        from.page_size = rows[i].asked;
        ask_query(pl_wire_list_users, &from.base);
        assert_int_equal(query.page_len, rows[i].given);
    }
}

static void taking_has_defaults_and_bounds(void **state)
{
    Parla__V1__TakeMessagesRequest from = PARLA__V1__TAKE_MESSAGES_REQUEST__INIT;
    char room[] = "help";

    (void)state;
    from.room = room;
    ask(pl_wire_take_messages, &from.base);
    assert_int_equal(command.u.open_taker.unacked_len_max, PL_TAKE_LEN_DEFAULT);
    assert_int_equal(command.u.open_taker.lease_s, PL_LEASE_S_DEFAULT);
    from.max_unacknowledged = PL_TAKE_LEN_MAX + 1;
    ask(pl_wire_take_messages, &from.base);
    assert_refused("max_unacknowledged");
    from.max_unacknowledged = 0;
    from.lease_seconds = PL_LEASE_S_MAX + 1;
    ask(pl_wire_take_messages, &from.base);
    assert_refused("lease_seconds");
}

static void a_stream_goes_on_after_a_cursor(void **state)
{
    Parla__V1__StreamMessagesRequest from = PARLA__V1__STREAM_MESSAGES_REQUEST__INIT;
    struct pl_stream_request stream;
    struct pl_bytebuf text;

    (void)state;
    pl_bytebuf_init(&text, 1024);
    pl_cursor_encode(5, 42, NULL, &text);
    assert_true(pl_bytebuf_cstr(&text)[0] != 0);
    from.cursor = (char *)text.data;
    assert_int_equal(pl_wire_stream_messages(pack(&from.base), &arena, &stream, &refusal), PL_OK);
    assert_int_equal(refusal.reason, PL_REASON_NONE);
    assert_true(stream.has_cursor);
    assert_int_equal(stream.cursor.log, 5);
    assert_int_equal(stream.cursor.position, 42);
    text.data[3] ^= 1;
    assert_int_equal(pl_wire_stream_messages(pack(&from.base), &arena, &stream, &refusal), PL_OK);
    assert_int_equal(refusal.reason, PL_REASON_CURSOR_INVALID);
    assert_string_equal(refusal.field, "cursor");
    pl_bytebuf_done(&text);
}

static void a_stream_starts_now_unless_told(void **state)
{
    Parla__V1__StreamMessagesRequest from = PARLA__V1__STREAM_MESSAGES_REQUEST__INIT;
    struct pl_stream_request stream;

    (void)state;
    assert_int_equal(pl_wire_stream_messages(pack(&from.base), &arena, &stream, &refusal), PL_OK);
    assert_int_equal(stream.from, PL_STREAM_FROM_NOW);
    assert_false(stream.has_cursor);
    from.start = (Parla__V1__StreamStart)4;
    assert_int_equal(pl_wire_stream_messages(pack(&from.base), &arena, &stream, &refusal), PL_OK);
    assert_refused("start");
}

static void bytes_that_are_no_message_are_called_malformed(void **state)
{
    static const uint8_t bytes[] = {0x0a, 0xff};

    (void)state;
    assert_int_equal(
        pl_wire_join_room((struct pl_bytes){bytes, sizeof bytes}, &arena, &command, &refusal),
        PL_OK);
    assert_int_equal(refusal.reason, PL_REASON_MALFORMED_REQUEST);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(a_send_is_taken_whole),
        cmocka_unit_test(a_send_is_read_as_by_the_library),
        cmocka_unit_test(a_send_wants_one_target_of_its_form),
        cmocka_unit_test(attachments_are_not_taken),
        cmocka_unit_test(a_room_takes_the_defaults),
        cmocka_unit_test(a_room_that_cannot_be_is_refused_by_field),
        cmocka_unit_test(pages_have_a_default_and_a_maximum),
        cmocka_unit_test(taking_has_defaults_and_bounds),
        cmocka_unit_test(a_stream_goes_on_after_a_cursor),
        cmocka_unit_test(a_stream_starts_now_unless_told),
        cmocka_unit_test(bytes_that_are_no_message_are_called_malformed),
    };

    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        tests[i].setup_func = setup;
        tests[i].teardown_func = teardown;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
