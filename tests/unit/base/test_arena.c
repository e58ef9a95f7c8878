/* test_arena.c - what an arena gives out, and where it stops. */
#include "base/arena.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    struct pl_arena arena;
    unsigned char *pieces[300];

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = pl_arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(pieces[i][j], 0);
        memset(pieces[i], (int)(i % 256), i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(pieces[i][j], i % 256);
    pl_arena_done(&arena);
}

static void pieces_of_no_size_differ(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1000);
    assert_ptr_not_equal(pl_arena_alloc(&arena, 0), pl_arena_alloc(&arena, 0));
    pl_arena_done(&arena);
}

static void the_cap_is_not_passed(void **state)
{
    struct pl_arena arena;
    size_t len = 0;

    (void)state;
    pl_arena_init(&arena, 4096);
    while (pl_arena_alloc(&arena, 100) != NULL)
        len++;
    assert_int_equal(len, 4096 / 112); /* with padding */
    assert_true(arena.size <= arena.size_max);
    assert_null(pl_arena_alloc(&arena, 4096));
    pl_arena_clear(&arena);
    assert_non_null(pl_arena_alloc(&arena, 4096));
    assert_null(pl_arena_alloc(&arena, 1));
    pl_arena_done(&arena);
}

static void a_cap_of_0_gives_nothing(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 0);
    assert_null(pl_arena_alloc(&arena, 0));
    assert_null(pl_arena_alloc(&arena, 1));
    pl_arena_done(&arena);
}

static void sizes_past_all_memory_are_refused(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, SIZE_MAX);
    assert_null(pl_arena_alloc(&arena, SIZE_MAX));
    assert_null(pl_arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(pl_arena_alloc(&arena, SIZE_MAX / 2 + 1));
    assert_null(pl_arena_copy(&arena, "x", SIZE_MAX));
    assert_int_equal(arena.size, 0);
    pl_arena_done(&arena);
}

static void a_large_piece_gets_a_block_of_its_own(void **state)
{
    struct pl_arena arena;
    char *small, *large;

    (void)state;
    pl_arena_init(&arena, 10 << 20);
    small = pl_arena_copy(&arena, "small", 5);
    large = pl_arena_alloc(&arena, 5 << 20);
    assert_non_null(large);
    memset(large, 1, 5 << 20);
    assert_string_equal(small, "small");
    pl_arena_clear(&arena); /* and is not kept */
    assert_null(arena.blocks);
    assert_non_null(pl_arena_alloc(&arena, 1));
    pl_arena_done(&arena);
}

static void clearing_keeps_one_block_for_reuse(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    pl_arena_clear(&arena); /* also when there is none */
    for (int i = 0; i < 100; i++)
        assert_non_null(pl_arena_alloc(&arena, 100));
    pl_arena_clear(&arena);
    assert_int_equal(arena.size, 0);
    pl_mem_fail_at(1);
    {
        unsigned char *piece = pl_arena_alloc(&arena, 1000);

        assert_non_null(piece);
        assert_false(pl_mem_failed()); /* nothing was asked for */
        for (int i = 0; i < 1000; i++)
            assert_int_equal(piece[i], 0); /* zeroed anew */
    }
    pl_mem_fail_at(0);
    pl_arena_done(&arena);
}

static void copies_end_in_a_nul(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1000);
    assert_string_equal(pl_arena_copy(&arena, "hello world", 5), "hello");
    assert_string_equal(pl_arena_copy(&arena, NULL, 0), "");
    assert_null(pl_arena_copy(&arena, (char[1000]){0}, 1000));
    pl_arena_done(&arena);
}

static void want_of_memory_leaves_it_whole(void **state)
{
    struct pl_arena arena;
    char *first;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    pl_mem_fail_at(1);
    assert_null(pl_arena_alloc(&arena, 10));
    first = pl_arena_copy(&arena, "first", 5);
    pl_mem_fail_at(1);
    assert_null(pl_arena_alloc(&arena, 100000));
    pl_mem_fail_at(0);
    assert_string_equal(first, "first");
    assert_int_equal(arena.size, 16);
    pl_arena_done(&arena);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(pieces_of_no_size_differ),
        cmocka_unit_test(the_cap_is_not_passed),
        cmocka_unit_test(a_cap_of_0_gives_nothing),
        cmocka_unit_test(sizes_past_all_memory_are_refused),
        cmocka_unit_test(a_large_piece_gets_a_block_of_its_own),
        cmocka_unit_test(clearing_keeps_one_block_for_reuse),
        cmocka_unit_test(copies_end_in_a_nul),
        cmocka_unit_test(want_of_memory_leaves_it_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
