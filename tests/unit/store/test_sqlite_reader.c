/* test_sqlite_reader.c - pages of what lasts, against a naive reading of the
 * in-memory twin; snapshots; and what SQLite's planner makes of every query. */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "folder.h"
#include "load.h"
#include "naive.h"
#include "store/memory.h"
#include "store/reader_state.h"
#include "store/sqlite.h"
#include "store/sqlite_stmt.h"
#include "store/sqlite_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_sqlite_store *sqlite;
    struct pl_store store;
    struct pl_store twin;
    struct pl_reader reader;
    struct load load;
    uint64_t random;
};

static int setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    folder_make(&f->folder);
    f->config =
        (struct pl_sqlite_config){.dir = f->folder.data, .durability = PL_DURABILITY_WRITTEN};
    assert_int_equal(pl_sqlite_store_open(&f->config, &f->sqlite, NULL), PL_OK);
    f->store = pl_sqlite_store_iface(f->sqlite);
    assert_int_equal(pl_memory_store_new(&f->twin), PL_OK);
    assert_int_equal(pl_sqlite_reader_open(&f->config, &f->reader, NULL), PL_OK);
    f->random = 11;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pl_sqlite_reader_close(&f->reader);
    pl_sqlite_store_close(f->sqlite);
    pl_memory_store_free(&f->twin);
    folder_remove(&f->folder);
    pl_free(f);
    return 0;
}

/* Both stores get the same batches. */
static void grow(struct fixture *f, int batches)
{
    for (int i = 0; i < batches; i++) {
        uint64_t seed = random_next(&f->random);
        struct load again = f->load;

        assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
        assert_int_equal(load_apply(&f->load, &f->store, seed, 10), PL_OK);
        assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
        assert_int_equal(f->twin.ops->begin(f->twin.self), PL_OK);
        assert_int_equal(load_apply(&again, &f->twin, seed, 10), PL_OK);
        assert_int_equal(f->twin.ops->commit(f->twin.self), PL_OK);
    }
}

static void begin(struct fixture *f)
{
    assert_int_equal(f->reader.ops->begin(f->reader.self), PL_OK);
}

static void end(struct fixture *f)
{
    f->reader.ops->end(f->reader.self);
}

static int on_user(void *arg, const struct pl_user *user)
{
    naive_put_user(arg, user);
    return 0;
}

static int on_room(void *arg, const struct pl_room *room, const struct pl_member *member,
                   uint64_t mentions)
{
    naive_put_room(arg, room, member, mentions);
    return 0;
}

static int on_member(void *arg, const struct pl_member *member, const char *name)
{
    naive_put_member(arg, member, name);
    return 0;
}

static int on_message(void *arg, const struct pl_message_row *row)
{
    naive_put_message(arg, row->sequence, row->thread_size, row->event);
    return 0;
}

static int on_event(void *arg, const struct pl_page_row *row)
{
    if (row->state != NULL)
        naive_put_state(arg, row->position, row->state);
    else
        naive_put_event(arg, row->position, row->room, row->sequence, row->event);
    return 0;
}

/* What the reader gave and what it should have given. */
struct texts {
    struct pl_bytebuf got;
    struct pl_bytebuf want;
    size_t total;
    uint32_t states; /* rooms' states that were compared */
};

static void texts_init(struct texts *texts)
{
    pl_bytebuf_init(&texts->got, 1 << 20);
    pl_bytebuf_init(&texts->want, 1 << 20);
    texts->total = 0;
    texts->states = 0;
}

static void texts_check(struct texts *texts)
{
    assert_string_equal(pl_bytebuf_cstr(&texts->got), pl_bytebuf_cstr(&texts->want));
    texts->total += texts->got.size;
    for (const char *at = pl_bytebuf_cstr(&texts->got); (at = strstr(at, "state ")) != NULL; at++)
        texts->states += at == pl_bytebuf_cstr(&texts->got) || at[-1] == '\n';
    pl_bytebuf_clear(&texts->got);
    pl_bytebuf_clear(&texts->want);
}

