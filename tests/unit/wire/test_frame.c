/* test_frame.c - frames written by hand are what protobuf-c reads. */
#include "base/err.h"
#include "base/mem.h"
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

/* The largest piece of a room's state that there can be. */
static void a_rooms_state_fits_its_frame(void **state)
{
    struct fixture *fixture = *state;
    struct pl_state_member *members = pl_calloc(PL_ROOM_STATE_LEN_MAX, sizeof *members);
    struct pl_room_state room_state = {.room = {.last_sequence = 41,
                                                .first_sequence = 42,
                                                .member_count = PL_ROOM_STATE_LEN_MAX,
                                                .create_ms = INT64_MAX / 2},
                                       .members = members,
                                       .members_len = PL_ROOM_STATE_LEN_MAX,
                                       .more_members = true};
    const Parla__V1__StreamMessagesResponse *response;
    struct pl_bytebuf bytes;

    assert_non_null(members);
    memset(room_state.room.name, 'r', PL_ROOM_NAME_SIZE_MAX);
    memset(room_state.room.title, 't', PL_TITLE_SIZE_MAX);
    memset(room_state.room.topic, 'o', PL_TOPIC_SIZE_MAX);
    for (uint32_t i = 0; i < PL_ROOM_STATE_LEN_MAX; i++) {
        members[i].member = (struct pl_member){.user = {UINT64_MAX - i},
                                               .state = PL_MEMBER_JOINED,
                                               .role = PL_ROLE_OWNER,
                                               .update_ms = INT64_MAX / 2};
        memset(members[i].name, 'n', PL_USER_NAME_SIZE_MAX);
    }
    pl_bytebuf_init(&bytes, PL_ROOM_STATE_SIZE_MAX);
    fixture->framer.room_state_bytes(fixture->framer.self, &room_state, &bytes);
    assert_int_equal(bytes.err, PL_OK);
    fixture->framer.room_state(fixture->framer.self, (struct pl_bytes){bytes.data, bytes.size}, 7,
                               NULL, true, &fixture->out);
    response = read_frame(fixture);
    assert_int_equal(response->item_case, PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_ROOM_STATE);
    assert_cursor(fixture, response->cursor, 7);
    assert_int_equal(response->room_state->as_of_sequence, 41);
    assert_int_equal(response->room_state->room->first_sequence, 42);
    assert_int_equal(response->room_state->n_members, PL_ROOM_STATE_LEN_MAX);
    assert_int_equal(response->room_state->members[1]->user_id, UINT64_MAX - 1);
    assert_int_equal(strlen(response->room_state->members[1]->user), PL_USER_NAME_SIZE_MAX);
    assert_true(response->room_state->more_members);
    pl_bytebuf_done(&bytes);
    pl_free(members);
}

static void a_rooms_state_says_where_memory_is_short(void **state)
{
    struct fixture *fixture = *state;
    struct pl_state_member member = {.member = {.user = {1}}, .name = "ana"};
    struct pl_room_state room_state = {.members = &member, .members_len = 1};
    struct pl_bytebuf bytes;
    uint64_t nth = 0;

    pl_bytebuf_init(&bytes, PL_ROOM_STATE_SIZE_MAX);
    do {
        pl_bytebuf_clear(&bytes);
        pl_mem_fail_at(++nth);
        fixture->framer.room_state_bytes(fixture->framer.self, &room_state, &bytes);
        assert_true(bytes.err == PL_OK || bytes.err == PL_E_NOMEM);
    } while (bytes.err < 0);
    pl_mem_fail_at(0);
    assert_true(nth >= 2);
    pl_bytebuf_done(&bytes);
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
        cmocka_unit_test_setup_teardown(a_rooms_state_fits_its_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rooms_state_says_where_memory_is_short, setup, teardown),
        cmocka_unit_test_setup_teardown(the_other_items_are_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
