/* test_hub.c - streams of one hub, by behaviour. */
#include "base/err.h"
#include "base/mem.h"
#include "fanout/hub.h"
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HEARTBEAT_MS = 20000, START_MS = 1000000 };

/* What the hub has asked of its owner, as text: "wake a", "page a 5", "end a". */
struct bench {
    struct pl_hub *hub;
    char told[512];
    struct pl_page_query query; /* the last; its arrays are not to be used */
    struct pl_refusal refusal;  /* the last */
};

static void tell(struct bench *bench, const char *what, const struct pl_stream *stream,
                 pl_position position)
{
    size_t size = strlen(bench->told);

    if (position == 0)
        snprintf(bench->told + size, sizeof bench->told - size, "%s %s;", what,
                 (const char *)pl_stream_data(stream));
    else
        snprintf(bench->told + size, sizeof bench->told - size, "%s %s %u;", what,
                 (const char *)pl_stream_data(stream), (unsigned)position);
}

static void want_page(void *self, struct pl_stream *stream, const struct pl_page_query *query)
{
    struct bench *bench = self;

    bench->query = *query;
    tell(bench, "page", stream, query->after);
}

static void wake(void *self, struct pl_stream *stream)
{
    tell(self, "wake", stream, 0);
}

static void ended(void *self, struct pl_stream *stream, const struct pl_refusal *refusal)
{
    struct bench *bench = self;

    bench->refusal = *refusal;
    tell(bench, "end", stream, 0);
    pl_hub_close(bench->hub, stream);
}

static int bench_init(struct bench *bench, size_t tails_size_max)
{
    struct pl_hub_config config = {
        .ops = {.self = bench, .want_page = want_page, .wake = wake, .ended = ended},
        .framer = frames_framer,
        .tails_size_max = tails_size_max,
        .pages_size_max = 1 << 20,
        .page_len_max = 10,
        .page_size_max = 10000,
        .heartbeat_ms = HEARTBEAT_MS,
    };

    *bench = (struct bench){0};
    return pl_hub_new(&config, &bench->hub);
}

static void expect_told(struct bench *bench, const char *told)
{
    assert_string_equal(bench->told, told);
    bench->told[0] = 0;
}

/* Ends the turn, and expects this to have been told since the last. */
static void turn(struct bench *bench, const char *told)
{
    while (pl_hub_turn(bench->hub))
        ;
    expect_told(bench, told);
}

static const struct pl_subscribed_room rooms_12[] = {
    {.id = {1}, .name = "one", .read_sequence = 3},
    {.id = {2}, .name = "two", .read_sequence = 4},
};

/* A stream of user 7, session 70, of the first rooms. */
static struct pl_stream *open_at(struct bench *bench, const char *name, bool all,
                                 uint32_t rooms_len, pl_position after, pl_position shown)
{
    struct pl_stream_start start = {
        .user = {7},
        .session = {70},
        .shown = shown,
        .after = after,
        .all = all,
        .rooms = rooms_12,
        .rooms_len = rooms_len,
        .now_ms = START_MS,
    };
    struct pl_stream *stream = NULL;

    if (pl_hub_open(bench->hub, &start, (void *)(uintptr_t)name, &stream) < 0)
        return NULL;
    return stream;
}

/* A feed in the making: "e1@5" an event of room 1 at 5; "j2@5" user 7 joins, "l2@5"
 * leaves; "m1" a marker in room 1 at sequence 9; "s70" session 70 ends. */
static int apply(struct bench *bench, pl_position through, const char *entries)
{
    struct pl_feed_entry list[32];
    uint32_t len = 0;
    struct pl_bytebuf frames;
    struct pl_feed *feed;
    int rc;

    pl_bytebuf_init(&frames, 100000);
    for (const char *at = entries; *at != 0; at += strcspn(at, " "), at += strspn(at, " ")) {
        struct pl_feed_entry entry = {.user = {7}};
        unsigned number = 0, position = 0;
        size_t offset = frames.size;
        char kind = *at;

        sscanf(at + 1, "%u@%u", &number, &position);
        entry.room.v = number;
        entry.position = position;
        entry.joined = kind == 'j';
        entry.kind = kind == 'e'   ? PL_FEED_EVENT
                     : kind == 'm' ? PL_FEED_READ_MARKER
                     : kind == 's' ? PL_FEED_SESSION_ENDED
                                   : PL_FEED_MEMBERSHIP;
        entry.session.v = number;
        if (kind == 'e')
            frames_framer.event(NULL, pl_bytes_str("event"), position, NULL, true, &frames);
        if (kind == 'm')
            frames_framer.read_marker(NULL, number == 1 ? "one" : "two", 9, &frames);
        entry.offset = (uint32_t)offset;
        entry.size = (uint32_t)(frames.size - offset);
        list[len++] = entry;
    }
    feed = frames.err != PL_OK
               ? NULL
               : pl_feed_new(through, list, len, (struct pl_bytes){frames.data, frames.size});
    pl_bytebuf_done(&frames);
    if (feed == NULL)
        return PL_E_NOMEM;
    rc = pl_hub_apply(bench->hub, feed, START_MS);
    pl_feed_unref(feed);
    return rc;
}