static void texts_done(struct texts *texts)
{
    assert_true(texts->total > 1000); /* else it has compared nothing with nothing */
    pl_bytebuf_done(&texts->got);
    pl_bytebuf_done(&texts->want);
}

static void lists_are_those_of_the_twin(void **state)
{
    static const char *const after[] = {"", "a", "user1", "user5", "b-room2", "zzz", "\xff"};
    static const char *const prefix[] = {"", "u", "user1", "user", "v", "\xff", "\xff\xff"};
    struct fixture *f = *state;
    struct pl_reader *r = &f->reader;
    struct texts texts;

    texts_init(&texts);
    for (int round = 0; round < 10; round++) {
        grow(f, 15);
        begin(f);
        for (int i = 0; i < 200; i++) {
            const char *a = after[random_below(&f->random, 7)];
            const char *p = prefix[random_below(&f->random, 7)];
            pl_user_id user = {1 + random_below(&f->random, LOAD_USERS_MAX)};
            pl_room_id room = {1 + random_below(&f->random, LOAD_ROOMS_MAX)};
            uint32_t len = random_below(&f->random, 12);
            bool unjoined = random_below(&f->random, 2) == 0;

            assert_int_equal(r->ops->list_users(r->self, p, a, len, on_user, &texts.got), PL_OK);
            naive_users(&f->twin, p, a, len, &texts.want);
            texts_check(&texts);
            assert_int_equal(
                r->ops->list_rooms(r->self, user, unjoined, a, len, on_room, &texts.got), PL_OK);
            naive_rooms(&f->twin, user, unjoined, a, len, &texts.want);
            texts_check(&texts);
            assert_int_equal(r->ops->list_members(r->self, room, a, len, on_member, &texts.got),
                             PL_OK);
            naive_members(&f->twin, room, a, len, &texts.want);
            texts_check(&texts);
        }
        end(f);
    }
    texts_done(&texts);
}

static void messages_are_those_of_the_twin(void **state)
{
    struct fixture *f = *state;
    struct texts texts;

    texts_init(&texts);
    for (int round = 0; round < 10; round++) {
        grow(f, 20);
        begin(f);
        for (int i = 0; i < 300; i++) {
            struct pl_message_query query = {
                .room = {1 + random_below(&f->random, LOAD_ROOMS_MAX)},
                .before = random_below(&f->random, 2) * random_below(&f->random, 80),
                .after = random_below(&f->random, 2) * random_below(&f->random, 60),
                .ascending = random_below(&f->random, 2) == 0,
                .thread = random_below(&f->random, 2) * random_below(&f->random, 50),
                .len_max = random_below(&f->random, 20),
            };

            if (i % 20 == 0)
                query.before = UINT64_MAX;
            assert_int_equal(
                f->reader.ops->list_messages(f->reader.self, &query, on_message, &texts.got),
                PL_OK);
            naive_messages(&f->twin, &query, &texts.want);
            texts_check(&texts);
        }
        end(f);
    }
    texts_done(&texts);
}

/* Appends to both stores an event of room 1. */
static void append_both(struct fixture *f, pl_sequence sequence, uint64_t message_no)
{
    struct pl_event_row row = {.position = sequence,
                               .room = {1},
                               .sequence = sequence,
                               .kind = message_no != 0 ? PL_EVENT_MESSAGE_SENT
                                                       : PL_EVENT_MEMBER_CHANGED,
                               .message_no = message_no};

    row.bytes = pl_buf_copy(&sequence, sizeof sequence);
    assert_non_null(row.bytes);
    assert_int_equal(f->store.ops->append_event(f->store.self, &row), PL_OK);
    assert_int_equal(f->twin.ops->append_event(f->twin.self, &row), PL_OK);
    pl_buf_unref(row.bytes);
}

