/* test_frame.c - frames written by hand are what protobuf-c reads. */
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"
#include "wire/cursor.h"
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pl_wire_framer wire_framer = {.log = 77};

struct fixture {
    struct pl_framer framer;
    struct pl_arena arena;
    struct pl_bytebuf out;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture.framer = pl_wire_framer_iface(&wire_framer);
    pl_arena_init(&fixture.arena, 1 << 20);
    pl_bytebuf_init(&fixture.out, 1 << 20);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    pl_arena_done(&fixture->arena);
    pl_bytebuf_done(&fixture->out);
    return 0;
}

/* The one message in `out`, which must be exactly one frame. */
static const Parla__V1__StreamMessagesResponse *read_frame(struct fixture *fixture)
{
    const uint8_t *data = fixture->out.data;
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;
    size_t size;

    assert_int_equal(fixture->out.err, PL_OK);
    assert_true(fixture->out.size >= 5);
    assert_int_equal(data[0], 0);
    size = (size_t)data[1] << 24 | (size_t)data[2] << 16 | (size_t)data[3] << 8 | data[4];
    assert_int_equal(size, fixture->out.size - 5);
    assert_int_equal(pl_pb_unpack(&parla__v1__stream_messages_response__descriptor,
                                  (struct pl_bytes){data + 5, size}, &fixture->arena, &fault,
                                  &message),
                     PL_OK);
    return (void *)message;
}

static void assert_cursor(struct fixture *fixture, const char *text, pl_position position)
{
    struct pl_cursor cursor;

    assert_int_equal(pl_cursor_decode(text, &fixture->arena, &cursor), PL_OK);
    assert_int_equal(cursor.log, 77);
    assert_int_equal(cursor.position, position);
}

static void an_event_goes_in_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    Parla__V1__Event event = PARLA__V1__EVENT__INIT;
    const Parla__V1__StreamMessagesResponse *response;
    uint8_t bytes[256];
    struct pl_bytes packed = {bytes, 0};

    event.sequence = 300;
    packed.size = protobuf_c_message_pack(&event.base, bytes);
    fixture->framer.event(fixture->framer.self, packed, 1234, NULL, true, &fixture->out);
    response = read_frame(fixture);
    assert_int_equal(response->item_case, PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_EVENT);
    assert_int_equal(response->event->sequence, 300);
    assert_cursor(fixture, response->cursor, 1234);
}

static void an_event_may_go_without_a_cursor(void **state)
{
    struct fixture *fixture = *state;

    fixture->framer.event(fixture->framer.self, (struct pl_bytes){NULL, 0}, 1234, NULL, false,
                          &fixture->out);
    assert_string_equal(read_frame(fixture)->cursor, "");
}

static void the_other_items_are_what_they_say(void **state)
{
    struct fixture *fixture = *state;
    const Parla__V1__StreamMessagesResponse *response;

    fixture->framer.caught_up(fixture->framer.self, 5, NULL, &fixture->out);
    response = read_frame(fixture);
    assert_int_equal(response->item_case, PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_CAUGHT_UP);
    assert_cursor(fixture, response->cursor, 5);

    pl_bytebuf_clear(&fixture->out);
    fixture->framer.heartbeat(fixture->framer.self, 1500, 6, NULL, &fixture->out);
    response = read_frame(fixture);
    assert_int_equal(response->item_case, PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_HEARTBEAT);
    assert_int_equal(response->heartbeat->time->seconds, 1);
    assert_int_equal(response->heartbeat->time->nanos, 500000000);

    pl_bytebuf_clear(&fixture->out);
    fixture->framer.draining(fixture->framer.self, 250, 7, NULL, &fixture->out);
    response = read_frame(fixture);
    assert_int_equal(response->item_case, PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_DRAINING);
    assert_int_equal(response->draining->retry_after_ms, 250);

    pl_bytebuf_clear(&fixture->out);
    fixture->framer.read_marker(fixture->framer.self, "lobby", 12, &fixture->out);
    response = read_frame(fixture);
    assert_int_equal(response->item_case, PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_READ_MARKER);
    assert_string_equal(response->read_marker->room, "lobby");
    assert_int_equal(response->read_marker->sequence, 12);
    assert_string_equal(response->cursor, "");
}

static void what_does_not_fit_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct pl_bytebuf small;

    pl_bytebuf_init(&small, 10);
    fixture->framer.caught_up(fixture->framer.self, 5, NULL, &small);
    assert_int_equal(small.err, PL_E_LIMIT);
    assert_int_equal(small.size, 0);
    pl_bytebuf_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_goes_in_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_may_go_without_a_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(the_other_items_are_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
