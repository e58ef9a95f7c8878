/* test_wal_file.c - what is missing of a WAL is found, and nothing where a process was killed. */
#include "base/err.h"
#include "base/mem.h"
#include "folder.h"
#include "store/wal_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { COMMITS = 5, PAGE_SIZE = 4096, FRAME_SIZE = 24 + PAGE_SIZE, HEADER_SIZE = 32 };

struct fixture {
    struct folder folder;
    char path[300]; /* of the copy */
    uint8_t *wal;
    size_t wal_size;
    uint32_t frames;
};

static void exec(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void put(const struct fixture *f, const char *suffix, const void *data, size_t size)
{
    char path[320];
    FILE *out;

    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

static void drop(const struct fixture *f, const char *suffix)
{
    char path[320];

    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    assert_int_equal(unlink(path), 0);
}

/* What a killed process leaves: a database, its WAL, and the index of that. */
static int setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);
    char path[320];
    sqlite3 *db;
    uint8_t *index;
    size_t size;

    assert_non_null(f);
    folder_make(&f->folder);
    assert_int_equal(mkdir(f->folder.data, 0700), 0);
    snprintf(path, sizeof path, "%s/db", f->folder.data);
    snprintf(f->path, sizeof f->path, "%s/copy", f->folder.path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    exec(db, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "CREATE TABLE t (a)");
    for (int i = 0; i < COMMITS; i++)
        exec(db, "INSERT INTO t VALUES (zeroblob(9000))");
    f->wal = folder_read(&f->folder, "db-wal", &f->wal_size);
    index = folder_read(&f->folder, "db-shm", &size);
    put(f, "-wal", f->wal, f->wal_size);
    put(f, "-shm", index, size);
    pl_free(index);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    f->frames = (uint32_t)((f->wal_size - HEADER_SIZE) / FRAME_SIZE);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    folder_remove(&f->folder);
    pl_free(f->wal);
    pl_free(f);
    return 0;
}

static struct pl_wal_file look(const struct fixture *f)
{
    struct pl_wal_file wal;

    assert_int_equal(pl_wal_file_look(f->path, &wal), PL_OK);
    return wal;
}

/* The WAL with a bit of it flipped. */
static struct pl_wal_file look_flipped(const struct fixture *f, size_t at)
{
    f->wal[at] ^= 4;
    put(f, "-wal", f->wal, f->wal_size);
    f->wal[at] ^= 4;
    return look(f);
}

static size_t frame_at(uint32_t number)
{
    return HEADER_SIZE + (size_t)(number - 1) * FRAME_SIZE;
}

static void a_whole_one_is_found_whole(void **state)
{
    struct fixture *f = *state;

    assert_false(look(f).damaged);
    assert_int_equal(look(f).readable, f->frames);
    drop(f, "-shm");
    assert_false(look(f).damaged);
    assert_int_equal(look(f).readable, f->frames);
}

static void none_and_an_empty_one_are_whole(void **state)
{
    struct fixture *f = *state;
    static const uint8_t laid[2 * FRAME_SIZE];

    drop(f, "-wal");
    assert_false(look(f).damaged);
    put(f, "-wal", "", 0);
    drop(f, "-shm");
    assert_false(look(f).damaged);
    put(f, "-wal", laid, sizeof laid);
    assert_false(look(f).damaged);
}

static void any_bit_that_flips_is_found(void **state)
{
    struct fixture *f = *state;

    for (size_t at = 0; at < HEADER_SIZE; at++)
        assert_true(look_flipped(f, at).damaged);
    for (uint32_t number = 1; number <= f->frames; number++) {
        /* Nothing reads the salts' copy in a frame but to see whose it is. */
        for (size_t at = 0; at < 24; at++)
            assert_true(look_flipped(f, frame_at(number) + at).damaged);
        assert_true(look_flipped(f, frame_at(number) + 24 + 77 * number).damaged);
        assert_true(look(f).readable < number);
    }
}

static void an_end_that_is_missing_is_found(void **state)
{
    struct fixture *f = *state;

    for (uint32_t number = 1; number <= f->frames; number++) {
        put(f, "-wal", f->wal, frame_at(number));
        assert_true(look(f).damaged);
        put(f, "-wal", f->wal, frame_at(number) + FRAME_SIZE - 1);
        assert_true(look(f).damaged);
    }
}

/* Then it may also be the last transaction, which a crash tore: nobody can tell. */
static void without_the_index_damage_is_found_before_the_last_transactions(void **state)
{
    struct fixture *f = *state;

    drop(f, "-shm");
    for (uint32_t number = 1; number < f->frames / 2; number++) {
        assert_true(look_flipped(f, frame_at(number) + 100).damaged);
        assert_true(look_flipped(f, frame_at(number) + 17).damaged);
    }
    assert_true(look_flipped(f, 20).damaged); /* the header */
    assert_false(look_flipped(f, frame_at(f->frames) + 100).damaged);
    put(f, "-wal", f->wal, frame_at(f->frames - 1));
    assert_false(look(f).damaged);
}

static void a_transaction_that_was_not_finished_is_no_damage(void **state)
{
    struct fixture *f = *state;
    uint8_t *more = pl_alloc(f->wal_size + FRAME_SIZE);

    assert_non_null(more);
    memcpy(more, f->wal, f->wal_size);
    memcpy(more + f->wal_size, f->wal + frame_at(1), FRAME_SIZE);
    for (size_t size = f->wal_size; size <= f->wal_size + FRAME_SIZE; size += 4120 / 8) {
        put(f, "-wal", more, size);
        assert_false(look(f).damaged);
        assert_int_equal(look(f).readable, f->frames);
    }
    drop(f, "-shm");
    assert_false(look(f).damaged);
    pl_free(more);
}

/* SQLite writes the next transaction over it; of what was longer, the rest stays. */
static void what_commits_that_failed_have_left_is_no_damage(void **state)
{
    struct fixture *f = *state;
    uint8_t *more = pl_alloc(f->wal_size + 3 * FRAME_SIZE);

    assert_non_null(more);
    memcpy(more, f->wal, f->wal_size);
    memcpy(more + f->wal_size, f->wal + frame_at(1), FRAME_SIZE);
    memcpy(more + f->wal_size + FRAME_SIZE, f->wal + frame_at(f->frames), FRAME_SIZE); /* commits */
    memcpy(more + f->wal_size + 2 * FRAME_SIZE, f->wal + frame_at(2), FRAME_SIZE);
    put(f, "-wal", more, f->wal_size + 3 * FRAME_SIZE);
    assert_false(look(f).damaged);
    drop(f, "-shm");
    assert_false(look(f).damaged);
    assert_int_equal(look(f).readable, f->frames);
    pl_free(more);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct pl_wal_file wal;
    char path[320];

    drop(f, "-wal");
    snprintf(path, sizeof path, "%s-wal", f->path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(pl_wal_file_look(f->path, &wal), PL_E_IO);
    assert_int_equal(rmdir(path), 0);
}

static void no_memory_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct pl_wal_file wal;
    uint64_t nth = 0;
    int rc;

    do {
        pl_mem_fail_at(++nth);
        rc = pl_wal_file_look(f->path, &wal);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
    } while (pl_mem_failed());
    pl_mem_fail_at(0);
    assert_int_equal(rc, PL_OK);
    assert_true(nth > 3);
}

#define WITH_WAL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WAL(a_whole_one_is_found_whole),
        WITH_WAL(none_and_an_empty_one_are_whole),
        WITH_WAL(any_bit_that_flips_is_found),
        WITH_WAL(an_end_that_is_missing_is_found),
        WITH_WAL(without_the_index_damage_is_found_before_the_last_transactions),
        WITH_WAL(a_transaction_that_was_not_finished_is_no_damage),
        WITH_WAL(what_commits_that_failed_have_left_is_no_damage),
        WITH_WAL(what_cannot_be_read_is_an_error),
        WITH_WAL(no_memory_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