static void long_runs_without_messages_are_leapt_over(void **state)
{
    struct fixture *f = *state;
    pl_sequence sequence = 0;
    uint64_t message_no = 0;
    struct texts texts;

    assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
    assert_int_equal(f->twin.ops->begin(f->twin.self), PL_OK);
    for (int i = 0; i < 40; i++) {
        for (uint32_t run = random_below(&f->random, i % 3 == 0 ? 200 : 40); run > 0; run--)
            append_both(f, ++sequence, 0);
        for (uint32_t run = random_below(&f->random, 4); run > 0; run--)
            append_both(f, ++sequence, ++message_no);
    }
    for (int i = 0; i < 100; i++)
        append_both(f, ++sequence, 0);
    assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
    assert_int_equal(f->twin.ops->commit(f->twin.self), PL_OK);
    for (pl_sequence through = 0; through <= sequence + 1; through++) {
        uint64_t count = 0, want = 0;

        assert_int_equal(
            f->store.ops->count_messages(f->store.self, (pl_room_id){1}, through, &count), PL_OK);
        assert_int_equal(f->twin.ops->count_messages(f->twin.self, (pl_room_id){1}, through, &want),
                         PL_OK);
        assert_int_equal(count, want);
    }
    texts_init(&texts);
    begin(f);
    for (int i = 0; i < 2000; i++) {
        struct pl_message_query query = {
            .room = {1},
            .before = random_below(&f->random, 3) * random_below(&f->random, (uint32_t)sequence),
            .after = random_below(&f->random, 2) * random_below(&f->random, (uint32_t)sequence),
            .ascending = i % 2 == 0,
            .len_max = random_below(&f->random, 10),
        };

        assert_int_equal(
            f->reader.ops->list_messages(f->reader.self, &query, on_message, &texts.got), PL_OK);
        naive_messages(&f->twin, &query, &texts.want);
        texts_check(&texts);
    }
    end(f);
    texts_done(&texts);
}

/* A stream's query with everything about it random. */
static void make_query(struct fixture *f, struct pl_page_query *query, pl_room_id *rooms,
                       struct pl_backlog_room *backlog)
{
    uint32_t position = (uint32_t)f->load.meta.position;

    *query = (struct pl_page_query){
        .user = {1 + random_below(&f->random, LOAD_USERS_MAX)},
        .after = random_below(&f->random, 3) * random_below(&f->random, position) / 2,
        .all = random_below(&f->random, 2) == 0,
        .rooms = rooms,
        .len_max = random_below(&f->random, 40),
        .size_max = random_below(&f->random, 3) == 0 ? random_below(&f->random, 2000) : SIZE_MAX,
    };
    for (uint32_t i = random_below(&f->random, LOAD_ROOMS_MAX); i > 0; i--)
        rooms[query->rooms_len++].v = 1 + random_below(&f->random, LOAD_ROOMS_MAX + 2);
    query->backlog.kind = (enum pl_backlog_kind)random_below(&f->random, 3);
    if (query->backlog.kind != PL_BACKLOG_NONE)
        query->backlog.until = random_below(&f->random, position + 1);
    query->backlog.rooms = backlog;
    for (uint64_t room = 1; room <= LOAD_ROOMS_MAX; room++) {
        if (query->backlog.kind == PL_BACKLOG_UNREAD && random_below(&f->random, 2) == 0)
            backlog[query->backlog.rooms_len++] =
                (struct pl_backlog_room){.room = {room}, .after = random_below(&f->random, 40)};
    }
}

static void pages_are_those_of_the_twin(void **state)
{
    struct fixture *f = *state;
    struct texts texts;

    texts_init(&texts);
    for (int round = 0; round < 15; round++) {
        grow(f, 20);
        begin(f);
        for (int i = 0; i < 400; i++) {
            struct pl_backlog_room backlog[LOAD_ROOMS_MAX];
            pl_room_id rooms[LOAD_ROOMS_MAX];
            struct pl_page_query query;
            pl_position through = 0;

            make_query(f, &query, rooms, backlog);
            assert_int_equal(
                f->reader.ops->read_page(f->reader.self, &query, on_event, &texts.got, &through),
                PL_OK);
            assert_int_equal(through, naive_page(&f->twin, &query, &texts.want));
            texts_check(&texts);
        }
        end(f);
    }
    assert_true(texts.states > 20);
    texts_done(&texts);
}

