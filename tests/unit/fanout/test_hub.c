/* test_hub.c - streams of one hub, by behaviour. */
#include "base/err.h"
#include "base/mem.h"
#include "hub_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void hub_stream_from_now_gets_markers_caught_up_and_what_comes(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 2, 5, 5);

    (void)state;
    expect_told(&bench, "");
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one M4two C5");
    bench_turn(&bench, "");
    assert_int_equal(bench_apply(&bench, 8, "e1@6 e2@7 e1@8"), PL_OK);
    expect_told(&bench, "wake a;");
    expect_pull(stream, "E6 E7 E8");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    assert_true(pl_hub_stats(bench.hub).tails_size > 0);
    pl_hub_close(bench.hub, stream);
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 0);
    assert_int_equal(pl_hub_stats(bench.hub).tails_size, 0); /* nobody can ask for it */
    pl_hub_free(bench.hub);
}

static void hub_skips_what_a_feed_holds_at_or_below_shown(void **state)
{
    BENCH(10000);
    struct pl_stream *first = bench_open(&bench, "a", false, 1, 4, 4);
    struct pl_stream *stream = bench_open(&bench, "b", false, 1, 6, 6);

    (void)state;
    bench_turn(&bench, "wake a;wake b;");
    expect_pull(first, "M3one C4");
    expect_pull(stream, "M3one C6");
    assert_int_equal(bench_apply(&bench, 6, "e1@5 e1@6"), PL_OK);
    expect_told(&bench, "wake a;");
    assert_int_equal(bench_apply(&bench, 7, "e1@7"), PL_OK);
    expect_told(&bench, "wake b;");
    expect_pull(first, "E5 E6 E7");
    expect_pull(stream, "E7");
    pl_hub_close(bench.hub, first);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_resumed_stream_pages_then_catches_up_then_is_live(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 2, 2, 9);

    (void)state;
    bench_turn(&bench, "wake a;page a 2;");
    assert_true(bench.query.all);
    assert_int_equal(bench.query.user.v, 7);
    assert_int_equal(bench.query.rooms_len, 0);
    assert_int_equal(bench.query.len_max, 10);
    expect_pull(stream, "M3one M4two");
    assert_int_equal(bench_apply(&bench, 11, "e1@10 e2@11"), PL_OK);
    bench_page(&bench, stream, "3 5", 7);
    bench_turn(&bench, "wake a;");
    expect_pull_by(stream, 7, "E3 E5");
    bench_turn(&bench, "page a 7;");
    bench_page(&bench, stream, "9 10", 10);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E9 E10 C10");
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E11");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

/* Events 3 and 8 were taken by retention after the stream was opened; the state that makes up
 * for both stands at 8, and the tail has 8. */
static void hub_stays_with_pages_until_a_state_that_makes_up_for_what_is_gone(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 2, 2, 5);

    (void)state;
    bench_turn(&bench, "wake a;page a 2;");
    expect_pull(stream, "M3one M4two");
    assert_int_equal(bench_apply(&bench, 9, "e1@8 e2@9"), PL_OK);
    bench_page_until(&bench, stream, "4", 5, 8);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E4 C5");
    bench_turn(&bench, "page a 5;");
    bench_page(&bench, stream, "8", 8);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E8");
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E9");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_empty_page_brings_caught_up(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 0, 2, 9);

    (void)state;
    bench_turn(&bench, "page a 2;");
    bench_page(&bench, stream, "", 5);
    bench_turn(&bench, "page a 5;");
    bench_page(&bench, stream, "", 9);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "C9");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_backlog_goes_with_query_and_cursor_until_it_is_passed(void **state)
{
    BENCH(10000);
    struct pl_backlog_room backlog_rooms[] = {{{1}, 3}};
    struct pl_stream_start start = {
        .user = {7},
        .shown = 9,
        .backlog = {PL_BACKLOG_UNREAD, 9, backlog_rooms, 1},
        .rooms = bench_rooms,
        .rooms_len = 1,
        .now_ms = START_MS,
    };
    struct pl_stream *stream;

    (void)state;
    assert_int_equal(pl_hub_open(bench.hub, &start, (void *)(uintptr_t) "a", &stream), PL_OK);
    backlog_rooms[0].after = 0; /* it was copied */
    bench_turn(&bench, "wake a;page a;");
    assert_int_equal(bench.query.backlog.kind, PL_BACKLOG_UNREAD);
    assert_int_equal(bench.query.backlog.until, 9);
    assert_int_equal(bench.query.backlog.rooms[0].after, 3);
    expect_pull(stream, "M3one");
    bench_page(&bench, stream, "", 5);
    bench_turn(&bench, "page a 5;");
    pl_hub_tick(bench.hub, START_MS + HEARTBEAT_MS);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "H5b");
    bench_page(&bench, stream, "9", 9);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E9 C9");
    bench_turn(&bench, "");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_backlog_beyond_shown_ends_there(void **state)
{
    BENCH(10000);
    struct pl_stream_start start = {
        .user = {7},
        .shown = 9,
        .backlog = {.kind = PL_BACKLOG_BEGINNING, .until = 100},
        .all = true,
        .now_ms = START_MS,
    };
    struct pl_stream *stream;

    (void)state;
    assert_int_equal(pl_hub_open(bench.hub, &start, (void *)(uintptr_t) "a", &stream), PL_OK);
    bench_turn(&bench, "page a;");
    assert_int_equal(bench.query.backlog.until, 9);
    bench_page(&bench, stream, "8", 9);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E8 C9");
    bench_turn(&bench, "");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_slow_stream_falls_behind_and_rejoins(void **state)
{
    BENCH(600);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 7, "e1@6 e1@7"), PL_OK);
    expect_told(&bench, "wake a;");
    for (pl_position position = 8; position < 20; position++) {
        char entry[16];

        snprintf(entry, sizeof entry, "e1@%u", (unsigned)position);
        assert_int_equal(bench_apply(&bench, position, entry), PL_OK);
        assert_true(pl_hub_stats(bench.hub).tails_size <= 600);
    }
    bench_turn(&bench, "");
    expect_pull(stream, "");
    assert_int_equal(pl_hub_stats(bench.hub).fell_behind, 1);
    bench_turn(&bench, "page a 5;");
    bench_page(&bench, stream, "6 7 8", 8);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E6 E7 E8");
    bench_turn(&bench, "page a 8;");
    bench_page(&bench, stream, "9 10 11 12 13 14 15 16 17 18", 18);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E9 E10 E11 E12 E13 E14 E15 E16 E17 E18");
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E19");
    assert_int_equal(pl_hub_stats(bench.hub).rejoined, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_finishes_a_frame_whose_entry_was_evicted(void **state)
{
    BENCH(400);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);
    uint8_t bytes[1000];
    char text[100];
    size_t n;

    (void)state;
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 6, "e1@6"), PL_OK);
    n = pl_stream_pull(stream, bytes, 9);
    assert_int_equal(n, 9);
    for (int i = 7; i < 12; i++)
        assert_int_equal(bench_apply(&bench, (pl_position)i, i == 11 ? "e1@11" : "e1@7"), PL_OK);
    n += pl_stream_pull(stream, bytes + n, sizeof bytes - n);
    bench_describe((struct pl_bytes){bytes, n}, text, sizeof text);
    assert_string_equal(text, "E6");
    bench.told[0] = 0;
    bench_turn(&bench, "page a 6;");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_ready_stream_is_not_woken_again(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 2, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one M4two C5");
    assert_int_equal(bench_apply(&bench, 6, "e1@6"), PL_OK);
    assert_int_equal(bench_apply(&bench, 8, "e1@7 e2@8"), PL_OK);
    bench_turn(&bench, "wake a;");
    expect_pull_by(stream, 1, "E6 E7 E8");
    assert_int_equal(bench_apply(&bench, 9, "e2@9"), PL_OK);
    bench_turn(&bench, "wake a;");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_markers_of_a_room_coalesce(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 5, "m1 m2 m1"), PL_OK);
    assert_int_equal(bench_apply(&bench, 6, "e1@6 m1"), PL_OK);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M9one E6");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_heartbeat_comes_after_silence_and_bears_where_it_stands(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    pl_hub_tick(bench.hub, START_MS + 2 * HEARTBEAT_MS);
    bench_turn(&bench, ""); /* something is pending: the reader does not read */
    expect_pull(stream, "M3one C5");
    pl_hub_tick(bench.hub, START_MS + 3 * HEARTBEAT_MS - 1);
    bench_turn(&bench, "");
    assert_int_equal(bench_apply(&bench, 8, "e2@8"), PL_OK);
    pl_hub_tick(bench.hub, START_MS + 4 * HEARTBEAT_MS);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "H8");
    pl_hub_tick(bench.hub, START_MS); /* the clock was set back */
    bench_turn(&bench, "");
    pl_hub_tick(bench.hub, START_MS + HEARTBEAT_MS);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "H8");
    assert_int_equal(bench_apply(&bench, 9, "e1@9"), PL_OK);
    expect_pull(stream, "E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_session_end_finishes_the_frame_and_ends_the_stream(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);
    uint8_t bytes[1000];
    char text[100];
    size_t n;

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 7, "e1@6 e1@7"), PL_OK);
    n = pl_stream_pull(stream, bytes, 3);
    assert_int_equal(bench_apply(&bench, 8, "s71 e1@8"), PL_OK);
    assert_int_equal(bench_apply(&bench, 8, "s70"), PL_OK);
    bench_turn(&bench, "wake a;");
    n += pl_stream_pull(stream, bytes + n, sizeof bytes - n);
    bench_describe((struct pl_bytes){bytes, n}, text, sizeof text);
    assert_string_equal(text, "E6");
    bench_turn(&bench, "end a;");
    assert_int_equal(bench.refusal.reason, PL_REASON_SESSION_ENDED);
    assert_int_equal(pl_hub_stats(bench.hub).streams_len, 0);
    pl_hub_free(bench.hub);
}

