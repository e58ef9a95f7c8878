/* test_bytes.c - runs of bytes, and buffers that grow up to a maximum. */
#include "base/bytes.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void bytes_are_equal_by_size_and_content(void **state)
{
    const struct pl_bytes none = {NULL, 0};

    (void)state;
    assert_true(pl_bytes_equal(pl_bytes_str("abc"), pl_bytes_str("abc")));
    assert_false(pl_bytes_equal(pl_bytes_str("abc"), pl_bytes_str("abd")));
    assert_false(pl_bytes_equal(pl_bytes_str("abc"), pl_bytes_str("ab")));
    assert_true(pl_bytes_equal(none, pl_bytes_str("")));
    assert_true(pl_bytes_is(pl_bytes_str("abc"), "abc"));
    assert_false(pl_bytes_is(pl_bytes_str("abc"), "abcd"));
    assert_true(pl_bytes_is(none, ""));
    assert_int_equal(pl_bytes_str("abc").size, 3);
}

static void ascii_ends_at_0x7f(void **state)
{
    (void)state;
    assert_true(pl_bytes_are_ascii((struct pl_bytes){NULL, 0}));
    assert_true(pl_bytes_are_ascii((struct pl_bytes){(const uint8_t *)"\0a\x7f", 3}));
    assert_false(pl_bytes_are_ascii(pl_bytes_str("a\x80")));
    assert_false(pl_bytes_are_ascii(pl_bytes_str("\xff")));
}

static void a_buffer_grows_as_it_is_filled(void **state)
{
    struct pl_bytebuf buf;
    char expected[1001] = "";

    (void)state;
    pl_bytebuf_init(&buf, 10000);
    for (int i = 0; i < 100; i++) {
        pl_bytebuf_append(&buf, "01234", 5);
        pl_bytebuf_append_byte(&buf, '5');
        pl_bytebuf_append_str(&buf, "67");
        pl_bytebuf_printf(&buf, "%d%c", 8, '9');
        strcat(expected, "0123456789");
    }
    assert_int_equal(buf.err, PL_OK);
    assert_int_equal(buf.size, 1000);
    assert_string_equal(pl_bytebuf_cstr(&buf), expected);
    assert_int_equal(buf.size, 1000);
    pl_bytebuf_done(&buf);
}

static void nothing_is_appended_by_nothing(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, 10);
    pl_bytebuf_append(&buf, NULL, 0);
    pl_bytebuf_append_str(&buf, "");
    pl_bytebuf_printf(&buf, "%s", "");
    pl_bytebuf_consume(&buf, 0);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.err, PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&buf), "");
    pl_bytebuf_done(&buf);
    pl_bytebuf_done(&buf); /* twice is fine */
}

static void the_maximum_can_be_reached_but_not_passed(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    for (size_t size_max = 0; size_max < 200; size_max++) {
        pl_bytebuf_init(&buf, size_max);
        for (size_t i = 0; i < size_max; i++)
            pl_bytebuf_append_byte(&buf, 'x');
        assert_int_equal(buf.err, PL_OK);
        assert_int_equal(strlen(pl_bytebuf_cstr(&buf)), size_max);
        assert_int_equal(buf.err, PL_OK); /* a NUL behind it does not count */
        pl_bytebuf_append_byte(&buf, 'y');
        assert_int_equal(buf.err, PL_E_LIMIT);
        assert_int_equal(buf.size, size_max);
        pl_bytebuf_done(&buf);
    }
}

static void a_format_may_fill_the_buffer_to_its_last_byte(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, 5);
    pl_bytebuf_printf(&buf, "%s", "12345");
    assert_int_equal(buf.err, PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&buf), "12345");
    pl_bytebuf_printf(&buf, "%s", "6");
    assert_int_equal(buf.err, PL_E_LIMIT);
    assert_int_equal(buf.size, 5);
    pl_bytebuf_done(&buf);
}

