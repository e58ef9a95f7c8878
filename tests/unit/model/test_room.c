/* test_room.c - what follows from a room's figures. */
#include "model/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_room_is_trimmed_a_while_after_its_first_event_is_over(void **state)
{
    struct pl_room room = {.retention_s = 1, .first_sequence = 4, .last_sequence = 5};

    (void)state;
    room.first_ms = 1000000;
    assert_int_equal(pl_room_trim_due_ms(&room), 1000000 + 1000 + 100);
    room.retention_s = 3600;
    assert_int_equal(pl_room_trim_due_ms(&room), 1000000 + 3600 * 1000 + 60 * 1000);
}

static void a_rooms_last_event_is_never_due(void **state)
{
    struct pl_room room = {.retention_s = 1, .first_sequence = 5, .last_sequence = 5};

    (void)state;
    assert_int_equal(pl_room_trim_due_ms(&room), 0);
    room = (struct pl_room){.retention_s = 1, .first_sequence = 1}; /* it has no event yet */
    assert_int_equal(pl_room_trim_due_ms(&room), 0);
}

static void a_retention_without_end_is_never_over(void **state)
{
    struct pl_room room = {.first_sequence = 1, .last_sequence = 5, .first_ms = 1000000};

    (void)state;
    assert_int_equal(pl_room_trim_due_ms(&room), 0);
    room.retention_s = UINT64_MAX;
    assert_int_equal(pl_room_trim_due_ms(&room), 0);
    room.retention_s = INT64_MAX / 1000;
    assert_int_equal(pl_room_trim_due_ms(&room), 0);
    room.retention_s = (INT64_MAX - 1000000) / 1000 - 61; /* the end of time */
    assert_true(pl_room_trim_due_ms(&room) > INT64_MAX - 3000);
}

static void messages_that_are_gone_are_not_unread(void **state)
{
    struct pl_room room = {.message_count = 10};
    struct pl_member member = {.read_count = 3};

    (void)state;
    assert_int_equal(pl_room_unread(&room, &member), 7);
    room.trimmed.messages = 2;
    assert_int_equal(pl_room_unread(&room, &member), 7);
    room.trimmed.messages = 8;
    assert_int_equal(pl_room_unread(&room, &member), 2);
    room.trimmed.messages = 10;
    assert_int_equal(pl_room_unread(&room, &member), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_is_trimmed_a_while_after_its_first_event_is_over),
        cmocka_unit_test(a_rooms_last_event_is_never_due),
        cmocka_unit_test(a_retention_without_end_is_never_over),
        cmocka_unit_test(messages_that_are_gone_are_not_unread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
