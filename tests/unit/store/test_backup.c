/* test_backup.c - a copy is of one state and whole, or there is none. */
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "crash_vfs.h"
#include "folder.h"
#include "store/backup.h"
#include "store/check.h"
#include "store/lock.h"
#include "store/new_file.h"
#include "store/sqlite.h"
#include "town.h"
#include "wire/event_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MESSAGES = 400, MESSAGE_SIZE = 16000 }; /* several steps of the copy */

struct fixture {
    struct folder folder; /* the data that is copied, and beside it … */
    char file[512];       /* … where the copy goes, … */
    char partial[600];    /* … what it is until it is whole, … */
    char restored[400];   /* … and a folder for it */
    struct pl_backup_config config;
    struct pl_backup_report report;
    struct pl_store_problem problem;
    uint32_t steps;
    uint32_t stop_at;                         /* 0: never */
    void (*on_step)(struct fixture *fixture); /* NULL: nothing */
    uint64_t findings;
};

static bool on_progress(void *self, uint64_t done, uint64_t total)
{
    struct fixture *f = self;

    assert_true(done <= total && total > 0);
    f->steps++;
    if (f->on_step != NULL)
        f->on_step(f);
    return f->steps != f->stop_at;
}

static int setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    assert_int_equal(pl_secret_init(), PL_OK);
    folder_make(&f->folder);
    town_make_large(&f->folder, MESSAGES, MESSAGE_SIZE);
    snprintf(f->file, sizeof f->file, "%s/copy", f->folder.path);
    snprintf(f->partial, sizeof f->partial, "%s.partial", f->file);
    snprintf(f->restored, sizeof f->restored, "%s/restored", f->folder.path);
    f->config = (struct pl_backup_config){
        .dir = f->folder.data, .file = f->file, .on_progress = on_progress, .self = f};
    crash_vfs_start();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    crash_vfs_stop();
    folder_remove(&f->folder);
    pl_free(f);
    return 0;
}

static int backup(struct fixture *f)
{
    f->steps = 0;
    return pl_backup_run(&f->config, &f->report, &f->problem);
}

static void assert_nothing(struct fixture *f)
{
    assert_int_equal(access(f->file, F_OK), -1);
    assert_int_equal(access(f->partial, F_OK), -1);
}

static void on_part(void *self, const char *part, uint64_t total)
{
    (void)self;
    (void)part;
    (void)total;
}

static void on_looked(void *self, uint64_t done)
{
    (void)self;
    (void)done;
}

static void on_part_done(void *self, const char *part, uint64_t done, uint64_t found)
{
    (void)done;
    (void)found;
    on_part(self, part, 0);
}

static void on_finding(void *self, const char *text, const char *advice)
{
    (void)self;
    (void)advice;
    fail_msg("%s", text);
}

/* Restored as the manual says, it is sound. */
static void assert_restores(struct fixture *f)
{
    static const struct pl_check_ops ops = {on_part, on_looked, on_part_done, on_finding};
    const struct pl_check_config check = {.dir = f->restored,
                                          .decoder = pl_wire_event_decoder(),
                                          .ops = &ops,
                                          .request_chunk_len = TOWN_CHUNK_LEN};
    const struct pl_sqlite_config config = {.dir = f->restored,
                                            .durability = PL_DURABILITY_WRITTEN,
                                            .request_chunk_len = TOWN_CHUNK_LEN};
    struct pl_check_report report;
    struct pl_sqlite_store *store;
    struct stat st;
    char path[512];

    assert_int_equal(access(f->partial, F_OK), -1);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_size, f->report.size);
    assert_int_equal(mkdir(f->restored, 0700), 0);
    snprintf(path, sizeof path, "%s/%s", f->restored, PL_SQLITE_FILE);
    town_copy(f->file, path);
    assert_int_equal(pl_check_run(&check, &report, &f->problem), PL_OK);
    assert_int_equal(report.meta.batch, f->report.meta.batch);
    assert_int_equal(pl_sqlite_store_open(&config, &store, NULL), PL_OK);
    pl_sqlite_store_close(store);
    assert_int_equal(pl_check_run(&check, &report, &f->problem), PL_OK);
}

