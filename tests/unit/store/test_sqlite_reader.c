/* test_sqlite_reader.c - pages of what lasts, against a naive reading of the
 * in-memory twin; snapshots; and what SQLite's planner makes of every query. */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "naive.h"
#include "reader_bench.h"
#include "store/reader_state.h"
#include "store/sqlite_stmt.h"
#include "store/sqlite_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
        reader_bench_grow(f, 15);
        reader_bench_begin(f);
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
        reader_bench_end(f);
    }
    texts_done(&texts);
}

static void messages_are_those_of_the_twin(void **state)
{
    struct fixture *f = *state;
    struct texts texts;

    texts_init(&texts);
    for (int round = 0; round < 10; round++) {
        reader_bench_grow(f, 20);
        reader_bench_begin(f);
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
        reader_bench_end(f);
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
    reader_bench_begin(f);
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
    reader_bench_end(f);
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
        reader_bench_grow(f, 20);
        reader_bench_begin(f);
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
        reader_bench_end(f);
    }
    assert_true(texts.states > 20);
    texts_done(&texts);
}

static void pages_in_a_row_are_the_whole_stream(void **state)
{
    struct fixture *f = *state;
    struct texts texts;

    reader_bench_grow(f, 200);
    texts_init(&texts);
    reader_bench_begin(f);
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
    reader_bench_end(f);
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

    reader_bench_grow(f, 100);
    reader_bench_begin(f);
    for (query.room.v = 1; len == 0; query.room.v++) {
        int rc;

        assert_true(query.room.v <= LOAD_ROOMS_MAX);
        rc = f->reader.ops->list_messages(f->reader.self, &query, refuse_message, &len);
        assert_int_equal(rc, len == 0 ? PL_OK : PL_E_NOTFOUND);
    }
    assert_int_equal(len, 1);
    reader_bench_end(f);
}

static void callback_ends_a_page(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {
        .all = true, .len_max = UINT32_MAX, .size_max = SIZE_MAX, .backlog = {.until = 0}};
    struct stopper stopper = {.answer = 1};
    pl_position through = 0;

    reader_bench_grow(f, 200);
    query.backlog =
        (struct pl_backlog){.kind = PL_BACKLOG_BEGINNING, .until = f->load.meta.position};
    reader_bench_begin(f);
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
    reader_bench_end(f);
}

static void reader_sees_one_committed_moment(void **state)
{
    struct fixture *f = *state;
    struct pl_meta before, meta;

    reader_bench_grow(f, 5);
    before = f->load.meta;
    assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
    assert_int_equal(load_apply(&f->load, &f->store, 1, 10), PL_OK);
    reader_bench_begin(f); /* while a batch is under way */
    assert_int_equal(f->reader.ops->get_meta(f->reader.self, &meta), PL_OK);
    assert_memory_equal(&meta, &before, sizeof meta);
    assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
    assert_int_equal(pl_sqlite_store_checkpoint(f->sqlite), PL_OK);
    for (uint64_t id = 1; id <= f->load.meta.last_room; id++) {
        struct pl_room room;

        if (f->reader.ops->find_room(f->reader.self, f->load.rooms[id].name, &room) == PL_OK)
            assert_true(room.last_position <= before.position);
    }
    reader_bench_end(f);
    reader_bench_begin(f);
    assert_int_equal(f->reader.ops->get_meta(f->reader.self, &meta), PL_OK);
    assert_memory_equal(&meta, &f->load.meta, sizeof meta);
    reader_bench_end(f);
}

static void reader_gets_by_key(void **state)
{
    struct fixture *f = *state;
    struct pl_session session, same;
    struct pl_member member;
    struct pl_user user;
    struct pl_room room;
    struct pl_hash none = {{0}};

    reader_bench_grow(f, 60);
    reader_bench_begin(f);
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
    reader_bench_end(f);
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
    reader_bench_grow(f, 300);
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
    reader_bench_begin(f);
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
    reader_bench_end(f);
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
        READER_TEST(lists_are_those_of_the_twin),
        READER_TEST(messages_are_those_of_the_twin),
        READER_TEST(long_runs_without_messages_are_leapt_over),
        READER_TEST(pages_are_those_of_the_twin),
        READER_TEST(pages_in_a_row_are_the_whole_stream),
        READER_TEST(callback_ends_a_list_of_messages),
        READER_TEST(callback_ends_a_page),
        READER_TEST(reader_sees_one_committed_moment),
        READER_TEST(reader_gets_by_key),
        READER_TEST(no_query_scans_a_table),
        READER_TEST(open_fails_cleanly_without_memory),
        READER_TEST(page_fails_cleanly_without_memory),
        READER_TEST(open_without_a_store_says_so),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
