/* test_sqlite_store.c - the store's ops, against its in-memory twin. */
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "folder.h"
#include "load.h"
#include "store/memory.h"
#include "store/sqlite.h"
#include "store/sqlite_stmt.h"
#include "store/sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_sqlite_store *sqlite;
    struct pl_store store;
};

static void open_store(struct fixture *f)
{
    struct pl_store_problem problem = {{0}};
    int rc = pl_sqlite_store_open(&f->config, &f->sqlite, &problem);

    assert_string_equal(problem.text, "");
    assert_int_equal(rc, PL_OK);
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
    f->config = (struct pl_sqlite_config){.dir = f->folder.data, .request_chunk_len = 4};
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_sqlite_store_close(f->sqlite);
    folder_remove(&f->folder);
    pl_free(f);
    return 0;
}

static void begin(const struct pl_store *store)
{
    assert_int_equal(store->ops->begin(store->self), PL_OK);
}

static void commit(const struct pl_store *store)
{
    assert_int_equal(store->ops->commit(store->self), PL_OK);
}

static void fresh_store_has_zero_counters(void **state)
{
    struct fixture *f = *state;
    struct pl_meta zero = {0}, meta;
    struct stat st;

    assert_int_equal(f->store.ops->get_meta(f->store.self, &meta), PL_OK);
    assert_memory_equal(&meta, &zero, sizeof meta);
    assert_int_equal(stat(f->folder.data, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void store_holds_what_its_twin_holds(void **state)
{
    struct fixture *f = *state;
    struct load load = {0};
    struct pl_store twin;
    uint64_t random = 20;

    assert_int_equal(pl_memory_store_new(&twin), PL_OK);
    for (int batch = 0; batch < 300; batch++) {
        struct load before = load, again = load;
        uint64_t seed = random_next(&random);
        uint32_t ops = 1 + random_below(&random, 12);

        begin(&f->store);
        begin(&twin);
        assert_int_equal(load_apply(&load, &f->store, seed, ops), PL_OK);
        assert_int_equal(load_apply(&again, &twin, seed, ops), PL_OK);
        if (batch % 10 == 0)
            load_compare(&load, &f->store, &twin); /* it sees its own writes */
        if (random_below(&random, 5) == 0) {
            f->store.ops->rollback(f->store.self);
            twin.ops->rollback(twin.self);
            load = before;
        } else {
            commit(&f->store);
            commit(&twin);
        }
        if (batch % 50 == 7)
            reopen(f);
        if (batch % 10 == 5)
            load_compare(&load, &f->store, &twin);
    }
    load_compare(&load, &f->store, &twin);
    assert_true(load.meta.last_room == LOAD_ROOMS_MAX);
    assert_true(load.meta.last_lease > 10);
    pl_memory_store_free(&twin);
}

static void what_was_not_committed_is_gone_after_reopening(void **state)
{
    struct fixture *f = *state;
    struct pl_meta meta = {.batch = 7};

    begin(&f->store);
    assert_int_equal(f->store.ops->put_meta(f->store.self, &meta), PL_OK);
    reopen(f);
    assert_int_equal(f->store.ops->get_meta(f->store.self, &meta), PL_OK);
    assert_int_equal(meta.batch, 0);
}

static void rollback_without_a_transaction_is_harmless(void **state)
{
    struct fixture *f = *state;

    f->store.ops->rollback(f->store.self);
    begin(&f->store);
    f->store.ops->rollback(f->store.self);
    begin(&f->store);
    commit(&f->store);
}

static void logs_end_where_the_next_begins(void **state)
{
    struct fixture *f = *state;
    pl_position until = 0;

    begin(&f->store);
    assert_int_equal(f->store.ops->add_log(f->store.self, UINT64_MAX, 0), PL_OK);
    assert_int_equal(f->store.ops->add_log(f->store.self, 5, 10), PL_OK);
    assert_int_equal(f->store.ops->add_log(f->store.self, 6, 10), PL_OK);
    commit(&f->store);
    assert_int_equal(f->store.ops->find_log(f->store.self, UINT64_MAX, &until), PL_OK);
    assert_int_equal(until, 10);
    assert_int_equal(f->store.ops->find_log(f->store.self, 5, &until), PL_OK);
    assert_int_equal(until, 10);
    assert_int_equal(f->store.ops->find_log(f->store.self, 6, &until), PL_OK);
    assert_true(until == PL_POSITION_MAX);
    assert_int_equal(f->store.ops->find_log(f->store.self, 7, &until), PL_E_NOTFOUND);
}

static void facts_that_exclude_each_other_are_damage(void **state)
{
    struct fixture *f = *state;
    struct pl_event_row row = {.position = 1, .room = {1}, .sequence = 1};

    row.bytes = pl_buf_copy("x", 1);
    assert_non_null(row.bytes);
    begin(&f->store);
    assert_int_equal(f->store.ops->append_event(f->store.self, &row), PL_OK);
    row.position = 2;
    assert_int_equal(f->store.ops->append_event(f->store.self, &row), PL_E_CORRUPT);
    f->store.ops->rollback(f->store.self);
    pl_buf_unref(row.bytes);
}

/* How many steps SQLite's machine takes for the next work that is not of user 1. */
static int next_work_steps(struct fixture *f, int64_t now_ms, int want, pl_sequence sequence)
{
    sqlite3_stmt *stmt = f->sqlite->db.stmts[STMT_NEXT_WORK];
    struct pl_work work = {0};

    (void)sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    assert_int_equal(
        f->store.ops->next_work(f->store.self, (pl_room_id){1}, (pl_user_id){1}, now_ms, &work),
        want);
    assert_int_equal(work.sequence, sequence);
    return sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
}

static void put_work(struct fixture *f, pl_sequence sequence, uint64_t sender,
                     int64_t not_before_ms)
{
    struct pl_work work = {
        .room = {1}, .sequence = sequence, .sender = {sender}, .not_before_ms = not_before_ms};

    assert_int_equal(f->store.ops->put_work(f->store.self, &work), PL_OK);
}

static void work_that_is_not_for_one_is_passed_over_once(void **state)
{
    struct fixture *f = *state;
    int first;

    begin(&f->store);
    for (pl_sequence sequence = 1; sequence <= 2000; sequence++)
        put_work(f, sequence, 1, 0);
    put_work(f, 2001, 2, 500);
    first = next_work_steps(f, 100, PL_E_NOTFOUND, 0);
    assert_true(first > 2000);
    assert_true(next_work_steps(f, 101, PL_E_NOTFOUND, 0) < 100);
    put_work(f, 2002, 1, 0);
    assert_true(next_work_steps(f, 102, PL_E_NOTFOUND, 0) < 100);
    put_work(f, 2003, 2, 0);
    assert_true(next_work_steps(f, 103, PL_OK, 2003) < 100);
    put_work(f, 2002, 1, 300); /* delays end: what was passed over may be due */
    (void)next_work_steps(f, 299, PL_OK, 2003);
    (void)next_work_steps(f, 500, PL_OK, 2001);
    put_work(f, 1000, 2, 0); /* given back */
    (void)next_work_steps(f, 501, PL_OK, 1000);
    f->store.ops->rollback(f->store.self);
    (void)next_work_steps(f, 502, PL_E_NOTFOUND, 0);
    begin(&f->store);
    put_work(f, 1, 2, 0);
    commit(&f->store);
    (void)next_work_steps(f, 503, PL_OK, 1);
}

static void wal_goes_into_the_database_as_it_grows(void **state)
{
    struct fixture *f = *state;
    struct load load = {0};
    char wal[512];
    struct stat st;
    uint64_t random = 3;

    pl_sqlite_store_close(f->sqlite);
    f->config.checkpoint_pages = 50;
    open_store(f);
    for (int batch = 0; batch < 400; batch++) {
        begin(&f->store);
        assert_int_equal(load_apply(&load, &f->store, random_next(&random), 5), PL_OK);
        commit(&f->store);
    }
    snprintf(wal, sizeof wal, "%s/%s-wal", f->folder.data, PL_SQLITE_FILE);
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size < 1024 * 1024);
    assert_int_equal(pl_sqlite_store_checkpoint(f->sqlite), PL_OK);
}

static off_t wal_size(const struct fixture *f)
{
    char wal[512];
    struct stat st;

    snprintf(wal, sizeof wal, "%s/%s-wal", f->folder.data, PL_SQLITE_FILE);
    assert_int_equal(stat(wal, &st), 0);
    return st.st_size;
}

static void write_some(struct fixture *f, struct load *load, uint64_t *random, int batches)
{
    for (int batch = 0; batch < batches; batch++) {
        begin(&f->store);
        assert_int_equal(load_apply(load, &f->store, random_next(random), 5), PL_OK);
        commit(&f->store);
    }
}

static void on_checkpoint_due(void *self)
{
    int *due = self;

    ++*due;
}

/* Opened so that checkpoints are made by who is asked, of which *due counts. */
static struct pl_sqlite_checkpointer *open_beside(struct fixture *f, int *due)
{
    struct pl_sqlite_checkpointer *checkpointer = NULL;

    pl_sqlite_store_close(f->sqlite);
    f->config.checkpoint_pages = 40;
    f->config.on_checkpoint_due = on_checkpoint_due;
    f->config.self = due;
    open_store(f);
    assert_int_equal(pl_sqlite_checkpointer_open(f->sqlite, &f->config, &checkpointer, NULL),
                     PL_OK);
    return checkpointer;
}

static void wal_begins_anew_where_checkpoints_are_made_beside(void **state)
{
    struct fixture *f = *state;
    struct load load = {0};
    uint64_t random = 3;
    int due = 0, runs = 0;
    struct pl_sqlite_checkpointer *checkpointer = open_beside(f, &due);

    for (int i = 0; i < 600; i++) {
        write_some(f, &load, &random, 1);
        if (due > 0 && i % 3 == 0) {
            due = 0;
            runs++;
            assert_int_equal(pl_sqlite_checkpointer_run(checkpointer), PL_OK);
        }
    }
    assert_true(runs > 10);
    assert_true(wal_size(f) < 8 * 40 * 4200);
    pl_sqlite_checkpointer_close(checkpointer);
}

static void commits_checkpoint_where_who_was_asked_does_not(void **state)
{
    struct fixture *f = *state;
    struct load load = {0};
    uint64_t random = 3;
    int due = 0;
    struct pl_sqlite_checkpointer *checkpointer = open_beside(f, &due);

    write_some(f, &load, &random, 600);
    assert_true(due > 0);
    assert_true(wal_size(f) < 18 * 40 * 4200);
    pl_sqlite_checkpointer_close(checkpointer);
}

static void wal_grows_while_it_is_read_and_begins_anew_after(void **state)
{
    struct fixture *f = *state;
    struct load load = {0};
    struct pl_reader reader = {0};
    uint64_t random = 3;
    int due = 0;
    struct pl_sqlite_checkpointer *checkpointer = open_beside(f, &due);
    off_t size;

    write_some(f, &load, &random, 20);
    assert_int_equal(pl_sqlite_reader_open(&f->config, &reader, NULL), PL_OK);
    assert_int_equal(reader.ops->begin(reader.self), PL_OK);
    while (wal_size(f) < 18 * 40 * 4200) /* commits wait, and then go on */
        write_some(f, &load, &random, 10);
    reader.ops->end(reader.self);
    pl_sqlite_reader_close(&reader);

    write_some(f, &load, &random, 40); /* a commit that gets through */
    size = wal_size(f);
    write_some(f, &load, &random, 100);
    assert_int_equal(wal_size(f), size);
    pl_sqlite_checkpointer_close(checkpointer);
}

static void checkpointer_fails_cleanly_without_memory(void **state)
{
    struct fixture *f = *state;
    struct pl_sqlite_checkpointer *checkpointer = NULL;
    int rc = PL_E_NOMEM;

    for (uint64_t nth = 1; rc != PL_OK; nth++) {
        pl_mem_fail_at(nth);
        rc = pl_sqlite_checkpointer_open(f->sqlite, &f->config, &checkpointer, NULL);
        pl_mem_fail_at(0);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
    }
    pl_sqlite_checkpointer_close(checkpointer);
    pl_sqlite_checkpointer_close(NULL);
}

enum { SECRETS_LEN = 30, SECRET_SIZE = 20000 }; /* each takes several pages */

static bool file_has(const struct fixture *f, const char *name, const char *text)
{
    size_t size, len = strlen(text);
    uint8_t *data = folder_read(&f->folder, name, &size);
    bool has = false;

    for (size_t i = 0; i + len <= size && !has; i++)
        has = memcmp(data + i, text, len) == 0;
    pl_free(data);
    return has;
}

static void say_secrets(struct fixture *f)
{
    struct pl_room room = {.id = {1}, .name = "den", .retention_s = 1, .first_sequence = 1};

    for (uint32_t i = 1; i <= SECRETS_LEN; i++) {
        struct pl_event_row row = {.position = i,
                                   .room = {1},
                                   .sequence = i,
                                   .kind = PL_EVENT_MESSAGE_SENT,
                                   .create_ms = i,
                                   .message_no = i};

        row.bytes = pl_buf_new(i % 2 == 0 ? SECRET_SIZE : 100);
        assert_non_null(row.bytes);
        for (size_t k = 0; k < row.bytes->size; k++)
            row.bytes->data[k] = (uint8_t) "SECRET"[k % 6];
        assert_int_equal(f->store.ops->append_event(f->store.self, &row), PL_OK);
        pl_buf_unref(row.bytes);
    }
    room.last_sequence = SECRETS_LEN;
    assert_int_equal(f->store.ops->put_room(f->store.self, &room), PL_OK);
}

/* Says what is to be trimmed, and trims it. */
static void say_and_trim(struct fixture *f)
{
    struct pl_meta meta = {.batch = 1, .time_ms = 1000};
    struct pl_event_row last = {
        .position = SECRETS_LEN + 1, .room = {1}, .sequence = SECRETS_LEN + 1, .create_ms = 5000};
    struct pl_trim trim;

    begin(&f->store);
    say_secrets(f);
    last.bytes = pl_buf_copy("kept", 4);
    assert_non_null(last.bytes);
    assert_int_equal(f->store.ops->append_event(f->store.self, &last), PL_OK);
    pl_buf_unref(last.bytes);
    commit(&f->store);
    assert_int_equal(pl_sqlite_store_checkpoint(f->sqlite), PL_OK);
    assert_true(file_has(f, PL_SQLITE_FILE, "SECRETSECRET"));
    assert_true(file_has(f, PL_SQLITE_FILE "-wal", "SECRETSECRET"));

    begin(&f->store);
    assert_int_equal(f->store.ops->trim_room(f->store.self, last.room, 4999, 10, &trim), PL_OK);
    assert_int_equal(trim.len, 10);
    assert_int_equal(trim.trimmed.last_message, 10);
    assert_int_equal(f->store.ops->trim_room(f->store.self, last.room, 4999, 100, &trim), PL_OK);
    assert_int_equal(trim.len, SECRETS_LEN - 10);
    assert_int_equal(trim.first_ms, 5000);
    assert_int_equal(f->store.ops->put_meta(f->store.self, &meta), PL_OK);
    commit(&f->store);
}

static void check_is_gone(const struct fixture *f)
{
    assert_false(file_has(f, PL_SQLITE_FILE, "SECRET"));
    assert_false(file_has(f, PL_SQLITE_FILE "-wal", "SECRET"));
    assert_true(file_has(f, PL_SQLITE_FILE, "kept"));
}

static void what_was_trimmed_is_in_no_file(void **state)
{
    struct fixture *f = *state;

    say_and_trim(f);
    check_is_gone(f);
}

static void what_was_trimmed_goes_where_checkpoints_are_made_beside(void **state)
{
    struct fixture *f = *state;
    int due = 0;
    struct pl_sqlite_checkpointer *checkpointer = open_beside(f, &due);

    say_and_trim(f);
    assert_true(file_has(f, PL_SQLITE_FILE "-wal", "SECRETSECRET"));
    assert_true(due > 0);
    assert_int_equal(pl_sqlite_checkpointer_run(checkpointer), PL_OK);
    begin(&f->store);
    assert_int_equal(f->store.ops->add_log(f->store.self, 5, 0), PL_OK);
    commit(&f->store);
    check_is_gone(f);
    pl_sqlite_checkpointer_close(checkpointer);
}

static void open_says_what_is_wrong_with_the_folder(void **state)
{
    struct fixture *f = *state;
    struct pl_sqlite_config config = {.dir = "/dev/null/data"};
    struct pl_sqlite_store *store = NULL;
    struct pl_store_problem problem;

    (void)f;
    assert_int_equal(pl_sqlite_store_open(&config, &store, &problem), PL_E_IO);
    assert_non_null(strstr(problem.text, "/dev/null"));
    assert_non_null(strstr(problem.text, strerror(ENOTDIR)));
    assert_null(store);
}

static void open_fails_cleanly_without_memory(void **state)
{
    struct fixture *f = *state;
    uint64_t nth = 0;
    int rc;

    pl_sqlite_store_close(f->sqlite);
    f->sqlite = NULL;
    do {
        struct pl_store_problem problem;

        pl_mem_fail_at(++nth);
        rc = pl_sqlite_store_open(&f->config, &f->sqlite, &problem);
        if (rc != PL_OK) {
            assert_int_equal(rc, PL_E_NOMEM);
            assert_true(problem.text[0] != 0);
            assert_null(f->sqlite);
        }
    } while (rc != PL_OK);
    assert_false(pl_mem_failed());
    assert_true(nth > 3);
    pl_mem_fail_at(0);
    f->store = pl_sqlite_store_iface(f->sqlite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fresh_store_has_zero_counters, setup, teardown),
        cmocka_unit_test_setup_teardown(store_holds_what_its_twin_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_committed_is_gone_after_reopening, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rollback_without_a_transaction_is_harmless, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(logs_end_where_the_next_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(facts_that_exclude_each_other_are_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(work_that_is_not_for_one_is_passed_over_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wal_goes_into_the_database_as_it_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(wal_begins_anew_where_checkpoints_are_made_beside, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(commits_checkpoint_where_who_was_asked_does_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wal_grows_while_it_is_read_and_begins_anew_after, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(checkpointer_fails_cleanly_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_trimmed_is_in_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_trimmed_goes_where_checkpoints_are_made_beside,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(open_says_what_is_wrong_with_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(open_fails_cleanly_without_memory, setup, teardown),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