static void pages_in_a_row_are_the_whole_stream(void **state)
{
    struct fixture *f = *state;
    struct texts texts;

    grow(f, 200);
    texts_init(&texts);
    begin(f);
    for (uint64_t user = 1; user <= f->load.meta.last_user; user++) {
        struct pl_page_query query = {
            .user = {user}, .all = true, .len_max = UINT32_MAX, .size_max = SIZE_MAX};
        pl_position through = 0;

        query.backlog =
            (struct pl_backlog){.kind = PL_BACKLOG_BEGINNING, .until = f->load.meta.position / 2};
        (void)naive_page(&f->twin, &query, &texts.want);
        query.len_max = 7;
        query.size_max = 3000;
        while (through < f->load.meta.position) {
            query.after = through;
            assert_int_equal(
                f->reader.ops->read_page(f->reader.self, &query, on_event, &texts.got, &through),
                PL_OK);
            assert_true(through > query.after);
        }
        texts_check(&texts);
    }
    end(f);
    assert_true(texts.states > 5);
    texts_done(&texts);
}

struct stopper {
    int len;
    int answer;
};

static int stop_at_third(void *arg, const struct pl_page_row *row)
{
    struct stopper *stopper = arg;

    (void)row;
    return ++stopper->len == 3 ? stopper->answer : 0;
}

static int refuse_message(void *arg, const struct pl_message_row *row)
{
    (void)row;
    ++*(int *)arg;
    return PL_E_NOTFOUND;
}

static void callback_ends_a_list_of_messages(void **state)
{
    struct fixture *f = *state;
    struct pl_message_query query = {.len_max = 10, .ascending = true};
    int len = 0;

    grow(f, 100);
    begin(f);
    for (query.room.v = 1; len == 0; query.room.v++) {
        int rc;

        assert_true(query.room.v <= LOAD_ROOMS_MAX);
        rc = f->reader.ops->list_messages(f->reader.self, &query, refuse_message, &len);
        assert_int_equal(rc, len == 0 ? PL_OK : PL_E_NOTFOUND);
    }
    assert_int_equal(len, 1);
    end(f);
}

static void callback_ends_a_page(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {
        .all = true, .len_max = UINT32_MAX, .size_max = SIZE_MAX, .backlog = {.until = 0}};
    struct stopper stopper = {.answer = 1};
    pl_position through = 0;

    grow(f, 200);
    query.backlog =
        (struct pl_backlog){.kind = PL_BACKLOG_BEGINNING, .until = f->load.meta.position};
    begin(f);
    for (query.user.v = 1; stopper.len < 3; query.user.v++) {
        assert_true(query.user.v <= LOAD_USERS_MAX);
        stopper.len = 0;
        assert_int_equal(
            f->reader.ops->read_page(f->reader.self, &query, stop_at_third, &stopper, &through),
            PL_OK);
    }
    query.user.v--;
    assert_true(through < f->load.meta.position);
    /* an error of the callback's is not taken for one of the reader's own */
    stopper = (struct stopper){.answer = PL_E_NOTFOUND};
    assert_int_equal(
        f->reader.ops->read_page(f->reader.self, &query, stop_at_third, &stopper, &through),
        PL_E_NOTFOUND);
    assert_int_equal(stopper.len, 3);
    end(f);
}