static void hub_end_cuts_a_page_at_a_frame(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 0, 2, 9);
    struct pl_refusal refusal = pl_refusal_field("rooms", "no");
    uint8_t bytes[1000];
    char text[100];
    size_t n;

    (void)state;
    bench_turn(&bench, "page a 2;");
    bench_page(&bench, stream, "3 4 5", 9);
    bench_turn(&bench, "wake a;");
    n = pl_stream_pull(stream, bytes, 25);
    pl_hub_end(bench.hub, stream, &refusal);
    bench_turn(&bench, "");
    n += pl_stream_pull(stream, bytes + n, sizeof bytes - n);
    bench_describe((struct pl_bytes){bytes, n}, text, sizeof text);
    assert_string_equal(text, "E3 E4");
    assert_int_equal(pl_stream_pull(stream, bytes, sizeof bytes), 0);
    bench_turn(&bench, "end a;");
    assert_string_equal(bench.refusal.detail, "no");
    pl_hub_free(bench.hub);
}

static void hub_page_that_failed_ends_the_stream(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 0, 2, 9);
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_STORE_FAILED);

    (void)state;
    bench_turn(&bench, "page a 2;");
    pl_hub_page_failed(bench.hub, stream, &refusal);
    bench_turn(&bench, "end a;");
    assert_int_equal(bench.refusal.reason, PL_REASON_STORE_FAILED);
    pl_hub_free(bench.hub);
}

