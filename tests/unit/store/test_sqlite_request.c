/* test_sqlite_request.c - request ids in chunks, against the in-memory twin. */
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "folder.h"
#include "store/dir.h"
#include "store/memory.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/sqlite_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNK_LEN = 3, NAMES = 400, USERS = 3 };

struct fixture {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_sqlite_store *sqlite;
    struct pl_store store;
    struct pl_store twin;
    uint64_t random;
    int64_t now_ms;
};

static void open_store(struct fixture *f)
{
    assert_int_equal(pl_sqlite_store_open(&f->config, &f->sqlite, NULL), PL_OK);
    f->store = pl_sqlite_store_iface(f->sqlite);
}

static void reopen(struct fixture *f)
{
    pl_sqlite_store_close(f->sqlite);
    open_store(f);
}

static int setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    folder_make(&f->folder);
    f->config = (struct pl_sqlite_config){
        .dir = f->folder.data, .durability = PL_DURABILITY_WRITTEN, .request_chunk_len = CHUNK_LEN};
    f->random = 4;
    f->now_ms = 1000;
    assert_int_equal(pl_memory_store_new(&f->twin), PL_OK);
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_sqlite_store_close(f->sqlite);
    pl_memory_store_free(&f->twin);
    folder_remove(&f->folder);
    pl_free(f);
    return 0;
}

static void begin_both(struct fixture *f)
{
    assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
    assert_int_equal(f->twin.ops->begin(f->twin.self), PL_OK);
}

static void end_both(struct fixture *f, bool keep)
{
    if (keep) {
        assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
        assert_int_equal(f->twin.ops->commit(f->twin.self), PL_OK);
    } else {
        f->store.ops->rollback(f->store.self);
        f->twin.ops->rollback(f->twin.self);
    }
}

static int get(const struct pl_store *store, uint32_t name, struct pl_request *ret)
{
    char id[16];

    memset(ret, 0, sizeof *ret);
    snprintf(id, sizeof id, "id-%u", name / USERS);
    return store->ops->get_request(store->self, (pl_user_id){1 + name % USERS},
                                   name % 2 == 0 ? "den" : "@ana", id, ret);
}

static int put(const struct pl_store *store, uint32_t name, int64_t now_ms)
{
    struct pl_request request = {.user = {1 + name % USERS},
                                 .target = name % 2 == 0 ? "den" : "@ana",
                                 .room = {7},
                                 .sequence = (pl_sequence)now_ms,
                                 .create_ms = now_ms};
    char id[16];

    snprintf(id, sizeof id, "id-%u", name / USERS);
    request.request_id = id;
    memset(request.content.v, (int)(now_ms % 251), sizeof request.content.v);
    return store->ops->put_request(store->self, &request);
}

static void put_both(struct fixture *f, uint32_t name)
{
    f->now_ms++; /* so that no two are of the same age */
    assert_int_equal(put(&f->store, name, f->now_ms), PL_OK);
    assert_int_equal(put(&f->twin, name, f->now_ms), PL_OK);
}

