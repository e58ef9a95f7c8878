/* test_recent.c - a message is known by all of its bytes, and by nothing else. */
#include "bench/recent.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct pl_bench_recent *recent;

static int begin(void **state)
{
    (void)state;
    recent = pl_bench_recent_new();
    assert_non_null(recent);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pl_bench_recent_free(recent);
    return 0;
}

static uint32_t keep(const char *text, uint64_t sequence)
{
    const struct pl_bench_reading reading = {.sequence = sequence};

    return pl_bench_recent_keep(recent, pl_bytes_str(text), &reading);
}

static bool is_at(uint32_t place, const char *text, bool alone)
{
    return pl_bench_recent_find(recent, place, pl_bytes_str(text), alone) != NULL;
}

static void a_message_is_found_at_its_place_with_what_it_says(void **state)
{
    const struct pl_bench_recent_message *message;

    (void)state;
    assert_int_equal(keep("one", 10), 1);
    assert_int_equal(keep("two", 20), 2);
    message = pl_bench_recent_find(recent, 2, pl_bytes_str("two"), true);
    assert_non_null(message);
    assert_int_equal(message->reading.sequence, 20);
    assert_int_equal(message->size, 3);
    assert_true(is_at(1, "one", true));
    assert_false(is_at(1, "two", true));
    assert_false(is_at(3, "two", true));
}

static void every_byte_counts(void **state)
{
    char text[] = "every byte counts";

    (void)state;
    assert_int_equal(keep(text, 0), 1);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] ^= 1;
        assert_false(is_at(1, text, true));
        assert_false(is_at(1, text, false));
        text[i] ^= 1;
    }
    assert_true(is_at(1, text, true));
}

static void what_follows_is_another_message_unless_it_is_alone(void **state)
{
    (void)state;
    keep("one", 0);
    assert_true(is_at(1, "onetwo", false));
    assert_false(is_at(1, "onetwo", true));
    assert_false(is_at(1, "on", false));
    assert_false(is_at(1, "on", true));
    assert_false(is_at(1, "", false));
}

static void nothing_is_found_before_anything_is_kept(void **state)
{
    (void)state;
    assert_false(is_at(0, "", false));
    assert_false(is_at(1, "", true));
    assert_false(is_at(1, "one", false));
}

static void a_message_that_is_empty_or_too_long_is_not_kept(void **state)
{
    char text[PL_BENCH_RECENT_SIZE_MAX + 2];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(keep(text, 0), 0);
    assert_int_equal(keep("", 0), 0);
    text[sizeof text - 2] = 0;
    assert_int_equal(keep(text, 0), 1);
    assert_true(is_at(1, text, true));
}

static void the_oldest_makes_room(void **state)
{
    char text[16];

    (void)state;
    for (uint32_t i = 1; i <= PL_BENCH_RECENT_LEN + 1; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        assert_int_equal(keep(text, i), i);
    }
    assert_false(is_at(1, "1", true));
    assert_true(is_at(2, "2", true));
    assert_true(is_at(PL_BENCH_RECENT_LEN + 1, text, true));
}

static void want_of_memory_is_said(void **state)
{
    (void)state;
    pl_mem_fail_at(1);
    assert_null(pl_bench_recent_new());
    pl_mem_fail_at(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_found_at_its_place_with_what_it_says),
        TEST(every_byte_counts),
        TEST(what_follows_is_another_message_unless_it_is_alone),
        TEST(nothing_is_found_before_anything_is_kept),
        TEST(a_message_that_is_empty_or_too_long_is_not_kept),
        TEST(the_oldest_makes_room),
        TEST(want_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
