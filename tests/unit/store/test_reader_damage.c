/* test_reader_damage.c - what is not as it was written is not shown. */
#include "base/err.h"
#include "base/secret.h"
#include "reader_bench.h"
#include "store/sqlite_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
    reader_bench_begin(f);
    for (query.user.v = 1; query.user.v <= LOAD_USERS_MAX && rc == PL_OK; query.user.v++)
        rc = f->reader.ops->read_page(f->reader.self, &query, count_row, ret_len, &through);
    reader_bench_end(f);
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

    reader_bench_grow(f, 200);
    assert_int_equal(read_all(f, &len), PL_OK);
    assert_true(len > 0);
    damage(f, "UPDATE events SET bytes = zeroblob(length(bytes))");
    assert_int_equal(read_all(f, &len), PL_E_CORRUPT);
    assert_int_equal(len, 0);
    reader_bench_begin(f);
    for (query.room.v = 1; query.room.v <= LOAD_ROOMS_MAX && rc == PL_OK; query.room.v++)
        rc = f->reader.ops->list_messages(f->reader.self, &query, count_message, &len);
    reader_bench_end(f);
    assert_int_equal(rc, PL_E_CORRUPT);
    assert_int_equal(len, 0);
}

static void what_stands_in_anothers_place_is_not_shown(void **state)
{
    struct fixture *f = *state;
    int len = 0;

    reader_bench_grow(f, 200);
    damage(f, "UPDATE events SET (bytes, sum) = (SELECT o.bytes, o.sum FROM events o "
              "WHERE o.room = events.room ORDER BY o.sequence DESC LIMIT 1)");
    assert_int_equal(read_all(f, &len), PL_E_CORRUPT);
}

static void events_out_of_order_are_damage(void **state)
{
    struct fixture *f = *state;
    int len = 0;

    reader_bench_grow(f, 200);
    damage(f, "UPDATE events SET position = -position; UPDATE events SET position = 1 + position + "
              "(SELECT -min(position) FROM events)");
    assert_int_equal(read_all(f, &len), PL_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(what_was_not_written_so_is_not_shown),
        READER_TEST(what_stands_in_anothers_place_is_not_shown),
        READER_TEST(events_out_of_order_are_damage),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
