/* test_local.c - numbers, times, and what a failure leaves behind. */
#include "base/err.h"
#include "journal/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What was applied, and what the next apply answers. */
struct applied {
    int answer;
    int len;
    uint64_t number;
    int64_t time_ms;
};

static int apply(void *arg, const struct pl_batch *batch)
{
    struct applied *applied = arg;

    applied->len++;
    applied->number = batch->number;
    applied->time_ms = batch->time_ms;
    return applied->answer;
}

static int append(struct pl_journal_local *local, int64_t now_ms)
{
    struct pl_journal journal = pl_journal_local_iface(local);
    struct pl_batch batch = {0};

    pl_list_init(&batch.commands);
    return journal.ops->append(journal.self, &batch, now_ms);
}

static void batches_are_numbered_after_the_last_applied(void **state)
{
    struct applied applied = {0};
    struct pl_journal_local local;

    (void)state;
    pl_journal_local_init(&local, 41, 1000, apply, &applied);
    assert_int_equal(append(&local, 2000), PL_OK);
    assert_int_equal(applied.number, 42);
    assert_int_equal(applied.time_ms, 2000);
    assert_int_equal(append(&local, 2001), PL_OK);
    assert_int_equal(applied.number, 43);
    assert_int_equal(applied.len, 2);
}

static void time_never_runs_back(void **state)
{
    struct applied applied = {0};
    struct pl_journal_local local;

    (void)state;
    pl_journal_local_init(&local, 0, 5000, apply, &applied);
    assert_int_equal(append(&local, 4000), PL_OK);
    assert_int_equal(applied.time_ms, 5000);
    assert_int_equal(append(&local, 6000), PL_OK);
    assert_int_equal(append(&local, -1), PL_OK);
    assert_int_equal(applied.time_ms, 6000);
}

static void failed_batch_leaves_its_number_and_time(void **state)
{
    struct applied applied = {.answer = PL_E_FULL};
    struct pl_journal_local local;

    (void)state;
    pl_journal_local_init(&local, 7, 100, apply, &applied);
    assert_int_equal(append(&local, 9999), PL_E_FULL);
    assert_int_equal(applied.number, 8);
    applied.answer = PL_OK;
    assert_int_equal(append(&local, 200), PL_OK);
    assert_int_equal(applied.number, 8);
    assert_int_equal(applied.time_ms, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_numbered_after_the_last_applied),
        cmocka_unit_test(time_never_runs_back),
        cmocka_unit_test(failed_batch_leaves_its_number_and_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