static void compare(struct fixture *f)
{
    for (uint32_t name = 0; name < NAMES; name++) {
        struct pl_request a, b;
        int rc = get(&f->twin, name, &b);

        assert_int_equal(get(&f->store, name, &a), rc);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static int64_t ask(struct fixture *f, const char *sql)
{
    int64_t value = -1;

    assert_int_equal(pl_db_int(&f->sqlite->db, sql, &value), PL_OK);
    return value;
}

static void expire_both(struct fixture *f, int64_t before_ms, uint32_t len_max)
{
    uint32_t a = 0, b = 0;

    assert_int_equal(f->store.ops->expire_requests(f->store.self, before_ms, len_max, &a), PL_OK);
    assert_int_equal(f->twin.ops->expire_requests(f->twin.self, before_ms, len_max, &b), PL_OK);
    assert_int_equal(a, b);
}

/* Some 3,000 puts, so 1,000 chunks in 16 groups, of which the oldest go. */
static void chunks_hold_what_the_twin_holds(void **state)
{
    struct fixture *f = *state;

    for (int batch = 0; batch < 250; batch++) {
        uint32_t puts = random_below(&f->random, 25);

        begin_both(f);
        for (uint32_t i = 0; i < puts; i++) {
            uint32_t name = random_below(&f->random, NAMES);
            struct pl_request request;

            if (i % 2 == 0)
                assert_int_equal(get(&f->store, name, &request), get(&f->twin, name, &request));
            put_both(f, name);
        }
        if (batch % 3 == 0)
            expire_both(f, f->now_ms - 300, 40);
        if (batch % 40 == 17)
            compare(f); /* inside a transaction, too */
        end_both(f, batch % 7 != 3);
        if (batch % 30 == 29)
            reopen(f);
        if (batch % 10 == 0)
            compare(f);
    }
    compare(f);
    assert_true(ask(f, "SELECT min(id) FROM requests") > 64 * CHUNK_LEN);
    assert_true(ask(f, "SELECT min(id) / 256 >= (SELECT min(id) / 3 FROM requests) "
                       "FROM request_keys") == 1);
}

static void nothing_is_left_of_what_has_expired(void **state)
{
    struct fixture *f = *state;

    begin_both(f);
    for (uint32_t name = 0; name < NAMES; name++)
        put_both(f, name);
    end_both(f, true);
    assert_int_equal(ask(f, "SELECT count(*) FROM request_filters"), 2);
    begin_both(f);
    expire_both(f, f->now_ms + 1, 1000);
    end_both(f, true);
    assert_int_equal(ask(f, "SELECT count(*) FROM requests"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM request_keys"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM request_filters"), 0);
    compare(f);
    reopen(f);
    begin_both(f);
    for (uint32_t name = 5; name < 70; name++)
        put_both(f, name);
    end_both(f, true);
    compare(f);
}

static void expiry_undone_leaves_all(void **state)
{
    struct fixture *f = *state;

    begin_both(f);
    for (uint32_t name = 0; name < NAMES; name++)
        put_both(f, name);
    end_both(f, true);
    begin_both(f);
    expire_both(f, f->now_ms - 50, 1000);
    compare(f);
    end_both(f, false);
    compare(f);
}

/* With nothing left the numbers begin at 1 when they are next read. */
static void numbers_begin_anew_after_a_rollback(void **state)
{
    struct fixture *f = *state;

    begin_both(f);
    for (uint32_t name = 0; name < NAMES; name++)
        put_both(f, name);
    end_both(f, true);
    begin_both(f);
    expire_both(f, f->now_ms + 1, 1000);
    end_both(f, true);
    begin_both(f);
    end_both(f, false);
    begin_both(f);
    for (uint32_t name = 5; name < 350; name++)
        put_both(f, name);
    end_both(f, true);
    compare(f);
    assert_int_equal(ask(f, "SELECT min(id) FROM requests"), 1);
}

/* A database as version 1 had it, with requests in it. */
static void make_version_1(struct fixture *f, const char *fill)
{
    struct pl_schema schema = {.steps = pl_schema_now.steps, .version = 1};
    struct pl_store_problem problem;
    char path[512];
    struct pl_db db;

    pl_sqlite_store_close(f->sqlite);
    folder_remove(&f->folder);
    folder_make(&f->folder);
    assert_int_equal(pl_data_dir_make(f->folder.data), PL_OK);
    snprintf(path, sizeof path, "%s/%s", f->folder.data, PL_SQLITE_FILE);
    assert_int_equal(
        pl_db_open(&db, path, NULL, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &problem), PL_OK);
    assert_int_equal(pl_schema_migrate(&db, &schema, 0), PL_OK);
    assert_int_equal(pl_db_exec(&db, fill, "fill"), PL_OK);
    pl_db_close(&db);
}

static void older_databases_get_their_chunks(void **state)
{
    struct fixture *f = *state;

    make_version_1(f,
                   "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299) "
                   "INSERT INTO requests SELECT i + 100 + 50 * (i > 200), 1 + i % 3, "
                   "iif(i % 2, '@ana', 'den'), 'id-' || (i / 3), zeroblob(32), 7, i, i FROM n");
    for (int i = 0; i < 2; i++) {
        open_store(f);
        assert_int_equal(ask(f, "PRAGMA user_version"), pl_schema_now.version);
        assert_true(ask(f, "SELECT count(*) FROM request_keys") > 300 / CHUNK_LEN);
        for (uint32_t name = 0; name < NAMES; name++) {
            struct pl_request request;
            int rc = get(&f->store, name, &request);

            assert_int_equal(rc, name < 300 ? PL_OK : PL_E_NOTFOUND);
            assert_int_equal(request.sequence, name < 300 ? name : 0);
        }
        if (i == 0)
            pl_sqlite_store_close(f->sqlite);
    }
}

/* The start that brought it up to date was interrupted before the chunks were made. */
static void chunks_that_are_missing_are_made_before_it_opens(void **state)
{
    struct fixture *f = *state;

    begin_both(f);
    for (uint32_t name = 0; name < NAMES; name++)
        put_both(f, name);
    end_both(f, true);
    assert_int_equal(
        pl_db_exec(&f->sqlite->db, "DELETE FROM request_keys; DELETE FROM request_filters", "undo"),
        PL_OK);
    reopen(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM request_filters"), 2);
    assert_int_equal(ask(f, "SELECT max(id) / 256 FROM request_keys"), NAMES / CHUNK_LEN - 1);
    compare(f);
}

/* A group's last chunk is empty, and the next one not full: it ends anew each time. */
static void a_gap_at_the_end_of_a_group_is_passed_each_time(void **state)
{
    struct fixture *f = *state;
    struct pl_request request;

    make_version_1(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                      "i < 192) INSERT INTO requests SELECT i, 2, '@ana', 'id-' || i, "
                      "zeroblob(32), 7, i, i FROM n WHERE i < 189 OR i = 192");
    for (int i = 0; i < 3; i++) {
        open_store(f);
        assert_int_equal(get(&f->store, 192 * USERS + 1, &request), PL_OK);
        assert_int_equal(request.sequence, 192);
        assert_int_equal(get(&f->store, 190 * USERS + 1, &request), PL_E_NOTFOUND);
        if (i < 2)
            pl_sqlite_store_close(f->sqlite);
    }
}

static void want_of_memory_rolls_back(void **state)
{
    struct fixture *f = *state;
    const struct pl_store_ops *ops = f->store.ops;
    uint64_t failed = 0;

    begin_both(f);
    for (uint32_t name = 0; name < 200; name++)
        put_both(f, name);
    end_both(f, true);
    for (uint64_t nth = 1; nth < 80; nth++) { /* of some, like a map's, none is told */
        int rc;

        reopen(f);
        assert_int_equal(ops->begin(f->store.self), PL_OK);
        pl_mem_fail_at(nth);
        rc = put(&f->store, 390, 5);
        for (uint32_t name = 200; name < 300 && rc == PL_OK; name++)
            rc = put(&f->store, name, 5);
        pl_mem_fail_at(0);
        ops->rollback(f->store.self);
        compare(f);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        failed += rc < 0;
    }
    assert_true(failed > 30);
}

/* Two names of one key differ by their rows alone. */
static void what_a_key_points_to_is_looked_at(void **state)
{
    struct fixture *f = *state;
    struct pl_request request;

    begin_both(f);
    put_both(f, 1);
    end_both(f, true);
    assert_int_equal(pl_db_exec(&f->sqlite->db, "UPDATE requests SET request_id = 'id-99'", "x"),
                     PL_OK);
    assert_int_equal(get(&f->store, 1, &request), PL_E_NOTFOUND);
    begin_both(f);
    for (uint32_t name = 10; name < 20; name++)
        put_both(f, name);
    end_both(f, true);
    assert_int_equal(get(&f->store, 1, &request), PL_E_NOTFOUND);
}

/* The keys of the requests of one database, in their order. */
static uint8_t *read_keys(struct fixture *f, size_t *ret_size)
{
    sqlite3_stmt *stmt = NULL;
    size_t size = 0;
    uint8_t *keys = pl_alloc(NAMES * PL_REQUEST_KEY_SIZE);

    assert_non_null(keys);
    assert_int_equal(sqlite3_prepare_v2(f->sqlite->db.handle,
                                        "SELECT keys FROM request_keys ORDER BY id", -1, &stmt,
                                        NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        size_t len = (size_t)sqlite3_column_bytes(stmt, 0);

        assert_true(size + len <= NAMES * PL_REQUEST_KEY_SIZE);
        memcpy(keys + size, sqlite3_column_blob(stmt, 0), len);
        size += len;
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    *ret_size = size;
    return keys;
}

/* So that nobody can choose ids whose keys fall on each other. */
static void each_database_has_keys_of_its_own(void **state)
{
    struct fixture *f = *state;
    uint8_t *keys[2];
    size_t sizes[2];

    for (int i = 0; i < 2; i++) {
        pl_sqlite_store_close(f->sqlite);
        folder_remove(&f->folder);
        folder_make(&f->folder);
        open_store(f);
        assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
        for (uint32_t name = 0; name < 60; name++)
            assert_int_equal(put(&f->store, name, 5), PL_OK);
        assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
        keys[i] = read_keys(f, &sizes[i]);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_not_equal(keys[0], keys[1], sizes[0]);
    pl_free(keys[0]);
    pl_free(keys[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chunks_hold_what_the_twin_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_left_of_what_has_expired, setup, teardown),
        cmocka_unit_test_setup_teardown(expiry_undone_leaves_all, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_begin_anew_after_a_rollback, setup, teardown),
        cmocka_unit_test_setup_teardown(older_databases_get_their_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(chunks_that_are_missing_are_made_before_it_opens, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_gap_at_the_end_of_a_group_is_passed_each_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(want_of_memory_rolls_back, setup, teardown),
        cmocka_unit_test_setup_teardown(each_database_has_keys_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_key_points_to_is_looked_at, setup, teardown),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