static void hub_page_for_an_ending_stream_is_dropped(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = bench_open(&bench, "a", true, 1, 2, 9);
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_OVERLOADED);
    uint8_t bytes[1000];

    (void)state;
    bench_turn(&bench, "wake a;page a 2;");
    assert_int_equal(pl_stream_pull(stream, bytes, 3), 3);
    pl_hub_end(bench.hub, stream, &refusal);
    bench_page(&bench, stream, "3", 9);
    assert_true(pl_stream_pull(stream, bytes, sizeof bytes) > 0);
    assert_int_equal(pl_stream_pull(stream, bytes, sizeof bytes), 0);
    bench_turn(&bench, "end a;");
    pl_hub_free(bench.hub);
}

static void hub_drain_says_where_each_stream_stands_and_ends_it(void **state)
{
    BENCH(10000);
    struct pl_stream *live = bench_open(&bench, "a", false, 1, 5, 5);
    struct pl_stream *paging = bench_open(&bench, "b", false, 1, 2, 5);
    struct pl_stream *waiting = bench_open(&bench, "c", false, 1, 2, 5);
    struct pl_stream *late;

    (void)state;
    bench_turn(&bench, "wake a;wake b;page b 2;wake c;page c 2;");
    bench_page(&bench, paging, "3 4", 4);
    expect_pull(live, "M3one C5");
    assert_int_equal(bench_apply(&bench, 9, "e2@9"), PL_OK);
    pl_hub_drain(bench.hub, 1000, 300);
    pl_hub_drain(bench.hub, 1000, 300); /* once is enough */
    bench_turn(&bench, "wake a;");
    expect_pull(live, "D9");
    bench_turn(&bench, "end a;");
    assert_int_equal(bench.refusal.reason, PL_REASON_DRAINING);
    assert_in_range(bench.refusal.retry_ms, 1000, 1299);
    expect_pull(paging, "M3one E3 E4 D4");
    expect_pull(waiting, "M3one D2");
    late = bench_open(&bench, "d", false, 1, 9, 9);
    assert_non_null(late);
    bench_turn(&bench, "end b;end c;wake d;");
    expect_pull(late, "M3one C9 D9");
    bench_turn(&bench, "end d;");
    assert_int_equal(bench.refusal.retry_ms, 1300);
    pl_hub_free(bench.hub);
}