/* A page of events at these positions. */
static void page_until(struct bench *bench, struct pl_stream *stream, const char *positions,
                       pl_position through, pl_position states_until)
{
    struct pl_bytebuf frames;
    struct pl_buf *buf = NULL;

    pl_bytebuf_init(&frames, 100000);
    for (const char *at = positions; *at != 0; at += strcspn(at, " "), at += strspn(at, " ")) {
        unsigned position = 0;

        sscanf(at, "%u", &position);
        frames_framer.event(NULL, pl_bytes_str("event"), position, NULL, true, &frames);
    }
    if (frames.size > 0) {
        buf = pl_buf_copy(frames.data, frames.size);
        assert_non_null(buf);
    }
    pl_bytebuf_done(&frames);
    pl_hub_page(bench->hub, stream, buf, through, states_until, START_MS);
}

static void page(struct bench *bench, struct pl_stream *stream, const char *positions,
                 pl_position through)
{
    page_until(bench, stream, positions, through, 0);
}

/* Whole frames as text: "E5 M3one C5 H5 D5". */
static void describe(struct pl_bytes bytes, char *text, size_t text_size)
{
    size_t at = 0;
    size_t n = 0;

    text[0] = 0;
    while (at < bytes.size) {
        struct frame frame;
        size_t size = frames_parse((struct pl_bytes){bytes.data + at, bytes.size - at}, &frame);

        assert_true(size > 0);
        at += size;
        if (frame.letter == FRAME_MARKER)
            n += (size_t)snprintf(text + n, text_size - n, "%sM%u%.*s", n > 0 ? " " : "",
                                  (unsigned)frame.number, (int)frame.bytes.size,
                                  (const char *)frame.bytes.data);
        else
            n += (size_t)snprintf(text + n, text_size - n, "%s%c%u%s", n > 0 ? " " : "",
                                  frame.letter, (unsigned)frame.position,
                                  frame.backlog == PL_BACKLOG_NONE ? "" : "b");
    }
}

/* Pulls all that there is, in pieces of `size`. */
static void expect_pull_by(struct pl_stream *stream, size_t size, const char *frames)
{
    static uint8_t bytes[65536];
    char text[1024];
    size_t at = 0;
    size_t n;

    while ((n = pl_stream_pull(stream, bytes + at, size)) > 0)
        at += n;
    describe((struct pl_bytes){bytes, at}, text, sizeof text);
    assert_string_equal(text, frames);
}

static void expect_pull(struct pl_stream *stream, const char *frames)
{
    expect_pull_by(stream, 4096, frames);
}

#define BENCH(size)     \
    struct bench bench; \
    assert_int_equal(bench_init(&bench, (size)), PL_OK)

static void hub_stream_from_now_gets_markers_caught_up_and_what_comes(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 2, 5, 5);

    (void)state;
    expect_told(&bench, "");
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one M4two C5");
    turn(&bench, "");
    assert_int_equal(apply(&bench, 8, "e1@6 e2@7 e1@8"), PL_OK);
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
    struct pl_stream *first = open_at(&bench, "a", false, 1, 4, 4);
    struct pl_stream *stream = open_at(&bench, "b", false, 1, 6, 6);

    (void)state;
    turn(&bench, "wake a;wake b;");
    expect_pull(first, "M3one C4");
    expect_pull(stream, "M3one C6");
    assert_int_equal(apply(&bench, 6, "e1@5 e1@6"), PL_OK);
    expect_told(&bench, "wake a;");
    assert_int_equal(apply(&bench, 7, "e1@7"), PL_OK);
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
    struct pl_stream *stream = open_at(&bench, "a", true, 2, 2, 9);

    (void)state;
    turn(&bench, "wake a;page a 2;");
    assert_true(bench.query.all);
    assert_int_equal(bench.query.user.v, 7);
    assert_int_equal(bench.query.rooms_len, 0);
    assert_int_equal(bench.query.len_max, 10);
    expect_pull(stream, "M3one M4two");
    assert_int_equal(apply(&bench, 11, "e1@10 e2@11"), PL_OK);
    page(&bench, stream, "3 5", 7);
    turn(&bench, "wake a;");
    expect_pull_by(stream, 7, "E3 E5");
    turn(&bench, "page a 7;");
    page(&bench, stream, "9 10", 10);
    turn(&bench, "wake a;");
    expect_pull(stream, "E9 E10 C10");
    turn(&bench, "wake a;");
    expect_pull(stream, "E11");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

