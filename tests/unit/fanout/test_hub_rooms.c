/* test_hub_rooms.c - rooms that a stream gains and loses while it goes on. */
#include "base/err.h"
#include "hub_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void hub_room_that_is_joined_streams_from_there(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 1, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 9, "e2@6 e2@7 j2@6 e2@8 e1@9"), PL_OK);
    expect_pull(stream, "E7 E8 E9");
    bench.told[0] = 0;
    bench_turn(&bench, "");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_room_that_is_left_streams_up_to_there(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 2, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one M4two C5");
    assert_int_equal(bench_apply(&bench, 6, "e2@6"), PL_OK);
    assert_int_equal(bench_apply(&bench, 10, "l2@7 e2@7 e2@8 e1@9 e2@10"), PL_OK);
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 2);
    expect_pull(stream, "E6 E7 E9");
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 1);
    assert_int_equal(bench_apply(&bench, 15, "j2@11 e2@12 l2@13 e2@13 j2@14 e2@14 e2@15 l2@15"),
                     PL_OK);
    expect_pull(stream, "E12 E13 E15");
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 1);
    bench.told[0] = 0;
    bench_turn(&bench, "");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_room_that_is_left_in_silence_goes_at_once(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 2, 5, 5);

    (void)state;
    expect_pull(stream, "M3one M4two C5");
    assert_int_equal(bench_apply(&bench, 5, "l2@5"), PL_OK);
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 1);
    assert_int_equal(bench_apply(&bench, 7, "e2@6 e1@7"), PL_OK);
    expect_pull(stream, "E7");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_named_room_comes_back_with_its_user(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 7, "e1@6 l1@6 e1@7 j2@7 e2@7"), PL_OK);
    expect_pull(stream, "E6");
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 0);
    assert_int_equal(bench_apply(&bench, 9, "j1@8 e1@9"), PL_OK);
    expect_pull(stream, "E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_membership_while_catching_up_is_left_to_the_pages(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 1, 2, 5);

    (void)state;
    bench_turn(&bench, "wake a;page a 2;");
    expect_pull(stream, "M3one");
    assert_int_equal(bench_apply(&bench, 9, "e1@6 e1@7 l1@7 j2@8 e2@9"), PL_OK);
    bench_page(&bench, stream, "", 5);
    bench_turn(&bench, "wake a;page a 5;"); /* not live: what it is owed of room 1 is not known */
    expect_pull(stream, "C5");
    bench_page(&bench, stream, "6 7", 8);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E6 E7");
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_gain_of_a_tail_that_begins_later_is_fed_from_the_store(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 1, 5, 5);
    struct pl_stream_start start = {
        .user = {8},
        .shown = 7,
        .after = 7,
        .rooms = &bench_rooms[1],
        .rooms_len = 1,
        .now_ms = START_MS,
    };
    struct pl_stream *other;

    (void)state;
    expect_pull(stream, "M3one C5");
    /* One batch: user 7 joins room 2, an event there, user 8 subscribes to it. */
    assert_int_equal(pl_hub_open(bench.hub, &start, (void *)(uintptr_t) "b", &other), PL_OK);
    bench_turn(&bench, "wake b;");
    assert_int_equal(bench_apply(&bench, 8, "j2@6 e2@7 e2@8"), PL_OK);
    expect_told(&bench, "");
    bench_turn(&bench, "page a 5;");
    bench_page(&bench, stream, "7 8", 8);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E7 E8");
    expect_pull(other, "M4two C7 E8");
    pl_hub_close(bench.hub, stream);
    pl_hub_close(bench.hub, other);
    pl_hub_free(bench.hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hub_room_that_is_joined_streams_from_there),
        cmocka_unit_test(hub_room_that_is_left_streams_up_to_there),
        cmocka_unit_test(hub_room_that_is_left_in_silence_goes_at_once),
        cmocka_unit_test(hub_named_room_comes_back_with_its_user),
        cmocka_unit_test(hub_membership_while_catching_up_is_left_to_the_pages),
        cmocka_unit_test(hub_gain_of_a_tail_that_begins_later_is_fed_from_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
