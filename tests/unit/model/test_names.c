/* test_names.c - the alphabets of names, and where rooms are dealt. */
#include "model/limits.h"
#include "model/room.h"
#include "model/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A name of `size` bytes. */
static const char *of_size(char first, size_t size)
{
    static char name[200];

    memset(name, 'x', size);
    if (size > 0)
        name[0] = first;
    name[size] = 0;
    return name;
}

static void user_names_are_1_to_32_bytes_a_letter_first(void **state)
{
    (void)state;
    assert_true(pl_user_name_valid("a"));
    assert_true(pl_user_name_valid("ana"));
    assert_true(pl_user_name_valid("z9-_."));
    assert_true(pl_user_name_valid(of_size('a', PL_USER_NAME_SIZE_MAX)));
    assert_false(pl_user_name_valid(of_size('a', PL_USER_NAME_SIZE_MAX + 1)));
    assert_false(pl_user_name_valid(""));
    assert_false(pl_user_name_valid("9lives"));
    assert_false(pl_user_name_valid("-a"));
    assert_false(pl_user_name_valid(".a"));
    assert_false(pl_user_name_valid("_a"));
}

static void room_names_are_1_to_64_bytes(void **state)
{
    (void)state;
    assert_true(pl_room_name_valid("lobby"));
    assert_true(pl_room_name_valid(PL_LOBBY_NAME));
    assert_true(pl_room_name_valid("9"));
    assert_true(pl_room_name_valid("-_."));
    assert_true(pl_room_name_valid(of_size('-', PL_ROOM_NAME_SIZE_MAX)));
    assert_false(pl_room_name_valid(of_size('-', PL_ROOM_NAME_SIZE_MAX + 1)));
    assert_false(pl_room_name_valid(""));
    assert_false(pl_room_name_valid("@ana"));
}

static void a_direct_room_is_referred_to_with_an_at(void **state)
{
    (void)state;
    assert_true(pl_room_ref_valid("lobby"));
    assert_true(pl_room_ref_valid("@12.34"));
    assert_true(pl_room_ref_valid(of_size('@', PL_ROOM_NAME_SIZE_MAX)));
    assert_false(pl_room_ref_valid(of_size('@', PL_ROOM_NAME_SIZE_MAX + 1)));
    assert_false(pl_room_ref_valid(""));
    assert_false(pl_room_ref_valid("@"));
    assert_false(pl_room_ref_valid("@@a"));
    assert_false(pl_room_ref_valid("a@b"));
}

/* Every byte, at the start, in the middle and at the end. */
static void no_other_byte_is_allowed_anywhere(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        const int allowed =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';

        for (size_t at = 0; at < 3; at++) {
            char name[] = "abc";

            name[at] = (char)c;
            assert_int_equal(pl_room_name_valid(name), allowed);
            assert_int_equal(pl_room_ref_valid(name), allowed || (c == '@' && at == 0));
            assert_int_equal(pl_user_name_valid(name), at > 0 ? allowed : (c >= 'a' && c <= 'z'));
        }
    }
}

static void rooms_are_dealt_to_all_partitions_evenly(void **state)
{
    unsigned len[PL_PARTITIONS_LEN] = {0};

    (void)state;
    for (uint64_t i = 1; i <= 64000; i++) {
        uint32_t partition = pl_room_partition((pl_room_id){i});

        assert_true(partition < PL_PARTITIONS_LEN);
        len[partition]++;
    }
    for (int i = 0; i < PL_PARTITIONS_LEN; i++)
        assert_in_range(len[i], 800, 1200);
}

/* What is stored relies on it: a change would lose rooms. */
static void a_rooms_partition_never_changes(void **state)
{
    static const uint32_t expected[] = {37, 10, 48, 20, 28, 44, 20, 40};

    (void)state;
    for (uint64_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(pl_room_partition((pl_room_id){i + 1}), expected[i]);
    assert_int_equal(pl_room_partition((pl_room_id){UINT64_MAX}), 59);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_names_are_1_to_32_bytes_a_letter_first),
        cmocka_unit_test(room_names_are_1_to_64_bytes),
        cmocka_unit_test(a_direct_room_is_referred_to_with_an_at),
        cmocka_unit_test(no_other_byte_is_allowed_anywhere),
        cmocka_unit_test(rooms_are_dealt_to_all_partitions_evenly),
        cmocka_unit_test(a_rooms_partition_never_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