/* Events 3 and 8 were taken by retention after the stream was opened; the state that makes up
 * for both stands at 8, and the tail has 8. */
static void hub_stays_with_pages_until_a_state_that_makes_up_for_what_is_gone(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 2, 2, 5);

    (void)state;
    turn(&bench, "wake a;page a 2;");
    expect_pull(stream, "M3one M4two");
    assert_int_equal(apply(&bench, 9, "e1@8 e2@9"), PL_OK);
    page_until(&bench, stream, "4", 5, 8);
    turn(&bench, "wake a;");
    expect_pull(stream, "E4 C5");
    turn(&bench, "page a 5;");
    page(&bench, stream, "8", 8);
    turn(&bench, "wake a;");
    expect_pull(stream, "E8");
    turn(&bench, "wake a;");
    expect_pull(stream, "E9");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_empty_page_brings_caught_up(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 0, 2, 9);

    (void)state;
    turn(&bench, "page a 2;");
    page(&bench, stream, "", 5);
    turn(&bench, "page a 5;");
    page(&bench, stream, "", 9);
    turn(&bench, "wake a;");
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
        .rooms = rooms_12,
        .rooms_len = 1,
        .now_ms = START_MS,
    };
    struct pl_stream *stream;

    (void)state;
    assert_int_equal(pl_hub_open(bench.hub, &start, (void *)(uintptr_t) "a", &stream), PL_OK);
    backlog_rooms[0].after = 0; /* it was copied */
    turn(&bench, "wake a;page a;");
    assert_int_equal(bench.query.backlog.kind, PL_BACKLOG_UNREAD);
    assert_int_equal(bench.query.backlog.until, 9);
    assert_int_equal(bench.query.backlog.rooms[0].after, 3);
    expect_pull(stream, "M3one");
    page(&bench, stream, "", 5);
    turn(&bench, "page a 5;");
    pl_hub_tick(bench.hub, START_MS + HEARTBEAT_MS);
    turn(&bench, "wake a;");
    expect_pull(stream, "H5b");
    page(&bench, stream, "9", 9);
    turn(&bench, "wake a;");
    expect_pull(stream, "E9 C9");
    turn(&bench, "");
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
    turn(&bench, "page a;");
    assert_int_equal(bench.query.backlog.until, 9);
    page(&bench, stream, "8", 9);
    turn(&bench, "wake a;");
    expect_pull(stream, "E8 C9");
    turn(&bench, "");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_slow_stream_falls_behind_and_rejoins(void **state)
{
    BENCH(600);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 7, "e1@6 e1@7"), PL_OK);
    expect_told(&bench, "wake a;");
    for (pl_position position = 8; position < 20; position++) {
        char entry[16];

        snprintf(entry, sizeof entry, "e1@%u", (unsigned)position);
        assert_int_equal(apply(&bench, position, entry), PL_OK);
        assert_true(pl_hub_stats(bench.hub).tails_size <= 600);
    }
    turn(&bench, "");
    expect_pull(stream, "");
    assert_int_equal(pl_hub_stats(bench.hub).fell_behind, 1);
    turn(&bench, "page a 5;");
    page(&bench, stream, "6 7 8", 8);
    turn(&bench, "wake a;");
    expect_pull(stream, "E6 E7 E8");
    turn(&bench, "page a 8;");
    page(&bench, stream, "9 10 11 12 13 14 15 16 17 18", 18);
    turn(&bench, "wake a;");
    expect_pull(stream, "E9 E10 E11 E12 E13 E14 E15 E16 E17 E18");
    turn(&bench, "wake a;");
    expect_pull(stream, "E19");
    assert_int_equal(pl_hub_stats(bench.hub).rejoined, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_finishes_a_frame_whose_entry_was_evicted(void **state)
{
    BENCH(400);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);
    uint8_t bytes[1000];
    char text[100];
    size_t n;

    (void)state;
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 6, "e1@6"), PL_OK);
    n = pl_stream_pull(stream, bytes, 9);
    assert_int_equal(n, 9);
    for (int i = 7; i < 12; i++)
        assert_int_equal(apply(&bench, (pl_position)i, i == 11 ? "e1@11" : "e1@7"), PL_OK);
    n += pl_stream_pull(stream, bytes + n, sizeof bytes - n);
    describe((struct pl_bytes){bytes, n}, text, sizeof text);
    assert_string_equal(text, "E6");
    bench.told[0] = 0;
    turn(&bench, "page a 6;");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_ready_stream_is_not_woken_again(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 2, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one M4two C5");
    assert_int_equal(apply(&bench, 6, "e1@6"), PL_OK);
    assert_int_equal(apply(&bench, 8, "e1@7 e2@8"), PL_OK);
    turn(&bench, "wake a;");
    expect_pull_by(stream, 1, "E6 E7 E8");
    assert_int_equal(apply(&bench, 9, "e2@9"), PL_OK);
    turn(&bench, "wake a;");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_room_that_is_joined_streams_from_there(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 1, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 9, "e2@6 e2@7 j2@6 e2@8 e1@9"), PL_OK);
    expect_pull(stream, "E7 E8 E9");
    bench.told[0] = 0;
    turn(&bench, "");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_room_that_is_left_streams_up_to_there(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 2, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one M4two C5");
    assert_int_equal(apply(&bench, 6, "e2@6"), PL_OK);
    assert_int_equal(apply(&bench, 10, "l2@7 e2@7 e2@8 e1@9 e2@10"), PL_OK);
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 2);
    expect_pull(stream, "E6 E7 E9");
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 1);
    assert_int_equal(apply(&bench, 15, "j2@11 e2@12 l2@13 e2@13 j2@14 e2@14 e2@15 l2@15"), PL_OK);
    expect_pull(stream, "E12 E13 E15");
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 1);
    bench.told[0] = 0;
    turn(&bench, "");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_room_that_is_left_in_silence_goes_at_once(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 2, 5, 5);

    (void)state;
    expect_pull(stream, "M3one M4two C5");
    assert_int_equal(apply(&bench, 5, "l2@5"), PL_OK);
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 1);
    assert_int_equal(apply(&bench, 7, "e2@6 e1@7"), PL_OK);
    expect_pull(stream, "E7");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_named_room_comes_back_with_its_user(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 7, "e1@6 l1@6 e1@7 j2@7 e2@7"), PL_OK);
    expect_pull(stream, "E6");
    assert_int_equal(pl_hub_stats(bench.hub).tails_len, 0);
    assert_int_equal(apply(&bench, 9, "j1@8 e1@9"), PL_OK);
    expect_pull(stream, "E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_membership_while_catching_up_is_left_to_the_pages(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 1, 2, 5);

    (void)state;
    turn(&bench, "wake a;page a 2;");
    expect_pull(stream, "M3one");
    assert_int_equal(apply(&bench, 9, "e1@6 e1@7 l1@7 j2@8 e2@9"), PL_OK);
    page(&bench, stream, "", 5);
    turn(&bench, "wake a;page a 5;"); /* not live: what it is owed of room 1 is not known */
    expect_pull(stream, "C5");
    page(&bench, stream, "6 7", 8);
    turn(&bench, "wake a;");
    expect_pull(stream, "E6 E7");
    turn(&bench, "wake a;");
    expect_pull(stream, "E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_gain_of_a_tail_that_begins_later_is_fed_from_the_store(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 1, 5, 5);
    struct pl_stream_start start = {
        .user = {8},
        .shown = 7,
        .after = 7,
        .rooms = &rooms_12[1],
        .rooms_len = 1,
        .now_ms = START_MS,
    };
    struct pl_stream *other;

    (void)state;
    expect_pull(stream, "M3one C5");
    /* One batch: user 7 joins room 2, an event there, user 8 subscribes to it. */
    assert_int_equal(pl_hub_open(bench.hub, &start, (void *)(uintptr_t) "b", &other), PL_OK);
    turn(&bench, "wake b;");
    assert_int_equal(apply(&bench, 8, "j2@6 e2@7 e2@8"), PL_OK);
    expect_told(&bench, "");
    turn(&bench, "page a 5;");
    page(&bench, stream, "7 8", 8);
    turn(&bench, "wake a;");
    expect_pull(stream, "E7 E8");
    expect_pull(other, "M4two C7 E8");
    pl_hub_close(bench.hub, stream);
    pl_hub_close(bench.hub, other);
    pl_hub_free(bench.hub);
}

static void hub_markers_of_a_room_coalesce(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 5, "m1 m2 m1"), PL_OK);
    assert_int_equal(apply(&bench, 6, "e1@6 m1"), PL_OK);
    turn(&bench, "wake a;");
    expect_pull(stream, "M9one E6");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_heartbeat_comes_after_silence_and_bears_where_it_stands(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    pl_hub_tick(bench.hub, START_MS + 2 * HEARTBEAT_MS);
    turn(&bench, ""); /* something is pending: the reader does not read */
    expect_pull(stream, "M3one C5");
    pl_hub_tick(bench.hub, START_MS + 3 * HEARTBEAT_MS - 1);
    turn(&bench, "");
    assert_int_equal(apply(&bench, 8, "e2@8"), PL_OK);
    pl_hub_tick(bench.hub, START_MS + 4 * HEARTBEAT_MS);
    turn(&bench, "wake a;");
    expect_pull(stream, "H8");
    pl_hub_tick(bench.hub, START_MS); /* the clock was set back */
    turn(&bench, "");
    pl_hub_tick(bench.hub, START_MS + HEARTBEAT_MS);
    turn(&bench, "wake a;");
    expect_pull(stream, "H8");
    assert_int_equal(apply(&bench, 9, "e1@9"), PL_OK);
    expect_pull(stream, "E9");
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_session_end_finishes_the_frame_and_ends_the_stream(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);
    uint8_t bytes[1000];
    char text[100];
    size_t n;

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 7, "e1@6 e1@7"), PL_OK);
    n = pl_stream_pull(stream, bytes, 3);
    assert_int_equal(apply(&bench, 8, "s71 e1@8"), PL_OK);
    assert_int_equal(apply(&bench, 8, "s70"), PL_OK);
    turn(&bench, "wake a;");
    n += pl_stream_pull(stream, bytes + n, sizeof bytes - n);
    describe((struct pl_bytes){bytes, n}, text, sizeof text);
    assert_string_equal(text, "E6");
    turn(&bench, "end a;");
    assert_int_equal(bench.refusal.reason, PL_REASON_SESSION_ENDED);
    assert_int_equal(pl_hub_stats(bench.hub).streams_len, 0);
    pl_hub_free(bench.hub);
}

