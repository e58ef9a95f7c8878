/* test_parla_walk.c - what the walk finds is what protobuf-c has packed. */
#include "bench/parla_walk.h"

#include "base/buf.h"
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char room[] = "help", actor[] = "ana", text[] = "hello", cursor[] = "AQID", mention[] = "bo";
static struct pl_buf *buf;

static struct pl_bytes pack(const ProtobufCMessage *message)
{
    assert_int_equal(pl_pb_pack(message, &buf), PL_OK);
    return (struct pl_bytes){buf->data, buf->size};
}

static int forget(void **state)
{
    (void)state;
    pl_buf_unref(buf);
    buf = NULL;
    return 0;
}

/* An item with an event, with everything set that may stand around what is wanted. */
static struct pl_bytes pack_item(void)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Parla__V1__StreamMessagesResponse item = PARLA__V1__STREAM_MESSAGES_RESPONSE__INIT;
    Parla__V1__Event event = PARLA__V1__EVENT__INIT;
    Parla__V1__MessageSent sent = PARLA__V1__MESSAGE_SENT__INIT;
    char *mentions[] = {mention};

    time.seconds = 1234567890;
    time.nanos = 42;
    sent.text = text;
    sent.reply_to = 300;
    sent.n_mentions = 1;
    sent.mentions = mentions;
    event.room = room;
    event.sequence = UINT64_MAX;
    event.create_time = &time;
    event.actor = actor;
    event.actor_id = 1 << 20;
    event.kind_case = PARLA__V1__EVENT__KIND_MESSAGE_SENT;
    event.message_sent = &sent;
    item.cursor = cursor;
    item.item_case = PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_EVENT;
    item.event = &event;
    return pack(&item.base);
}

static void an_event_has_its_room_sequence_and_text(void **state)
{
    struct pl_bench_item item;
    struct pl_bench_event event;

    (void)state;
    assert_true(pl_bench_walk_item(pack_item(), &item));
    assert_true(pl_bytes_is(item.cursor, cursor));
    assert_false(item.caught_up);
    assert_true(pl_bench_walk_event(item.event, &event));
    assert_true(pl_bytes_is(event.room, room));
    assert_true(pl_bytes_is(event.text, text));
    assert_true(event.sequence == UINT64_MAX);
}

static void an_event_of_another_kind_has_no_text(void **state)
{
    Parla__V1__Event event = PARLA__V1__EVENT__INIT;
    Parla__V1__MessageDeleted deleted = PARLA__V1__MESSAGE_DELETED__INIT;
    struct pl_bench_event found;

    (void)state;
    deleted.message = 7;
    event.room = room;
    event.kind_case = PARLA__V1__EVENT__KIND_MESSAGE_DELETED;
    event.message_deleted = &deleted;
    assert_true(pl_bench_walk_event(pack(&event.base), &found));
    assert_null(found.text.data);
    assert_true(pl_bytes_is(found.room, room));
}

static void an_item_may_say_that_all_is_caught_up(void **state)
{
    Parla__V1__StreamMessagesResponse item = PARLA__V1__STREAM_MESSAGES_RESPONSE__INIT;
    Parla__V1__CaughtUp caught_up = PARLA__V1__CAUGHT_UP__INIT;
    struct pl_bench_item found;

    (void)state;
    item.cursor = cursor;
    item.item_case = PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_CAUGHT_UP;
    item.caught_up = &caught_up;
    assert_true(pl_bench_walk_item(pack(&item.base), &found));
    assert_true(found.caught_up);
    assert_null(found.event.data);
    assert_true(pl_bytes_is(found.cursor, cursor));
}

static void an_answer_has_its_sequence_and_durability(void **state)
{
    Parla__V1__SendMessageResponse response = PARLA__V1__SEND_MESSAGE_RESPONSE__INIT;
    Parla__V1__ChatMessage message = PARLA__V1__CHAT_MESSAGE__INIT;
    enum pl_bench_durability durability = PL_BENCH_DURABILITY_NONE;
    uint64_t sequence = 0;

    (void)state;
    message.room = room;
    message.sequence = 300;
    message.text = text;
    message.sender_id = 9;
    response.message = &message;
    response.deduplicated = true;
    response.durability = PARLA__V1__DURABILITY__DURABILITY_SYNCED;
    assert_true(pl_bench_walk_sent(pack(&response.base), &sequence, &durability));
    assert_int_equal(sequence, 300);
    assert_int_equal(durability, PL_BENCH_DURABILITY_SYNCED);
}