static void hub_event_larger_than_the_budget_comes_from_the_store(void **state)
{
    BENCH(0);
    struct pl_stream *stream = bench_open(&bench, "a", false, 1, 5, 5);

    (void)state;
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(bench_apply(&bench, 6, "e1@6"), PL_OK);
    assert_int_equal(pl_hub_stats(bench.hub).tails_size, 0);
    expect_pull(stream, "");
    bench.told[0] = 0;
    bench_turn(&bench, "page a 5;");
    bench_page(&bench, stream, "6", 6);
    bench_turn(&bench, "wake a;");
    expect_pull(stream, "E6");
    bench_turn(&bench, "");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_evicted_feed_of_a_tail_that_began_anew_takes_nothing(void **state)
{
    BENCH(450);
    struct pl_stream *keeper = bench_open(&bench, "k", false, 2, 5, 5);
    struct pl_stream *stream;

    (void)state;
    expect_pull(keeper, "M3one M4two C5");
    assert_int_equal(bench_apply(&bench, 6, "e1@6"), PL_OK);
    pl_hub_close(bench.hub, keeper);
    stream = bench_open(&bench, "a", false, 1, 6, 6);
    expect_pull(stream, "M3one C6");
    for (unsigned position = 7; position < 10; position++) {
        char entry[16];

        snprintf(entry, sizeof entry, "e1@%u", position);
        assert_int_equal(bench_apply(&bench, position, entry), PL_OK);
    }
    bench.told[0] = 0;
    assert_true(pl_hub_stats(bench.hub).tails_size <= 450); /* four were over it */
    expect_pull(stream, "E7 E8 E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void settle(struct bench *bench, struct pl_stream *stream)
{
    uint8_t bytes[4096];

    while (pl_hub_stats(bench->hub).streams_len > 0 &&
           (pl_stream_pull(stream, bytes, sizeof bytes) > 0 || pl_hub_turn(bench->hub)))
        ;
}

/* Runs a stream's life with the nth allocation failing; false when none did. */
static bool life_with_failure(uint64_t nth)
{
    struct bench bench;
    struct pl_stream *stream = NULL;
    bool failed;

    pl_mem_fail_at(nth);
    if (bench_init(&bench, 10000) == PL_OK) {
        stream = bench_open(&bench, "a", true, 2, 2, 5);
        if (stream != NULL) {
            settle(&bench, stream);
            if (pl_hub_stats(bench.hub).streams_len == 1) /* else it could not ask */
                pl_hub_page(bench.hub, stream, pl_buf_copy("", 0), 5, 0, START_MS);
            (void)bench_apply(&bench, 8, "j3@5 e1@6 e3@8 m1");
            settle(&bench, stream);
        }
        if (pl_hub_stats(bench.hub).live_len == 1) {
            (void)bench_apply(&bench, 10, "e1@9 l2@10 e2@10 e1@11 m1");
            settle(&bench, stream);
        }
        pl_hub_tick(bench.hub, START_MS + HEARTBEAT_MS);
        pl_hub_drain(bench.hub, 1, 1);
        if (stream != NULL)
            settle(&bench, stream);
        assert_int_equal(pl_hub_stats(bench.hub).streams_len, 0);
        assert_int_equal(pl_hub_stats(bench.hub).tails_len, 0);
        pl_hub_free(bench.hub);
    }
    failed = pl_mem_failed() != 0;
    pl_mem_fail_at(0);
    return failed;
}

static void hub_bears_each_allocation_failing(void **state)
{
    uint64_t nth = 1;

    (void)state;
    while (life_with_failure(nth))
        nth++;
    assert_true(nth > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hub_stream_from_now_gets_markers_caught_up_and_what_comes),
        cmocka_unit_test(hub_skips_what_a_feed_holds_at_or_below_shown),
        cmocka_unit_test(hub_resumed_stream_pages_then_catches_up_then_is_live),
        cmocka_unit_test(hub_stays_with_pages_until_a_state_that_makes_up_for_what_is_gone),
        cmocka_unit_test(hub_empty_page_brings_caught_up),
        cmocka_unit_test(hub_backlog_goes_with_query_and_cursor_until_it_is_passed),
        cmocka_unit_test(hub_slow_stream_falls_behind_and_rejoins),
        cmocka_unit_test(hub_finishes_a_frame_whose_entry_was_evicted),
        cmocka_unit_test(hub_ready_stream_is_not_woken_again),
        cmocka_unit_test(hub_backlog_beyond_shown_ends_there),
        cmocka_unit_test(hub_markers_of_a_room_coalesce),
        cmocka_unit_test(hub_heartbeat_comes_after_silence_and_bears_where_it_stands),
        cmocka_unit_test(hub_session_end_finishes_the_frame_and_ends_the_stream),
        cmocka_unit_test(hub_end_cuts_a_page_at_a_frame),
        cmocka_unit_test(hub_page_that_failed_ends_the_stream),
        cmocka_unit_test(hub_page_for_an_ending_stream_is_dropped),
        cmocka_unit_test(hub_drain_says_where_each_stream_stands_and_ends_it),
        cmocka_unit_test(hub_event_larger_than_the_budget_comes_from_the_store),
        cmocka_unit_test(hub_evicted_feed_of_a_tail_that_began_anew_takes_nothing),
        cmocka_unit_test(hub_bears_each_allocation_failing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