static void hub_end_cuts_a_page_at_a_frame(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 0, 2, 9);
    struct pl_refusal refusal = pl_refusal_field("rooms", "no");
    uint8_t bytes[1000];
    char text[100];
    size_t n;

    (void)state;
    turn(&bench, "page a 2;");
    page(&bench, stream, "3 4 5", 9);
    turn(&bench, "wake a;");
    n = pl_stream_pull(stream, bytes, 25);
    pl_hub_end(bench.hub, stream, &refusal);
    turn(&bench, "");
    n += pl_stream_pull(stream, bytes + n, sizeof bytes - n);
    describe((struct pl_bytes){bytes, n}, text, sizeof text);
    assert_string_equal(text, "E3 E4");
    assert_int_equal(pl_stream_pull(stream, bytes, sizeof bytes), 0);
    turn(&bench, "end a;");
    assert_string_equal(bench.refusal.detail, "no");
    pl_hub_free(bench.hub);
}

static void hub_page_that_failed_ends_the_stream(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 0, 2, 9);
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_STORE_FAILED);

    (void)state;
    turn(&bench, "page a 2;");
    pl_hub_page_failed(bench.hub, stream, &refusal);
    turn(&bench, "end a;");
    assert_int_equal(bench.refusal.reason, PL_REASON_STORE_FAILED);
    pl_hub_free(bench.hub);
}

