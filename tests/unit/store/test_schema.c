/* test_schema.c - versions of the database: newer, older, foreign, and cut off
 * while being brought up to date. */
#include "base/err.h"
#include "base/mem.h"
#include "crash_vfs.h"
#include "folder.h"
#include "store/dir.h"
#include "store/schema.h"
#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A schema that was never: version 1 holds rows, 2 widens them, 3 sums them. */
static const char *const made_up_steps[] = {
    "CREATE TABLE item (id INTEGER PRIMARY KEY, size INTEGER NOT NULL) STRICT;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
    "INSERT INTO item SELECT i, i * 3 FROM n;",
    "ALTER TABLE item ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "UPDATE item SET name = 'item ' || id;",
    "CREATE TABLE total (size INTEGER NOT NULL) STRICT;"
    "INSERT INTO total SELECT sum(size) FROM item;",
};

static struct pl_schema made_up(uint32_t version)
{
    return (struct pl_schema){.steps = made_up_steps, .version = version};
}

struct fixture {
    struct folder folder;
    char path[512];
    struct pl_store_problem problem;
};

static int setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    folder_make(&f->folder);
    assert_int_equal(pl_data_dir_make(f->folder.data), PL_OK);
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder.data, PL_SQLITE_FILE);
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

static int open_at(struct fixture *f, struct pl_db *db, uint32_t version)
{
    struct pl_schema schema = made_up(version);
    uint32_t found = 99;
    int rc = pl_db_open(db, f->path, CRASH_VFS_NAME, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        &f->problem);

    if (rc == PL_OK)
        rc = pl_schema_check(db, &schema, &found);
    if (rc == PL_OK)
        rc = pl_db_exec(db, "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL", "set-up");
    if (rc == PL_OK)
        rc = pl_schema_migrate(db, &schema, found);
    return rc;
}

static int bring_to(struct fixture *f, uint32_t version)
{
    struct pl_db db;
    int rc = open_at(f, &db, version);

    pl_db_close(&db);
    return rc;
}

static int64_t ask(const char *path, const char *sql)
{
    struct pl_store_problem problem;
    struct pl_db db;
    int64_t value = -1;

    assert_int_equal(pl_db_open(&db, path, CRASH_VFS_NAME, SQLITE_OPEN_READWRITE, &problem), PL_OK);
    assert_int_equal(pl_db_int(&db, sql, &value), PL_OK);
    pl_db_close(&db);
    return value;
}

