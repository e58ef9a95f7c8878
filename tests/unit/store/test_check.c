/* test_check.c - what is right is found right, and each thing that is not is found. */
#include "../core/run.h"
#include "base/diag.h"
#include "base/mem.h"
#include "folder.h"
#include "store/check.h"
#include "store/lock.h"
#include "store/sqlite.h"
#include "town.h"
#include "wire/event.h"
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

enum { RUN_BATCHES = 150, RUN_SEEDS = 6, RUN_CHUNK_LEN = 8 };

struct fixture {
    struct folder good;   /* never changed */
    struct folder folder; /* a copy of its own for each test */
    char path[512];
    struct pl_check_config config;
    struct pl_check_report report;
    struct pl_store_problem problem;
    struct pl_bytebuf found; /* a line each */
    struct pl_bytebuf parts; /* likewise */
};

static void on_part(void *self, const char *part, uint64_t total)
{
    (void)self;
    (void)part;
    (void)total;
}

static void on_progress(void *self, uint64_t done)
{
    (void)self;
    (void)done;
}

static void on_part_done(void *self, const char *part, uint64_t done, uint64_t found)
{
    struct fixture *f = self;

    pl_bytebuf_printf(&f->parts, "%s %s %d\n", part, done > 0 ? "some" : "none", (int)found);
}

static void on_finding(void *self, const char *text, const char *advice)
{
    struct fixture *f = self;

    assert_null(strchr(text, '\n'));
    pl_bytebuf_printf(&f->found, "%s; %s\n", text, advice);
}

static const struct pl_check_ops ops = {on_part, on_progress, on_part_done, on_finding};

static int setup_all(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    assert_int_equal(pl_secret_init(), PL_OK);
    folder_make(&f->good);
    town_make(&f->good);
    *state = f;
    return 0;
}

static int teardown_all(void **state)
{
    struct fixture *f = *state;

    folder_remove(&f->good);
    pl_free(f);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = *state;
    char from[512];

    folder_make(&f->folder);
    assert_int_equal(mkdir(f->folder.data, 0700), 0);
    snprintf(from, sizeof from, "%s/%s", f->good.data, PL_SQLITE_FILE);
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder.data, PL_SQLITE_FILE);
    town_copy(from, f->path);
    f->config = (struct pl_check_config){.dir = f->folder.data,
                                         .decoder = pl_wire_event_decoder(),
                                         .ops = &ops,
                                         .self = f,
                                         .request_chunk_len = TOWN_CHUNK_LEN,
                                         .pass_len = 2};
    pl_bytebuf_init(&f->found, 1 << 20);
    pl_bytebuf_init(&f->parts, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_bytebuf_done(&f->found);
    pl_bytebuf_done(&f->parts);
    folder_remove(&f->folder);
    return 0;
}

static int check(struct fixture *f)
{
    pl_bytebuf_clear(&f->found);
    pl_bytebuf_clear(&f->parts);
    return pl_check_run(&f->config, &f->report, &f->problem);
}

static void assert_sound(struct fixture *f)
{
    assert_int_equal(check(f), PL_OK);
    assert_string_equal(f->found.size > 0 ? pl_bytebuf_cstr(&f->found) : "", "");
    assert_int_equal(f->report.findings, 0);
}

static void assert_finds(struct fixture *f, const char *text)
{
    int rc = check(f);

    if (rc != PL_OK || f->found.size == 0 || strstr(pl_bytebuf_cstr(&f->found), text) == NULL)
        fail_msg("not found: %s; found %d: %s", text, rc,
                 f->found.size > 0 ? pl_bytebuf_cstr(&f->found) : "nothing");
    assert_true(f->report.findings > 0);
}

static void all_parts_of_what_is_right_are_right(void **state)
{
    struct fixture *f = *state;

    assert_sound(f);
    assert_string_equal(pl_bytebuf_cstr(&f->parts),
                        "version none 0\npages some 0\ntables some 0\ncounters some 0\n"
                        "users some 0\nsessions some 0\nrooms some 0\nevents some 0\n"
                        "members some 0\nspans some 0\nthreads some 0\nmentions some 0\n"
                        "work some 0\nrequest ids some 0\n");
    f->config.quick = true;
    f->config.pass_len = 0;
    assert_sound(f);
}

