/* test_checkpoint_thread.c - checkpoints are made where they are due, and the
 * thread ends whether it has begun or not. */
#include "../store/folder.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/checkpoint_thread.h"
#include "store/sqlite_store.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_checkpoint_thread *thread;
    struct pl_sqlite_store *sqlite;
};

static int setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    folder_make(&f->folder);
    assert_int_equal(pl_checkpoint_thread_new(&f->thread), PL_OK);
    f->config = (struct pl_sqlite_config){.dir = f->folder.data,
                                          .durability = PL_DURABILITY_WRITTEN,
                                          .checkpoint_pages = 20,
                                          .on_checkpoint_due = pl_checkpoint_thread_wake,
                                          .self = f->thread};
    assert_int_equal(pl_sqlite_store_open(&f->config, &f->sqlite, NULL), PL_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_checkpoint_thread_stop(f->thread);
    pl_sqlite_store_close(f->sqlite);
    folder_remove(&f->folder);
    pl_free(f);
    return 0;
}

static void commit_one(struct fixture *f, uint64_t log)
{
    struct pl_store store = pl_sqlite_store_iface(f->sqlite);

    assert_int_equal(store.ops->begin(store.self), PL_OK);
    assert_int_equal(store.ops->add_log(store.self, log, 0), PL_OK);
    assert_int_equal(store.ops->commit(store.self), PL_OK);
}

static void what_is_due_is_made_while_commits_go_on(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pl_checkpoint_thread_start(f->thread, f->sqlite, &f->config, NULL), PL_OK);
    for (uint64_t log = 1; atomic_load(&f->sqlite->wal.in_db) == 0; log++)
        commit_one(f, log);
}

static void what_is_due_before_the_start_is_made_then(void **state)
{
    struct fixture *f = *state;

    for (uint64_t log = 1; log < 60; log++)
        commit_one(f, log);
    assert_int_equal(atomic_load(&f->sqlite->wal.in_db), 0);
    assert_int_equal(pl_checkpoint_thread_start(f->thread, f->sqlite, &f->config, NULL), PL_OK);
    while (atomic_load(&f->sqlite->wal.in_db) == 0)
        sched_yield(); /* its thread is to come */
}

static void thread_that_never_began_ends(void **state)
{
    struct fixture *f = *state;

    for (uint64_t log = 1; log < 60; log++)
        commit_one(f, log); /* wakes it */
}

static void new_fails_cleanly_without_memory(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct pl_checkpoint_thread *thread = NULL;
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_checkpoint_thread_new(&thread);
        pl_mem_fail_at(0);
        pl_checkpoint_thread_stop(thread);
        if (rc == PL_OK)
            break;
        assert_int_equal(rc, PL_E_NOMEM);
        assert_null(thread);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_due_is_made_while_commits_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_due_before_the_start_is_made_then, setup, teardown),
        cmocka_unit_test_setup_teardown(thread_that_never_began_ends, setup, teardown),
        cmocka_unit_test(new_fails_cleanly_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