static void check_is_made_up(const char *path, int64_t version)
{
    assert_int_equal(ask(path, "PRAGMA user_version"), version);
    assert_int_equal(ask(path, "PRAGMA application_id"), PL_SCHEMA_APPLICATION_ID);
    assert_int_equal(ask(path, "SELECT count(*) FROM item"), 2000);
    assert_int_equal(ask(path, "SELECT count(*) FROM pragma_table_info('item')"),
                     version >= 2 ? 3 : 2);
    assert_int_equal(ask(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'total'"),
                     version >= 3 ? 1 : 0);
    if (version >= 2)
        assert_int_equal(ask(path, "SELECT count(*) FROM item WHERE name = 'item ' || id"), 2000);
    if (version >= 3)
        assert_int_equal(ask(path, "SELECT size FROM total"), 3 * 2000 * 2001 / 2);
    assert_int_equal(ask(path, "SELECT count(*) FROM pragma_integrity_check WHERE "
                               "integrity_check = 'ok'"),
                     1);
}

static void bak_path(const struct fixture *f, uint32_t version, char *ret, size_t size)
{
    snprintf(ret, size, "%s.v%u.bak", f->path, version);
}

static void empty_database_gets_all_steps_and_no_copy(void **state)
{
    struct fixture *f = *state;
    char bak[600];

    assert_int_equal(bring_to(f, 3), PL_OK);
    check_is_made_up(f->path, 3);
    bak_path(f, 0, bak, sizeof bak);
    assert_int_equal(access(bak, F_OK), -1);
}

static void older_database_is_copied_then_migrated(void **state)
{
    struct fixture *f = *state;
    char bak[600];

    assert_int_equal(bring_to(f, 1), PL_OK);
    assert_int_equal(bring_to(f, 3), PL_OK);
    check_is_made_up(f->path, 3);
    bak_path(f, 1, bak, sizeof bak);
    check_is_made_up(bak, 1);
    assert_int_equal(bring_to(f, 3), PL_OK);
    check_is_made_up(f->path, 3);
}

/* Cuts the power at every single call of a migration, in both manners. */
static void migration_cut_half_way_is_old_or_new(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    int was_old = 0, was_new = 0;

    for (uint32_t nth = 1; !done; nth++) {
        char bak[600];
        int64_t version;

        assert_int_equal(bring_to(f, 1), PL_OK);
        crash_vfs_cut_at(nth);
        done = bring_to(f, 3) == PL_OK && !crash_vfs_is_cut();
        crash_vfs_restore(nth % 3 == 0 ? nth : 0);
        version = ask(f->path, "PRAGMA user_version");
        assert_true(version == 1 || version == 3);
        check_is_made_up(f->path, version);
        was_old += version == 1;
        was_new += version == 3;
        bak_path(f, 1, bak, sizeof bak);
        if (version == 3)
            check_is_made_up(bak, 1); /* the copy came first, and lasts */
        assert_int_equal(bring_to(f, 3), PL_OK);
        check_is_made_up(f->path, 3);
        check_is_made_up(bak, 1);
        teardown(state);
        setup(state);
        f = *state;
    }
    assert_true(was_old > 20);
    assert_true(was_new > 1);
}

static void failed_step_leaves_the_old_version(void **state)
{
    static const char *const steps[] = {
        "CREATE TABLE item (id INTEGER PRIMARY KEY, size INTEGER NOT NULL) STRICT;",
        "ALTER TABLE item ADD COLUMN name TEXT; SELECT no_such_function();",
    };
    struct pl_schema schema = {.steps = steps, .version = 2};
    struct fixture *f = *state;
    struct pl_db db;

    assert_int_equal(bring_to(f, 1), PL_OK);
    assert_int_equal(pl_db_open(&db, f->path, CRASH_VFS_NAME, SQLITE_OPEN_READWRITE, &f->problem),
                     PL_OK);
    assert_int_equal(pl_schema_migrate(&db, &schema, 1), PL_E_CORRUPT);
    pl_db_close(&db);
    check_is_made_up(f->path, 1);
}

static void full_disk_leaves_the_old_version(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(bring_to(f, 1), PL_OK);
    crash_vfs_faults.full = true;
    assert_int_equal(bring_to(f, 3), PL_E_FULL);
    crash_vfs_faults.full = false;
    check_is_made_up(f->path, 1);
    assert_int_equal(bring_to(f, 3), PL_OK);
    check_is_made_up(f->path, 3);
}

static int open_store(struct fixture *f)
{
    struct pl_sqlite_config config = {.dir = f->folder.data};
    struct pl_sqlite_store *store = NULL;
    int rc = pl_sqlite_store_open(&config, &store, &f->problem);

    pl_sqlite_store_close(store);
    return rc;
}

static void newer_database_is_refused_unchanged(void **state)
{
    struct fixture *f = *state;
    size_t before_size, after_size;
    uint8_t *before, *after;
    struct pl_db db;

    assert_int_equal(open_store(f), PL_OK);
    assert_int_equal(pl_db_open(&db, f->path, NULL, SQLITE_OPEN_READWRITE, &f->problem), PL_OK);
    assert_int_equal(pl_db_exec(&db, "PRAGMA user_version = 1000", "test"), PL_OK);
    pl_db_close(&db);
    before = folder_read(&f->folder, PL_SQLITE_FILE, &before_size);
    assert_int_equal(open_store(f), PL_E_VERSION);
    assert_non_null(strstr(f->problem.text, "1000"));
    assert_non_null(strstr(f->problem.text, f->path));
    after = folder_read(&f->folder, PL_SQLITE_FILE, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    pl_free(before);
    pl_free(after);
}

static void newer_database_with_a_wal_is_refused_unchanged(void **state)
{
    static const char *const names[] = {PL_SQLITE_FILE, PL_SQLITE_FILE "-wal"};
    struct fixture *f = *state;
    size_t before_size[2], after_size[2];
    uint8_t *before[2], *after[2];
    struct pl_db db;

    assert_int_equal(open_store(f), PL_OK);
    assert_int_equal(pl_db_open(&db, f->path, NULL, SQLITE_OPEN_READWRITE, &f->problem), PL_OK);
    sqlite3_db_config(db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(pl_db_exec(&db, "PRAGMA user_version = 1000", "test"), PL_OK);
    pl_db_close(&db);
    for (int i = 0; i < 2; i++)
        before[i] = folder_read(&f->folder, names[i], &before_size[i]);
    assert_int_equal(open_store(f), PL_E_VERSION);
    for (int i = 0; i < 2; i++) {
        after[i] = folder_read(&f->folder, names[i], &after_size[i]);
        assert_true(before_size[i] > 0);
        assert_int_equal(before_size[i], after_size[i]);
        assert_memory_equal(before[i], after[i], before_size[i]);
        pl_free(before[i]);
        pl_free(after[i]);
    }
}

static void what_is_not_ours_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pl_db db;
    FILE *file;

    assert_int_equal(
        pl_db_open(&db, f->path, NULL, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &f->problem),
        PL_OK);
    assert_int_equal(pl_db_exec(&db, "CREATE TABLE other (x)", "test"), PL_OK);
    pl_db_close(&db);
    assert_int_equal(open_store(f), PL_E_CORRUPT);
    assert_non_null(strstr(f->problem.text, "not a database of parlad's"));
    file = fopen(f->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("no database at all", file);
    fclose(file);
    assert_int_equal(open_store(f), PL_E_CORRUPT);
    assert_non_null(strstr(f->problem.text, f->path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_database_gets_all_steps_and_no_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(older_database_is_copied_then_migrated, setup, teardown),
        cmocka_unit_test_setup_teardown(migration_cut_half_way_is_old_or_new, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_step_leaves_the_old_version, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_leaves_the_old_version, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_database_is_refused_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_database_with_a_wal_is_refused_unchanged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_ours_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