/* Each row: what was done to the database, and a piece of what is said of it. */
static const struct {
    const char *sql;
    const char *said;
} damages[] = {
    {"DELETE FROM meta", "counters: they are not there"},
    {"UPDATE meta SET last_user = -1", "counters: one is less than 0"},
    {"UPDATE meta SET log = 5", "counters: the last log is not the one in use"},
    {"UPDATE logs SET start = 99999", "logs: number 1 begins at position 99999"},
    {"UPDATE meta SET last_user = 9", "users: there is none from 5 on"},
    {"UPDATE meta SET last_user = 3", "users: there is a 4, and the last one given out is 3"},
    {"DELETE FROM users WHERE id = 3", "users: after 2 comes 4; those between are gone"},
    {"UPDATE users SET name = 'A b' WHERE id = 1", "user 1: the name is none"},
    {"UPDATE users SET kind = 9 WHERE id = 1", "user 1: a value is not one that can be there"},
    {"UPDATE users SET kind = 0 WHERE id = 1", "user 1: state or kind is none"},
    {"UPDATE users SET room_count = 8 WHERE id = 1", "user 1 (ana): is in 4 rooms"},
    {"UPDATE users SET state = 3 WHERE id = 2", "user 2 (bob): has ended, and has"},
    {"DELETE FROM sessions WHERE user = 1", "user 1 (ana): a guest without a session"},
    {"UPDATE users SET create_ms = 9223372036854775807 WHERE id = 1",
     "user 1 (ana): a time is later than the last batch"},
    {"UPDATE sessions SET id = 77 WHERE id = 1", "session 77: the last one given out is"},
    {"UPDATE sessions SET user = 4 WHERE id = 1",
     "session 1: its user 4 is not there or has ended"},
    {"UPDATE sessions SET token_hash = x'00' WHERE id = 1",
     "session 1: a value is not one that can be there"},
    {"UPDATE sessions SET used_ms = 1 WHERE id = 1",
     "session 1: was used at a time that cannot be"},
    {"UPDATE meta SET last_room = 44", "rooms: the last one is 6, and the last one given out 44"},
    {"DELETE FROM rooms WHERE name = 'lobby'", "rooms: there is no lobby"},
    {"DELETE FROM rooms WHERE id = 3", "rooms: after 2 comes 4; those between are gone"},
    {"UPDATE rooms SET name = 'A b' WHERE id = 2", "room 2: the name is none"},
    {"UPDATE rooms SET settings_version = 0 WHERE id = 2", "room log (2): a setting is none"},
    {"UPDATE rooms SET part = (part + 1) % 64 WHERE id = 2", "room log (2): is in the wrong"},
    {"UPDATE rooms SET direct_high = 99 WHERE id = 3",
     "room @3 (3): its name, or whose direct room it is"},
    {"UPDATE rooms SET first_sequence = 0 WHERE id = 2",
     "room log (2): the figures of its log exclude each other"},
    {"UPDATE rooms SET trimmed_position = 1 WHERE id = 2",
     "room log (2): what retention has taken is not what is missing"},
    {"UPDATE rooms SET trim_due_ms = 7 WHERE id = 2",
     "room log (2): its log is to be trimmed at 0"},
    {"UPDATE rooms SET member_count = 7 WHERE id = 2",
     "room log (2): 2 are in it, and 7 are said to be"},
    {"DELETE FROM events WHERE room = 2 AND sequence = 5",
     "room 2: its log has sequence 6 where 5 belongs"},
    {"DELETE FROM events WHERE room = 2 AND sequence = 5", "positions were given out"},
    {"DELETE FROM events WHERE room = 6 AND sequence = (SELECT first_sequence FROM rooms WHERE "
     "id = 6)",
     "room 6: its log ends with sequence 0 at position 0"},
    {"DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
     "events: the last position is"},
    {"UPDATE events SET position = 77777 WHERE position = (SELECT max(position) FROM events)",
     "event 77777: the last position given out is"},
    {"UPDATE events SET sequence = 7777 WHERE room = 2 AND sequence = 5",
     "room 2: its log has sequence 7777 where 5 belongs"},
    {"UPDATE events SET messages = 7 WHERE room = 2 AND sequence = 5",
     "counts 7 messages of room 2, and 2 are right"},
    {"UPDATE events SET kind = 10 WHERE room = 2 AND sequence = 1", "its bytes say sequence 1"},
    {"UPDATE events SET kind = 99 WHERE room = 2 AND sequence = 1", "kind 99 is none"},
    {"UPDATE events SET create_ms = 5 WHERE room = 2 AND sequence = 5", "time runs back"},
    {"UPDATE events SET actor = 99 WHERE room = 2 AND sequence = 5", "user 99 never was"},
    {"UPDATE events SET thread = 8 WHERE room = 2 AND sequence = 5",
     "cannot belong to the thread 8"},
    {"UPDATE events SET room = 99 WHERE room = 2 AND sequence = 5", "room 99 never was"},
    {"UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 'a', 'e') AS BLOB) "
     "WHERE room = 2 AND sequence = 5",
     "its bytes are not those that were written"},
    {"UPDATE events SET sum = sum + 1 WHERE room = 2 AND sequence = 5",
     "its bytes are not those that were written"},
    {"UPDATE events SET sum = NULL, bytes = x'ff00ff' WHERE room = 2 AND sequence = 5",
     "its 3 bytes are no event"},
    {"UPDATE events SET (bytes, sum) = (SELECT bytes, sum FROM events WHERE room = 2 AND "
     "sequence = 4) WHERE room = 2 AND sequence = 5",
     "its bytes are not those that were written"},
    {"UPDATE events SET sum = NULL, bytes = (SELECT bytes FROM events WHERE room = 2 AND "
     "sequence = 4) WHERE room = 2 AND sequence = 5",
     "its bytes say sequence 4 of room log, kind 10"},
    {"UPDATE rooms SET name = 'other' WHERE id = 2", "of room log, kind 20; the row says"},
    {"UPDATE rooms SET last_sequence = 999 WHERE id = 2", "is said to end with 999"},
    {"UPDATE rooms SET message_count = 5 WHERE id = 2", "the room says 5"},
    {"UPDATE rooms SET last_message_sequence = 5 WHERE id = 2", "the last one 5"},
    {"UPDATE rooms SET first_ms = 5 WHERE id = 2", "room 2: its first event is of"},
    {"UPDATE rooms SET trimmed_position = 999999 WHERE name = 'brief'",
     "is kept, and is said to be trimmed"},
    {"UPDATE members SET read_sequence = 9999 WHERE room = 2 AND user = 2",
     "room log: user 2 has read up to 9999"},
    {"UPDATE members SET read_count = 99 WHERE room = 2 AND user = 1",
     "and is said to have read 99"},
    {"UPDATE members SET read_sequence = 1, read_count = 99 WHERE user = 2 AND room = "
     "(SELECT id FROM rooms WHERE name = 'brief')",
     "room brief: user 2 has read 99 messages, and only"},
    {"UPDATE members SET name = 'bib' WHERE room = 2 AND user = 2",
     "room log: its member 2 is listed as bib, and is called bob"},
    {"UPDATE members SET user = 99 WHERE room = 2 AND user = 2",
     "room log: its member 99 is not there or has ended"},
    {"UPDATE members SET role = 0 WHERE room = 2 AND user = 2", "member 2: state or role is none"},
    {"UPDATE members SET role = 9 WHERE room = 2 AND user = 2",
     "member 2 of room 2: a value is not one"},
    {"UPDATE members SET room = 99 WHERE room = 2 AND user = 2", "member 2: room 99 never was"},
    {"UPDATE spans SET until = 999999 WHERE user = 3 AND room = 2", "to 999999 cannot be"},
    {"UPDATE spans SET start = 1, until = 9223372036854775807 WHERE user = 3 AND room = 2 AND "
     "start = (SELECT min(start) FROM spans WHERE user = 3 AND room = 2)",
     "before the one before it ends"},
    {"INSERT INTO spans VALUES (4, 2, 3, 4)", "is kept, and the user is not in it"},
    {"UPDATE spans SET until = 9223372036854775807 WHERE user = 3 AND room = 2",
     "is open, and the user is not in it"},
    {"DELETE FROM spans WHERE user = 2 AND room = 2", "spans: 10 are open, and 11 members"},
    {"UPDATE threads SET size = 9",
     "thread 4 has 2 messages, the last one 7, and is said to have 9"},
    {"UPDATE threads SET last_message = 9", "and is said to have 2, the last one 9"},
    {"DELETE FROM threads", "room log: thread 4 has 2 messages and is not kept"},
    {"INSERT INTO threads VALUES (2, 5, 9, 1)", "room 2: thread 5 is kept and has no messages"},
    {"DELETE FROM mentions WHERE user = 1 AND room = 2",
     "the message mentions 2 users, and 1 are remembered"},
    {"UPDATE mentions SET number = 7 WHERE user = 2 AND room = 2 AND sequence = 5",
     "mentions of user 2 in room 2: after number 1 comes 7"},
    {"UPDATE mentions SET user = 77 WHERE user = 1 AND room = 2", "user 77 never was"},
    {"INSERT INTO mentions VALUES (1, 2, 1, 2)", "in room 2: 1 is no message that is kept"},
    {"INSERT INTO mentions VALUES (3, 2, 6, 1)", "are remembered, and the messages have"},
    {"UPDATE work SET sequence = 999 WHERE sequence = (SELECT max(sequence) FROM work)",
     "work: sequence 999 of room"},
    {"UPDATE work SET sender = 3", "was sent by user 1, not by 3"},
    {"UPDATE work SET taker = 5 WHERE lease = 0", "its lease cannot be"},
    {"UPDATE work SET lease = 999 WHERE lease <> 0", "its lease cannot be"},
    {"UPDATE work SET attempts = -1", "work of room 5: a value is not one"},
    {"UPDATE requests SET sequence = 4 WHERE id = 7",
     "request 7: sequence 4 of room log is not the message that it led to"},
    {"UPDATE requests SET sequence = 99999 WHERE id = 7", "request 7: sequence 99999 of room log"},
    {"UPDATE requests SET content = x'00' WHERE id = 7", "request 7: its number, user or content"},
    {"UPDATE requests SET create_ms = 7 WHERE id = 7", "the oldest are forgotten first"},
    {"UPDATE requests SET target = printf('%99d', 1) WHERE id = 7",
     "request 7: a value is not one"},
    {"DELETE FROM request_secret", "request ids: the secret that they are found by"},
    {"UPDATE request_secret SET secret = randomblob(16)", "is not among the keys of its chunk"},
    {"DELETE FROM request_keys WHERE id < 256 * 2",
     "request 1: is not among the keys of its chunk"},
    {"UPDATE request_keys SET keys = CAST(keys || x'00' AS BLOB) WHERE id < 256 * 2",
     "have 7 bytes"},
    {"UPDATE request_filters SET rows = zeroblob(length(rows))", "request 1: is not in its filter"},
    {"UPDATE request_filters SET rows = x'00'", "request ids: filter 0 has 1 bytes"},
    {"UPDATE requests SET request_id = 'request-5' WHERE id = 7",
     "user 2 has sent both under one request_id"},
    {"DROP INDEX work_free", "tables: index work_free is not there"},
    {"ALTER TABLE users ADD COLUMN more INTEGER", "tables: table users is not as parlad made it"},
    {"CREATE TABLE more (a)", "tables: table more is none of parlad's"},
    {"PRAGMA application_id = 5", "this is not a database of parlad's"},
};