static void hub_page_for_an_ending_stream_is_dropped(void **state)
{
    BENCH(10000);
    struct pl_stream *stream = open_at(&bench, "a", true, 1, 2, 9);
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_OVERLOADED);
    uint8_t bytes[1000];

    (void)state;
    turn(&bench, "wake a;page a 2;");
    assert_int_equal(pl_stream_pull(stream, bytes, 3), 3);
    pl_hub_end(bench.hub, stream, &refusal);
    page(&bench, stream, "3", 9);
    assert_true(pl_stream_pull(stream, bytes, sizeof bytes) > 0);
    assert_int_equal(pl_stream_pull(stream, bytes, sizeof bytes), 0);
    turn(&bench, "end a;");
    pl_hub_free(bench.hub);
}

static void hub_drain_says_where_each_stream_stands_and_ends_it(void **state)
{
    BENCH(10000);
    struct pl_stream *live = open_at(&bench, "a", false, 1, 5, 5);
    struct pl_stream *paging = open_at(&bench, "b", false, 1, 2, 5);
    struct pl_stream *waiting = open_at(&bench, "c", false, 1, 2, 5);
    struct pl_stream *late;

    (void)state;
    turn(&bench, "wake a;wake b;page b 2;wake c;page c 2;");
    page(&bench, paging, "3 4", 4);
    expect_pull(live, "M3one C5");
    assert_int_equal(apply(&bench, 9, "e2@9"), PL_OK);
    pl_hub_drain(bench.hub, 1000, 300);
    pl_hub_drain(bench.hub, 1000, 300); /* once is enough */
    turn(&bench, "wake a;");
    expect_pull(live, "D9");
    turn(&bench, "end a;");
    assert_int_equal(bench.refusal.reason, PL_REASON_DRAINING);
    assert_in_range(bench.refusal.retry_ms, 1000, 1299);
    expect_pull(paging, "M3one E3 E4 D4");
    expect_pull(waiting, "M3one D2");
    late = open_at(&bench, "d", false, 1, 9, 9);
    assert_non_null(late);
    turn(&bench, "end b;end c;wake d;");
    expect_pull(late, "M3one C9 D9");
    turn(&bench, "end d;");
    assert_int_equal(bench.refusal.retry_ms, 1300);
    pl_hub_free(bench.hub);
}

