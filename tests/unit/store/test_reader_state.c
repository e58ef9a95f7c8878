/* test_reader_state.c - a room's state, where its log was trimmed, in pieces. */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "reader_bench.h"
#include "store/reader_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
    reader_bench_begin(f);
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
    reader_bench_end(f);
}

static void a_plan_says_where_the_last_state_stands(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {.user = {1}, .all = true, .len_max = 1, .size_max = 1};
    struct pl_page_plan plan;
    struct pl_bytebuf key;

    make_crowd(f);
    reader_bench_begin(f);
    pl_bytebuf_init(&key, 1000);
    assert_int_equal(f->reader.ops->plan_page(f->reader.self, &query, &key, &plan), PL_OK);
    assert_int_equal(plan.states_until, 1);
    query.after = 1; /* where it was given */
    assert_int_equal(f->reader.ops->plan_page(f->reader.self, &query, &key, &plan), PL_OK);
    assert_int_equal(plan.states_until, 0);
    pl_bytebuf_done(&key);
    reader_bench_end(f);
}

static void a_state_fails_cleanly_without_memory(void **state)
{
    struct fixture *f = *state;
    struct pl_page_query query = {.user = {1}, .all = true, .len_max = 10, .size_max = SIZE_MAX};
    pl_position through = 77;
    uint64_t nth = 0;
    int rc;

    make_crowd(f);
    reader_bench_begin(f);
    do {
        struct crowd crowd = {0};

        pl_mem_fail_at(++nth);
        rc = f->reader.ops->read_page(f->reader.self, &query, on_crowd, &crowd, &through);
        assert_true(rc == PL_OK || (rc == PL_E_NOMEM && through == 77));
    } while (rc < 0);
    pl_mem_fail_at(0);
    assert_true(nth >= 3); /* the spans and the sources are kept, then the members */
    reader_bench_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(a_crowds_state_comes_in_pieces_of_one_page),
        READER_TEST(a_plan_says_where_the_last_state_stands),
        READER_TEST(a_state_fails_cleanly_without_memory),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