static void after_a_failure_nothing_changes_until_cleared(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, 4);
    pl_bytebuf_append_str(&buf, "ab");
    pl_bytebuf_append_str(&buf, "too long");
    assert_int_equal(buf.err, PL_E_LIMIT);
    pl_bytebuf_append_str(&buf, "c");
    pl_bytebuf_printf(&buf, "c");
    assert_null(pl_bytebuf_reserve(&buf, 1));
    assert_int_equal(buf.size, 2);
    assert_string_equal(pl_bytebuf_cstr(&buf), "");
    pl_bytebuf_clear(&buf);
    assert_int_equal(buf.err, PL_OK);
    assert_int_equal(buf.size, 0);
    pl_bytebuf_append_str(&buf, "cd");
    assert_string_equal(pl_bytebuf_cstr(&buf), "cd");
    pl_bytebuf_done(&buf);
}

static void want_of_memory_is_remembered(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, 10000);
    pl_bytebuf_append_str(&buf, "ab");
    pl_mem_fail_at(1);
    pl_bytebuf_append(&buf, (char[1000]){0}, 1000);
    assert_true(pl_mem_failed());
    assert_int_equal(buf.err, PL_E_NOMEM);
    assert_int_equal(buf.size, 2);
    assert_memory_equal(buf.data, "ab", 2);
    pl_bytebuf_clear(&buf);
    pl_mem_fail_at(1);
    pl_bytebuf_printf(&buf, "%5000d", 1);
    assert_int_equal(buf.err, PL_E_NOMEM);
    pl_bytebuf_done(&buf);
    pl_mem_fail_at(0);
}

static void sizes_past_all_memory_are_over_the_limit(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, SIZE_MAX);
    pl_bytebuf_append_byte(&buf, 'x');
    assert_null(pl_bytebuf_reserve(&buf, SIZE_MAX - 1));
    assert_int_equal(buf.err, PL_E_LIMIT);
    pl_bytebuf_clear(&buf);
    assert_null(pl_bytebuf_reserve(&buf, SIZE_MAX));
    assert_int_equal(buf.err, PL_E_LIMIT);
    pl_bytebuf_done(&buf);
}

static void reserved_room_is_filled_by_the_caller(void **state)
{
    struct pl_bytebuf buf;
    uint8_t *to;

    (void)state;
    pl_bytebuf_init(&buf, 1000);
    pl_bytebuf_append_str(&buf, "ab");
    to = pl_bytebuf_reserve(&buf, 500);
    assert_non_null(to);
    memset(to, 'c', 500);
    pl_bytebuf_added(&buf, 3);
    assert_string_equal(pl_bytebuf_cstr(&buf), "abccc");
    pl_bytebuf_done(&buf);
}

static void what_is_consumed_goes_from_the_front(void **state)
{
    struct pl_bytebuf buf;

    (void)state;
    pl_bytebuf_init(&buf, 10);
    pl_bytebuf_append_str(&buf, "0123456789");
    pl_bytebuf_consume(&buf, 4);
    assert_string_equal(pl_bytebuf_cstr(&buf), "456789");
    pl_bytebuf_append_str(&buf, "abcd"); /* there is room again */
    assert_string_equal(pl_bytebuf_cstr(&buf), "456789abcd");
    pl_bytebuf_consume(&buf, 10);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.err, PL_OK);
    pl_bytebuf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_equal_by_size_and_content),
        cmocka_unit_test(ascii_ends_at_0x7f),
        cmocka_unit_test(a_buffer_grows_as_it_is_filled),
        cmocka_unit_test(nothing_is_appended_by_nothing),
        cmocka_unit_test(the_maximum_can_be_reached_but_not_passed),
        cmocka_unit_test(a_format_may_fill_the_buffer_to_its_last_byte),
        cmocka_unit_test(after_a_failure_nothing_changes_until_cleared),
        cmocka_unit_test(want_of_memory_is_remembered),
        cmocka_unit_test(sizes_past_all_memory_are_over_the_limit),
        cmocka_unit_test(reserved_room_is_filled_by_the_caller),
        cmocka_unit_test(what_is_consumed_goes_from_the_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