static void each_damage_is_found(void **state)
{
    struct fixture *f = *state;
    char from[512];

    snprintf(from, sizeof from, "%s/%s", f->good.data, PL_SQLITE_FILE);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        town_copy(from, f->path);
        town_sql(f->path, damages[i].sql);
        assert_finds(f, damages[i].said);
    }
}

/* The index goes on as it was while its table moves. */
static void an_index_that_is_not_its_tables_is_found(void **state)
{
    struct fixture *f = *state;

    town_sql(f->path, "PRAGMA writable_schema = 1;"
                      "CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = "
                      "'sessions_used';"
                      "DELETE FROM sqlite_schema WHERE name = 'sessions_used'");
    town_sql(f->path, "UPDATE sessions SET create_ms = 0, used_ms = used_ms - 1 WHERE id = 2");
    town_sql(f->path, "PRAGMA writable_schema = 1;"
                      "INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept");
    assert_finds(f, "missing from index sessions_used; stop parlad, run: sqlite3 parla.db REINDEX");
    f->config.quick = true;
    assert_sound(f);
    town_sql(f->path, "REINDEX");
    f->config.quick = false;
    assert_sound(f);
}

static void many_findings_of_a_kind_are_counted(void **state)
{
    struct fixture *f = *state;

    town_sql(f->path, "UPDATE requests SET content = x'00'");
    assert_finds(f, "request ids: 190 findings more");
    assert_int_equal(f->report.findings, TOWN_CHUNK_LEN * 70);
}