static void a_folder_that_nobody_uses_is_copied(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(backup(f), PL_OK);
    assert_true(f->steps > 3);
    assert_false(f->report.beside);
    assert_restores(f);
}

/* A store that commits after each step of the copy. */
static struct pl_sqlite_store *writer;

static void commit_one(struct fixture *f)
{
    struct pl_store store = pl_sqlite_store_iface(writer);
    struct pl_meta meta;

    (void)f;
    assert_int_equal(store.ops->begin(store.self), PL_OK);
    assert_int_equal(store.ops->get_meta(store.self, &meta), PL_OK);
    meta.batch++;
    assert_int_equal(store.ops->put_meta(store.self, &meta), PL_OK);
    assert_int_equal(store.ops->commit(store.self), PL_OK);
}

static void beside_a_store_that_commits_it_is_of_one_state(void **state)
{
    struct fixture *f = *state;
    const struct pl_sqlite_config config = {.dir = f->folder.data,
                                            .durability = PL_DURABILITY_WRITTEN,
                                            .request_chunk_len = TOWN_CHUNK_LEN};
    struct pl_data_lock *lock;
    struct pl_meta before;

    assert_int_equal(pl_data_lock_open(f->folder.data, &lock, NULL), PL_OK);
    assert_int_equal(pl_sqlite_store_open(&config, &writer, NULL), PL_OK);
    commit_one(f); /* in the WAL only */
    assert_int_equal(
        pl_sqlite_store_iface(writer).ops->get_meta(pl_sqlite_store_iface(writer).self, &before),
        PL_OK);
    f->on_step = commit_one;
    assert_int_equal(backup(f), PL_OK);
    assert_true(f->steps > 3 && f->steps < 100);
    assert_true(f->report.beside);
    assert_int_equal(f->report.meta.batch, before.batch);
    commit_one(f); /* it went on */
    pl_sqlite_store_close(writer);
    pl_data_lock_close(lock);
    assert_restores(f);
}

static void a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->file, "w");
    struct stat st;

    assert_non_null(file);
    fputs("dear to somebody", file);
    fclose(file);
    assert_int_equal(backup(f), PL_E_EXISTS);
    assert_non_null(strstr(f->problem.text, "--replace"));
    f->config.replace = true;
    f->stop_at = 2;
    assert_int_equal(backup(f), PL_E_CANCELLED);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_size, strlen("dear to somebody"));
    f->stop_at = 0;
    assert_int_equal(backup(f), PL_OK);
    assert_restores(f);
}

/* Comes about while it is being made. */
static void make_file(struct fixture *f)
{
    FILE *file = f->steps == 2 ? fopen(f->file, "w") : NULL;

    if (file != NULL)
        fclose(file);
}

static void a_file_that_comes_about_meanwhile_is_kept(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    f->on_step = make_file;
    assert_int_equal(backup(f), PL_E_EXISTS);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(access(f->partial, F_OK), -1);
}

static void what_a_crash_left_is_taken_away(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->partial, "w");

    assert_non_null(file);
    fputs("half of something", file);
    fclose(file);
    assert_int_equal(backup(f), PL_OK);
    assert_restores(f);
}

/* A crash between the two names' moments: the good copy has both. */
static void a_copy_that_kept_its_first_name_is_not_written_to(void **state)
{
    struct fixture *f = *state;
    char kept[600];
    struct stat st;

    assert_int_equal(backup(f), PL_OK);
    snprintf(kept, sizeof kept, "%s.kept", f->file);
    assert_int_equal(rename(f->file, kept), 0);
    assert_int_equal(link(kept, f->partial), 0);
    assert_int_equal(backup(f), PL_OK);
    assert_int_equal(stat(kept, &st), 0);
    assert_int_equal(st.st_size, f->report.size);
    assert_int_equal(st.st_nlink, 1);
    assert_restores(f);
}

static void two_at_once_do_not_meet(void **state)
{
    struct fixture *f = *state;
    struct pl_new_file *other;

    assert_int_equal(pl_new_file_open(f->file, false, &other), PL_OK);
    assert_int_equal(backup(f), PL_E_BUSY);
    assert_non_null(strstr(f->problem.text, "another backup"));
    pl_new_file_close(other);
    assert_nothing(f);
    assert_int_equal(backup(f), PL_OK);
}