static void reader_sees_one_committed_moment(void **state)
{
    struct fixture *f = *state;
    struct pl_meta before, meta;

    grow(f, 5);
    before = f->load.meta;
    assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
    assert_int_equal(load_apply(&f->load, &f->store, 1, 10), PL_OK);
    begin(f); /* while a batch is under way */
    assert_int_equal(f->reader.ops->get_meta(f->reader.self, &meta), PL_OK);
    assert_memory_equal(&meta, &before, sizeof meta);
    assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
    assert_int_equal(pl_sqlite_store_checkpoint(f->sqlite), PL_OK);
    for (uint64_t id = 1; id <= f->load.meta.last_room; id++) {
        struct pl_room room;

        if (f->reader.ops->find_room(f->reader.self, f->load.rooms[id].name, &room) == PL_OK)
            assert_true(room.last_position <= before.position);
    }
    end(f);
    begin(f);
    assert_int_equal(f->reader.ops->get_meta(f->reader.self, &meta), PL_OK);
    assert_memory_equal(&meta, &f->load.meta, sizeof meta);
    end(f);
}

static void reader_gets_by_key(void **state)
{
    struct fixture *f = *state;
    struct pl_session session, same;
    struct pl_member member;
    struct pl_user user;
    struct pl_room room;
    struct pl_hash none = {{0}};

    grow(f, 60);
    begin(f);
    assert_int_equal(f->reader.ops->get_user(f->reader.self, (pl_user_id){1}, &user), PL_OK);
    assert_memory_equal(&user, &f->load.users[1], sizeof user);
    assert_int_equal(f->reader.ops->get_user(f->reader.self, (pl_user_id){999}, &user),
                     PL_E_NOTFOUND);
    assert_int_equal(f->reader.ops->find_room(f->reader.self, "none", &room), PL_E_NOTFOUND);
    assert_int_equal(f->reader.ops->find_session(f->reader.self, &none, &session), PL_E_NOTFOUND);
    for (uint64_t id = 1; id <= f->load.meta.last_session; id++) {
        if (f->store.ops->get_session(f->store.self, (pl_session_id){id}, &session) < 0)
            continue;
        assert_int_equal(f->reader.ops->find_session(f->reader.self, &session.token_hash, &same),
                         PL_OK);
        assert_memory_equal(&same, &session, sizeof same);
    }
    assert_int_equal(
        f->reader.ops->get_member(f->reader.self, (pl_room_id){1}, (pl_user_id){999}, &member),
        PL_E_NOTFOUND);
    end(f);
}

