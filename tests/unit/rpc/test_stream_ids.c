/* test_stream_ids.c - streams that a peer has passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "rpc/stream_ids.h"

static void streams_in_order_pass_over_none(void **state)
{
    struct pl_rpc_stream_ids ids = {0};

    (void)state;
    for (int32_t id = 1; id < 1001; id += 2)
        assert_true(pl_rpc_stream_ids_use(&ids, id));
    for (int32_t id = 1; id < 1001; id += 2)
        assert_true(pl_rpc_stream_ids_use(&ids, id)); /* such as their trailers */
}

static void streams_between_were_passed_over(void **state)
{
    struct pl_rpc_stream_ids ids = {0};

    (void)state;
    assert_true(pl_rpc_stream_ids_use(&ids, 5));
    assert_true(pl_rpc_stream_ids_use(&ids, 7));
    assert_true(pl_rpc_stream_ids_use(&ids, 13));
    assert_true(pl_rpc_stream_ids_use(&ids, INT32_MAX));
    assert_false(pl_rpc_stream_ids_use(&ids, 1));
    assert_false(pl_rpc_stream_ids_use(&ids, 3));
    assert_false(pl_rpc_stream_ids_use(&ids, 9));
    assert_false(pl_rpc_stream_ids_use(&ids, 11));
    assert_false(pl_rpc_stream_ids_use(&ids, 15));
    assert_false(pl_rpc_stream_ids_use(&ids, INT32_MAX - 2));
    assert_true(pl_rpc_stream_ids_use(&ids, 5));
    assert_true(pl_rpc_stream_ids_use(&ids, 7));
    assert_true(pl_rpc_stream_ids_use(&ids, 13));
    assert_true(pl_rpc_stream_ids_use(&ids, INT32_MAX));
    pl_rpc_stream_ids_done(&ids);
}

static void the_latest_gaps_are_known(void **state)
{
    struct pl_rpc_stream_ids ids = {0};
    int32_t last = 1 + 4 * 100;

    (void)state;
    for (int32_t id = 1; id <= last; id += 4)
        assert_true(pl_rpc_stream_ids_use(&ids, id));
    for (int32_t i = 0; i < PL_RPC_STREAM_GAPS_MAX; i++)
        assert_false(pl_rpc_stream_ids_use(&ids, last - 2 - 4 * i));
    assert_true(pl_rpc_stream_ids_use(&ids, last - 2 - 4 * PL_RPC_STREAM_GAPS_MAX));
    pl_rpc_stream_ids_done(&ids);
}

static void a_gap_that_finds_no_memory_is_forgotten(void **state)
{
    struct pl_rpc_stream_ids ids = {0};

    (void)state;
    pl_mem_fail_at(1);
    assert_true(pl_rpc_stream_ids_use(&ids, 5));
    assert_true(pl_mem_failed());
    pl_mem_fail_at(0);
    assert_true(pl_rpc_stream_ids_use(&ids, 3));
    assert_true(pl_rpc_stream_ids_use(&ids, 9));
    assert_false(pl_rpc_stream_ids_use(&ids, 7));
    pl_rpc_stream_ids_done(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_in_order_pass_over_none),
        cmocka_unit_test(streams_between_were_passed_over),
        cmocka_unit_test(the_latest_gaps_are_known),
        cmocka_unit_test(a_gap_that_finds_no_memory_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