static void hub_event_larger_than_the_budget_comes_from_the_store(void **state)
{
    BENCH(0);
    struct pl_stream *stream = open_at(&bench, "a", false, 1, 5, 5);

    (void)state;
    turn(&bench, "wake a;");
    expect_pull(stream, "M3one C5");
    assert_int_equal(apply(&bench, 6, "e1@6"), PL_OK);
    assert_int_equal(pl_hub_stats(bench.hub).tails_size, 0);
    expect_pull(stream, "");
    bench.told[0] = 0;
    turn(&bench, "page a 5;");
    page(&bench, stream, "6", 6);
    turn(&bench, "wake a;");
    expect_pull(stream, "E6");
    turn(&bench, "");
    assert_int_equal(pl_hub_stats(bench.hub).live_len, 1);
    pl_hub_close(bench.hub, stream);
    pl_hub_free(bench.hub);
}

static void hub_evicted_feed_of_a_tail_that_began_anew_takes_nothing(void **state)
{
    BENCH(450);
    struct pl_stream *keeper = open_at(&bench, "k", false, 2, 5, 5);
    struct pl_stream *stream;

    (void)state;
    expect_pull(keeper, "M3one M4two C5");
    assert_int_equal(apply(&bench, 6, "e1@6"), PL_OK);
    pl_hub_close(bench.hub, keeper);
    stream = open_at(&bench, "a", false, 1, 6, 6);
    expect_pull(stream, "M3one C6");
    for (unsigned position = 7; position < 10; position++) {
        char entry[16];

        snprintf(entry, sizeof entry, "e1@%u", position);
        assert_int_equal(apply(&bench, position, entry), PL_OK);
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
        stream = open_at(&bench, "a", true, 2, 2, 5);
        if (stream != NULL) {
            settle(&bench, stream);
            if (pl_hub_stats(bench.hub).streams_len == 1) /* else it could not ask */
                pl_hub_page(bench.hub, stream, pl_buf_copy("", 0), 5, 0, START_MS);
            (void)apply(&bench, 8, "j3@5 e1@6 e3@8 m1");
            settle(&bench, stream);
        }
        if (pl_hub_stats(bench.hub).live_len == 1) {
            (void)apply(&bench, 10, "e1@9 l2@10 e2@10 e1@11 m1");
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
        cmocka_unit_test(hub_room_that_is_joined_streams_from_there),
        cmocka_unit_test(hub_room_that_is_left_streams_up_to_there),
        cmocka_unit_test(hub_room_that_is_left_in_silence_goes_at_once),
        cmocka_unit_test(hub_backlog_beyond_shown_ends_there),
        cmocka_unit_test(hub_named_room_comes_back_with_its_user),
        cmocka_unit_test(hub_membership_while_catching_up_is_left_to_the_pages),
        cmocka_unit_test(hub_gain_of_a_tail_that_begins_later_is_fed_from_the_store),
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
