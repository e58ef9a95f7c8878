/* test_errand.c - errands that rest in a pool come back as new ones, and not too many rest. */
#include "server/errand.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pl_errand *take(struct pl_errand_pool *pool)
{
    struct pl_errand *errand = pl_errand_pool_take(pool, PL_ERRAND_COMMAND, 3, 7);

    assert_non_null(errand);
    return errand;
}

static void what_rested_comes_back_as_new(void **state)
{
    struct pl_errand_pool pool;
    struct pl_errand *errand, *fresh;
    struct pl_arena arena;

    (void)state;
    pl_errand_pool_init(&pool);
    errand = take(&pool);
    errand->silent = true;
    errand->response = pl_buf_copy("text", 4);
    errand->refusal = pl_refusal_field("room", "is wrong");
    errand->command.kind = PL_COMMAND_SEND_MESSAGE;
    memset(pl_arena_alloc(&errand->arena, 100), 'x', 100);
    pl_errand_pool_give(&pool, errand);
    assert_int_equal(pool.len, 1);

    assert_ptr_equal(take(&pool), errand);
    assert_int_equal(pool.len, 0);
    fresh = pl_errand_new(PL_ERRAND_COMMAND, 3, 7);
    assert_non_null(fresh);
    assert_int_equal(errand->arena.size, 0);
    assert_int_equal(errand->arena.size_max, fresh->arena.size_max);
    arena = errand->arena;
    errand->arena = fresh->arena;
    errand->msg.letter = fresh->msg.letter;
    assert_memory_equal(errand, fresh, sizeof *errand);
    errand->arena = arena;
    pl_errand_free(errand);
    pl_errand_free(fresh);
    pl_errand_pool_done(&pool);
}

static void large_ones_do_not_rest(void **state)
{
    struct pl_errand_pool pool;
    struct pl_errand *errand;

    (void)state;
    pl_errand_pool_init(&pool);
    errand = take(&pool);
    assert_non_null(pl_arena_alloc(&errand->arena, 100 * 1000));
    pl_errand_pool_give(&pool, errand);
    assert_int_equal(pool.len, 0);
    pl_errand_pool_give(&pool, NULL);
    assert_int_equal(pool.len, 0);
    pl_errand_pool_done(&pool);
}

static void only_so_many_rest(void **state)
{
    static struct pl_errand *errands[PL_ERRAND_POOL_LEN_MAX + 5];
    const size_t len = sizeof errands / sizeof errands[0];
    struct pl_errand_pool pool;

    (void)state;
    pl_errand_pool_init(&pool);
    for (size_t i = 0; i < len; i++)
        errands[i] = take(&pool);
    for (size_t i = 0; i < len; i++)
        pl_errand_pool_give(&pool, errands[i]);
    assert_int_equal(pool.len, PL_ERRAND_POOL_LEN_MAX);
    pl_errand_pool_done(&pool);
    assert_int_equal(pool.len, 0);
}

static void without_memory_there_is_none(void **state)
{
    struct pl_errand_pool pool;
    struct pl_errand *errand;

    (void)state;
    pl_errand_pool_init(&pool);
    pl_mem_fail_at(1);
    assert_null(pl_errand_pool_take(&pool, PL_ERRAND_COMMAND, 0, 1));
    pl_mem_fail_at(0);
    pl_errand_pool_give(&pool, take(&pool));
    pl_mem_fail_at(1);
    errand = take(&pool); /* it was there */
    pl_mem_fail_at(0);
    pl_errand_pool_give(&pool, errand);
    pl_errand_pool_done(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rested_comes_back_as_new),
        cmocka_unit_test(large_ones_do_not_rest),
        cmocka_unit_test(only_so_many_rest),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