static int count_row(void *arg, const struct pl_page_row *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static int count_message(void *arg, const struct pl_message_row *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

/* Reads what each user may see, from the beginning; how many were given in all, or the
 * first error. */
static int read_all(struct fixture *f, int *ret_len)
{
    struct pl_page_query query = {
        .all = true, .len_max = UINT32_MAX, .size_max = SIZE_MAX, .backlog = {.until = 0}};
    pl_position through = 0;
    int rc = PL_OK;

    query.backlog =
        (struct pl_backlog){.kind = PL_BACKLOG_BEGINNING, .until = f->load.meta.position};
    *ret_len = 0;
    begin(f);
    for (query.user.v = 1; query.user.v <= LOAD_USERS_MAX && rc == PL_OK; query.user.v++)
        rc = f->reader.ops->read_page(f->reader.self, &query, count_row, ret_len, &through);
    end(f);
    return rc;
}

static void damage(struct fixture *f, const char *sql)
{
    assert_int_equal(sqlite3_exec(f->sqlite->db.handle, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void what_was_not_written_so_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct pl_message_query query = {.len_max = 1000, .ascending = true};
    int rc = PL_OK, len = 0;

    grow(f, 200);
    assert_int_equal(read_all(f, &len), PL_OK);
    assert_true(len > 0);
    damage(f, "UPDATE events SET bytes = zeroblob(length(bytes))");
    assert_int_equal(read_all(f, &len), PL_E_CORRUPT);
    assert_int_equal(len, 0);
    begin(f);
    for (query.room.v = 1; query.room.v <= LOAD_ROOMS_MAX && rc == PL_OK; query.room.v++)
        rc = f->reader.ops->list_messages(f->reader.self, &query, count_message, &len);
    end(f);
    assert_int_equal(rc, PL_E_CORRUPT);
    assert_int_equal(len, 0);
}

static void what_stands_in_anothers_place_is_not_shown(void **state)
{
    struct fixture *f = *state;
    int len = 0;

    grow(f, 200);
    damage(f, "UPDATE events SET (bytes, sum) = (SELECT o.bytes, o.sum FROM events o "
              "WHERE o.room = events.room ORDER BY o.sequence DESC LIMIT 1)");
    assert_int_equal(read_all(f, &len), PL_E_CORRUPT);
}

static void events_out_of_order_are_damage(void **state)
{
    struct fixture *f = *state;
    int len = 0;

    grow(f, 200);
    damage(f, "UPDATE events SET position = -position; UPDATE events SET position = 1 + position + "
              "(SELECT -min(position) FROM events)");
    assert_int_equal(read_all(f, &len), PL_E_CORRUPT);
}

struct exempt {
    const char *name;
    const char *step; /* how it begins */
};

/* What is no search, and yet short. */
static const struct exempt exempts[] = {
    {"LIST_ROOMS_OWN", "USE TEMP B-TREE"},     /* sorts one user's rooms */
    {"LIST_USERS_ENDING", "SCAN users USING"}, /* of those ending, up to its LIMIT */
    {"EXPIRE_REQUESTS", "SCAN q"},             /* from the first key on, up to its LIMIT */
    {"CLEAR_LEASES", "SCAN work USING INDEX work_until"}, /* of what is leased */
};

static bool is_exempt(const char *name, const char *step)
{
    for (size_t i = 0; i < sizeof exempts / sizeof exempts[0]; i++) {
        if (strcmp(name, exempts[i].name) == 0 &&
            strncmp(step, exempts[i].step, strlen(exempts[i].step)) == 0)
            return true;
    }
    return false;
}

static void check_plans(sqlite3 *handle, const struct pl_db_sql *sql, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql[i].text);
        sqlite3_stmt *stmt = NULL;
        bool bad = false;

        assert_int_equal(sqlite3_prepare_v2(handle, explain, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(stmt, 3);

            if ((strncmp(step, "SCAN", 4) == 0 || strstr(step, "TEMP B-TREE") != NULL) &&
                strcmp(step, "SCAN CONSTANT ROW") != 0 && !is_exempt(sql[i].name, step)) {
                print_error("%s: %s\n", sql[i].name, step);
                bad = true;
            }
        }
        sqlite3_finalize(stmt);
        sqlite3_free(explain);
        assert_false(bad);
    }
}

static void no_query_scans_a_table(void **state)
{
    struct fixture *f = *state;

    check_plans(f->sqlite->db.handle, pl_store_sql, STMT_LEN);
    check_plans(f->sqlite->db.handle, pl_reader_sql, READ_LEN);
    /* nor would statistics of a real database change a plan's mind */
    grow(f, 300);
    assert_int_equal(sqlite3_exec(f->sqlite->db.handle, "ANALYZE", NULL, NULL, NULL), SQLITE_OK);
    check_plans(f->sqlite->db.handle, pl_store_sql, STMT_LEN);
    check_plans(f->sqlite->db.handle, pl_reader_sql, READ_LEN);
}

static void open_fails_cleanly_without_memory(void **state)
{
    struct fixture *f = *state;
    struct pl_reader reader = {0};
    uint64_t nth = 0;
    int rc;

    do {
        struct pl_store_problem problem;

        pl_mem_fail_at(++nth);
        rc = pl_sqlite_reader_open(&f->config, &reader, &problem);
        if (rc != PL_OK) {
            assert_int_equal(rc, PL_E_NOMEM);
            assert_true(problem.text[0] != 0);
            assert_null(reader.self);
        }
    } while (rc != PL_OK);
    assert_false(pl_mem_failed());
    assert_true(nth > 3);
    pl_mem_fail_at(0);
    pl_sqlite_reader_close(&reader);
    pl_sqlite_reader_close(&reader);
}

static void page_fails_cleanly_without_memory(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {.user = {1}, .all = true, .len_max = 100, .size_max = SIZE_MAX};
    struct pl_bytebuf got;
    pl_position through = 77;
    uint64_t nth = 0;
    int rc;

    assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
    for (uint64_t id = 1; id <= 40; id++) {
        struct pl_room room = {.id = {id}, .last_sequence = 1, .last_position = id};
        struct pl_event_row row = {.position = id, .room = {id}, .sequence = 1};

        snprintf(room.name, sizeof room.name, "room%u", (unsigned)id);
        row.bytes = pl_buf_copy("event", 5);
        assert_non_null(row.bytes);
        assert_int_equal(f->store.ops->put_room(f->store.self, &room), PL_OK);
        assert_int_equal(f->store.ops->append_event(f->store.self, &row), PL_OK);
        assert_int_equal(f->store.ops->open_span(f->store.self, room.id, query.user, 0), PL_OK);
        pl_buf_unref(row.bytes);
    }
    assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
    begin(f);
    pl_bytebuf_init(&got, 1 << 20);
    pl_bytebuf_append_str(&got, "made to grow before the count");
    do {
        pl_mem_fail_at(++nth);
        rc = f->reader.ops->read_page(f->reader.self, &query, on_event, &got, &through);
        if (rc < 0) {
            assert_int_equal(rc, PL_E_NOMEM);
            assert_int_equal(through, 77);
        }
    } while (rc < 0);
    pl_mem_fail_at(0);
    assert_true(nth >= 3);        /* the spans and the sources, which both grow */
    assert_int_equal(through, 0); /* nobody has put the counters */
    pl_bytebuf_done(&got);
    end(f);
}

enum { CROWD_LEN = 2 * PL_ROOM_STATE_LEN_MAX + 1 };

/* A room of a crowd, of whose log the first of two events was trimmed. */
static void make_crowd(struct fixture *f)
{
    struct pl_room room = {.id = {1},
                           .name = "crowd",
                           .first_sequence = 2,
                           .last_sequence = 2,
                           .last_position = 2,
                           .member_count = 1,
                           .trimmed = {.position = 1}};
    struct pl_event_row row = {.position = 2, .room = {1}, .sequence = 2};

    assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
    assert_int_equal(f->store.ops->put_room(f->store.self, &room), PL_OK);
    row.bytes = pl_buf_copy("event", 5);
    assert_non_null(row.bytes);
    assert_int_equal(f->store.ops->append_event(f->store.self, &row), PL_OK);
    pl_buf_unref(row.bytes);
    for (uint64_t id = 1; id <= CROWD_LEN; id++) {
        struct pl_user user = {.id = {id}, .state = PL_USER_ACTIVE, .kind = PL_USER_GUEST};
        struct pl_member member = {
            .room = {1}, .user = {id}, .state = PL_MEMBER_JOINED, .role = PL_ROLE_MEMBER};

        snprintf(user.name, sizeof user.name, "user%u", (unsigned)id);
        assert_int_equal(f->store.ops->put_user(f->store.self, &user), PL_OK);
        assert_int_equal(f->store.ops->put_member(f->store.self, &member), PL_OK);
        assert_int_equal(f->store.ops->open_span(f->store.self, room.id, user.id, 0), PL_OK);
    }
    assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
}

struct crowd {
    uint32_t pieces;
    uint32_t members;
    uint32_t events;
    bool more;
    uint32_t stop_at; /* the piece at which the callback ends the page */
};

static int on_crowd(void *arg, const struct pl_page_row *row)
{
    struct crowd *crowd = arg;

    if (row->state == NULL) {
        assert_false(crowd->more);
        crowd->events++;
        return 0;
    }
    assert_int_equal(row->position, 1);
    assert_int_equal(row->sequence, 1);
    assert_int_equal(row->state->room.member_count, CROWD_LEN);
    assert_int_equal(row->state->room.last_sequence, 1);
    for (uint32_t i = 0; i < row->state->members_len; i++)
        assert_int_equal(row->state->members[i].member.user.v, ++crowd->members);
    crowd->more = row->state->more_members;
    crowd->pieces++;
    return crowd->pieces == crowd->stop_at;
}

static void a_crowds_state_comes_in_pieces_of_one_page(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {.user = {1}, .all = true, .len_max = 1, .size_max = 1};
    struct crowd crowd = {0}, cut = {.stop_at = 2};
    pl_position through = 0;

    make_crowd(f);
    begin(f);
    assert_int_equal(f->reader.ops->read_page(f->reader.self, &query, on_crowd, &crowd, &through),
                     PL_OK);
    assert_int_equal(crowd.pieces, 3);
    assert_int_equal(crowd.members, CROWD_LEN);
    assert_int_equal(crowd.events, 0); /* the page was full */
    assert_int_equal(through, 1);
    assert_false(crowd.more);
    query.after = through;
    assert_int_equal(f->reader.ops->read_page(f->reader.self, &query, on_crowd, &crowd, &through),
                     PL_OK);
    assert_int_equal(crowd.pieces, 3); /* not again */
    assert_int_equal(crowd.events, 1);
    query.after = 0;
    assert_int_equal(f->reader.ops->read_page(f->reader.self, &query, on_crowd, &cut, &through),
                     PL_OK);
    assert_int_equal(cut.pieces, 2);
    assert_int_equal(through, 0); /* what was cut short comes again from its start */
    end(f);
}

static void a_plan_says_where_the_last_state_stands(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {.user = {1}, .all = true, .len_max = 1, .size_max = 1};
    struct pl_page_plan plan;
    struct pl_bytebuf key;

    make_crowd(f);
    begin(f);
    pl_bytebuf_init(&key, 1000);
    assert_int_equal(f->reader.ops->plan_page(f->reader.self, &query, &key, &plan), PL_OK);
    assert_int_equal(plan.states_until, 1);
    query.after = 1; /* where it was given */
    assert_int_equal(f->reader.ops->plan_page(f->reader.self, &query, &key, &plan), PL_OK);
    assert_int_equal(plan.states_until, 0);
    pl_bytebuf_done(&key);
    end(f);
}

static void a_state_fails_cleanly_without_memory(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {.user = {1}, .all = true, .len_max = 10, .size_max = SIZE_MAX};
    pl_position through = 77;
    uint64_t nth = 0;
    int rc;

    make_crowd(f);
    begin(f);
    do {
        struct crowd crowd = {0};

        pl_mem_fail_at(++nth);
        rc = f->reader.ops->read_page(f->reader.self, &query, on_crowd, &crowd, &through);
        assert_true(rc == PL_OK || (rc == PL_E_NOMEM && through == 77));
    } while (rc < 0);
    pl_mem_fail_at(0);
    assert_true(nth >= 3); /* the spans and the sources are kept, then the members */
    end(f);
}

static void open_without_a_store_says_so(void **state)
{
    struct fixture *f = *state;
    struct pl_sqlite_config config = {.dir = f->folder.path};
    struct pl_store_problem problem;
    struct pl_reader reader = {0};

    assert_int_equal(pl_sqlite_reader_open(&config, &reader, &problem), PL_E_IO);
    assert_non_null(strstr(problem.text, f->folder.path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_are_those_of_the_twin, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_are_those_of_the_twin, setup, teardown),
        cmocka_unit_test_setup_teardown(long_runs_without_messages_are_leapt_over, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_are_those_of_the_twin, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_in_a_row_are_the_whole_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(callback_ends_a_list_of_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(callback_ends_a_page, setup, teardown),
        cmocka_unit_test_setup_teardown(reader_sees_one_committed_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(reader_gets_by_key, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_written_so_is_not_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(what_stands_in_anothers_place_is_not_shown, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(events_out_of_order_are_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(no_query_scans_a_table, setup, teardown),
        cmocka_unit_test_setup_teardown(open_fails_cleanly_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(page_fails_cleanly_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crowds_state_comes_in_pieces_of_one_page, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_plan_says_where_the_last_state_stands, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_fails_cleanly_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(open_without_a_store_says_so, setup, teardown),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
