/* test_check.c - raw bytes against the descriptors of real messages. */
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "pb/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SEND   (&parla__v1__send_message_request__descriptor)
#define CREATE (&parla__v1__create_room_request__descriptor)
#define STREAM (&parla__v1__stream_messages_request__descriptor)

static int check(const ProtobufCMessageDescriptor *descriptor, const char *data, size_t size,
                 struct pl_pb_fault *fault)
{
    *fault = (struct pl_pb_fault){.text = "", .field = ""};
    return pl_pb_check(descriptor, (struct pl_bytes){(const uint8_t *)data, size}, fault);
}

#define CHECK(descriptor, literal, fault) \
    check((descriptor), (literal), sizeof(literal) - 1, (fault))

static void nothing_is_a_message(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "", &fault), PL_OK);
}

static void sound_fields_are_taken(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\x0a\x05lobby\x1a\x05hello\x28\x07", &fault), PL_OK);
    assert_int_equal(CHECK(SEND, "\x1a\x04\xf0\x9f\x91\x8b", &fault), PL_OK);
}

static void text_that_is_no_utf8_is_refused_by_its_field(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\x1a\x01\xff", &fault), PL_E_INVALID);
    assert_string_equal(fault.field, "text");
    assert_false(fault.malformed);
    assert_int_equal(CHECK(SEND,
                           "\x1a\x03"
                           "a\0b",
                           &fault),
                     PL_E_INVALID);
    assert_string_equal(fault.field, "text");
}

static void a_field_within_a_field_is_named_by_its_path(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(CREATE, "\x0a\x04\x12\x02\xc0\x80", &fault), PL_E_INVALID);
    assert_string_equal(fault.field, "room.title");
}

static void unknown_fields_are_skipped_if_well_formed(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\xf8\x07\x01\x1a\x01x", &fault), PL_OK);       /* varint */
    assert_int_equal(CHECK(SEND, "\xfa\x07\x02\xff\xff", &fault), PL_OK);        /* bytes */
    assert_int_equal(CHECK(SEND, "\xf9\x07zzzzzzzz", &fault), PL_OK);            /* 64 bits */
    assert_int_equal(CHECK(SEND, "\xfd\x07zzzz", &fault), PL_OK);                /* 32 bits */
    assert_int_equal(CHECK(SEND, "\xfa\x07\x03\xff\xff", &fault), PL_E_INVALID); /* cut off */
    assert_int_equal(CHECK(SEND, "\xfb\x07\xfc\x07", &fault), PL_E_INVALID);     /* a group */
    assert_true(fault.malformed);
}

static void every_cut_of_a_message_is_refused(void **state)
{
    static const char whole[] = "\x0a\x05lobby\x1a\x05hello\x22\x02id\x28\xff\xff\x03";
    /* where a field ends, the bytes so far are a message */
    static const size_t ends[] = {0, 7, 14, 18, 22};
    struct pl_pb_fault fault;

    (void)state;
    for (size_t size = 0; size < sizeof whole; size++) {
        int expected = PL_E_INVALID;

        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
            if (ends[i] == size)
                expected = PL_OK;
        assert_int_equal(check(SEND, whole, size, &fault), expected);
    }
}

static void a_value_of_the_wrong_type_is_refused(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\x18\x05", &fault), PL_E_INVALID); /* text as a number */
    assert_string_equal(fault.field, "text");
    assert_true(fault.malformed);
    assert_int_equal(CHECK(SEND, "\x2a\x01\x05", &fault), PL_E_INVALID); /* packed, not repeated */
    assert_string_equal(fault.field, "reply_to");
}

static void numbers_have_at_most_64_bits(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &fault), PL_OK);
    assert_int_equal(CHECK(SEND, "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", &fault),
                     PL_E_INVALID);
    assert_int_equal(CHECK(SEND, "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &fault),
                     PL_E_INVALID);
}

static void tags_are_of_fields_1_and_up(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\x02\x00", &fault), PL_E_INVALID);
    assert_int_equal(CHECK(SEND, "\xff\xff\xff\xff\x7f\x00", &fault), PL_E_INVALID);
}

static void a_length_beyond_the_message_is_refused(void **state)
{
    struct pl_pb_fault fault;

    (void)state;
    assert_int_equal(CHECK(SEND, "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", &fault),
                     PL_E_INVALID);
}

static void fields_are_counted(void **state)
{
    static char many[2 * (PL_PB_FIELDS_LEN_MAX + 1)];
    struct pl_pb_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 0x0a; /* an empty name of a room, again and again */
    assert_int_equal(check(STREAM, many, sizeof many - 2, &fault), PL_OK);
    assert_int_equal(check(STREAM, many, sizeof many, &fault), PL_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_a_message),
        cmocka_unit_test(sound_fields_are_taken),
        cmocka_unit_test(text_that_is_no_utf8_is_refused_by_its_field),
        cmocka_unit_test(a_field_within_a_field_is_named_by_its_path),
        cmocka_unit_test(unknown_fields_are_skipped_if_well_formed),
        cmocka_unit_test(every_cut_of_a_message_is_refused),
        cmocka_unit_test(a_value_of_the_wrong_type_is_refused),
        cmocka_unit_test(numbers_have_at_most_64_bits),
        cmocka_unit_test(tags_are_of_fields_1_and_up),
        cmocka_unit_test(a_length_beyond_the_message_is_refused),
        cmocka_unit_test(fields_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