static void it_can_be_stopped_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    f->stop_at = 3;
    assert_int_equal(backup(f), PL_E_CANCELLED);
    assert_int_equal(f->steps, 3);
    assert_non_null(strstr(f->problem.text, "nothing was left behind"));
    assert_nothing(f);
}

static void fill_disk(struct fixture *f)
{
    crash_vfs_faults.full = f->steps >= 2;
}

static void break_disk(struct fixture *f)
{
    crash_vfs_faults.fail_writes = f->steps >= 2;
}

static void a_disk_that_is_full_or_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    f->config.file_vfs = CRASH_VFS_NAME;
    f->on_step = fill_disk;
    assert_int_equal(backup(f), PL_E_FULL);
    assert_nothing(f);
    crash_vfs_faults.full = false;
    f->on_step = break_disk;
    assert_int_equal(backup(f), PL_E_IO);
    assert_nothing(f);
    crash_vfs_faults.fail_writes = false;
    f->on_step = NULL;
    assert_int_equal(backup(f), PL_OK);
    assert_restores(f);
}

static void where_no_file_can_be_it_is_told(void **state)
{
    struct fixture *f = *state;
    char path[600];

    f->config.file = "no/such/folder/copy";
    assert_int_equal(backup(f), PL_E_IO);
    assert_string_equal(f->problem.text, "no/such/folder/copy: No such file or directory");
    f->config.file = path;
    f->config.replace = true;
    snprintf(path, sizeof path, "%s", f->folder.path);
    assert_int_equal(backup(f), PL_E_INVALID);
    snprintf(path, sizeof path, "%s/", f->folder.path);
    assert_int_equal(backup(f), PL_E_INVALID);
    snprintf(path, sizeof path, "%s/%s", f->folder.data, PL_SQLITE_FILE);
    assert_int_equal(backup(f), PL_E_INVALID);
    assert_non_null(strstr(f->problem.text, "a file of the data folder"));
    snprintf(path, sizeof path, "%s/../data/%s", f->folder.data, PL_DATA_LOCK_FILE);
    assert_int_equal(backup(f), PL_E_INVALID);
    snprintf(path, sizeof path, "%s/backup", f->folder.data);
    assert_int_equal(backup(f), PL_OK);
}

static void what_is_not_a_sound_database_is_not_copied(void **state)
{
    struct fixture *f = *state;
    char path[600];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", f->folder.data, PL_SQLITE_FILE);
    file = fopen(path, "r+b");
    assert_non_null(file);
    for (long page = 8; page < 24; page++) {
        assert_int_equal(fseek(file, page * 4096, SEEK_SET), 0);
        for (int i = 0; i < 64; i++)
            fputc(0x5a, file);
    }
    fclose(file);
    assert_int_equal(backup(f), PL_E_CORRUPT);
    assert_non_null(strstr(f->problem.text, "parlad check"));
    assert_nothing(f);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(backup(f), PL_E_CORRUPT);
    assert_non_null(strstr(f->problem.text, "it is empty"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(backup(f), PL_E_NOTFOUND);
    assert_nothing(f);
}

static void any_allocation_may_fail(void **state)
{
    struct fixture *f = *state;
    uint64_t nth = 1;
    int rc;

    for (;; nth++) {
        pl_mem_fail_at(nth);
        rc = backup(f);
        if (!pl_mem_failed())
            break;
        pl_mem_fail_at(0);
        if (rc == PL_OK) { /* it was not needed for the copy */
            assert_int_equal(unlink(f->file), 0);
            continue;
        }
        assert_int_equal(rc, PL_E_NOMEM);
        assert_nothing(f);
    }
    pl_mem_fail_at(0);
    assert_true(nth > 5);
    assert_int_equal(rc, PL_OK);
    assert_restores(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_that_nobody_uses_is_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(beside_a_store_that_commits_it_is_of_one_state, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_there_is_kept_unless_it_is_to_be_replaced,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_comes_about_meanwhile_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_kept_its_first_name_is_not_written_to, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_at_once_do_not_meet, setup, teardown),
        cmocka_unit_test_setup_teardown(it_can_be_stopped_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_is_full_or_fails_leaves_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(where_no_file_can_be_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_a_sound_database_is_not_copied, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(any_allocation_may_fail, setup, teardown),
    };

    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
