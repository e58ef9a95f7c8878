/* test_mem.c - allocation, and making it fail. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void blocks_hold_what_is_written(void **state)
{
    unsigned char *ptr = pl_alloc(100);
    unsigned char *zeros = pl_zalloc(100);

    (void)state;
    assert_non_null(ptr);
    assert_non_null(zeros);
    memset(ptr, 7, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeros[i], 0);
    ptr = pl_realloc(ptr, 1000);
    assert_non_null(ptr);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ptr[i], 7);
    pl_free(ptr);
    pl_free(zeros);
    pl_free(NULL);
}

static void a_size_of_0_gives_a_block_to_free(void **state)
{
    void *blocks[] = {
        pl_alloc(0),     pl_zalloc(0),        pl_calloc(0, 8),
        pl_calloc(8, 0), pl_realloc(NULL, 0), pl_memdup("", 0),
    };

    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        assert_non_null(blocks[i]);
        pl_free(blocks[i]);
    }
}

static void an_array_past_all_sizes_is_refused(void **state)
{
    volatile size_t half = SIZE_MAX / 2 + 2; /* unseen by the compiler, which would warn */

    (void)state;
    assert_null(pl_calloc(half, 2));
}

static void copies_equal_their_originals(void **state)
{
    char *bytes = pl_memdup("a\0b", 3);
    char *str = pl_strdup("hello");
    char *empty = pl_strdup("");

    (void)state;
    assert_memory_equal(bytes, "a\0b", 3);
    assert_string_equal(str, "hello");
    assert_string_equal(empty, "");
    pl_free(bytes);
    pl_free(str);
    pl_free(empty);
}

static void the_nth_allocation_fails_once(void **state)
{
    void *first, *third;

    (void)state;
    pl_mem_fail_at(2);
    first = pl_alloc(1);
    assert_non_null(first);
    assert_false(pl_mem_failed());
    assert_null(pl_alloc(1));
    assert_true(pl_mem_failed());
    third = pl_alloc(1);
    assert_non_null(third);
    pl_free(first);
    pl_free(third);
    pl_mem_fail_at(0);
    assert_false(pl_mem_failed());
}

static void every_way_to_allocate_can_fail(void **state)
{
    char *kept = pl_strdup("kept");

    (void)state;
    pl_mem_fail_at(1);
    assert_null(pl_alloc(1));
    pl_mem_fail_at(1);
    assert_null(pl_zalloc(1));
    pl_mem_fail_at(1);
    assert_null(pl_calloc(1, 1));
    pl_mem_fail_at(1);
    assert_null(pl_memdup("x", 1));
    pl_mem_fail_at(1);
    assert_null(pl_strdup("x"));
    pl_mem_fail_at(1);
    assert_null(pl_realloc(kept, 100));
    assert_string_equal(kept, "kept"); /* the old block stands */
    pl_free(kept);
}

static void a_failure_called_off_does_not_happen(void **state)
{
    void *ptr;

    (void)state;
    pl_mem_fail_at(1);
    pl_mem_fail_at(0);
    ptr = pl_alloc(1);
    assert_non_null(ptr);
    pl_free(ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_hold_what_is_written),
        cmocka_unit_test(a_size_of_0_gives_a_block_to_free),
        cmocka_unit_test(an_array_past_all_sizes_is_refused),
        cmocka_unit_test(copies_equal_their_originals),
        cmocka_unit_test(the_nth_allocation_fails_once),
        cmocka_unit_test(every_way_to_allocate_can_fail),
        cmocka_unit_test(a_failure_called_off_does_not_happen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