static void cut_or_overwritten_files_are_found(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    FILE *file;

    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(truncate(f->path, st.st_size / 2), 0);
    assert_finds(f, "restore a backup");
    assert_int_equal(truncate(f->path, 50), 0);
    assert_finds(f, "restore a backup");
    assert_int_equal(truncate(f->path, 0), 0);
    assert_finds(f, "it is empty");
    file = fopen(f->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 10000; i++)
        fputc(i * 7 % 256, file);
    fclose(file);
    assert_finds(f, "not a database");
}

/* Whatever a bit is, the check ends, and says something or finds nothing wrong; of
 * free space and of texts nothing else is known. */
static void flipped_bits_never_break_the_check(void **state)
{
    struct fixture *f = *state;
    char from[512];
    uint64_t random = 6;
    uint32_t found = 0, tries = 150;
    struct stat st;

    snprintf(from, sizeof from, "%s/%s", f->good.data, PL_SQLITE_FILE);
    assert_int_equal(stat(from, &st), 0);
    for (uint32_t i = 0; i < tries; i++) {
        long at = (long)random_below(&random, (uint32_t)st.st_size);
        int byte, rc;
        FILE *file;

        town_copy(from, f->path);
        file = fopen(f->path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        byte = fgetc(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        fputc(byte ^ 1 << random_below(&random, 8), file);
        fclose(file);
        rc = check(f);
        assert_true(rc == PL_OK || rc == PL_E_VERSION);
        found += f->report.findings > 0 || rc < 0;
    }
    assert_true(found > tries / 10);
}

static void what_is_not_there_or_cannot_be_read_is_told(void **state)
{
    struct fixture *f = *state;

    town_sql(f->path, "PRAGMA user_version = 99");
    assert_int_equal(check(f), PL_E_VERSION);
    assert_non_null(strstr(f->problem.text, "its version is 99"));
    town_sql(f->path, "PRAGMA user_version = 1");
    assert_int_equal(check(f), PL_E_VERSION);
    assert_non_null(strstr(f->problem.text, "start parlad, which brings it up to date"));
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(check(f), PL_E_NOTFOUND);
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_int_equal(check(f), PL_E_IO);
    assert_int_equal(rmdir(f->path), 0);
    f->config.dir = "nowhere/at/all";
    assert_int_equal(check(f), PL_E_NOTFOUND);
    assert_non_null(strstr(f->problem.text, "there is no database"));
    assert_int_equal(access("nowhere", F_OK), -1); /* looking makes nothing */
}

static void nothing_is_changed_and_no_server_can_start_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct pl_data_lock *lock;
    char wal[600];
    uint8_t *before, *after;
    size_t before_size, after_size;

    before = folder_read(&f->folder, PL_SQLITE_FILE, &before_size);
    assert_sound(f);
    after = folder_read(&f->folder, PL_SQLITE_FILE, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    pl_free(before);
    pl_free(after);
    snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_equal(access(wal, F_OK), -1);
    assert_false(f->report.beside);

    assert_int_equal(pl_data_lock_open(f->folder.data, &lock, NULL), PL_OK);
    assert_sound(f);
    assert_true(f->report.beside);
    pl_data_lock_close(lock);
}

/* A store that is open, and whose WAL holds what the database has not. */
static void beside_a_store_it_sees_what_was_committed(void **state)
{
    struct fixture *f = *state;
    const struct pl_sqlite_config config = {.dir = f->folder.data,
                                            .durability = PL_DURABILITY_WRITTEN,
                                            .request_chunk_len = TOWN_CHUNK_LEN};
    struct pl_sqlite_store *store;
    struct pl_store iface;
    struct pl_meta meta;

    assert_int_equal(pl_sqlite_store_open(&config, &store, NULL), PL_OK);
    iface = pl_sqlite_store_iface(store);
    assert_int_equal(iface.ops->begin(iface.self), PL_OK);
    assert_int_equal(iface.ops->get_meta(iface.self, &meta), PL_OK);
    meta.batch++;
    assert_int_equal(iface.ops->put_meta(iface.self, &meta), PL_OK);
    assert_int_equal(iface.ops->commit(iface.self), PL_OK);
    assert_int_equal(iface.ops->begin(iface.self), PL_OK);
    meta.batch++;
    assert_int_equal(iface.ops->put_meta(iface.self, &meta), PL_OK);
    assert_sound(f);
    assert_int_equal(f->report.meta.batch, meta.batch - 1);
    iface.ops->rollback(iface.self);
    pl_sqlite_store_close(store);
}

static void any_allocation_may_fail(void **state)
{
    struct fixture *f = *state;
    uint64_t nth = 1;
    int rc;

    for (;; nth++) {
        pl_bytebuf_clear(&f->found);
        pl_mem_fail_at(nth);
        rc = pl_check_run(&f->config, &f->report, &f->problem);
        if (!pl_mem_failed())
            break;
        pl_mem_fail_at(0);
        if (rc == PL_OK) /* what was to be told of could not be; or it was not needed */
            assert_int_equal(f->report.findings, 0);
        else
            assert_int_equal(rc, PL_E_NOMEM);
        if (nth > 200 && nth < 100000)
            nth += nth / 20;
    }
    pl_mem_fail_at(0);
    assert_int_equal(rc, PL_OK);
    assert_int_equal(f->report.findings, 0);
}

/* Random batches by the engine, on the disk alone. */
struct disk {
    struct pl_sqlite_store *store;
    struct pl_engine *engine;
};

static void open_disk(struct fixture *f, struct disk *disk, const struct world *world)
{
    const struct pl_sqlite_config config = {.dir = f->folder.data,
                                            .durability = PL_DURABILITY_WRITTEN,
                                            .request_chunk_len = RUN_CHUNK_LEN};
    struct pl_engine_config engine = world->config;

    assert_int_equal(pl_sqlite_store_open(&config, &disk->store, NULL), PL_OK);
    engine.store = pl_sqlite_store_iface(disk->store);
    engine.encoder = pl_wire_event_encoder();
    assert_int_equal(pl_engine_new(&engine, &disk->engine), PL_OK);
}

static void close_disk(struct disk *disk)
{
    pl_engine_free(disk->engine);
    pl_sqlite_store_close(disk->store);
}

static void apply_both(struct run *run, struct disk *disk)
{
    struct pl_effects effects;

    assert_int_equal(world_apply(&run->world), PL_OK);
    pl_effects_init(&effects, PL_BUF_SIZE_MAX);
    assert_int_equal(pl_engine_apply(disk->engine, &run->world.batch, &effects), PL_OK);
    pl_effects_done(&effects);
    run_follow(run);
}

static void run_seed(struct fixture *f, uint64_t seed)
{
    struct run run;
    struct disk disk;

    assert_int_equal(unlink(f->path), 0);
    run_init(&run, seed);
    open_disk(f, &disk, &run.world);
    run_gather_start(&run);
    apply_both(&run, &disk);
    for (uint32_t i = 1; i <= RUN_BATCHES; i++) {
        run_gather(&run);
        apply_both(&run, &disk);
        if (pl_engine_due_ms(disk.engine) <= run.world.now_ms) {
            run_gather_expire(&run);
            apply_both(&run, &disk);
        }
        if (i % 50 == 0)
            assert_sound(f); /* beside the store */
    }
    close_disk(&disk);
    run_done(&run);
    assert_sound(f);
}

static void what_the_engine_makes_is_sound(void **state)
{
    struct fixture *f = *state;

    f->config.request_chunk_len = RUN_CHUNK_LEN;
    for (uint64_t seed = 1; seed <= RUN_SEEDS; seed++)
        run_seed(f, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_parts_of_what_is_right_are_right, setup, teardown),
        cmocka_unit_test_setup_teardown(each_damage_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_index_that_is_not_its_tables_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(many_findings_of_a_kind_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_or_overwritten_files_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(flipped_bits_never_break_the_check, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_or_cannot_be_read_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_changed_and_no_server_can_start_meanwhile, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(beside_a_store_it_sees_what_was_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(any_allocation_may_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_engine_makes_is_sound, setup, teardown),
    };

    pl_diag_set(PL_DIAG_ERROR, PL_DIAG_TEXT);
    return cmocka_run_group_tests_name("check", tests, setup_all, teardown_all);
}
