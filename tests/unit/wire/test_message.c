/* test_message.c - messages come out of events as they went in. */
#include "base/err.h"
#include "base/mem.h"
#include "parla/v1/event.pb-c.h"
#include "parla/v1/message.pb-c.h"
#include "pb/message.h"
#include "wire/event.h"
#include "wire/message.h"

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

static struct pl_bytes bytes_of(const struct pl_buf *buf)
{
    return (struct pl_bytes){buf->data, buf->size};
}

/* The ChatMessage of the event; its bytes are those that protobuf-c would have written. */
static const Parla__V1__ChatMessage *move(const struct pl_event *event, uint32_t thread_size,
                                          pl_sequence last_change, struct pl_arena *arena)
{
    struct pl_buf *from = encode(event), *again;
    struct pl_wire_message message;
    struct pl_pb_fault fault;
    ProtobufCMessage *base;
    uint8_t *to;

    assert_int_equal(pl_wire_message_read(bytes_of(from), thread_size, last_change, &message),
                     PL_OK);
    to = pl_arena_alloc(arena, message.size);
    assert_non_null(to);
    assert_ptr_equal(pl_wire_message_put(&message, to), to + message.size);
    pl_buf_unref(from);
    assert_int_equal(pl_pb_unpack(&parla__v1__chat_message__descriptor,
                                  (struct pl_bytes){to, message.size}, arena, &fault, &base),
                     PL_OK);
    assert_int_equal(pl_pb_pack(base, &again), PL_OK);
    assert_int_equal(again->size, message.size);
    assert_memory_equal(again->data, to, message.size);
    pl_buf_unref(again);
    return (const void *)base;
}

static void a_message_comes_out_as_it_went_in(void **state)
{
    const Parla__V1__ChatMessage *message;
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    message = move(&message_event, 6, 8, &arena);
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
    assert_string_equal(message->mentions[0], "bo");
    assert_string_equal(message->mentions[1], "cy");
    pl_arena_done(&arena);
}

static void what_is_not_set_is_left_out(void **state)
{
    struct pl_event event = message_event;
    const Parla__V1__ChatMessage *message;
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    event.create_ms = 0;
    event.u.message.text = "";
    event.u.message.reply_to = event.u.message.thread = 0;
    event.u.message.mentions_len = 0;
    message = move(&event, 0, 0, &arena);
    assert_null(message->create_time);
    assert_string_equal(message->text, "");
    assert_int_equal(message->n_mentions, 0);
    assert_int_equal(message->thread_size, 0);
    pl_arena_done(&arena);
}

static void numbers_and_texts_of_any_size_are_moved(void **state)
{
    static const uint64_t numbers[] = {1, 127, 128, 16384, UINT32_MAX, UINT64_MAX};
    static char text[20000];
    struct pl_event event = message_event;

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const Parla__V1__ChatMessage *message;
        struct pl_arena arena;
        size_t size = i * 100 < sizeof text ? i * 100 : 0;

        pl_arena_init(&arena, 1 << 20);
        memset(text, 'y', size);
        text[size] = 0;
        event.u.message.text = text;
        event.sequence = event.u.message.reply_to = event.u.message.thread = numbers[i];
        event.actor_id.v = numbers[i];
        message = move(&event, (uint32_t)numbers[i], numbers[i], &arena);
        assert_true(message->sequence == numbers[i]);
        assert_true(message->sender_id == numbers[i]);
        assert_true(message->reply_to == numbers[i]);
        assert_true(message->thread == numbers[i]);
        assert_true(message->thread_size == (uint32_t)numbers[i]);
        assert_true(message->last_change_sequence == numbers[i]);
        assert_int_equal(strlen(message->text), size);
        pl_arena_done(&arena);
    }
}

static int read_bytes(const void *data, size_t size)
{
    /* of its own size, so that a look beyond its end is seen */
    uint8_t *copy = pl_memdup(data, size);
    struct pl_wire_message message;
    int rc = pl_wire_message_read((struct pl_bytes){copy, size}, 0, 0, &message);

    if (rc == PL_OK) {
        uint8_t *to = pl_alloc(message.size);

        pl_wire_message_put(&message, to);
        pl_free(to);
    }
    pl_free(copy);
    return rc;
}

static void what_is_no_message_is_called_damaged(void **state)
{
    static const uint8_t wrong[][8] = {
        {0x08, 0x01},             /* room as a number */
        {0x12, 0x00},             /* sequence as bytes */
        {0x50, 0x01},             /* message_sent as a number */
        {0x52, 0x02, 0x08, 0x01}, /* text as a number */
        {0x52, 0x02, 0x12, 0x00}, /* reply_to as bytes */
        {0x52, 0x02, 0x20, 0x01}, /* a mention as a number */
        {0x0d, 1, 2, 3, 4},       /* 32 bits */
        {0x0b, 0x00},             /* a group */
    };
    struct pl_room room = {.name = "den"};
    struct pl_event event = message_event;
    struct pl_buf *buf;

    (void)state;
    event.kind = PL_EVENT_ROOM_CHANGED;
    event.u.room = &room;
    buf = encode(&event);
    assert_int_equal(read_bytes(buf->data, buf->size), PL_E_CORRUPT);
    pl_buf_unref(buf);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_bytes(wrong[i], i == 6                ? 5
                                              : wrong[i][0] == 0x52 ? 4
                                                                    : 2),
                         PL_E_CORRUPT);
    assert_int_equal(read_bytes("", 0), PL_E_CORRUPT);
    assert_int_equal(read_bytes("\x52\x00", 2), PL_OK); /* a message without a text */
}

/* Wherever it is cut off, and whatever a byte becomes, it is read or refused. */
static void damaged_bytes_do_no_harm(void **state)
{
    struct pl_buf *buf = encode(&message_event);

    (void)state;
    for (size_t size = 0; size < buf->size; size++)
        assert_int_equal(read_bytes(buf->data, size), PL_E_CORRUPT);
    for (size_t at = 0; at < buf->size; at++) {
        uint8_t was = buf->data[at];

        for (unsigned byte = 0; byte <= 0xff; byte++) {
            buf->data[at] = (uint8_t)byte;
            read_bytes(buf->data, buf->size);
        }
        buf->data[at] = was;
    }
    pl_buf_unref(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_out_as_it_went_in),
        cmocka_unit_test(what_is_not_set_is_left_out),
        cmocka_unit_test(numbers_and_texts_of_any_size_are_moved),
        cmocka_unit_test(what_is_no_message_is_called_damaged),
        cmocka_unit_test(damaged_bytes_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
