/* test_memory_store.c - the in-memory twin: transactions, and failures asked for. */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "folder.h"
#include "load.h"
#include "store/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { TEXT_MAX = 1 << 24, OPS = 60 };

static char *text_of(const struct pl_store *store)
{
    struct pl_bytebuf buf;
    char *text;

    pl_bytebuf_init(&buf, TEXT_MAX);
    pl_memory_store_dump(store, &buf);
    text = pl_strdup(pl_bytebuf_cstr(&buf));
    assert_int_equal(buf.err, PL_OK);
    assert_non_null(text);
    pl_bytebuf_done(&buf);
    return text;
}

static void assert_text(const struct pl_store *store, const char *expected)
{
    char *text = text_of(store);

    assert_string_equal(text, expected);
    pl_free(text);
}

static void a_rollback_takes_everything_back(void **state)
{
    struct pl_store store;
    struct load load = {0};

    (void)state;
    assert_int_equal(pl_memory_store_new(&store), PL_OK);
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct load other = load;
        char *before = text_of(&store);

        assert_int_equal(store.ops->begin(store.self), PL_OK);
        assert_int_equal(load_apply(&other, &store, seed, OPS), PL_OK);
        store.ops->rollback(store.self);
        assert_text(&store, before);
        pl_free(before);

        assert_int_equal(store.ops->begin(store.self), PL_OK);
        assert_int_equal(load_apply(&load, &store, seed + 1000, OPS), PL_OK);
        assert_int_equal(store.ops->commit(store.self), PL_OK);
    }
    pl_memory_store_free(&store);
}

/* A transaction with the nth allocation or operation failing, taken back;
 * whether there was an nth. */
static bool fails_cleanly(const struct load *load, struct pl_store *store, uint64_t nth,
                          bool memory)
{
    struct load other = *load;
    char *before = text_of(store);
    bool failed;
    int rc;

    assert_int_equal(store->ops->begin(store->self), PL_OK);
    if (memory)
        pl_mem_fail_at(nth);
    else
        pl_memory_store_fail_op(store, nth, PL_E_IO);
    rc = load_apply(&other, store, 7, OPS);
    failed = memory ? pl_mem_failed() : pl_memory_store_failed(store);
    pl_mem_fail_at(0);
    pl_memory_store_fail_op(store, 0, PL_OK);
    if (failed)
        assert_int_equal(rc, memory ? PL_E_NOMEM : PL_E_IO);
    else
        assert_int_equal(rc, PL_OK);
    store->ops->rollback(store->self);
    assert_text(store, before);
    pl_free(before);
    return failed;
}

static void sweep(bool memory)
{
    struct pl_store store;
    struct load load = {0};
    uint64_t nth = 1;

    assert_int_equal(pl_memory_store_new(&store), PL_OK);
    assert_int_equal(store.ops->begin(store.self), PL_OK);
    assert_int_equal(load_apply(&load, &store, 1, OPS), PL_OK);
    assert_int_equal(store.ops->commit(store.self), PL_OK);
    while (fails_cleanly(&load, &store, nth, memory))
        nth++;
    assert_true(nth > OPS / 2);
    pl_memory_store_free(&store);
}

static void want_of_memory_is_told_and_taken_back(void **state)
{
    (void)state;
    sweep(true);
}

static void any_operation_can_be_made_to_fail(void **state)
{
    (void)state;
    sweep(false);
}

static void a_commit_can_be_made_to_fail(void **state)
{
    struct pl_store store;
    struct load load = {0};
    char *empty;

    (void)state;
    assert_int_equal(pl_memory_store_new(&store), PL_OK);
    empty = text_of(&store);
    pl_memory_store_fail_commit(&store, 2, PL_E_FULL);
    for (int i = 0; i < 2; i++) {
        struct load other = load;

        assert_int_equal(store.ops->begin(store.self), PL_OK);
        assert_int_equal(i == 0 ? PL_OK : load_apply(&other, &store, 1, OPS), PL_OK);
        assert_int_equal(store.ops->commit(store.self), i == 0 ? PL_OK : PL_E_FULL);
        assert_int_equal(pl_memory_store_failed(&store), i);
    }
    store.ops->rollback(store.self);
    assert_text(&store, empty);
    pl_free(empty);
    pl_memory_store_free(&store);
}

static void a_store_that_cannot_be_made_leaks_nothing(void **state)
{
    struct pl_store store = {0};

    (void)state;
    pl_mem_fail_at(1);
    assert_int_equal(pl_memory_store_new(&store), PL_E_NOMEM);
    pl_mem_fail_at(0);
    assert_null(store.self);
    pl_memory_store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_takes_everything_back),
        cmocka_unit_test(want_of_memory_is_told_and_taken_back),
        cmocka_unit_test(any_operation_can_be_made_to_fail),
        cmocka_unit_test(a_commit_can_be_made_to_fail),
        cmocka_unit_test(a_store_that_cannot_be_made_leaks_nothing),
    };

    return cmocka_run_group_tests_name("memory_store", tests, NULL, NULL);
}
