/* test_request_filter.c - a filter says no only to what is not there. */
#include "base/err.h"
#include "base/mem.h"
#include "folder.h"
#include "store/request_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNK_LEN = 256, CHUNKS = 150, FIRST = 40 };

/* Key `i` of a chunk. */
static uint64_t key(uint64_t chunk, uint64_t i)
{
    uint64_t state = chunk * 1000003 + i;

    return random_next(&state) >> 24;
}

static void fill(struct pl_request_filter *filter)
{
    pl_request_filter_init(filter, CHUNK_LEN);
    for (uint64_t chunk = FIRST; chunk < FIRST + CHUNKS; chunk++) {
        assert_int_equal(pl_request_filter_need(filter, chunk / PL_REQUEST_GROUP_LEN), PL_OK);
        for (uint64_t i = 0; i < CHUNK_LEN; i++)
            pl_request_filter_put(filter, chunk, key(chunk, i));
    }
}

static void every_key_is_found_in_its_chunk(void **state)
{
    struct pl_request_filter filter;

    (void)state;
    fill(&filter);
    for (uint64_t chunk = FIRST; chunk < FIRST + CHUNKS; chunk++)
        for (uint64_t i = 0; i < CHUNK_LEN; i++)
            assert_int_equal(pl_request_filter_next(&filter, chunk, chunk + 1, key(chunk, i)),
                             chunk);
    pl_request_filter_clear(&filter);
}

static void other_keys_are_seldom_suspected(void **state)
{
    struct pl_request_filter filter;
    uint32_t suspected = 0;

    (void)state;
    fill(&filter);
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t end = FIRST + CHUNKS, chunk = FIRST;

        while ((chunk = pl_request_filter_next(&filter, chunk, end, key(1000, i))) < end) {
            suspected++;
            chunk++;
        }
        assert_int_equal(chunk, end);
    }
    assert_in_range(suspected, 0, 2000 * CHUNKS / 500);
    pl_request_filter_clear(&filter);
}

static void groups_go_from_the_front(void **state)
{
    struct pl_request_filter filter;
    uint64_t group = FIRST / PL_REQUEST_GROUP_LEN;
    uint64_t kept = (group + 1) * PL_REQUEST_GROUP_LEN;

    (void)state;
    fill(&filter);
    pl_request_filter_drop_before(&filter, group + 1);
    assert_null(pl_request_filter_rows(&filter, group));
    assert_non_null(pl_request_filter_rows(&filter, group + 1));
    assert_int_equal(pl_request_filter_next(&filter, FIRST, kept, key(FIRST, 0)), kept);
    assert_int_equal(pl_request_filter_next(&filter, kept, kept + 1, key(kept, 5)), kept);
    pl_request_filter_drop_before(&filter, group + 100);
    assert_int_equal(pl_request_filter_need(&filter, group + 200), PL_OK);
    assert_null(pl_request_filter_rows(&filter, group + 199));
    pl_request_filter_clear(&filter);
}

static void group_is_moved_as_bytes(void **state)
{
    struct pl_request_filter filter, other;
    uint64_t group = FIRST / PL_REQUEST_GROUP_LEN;
    const uint8_t *rows;

    (void)state;
    fill(&filter);
    pl_request_filter_init(&other, CHUNK_LEN);
    assert_int_equal(pl_request_filter_need(&other, group), PL_OK);
    memcpy(pl_request_filter_rows(&other, group), pl_request_filter_rows(&filter, group),
           pl_request_filter_group_size(&filter));
    for (uint64_t i = 0; i < CHUNK_LEN; i++)
        assert_int_equal(pl_request_filter_next(&other, FIRST, FIRST + 1, key(FIRST, i)), FIRST);
    pl_request_filter_clear(&other);

    /* the first chunk's bit is the lowest of a row's first byte */
    assert_int_equal(pl_request_filter_need(&other, 0), PL_OK);
    pl_request_filter_put(&other, 0, 1);
    rows = pl_request_filter_rows(&other, 0);
    for (size_t i = 0; i < pl_request_filter_group_size(&other); i++)
        assert_true(rows[i] == 0 || (rows[i] == 1 && i % PL_REQUEST_ROW_SIZE == 0));
    pl_request_filter_clear(&other);
    pl_request_filter_clear(&filter);
}

static void want_of_memory_leaves_what_was(void **state)
{
    struct pl_request_filter filter;

    (void)state;
    pl_request_filter_init(&filter, CHUNK_LEN);
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_request_filter_need(&filter, 6);
        pl_mem_fail_at(0);
        if (rc == PL_OK)
            break;
        assert_int_equal(rc, PL_E_NOMEM);
        pl_request_filter_clear(&filter);
    }
    pl_request_filter_put(&filter, 6 * PL_REQUEST_GROUP_LEN, 3);
    pl_request_filter_clear(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_in_its_chunk),
        cmocka_unit_test(other_keys_are_seldom_suspected),
        cmocka_unit_test(groups_go_from_the_front),
        cmocka_unit_test(group_is_moved_as_bytes),
        cmocka_unit_test(want_of_memory_leaves_what_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