static void a_durability_that_is_not_known_is_none(void **state)
{
    Parla__V1__SendMessageResponse response = PARLA__V1__SEND_MESSAGE_RESPONSE__INIT;
    enum pl_bench_durability durability = PL_BENCH_DURABILITY_SYNCED;
    uint64_t sequence = 1;

    (void)state;
    response.durability = 9;
    assert_true(pl_bench_walk_sent(pack(&response.base), &sequence, &durability));
    assert_int_equal(sequence, 0);
    assert_int_equal(durability, PL_BENCH_DURABILITY_NONE);
}

static void a_page_gives_its_messages_one_by_one(void **state)
{
    Parla__V1__ListMessagesResponse response = PARLA__V1__LIST_MESSAGES_RESPONSE__INIT;
    Parla__V1__ChatMessage messages[3];
    Parla__V1__ChatMessage *pointers[3];
    struct pl_bytes page, message;
    struct pl_bench_event found;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        parla__v1__chat_message__init(&messages[i]);
        messages[i].sequence = i; /* the first is an empty message */
        if (i > 0)
            messages[i].text = text;
        pointers[i] = &messages[i];
    }
    response.n_messages = 3;
    response.messages = pointers;
    response.as_of_sequence = 77;
    response.next_page_token = cursor;
    page = pack(&response.base);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(pl_bench_walk_page(&page, &message));
        assert_non_null(message.data);
        assert_true(pl_bench_walk_message(message, &found));
        assert_int_equal(found.sequence, i);
        assert_int_equal(found.text.size, i > 0 ? strlen(text) : 0);
    }
    assert_true(pl_bench_walk_page(&page, &message));
    assert_null(message.data);
}

static void what_is_cut_is_refused_or_shorter(void **state)
{
    struct pl_bytes whole = pack_item();
    struct pl_bench_item item;
    struct pl_bench_event event;

    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        /* only between its fields is it a message, and then without the event */
        if (pl_bench_walk_item((struct pl_bytes){whole.data, size}, &item))
            assert_null(item.event.data);
    }
    assert_true(pl_bench_walk_item(whole, &item));
    whole = item.event;
    for (size_t size = 0; size < whole.size; size++) {
        if (pl_bench_walk_event((struct pl_bytes){whole.data, size}, &event))
            assert_null(event.text.data);
    }
}

static void groups_and_unknown_wire_types_are_refused(void **state)
{
    static const uint8_t tags[] = {1 << 3 | 3, 1 << 3 | 4, 1 << 3 | 6, 1 << 3 | 7};
    struct pl_bench_event event;
    struct pl_bench_item item;

    (void)state;
    for (size_t i = 0; i < sizeof tags; i++) {
        const uint8_t bytes[] = {tags[i], 0, 0, 0, 0, 0, 0, 0, 0};

        assert_false(pl_bench_walk_item((struct pl_bytes){bytes, sizeof bytes}, &item));
        assert_false(pl_bench_walk_event((struct pl_bytes){bytes, sizeof bytes}, &event));
    }
}

static void fixed_numbers_are_skipped(void **state)
{
    static const uint8_t bytes[] = {15 << 3 | 1, 1,           2, 3, 4, 5, 6,      7,
                                    8,           14 << 3 | 5, 1, 2, 3, 4, 2 << 3, 5};
    struct pl_bench_event event;

    (void)state;
    assert_true(pl_bench_walk_event((struct pl_bytes){bytes, sizeof bytes}, &event));
    assert_int_equal(event.sequence, 5);
}

#define TEST(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_has_its_room_sequence_and_text),
        TEST(an_event_of_another_kind_has_no_text),
        TEST(an_item_may_say_that_all_is_caught_up),
        TEST(an_answer_has_its_sequence_and_durability),
        TEST(a_durability_that_is_not_known_is_none),
        TEST(a_page_gives_its_messages_one_by_one),
        TEST(what_is_cut_is_refused_or_shorter),
        TEST(groups_and_unknown_wire_types_are_refused),
        TEST(fixed_numbers_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
