/* test_pages.c - what streams hold of the log together: no more than there may be, and
 * nobody misses anything for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fanout/hub.h"
#include "frames.h"

#include <string.h>

enum { STREAMS_LEN = 6, PAGE_EVENTS = 4, EVENT_SIZE = 40, SHOWN = 100 };

/* A page is this large; so is its budget in pages. */
enum { PAGE_SIZE = PAGE_EVENTS * (FRAME_HEAD_SIZE + FRAME_CURSOR_SIZE + EVENT_SIZE) };

struct one {
    struct pl_stream *stream;
    uint32_t number;
    uint32_t asked;    /* pages, in all */
    bool wanted;       /* one is outstanding, … */
    pl_position after; /* … beyond here */
    bool awake;
    pl_position got; /* the last event that came whole */
    struct pl_bytebuf bytes;
};

struct bench {
    struct pl_hub *hub;
    struct one ones[STREAMS_LEN];
};

static void want_page(void *self, struct pl_stream *stream, const struct pl_page_query *query)
{
    struct one *one = pl_stream_data(stream);

    (void)self;
    assert_false(one->wanted);
    one->wanted = true;
    one->asked++;
    one->after = query->after;
}

static void wake(void *self, struct pl_stream *stream)
{
    (void)self;
    ((struct one *)pl_stream_data(stream))->awake = true;
}

static void ended(void *self, struct pl_stream *stream, const struct pl_refusal *refusal)
{
    (void)self;
    (void)stream;
    (void)refusal;
    fail();
}

static void turn(struct bench *bench)
{
    while (pl_hub_turn(bench->hub))
        ;
}

/* Streams of one room that lack events 1 to 100; as many pages may be held. */
static void bench_init(struct bench *bench, size_t pages)
{
    struct pl_hub_config config = {
        .ops = {.self = bench, .want_page = want_page, .wake = wake, .ended = ended},
        .framer = frames_framer,
        .pages_size_max = pages * PAGE_SIZE,
        .page_len_max = PAGE_EVENTS,
        .page_size_max = PAGE_SIZE,
        .heartbeat_ms = 1000,
    };
    struct pl_subscribed_room room = {.id = {1}, .name = "room"};

    *bench = (struct bench){0};
    assert_int_equal(pl_hub_new(&config, &bench->hub), PL_OK);
    for (uint32_t i = 0; i < STREAMS_LEN; i++) {
        struct pl_stream_start start = {
            .user = {i + 1}, .shown = SHOWN, .rooms = &room, .rooms_len = 1, .now_ms = 1};

        pl_bytebuf_init(&bench->ones[i].bytes, 1 << 20);
        bench->ones[i].number = i;
        assert_int_equal(pl_hub_open(bench->hub, &start, &bench->ones[i], &bench->ones[i].stream),
                         PL_OK);
    }
    turn(bench);
    for (uint32_t i = 0; i < STREAMS_LEN; i++) { /* the room's marker */
        uint8_t to[100];

        assert_true(pl_stream_pull(bench->ones[i].stream, to, sizeof to) > 0);
        assert_int_equal(pl_stream_pull(bench->ones[i].stream, to, sizeof to), 0);
        bench->ones[i].awake = false;
    }
}

static void bench_done(struct bench *bench)
{
    for (uint32_t i = 0; i < STREAMS_LEN; i++) {
        pl_hub_close(bench->hub, bench->ones[i].stream);
        pl_bytebuf_done(&bench->ones[i].bytes);
    }
    assert_int_equal(pl_hub_stats(bench->hub).pages_size, 0);
    pl_hub_free(bench->hub);
}

static pl_position end_of_page(pl_position after)
{
    return after + PAGE_EVENTS < SHOWN ? after + PAGE_EVENTS : SHOWN;
}

/* The page that begins after a position. */
static struct pl_buf *page_after(pl_position after)
{
    struct pl_bytebuf frames;
    struct pl_buf *buf;
    uint8_t event[EVENT_SIZE];

    pl_bytebuf_init(&frames, 1 << 16);
    memset(event, 'e', sizeof event);
    for (pl_position position = after + 1; position <= end_of_page(after); position++)
        frames_framer.event(NULL, (struct pl_bytes){event, sizeof event}, position, NULL, true,
                            &frames);
    assert_int_equal(frames.size * PAGE_EVENTS, (end_of_page(after) - after) * PAGE_SIZE);
    buf = pl_buf_copy(frames.data, frames.size);
    assert_non_null(buf);
    pl_bytebuf_done(&frames);
    return buf;
}

static void answer_with(struct bench *bench, struct one *one, struct pl_buf *frames)
{
    assert_true(one->wanted);
    one->wanted = false;
    pl_hub_page(bench->hub, one->stream, frames, end_of_page(one->after), 0, 1);
}

static void answer(struct bench *bench, struct one *one)
{
    answer_with(bench, one, page_after(one->after));
    turn(bench);
}

/* Looks at whole frames: events in order, none twice, CaughtUp after all of them. */
static void look(struct one *one)
{
    struct frame frame;
    size_t size;

    while ((size = frames_parse((struct pl_bytes){one->bytes.data, one->bytes.size}, &frame)) > 0) {
        if (frame.letter == FRAME_EVENT) {
            assert_int_equal(frame.position, one->got + 1);
            one->got = frame.position;
        } else if (frame.letter == FRAME_CAUGHT_UP) {
            assert_int_equal(one->got, SHOWN);
            assert_int_equal(frame.position, SHOWN);
        }
        pl_bytebuf_consume(&one->bytes, size);
    }
}

/* Reads so much. */
static size_t pull(struct bench *bench, struct one *one, size_t size)
{
    uint8_t *to = pl_bytebuf_reserve(&one->bytes, size);
    size_t n;

    assert_non_null(to);
    n = pl_stream_pull(one->stream, to, size);
    pl_bytebuf_added(&one->bytes, n);
    one->awake = n > 0;
    look(one);
    turn(bench);
    return n;
}

/* Reads all that there is, pages and all. */
static void pull_all(struct bench *bench, struct one *one)
{
    while (one->awake || one->wanted) {
        if (one->wanted)
            answer(bench, one);
        pull(bench, one, 1000);
    }
    assert_int_equal(one->got, SHOWN);
}

static uint32_t wanted(const struct bench *bench)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < STREAMS_LEN; i++)
        len += bench->ones[i].wanted;
    return len;
}

static void pages_are_asked_for_a_few_at_a_time_in_turn(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, 4);
    turn(&bench);
    assert_int_equal(wanted(&bench), 2); /* half of the budget */
    assert_true(bench.ones[0].wanted && bench.ones[1].wanted);
    answer(&bench, &bench.ones[1]);
    assert_int_equal(wanted(&bench), 2);
    assert_true(bench.ones[2].wanted);
    pl_hub_close(bench.hub, bench.ones[0].stream); /* one that waits for its page */
    bench.ones[0].wanted = false;
    turn(&bench);
    assert_true(bench.ones[2].wanted && bench.ones[3].wanted);
    pl_hub_close(bench.hub, bench.ones[4].stream); /* one that waits for its turn */
    answer(&bench, &bench.ones[2]);
    assert_true(bench.ones[3].wanted && bench.ones[5].wanted);
    answer(&bench, &bench.ones[3]);
    answer(&bench, &bench.ones[5]);
    assert_int_equal(wanted(&bench), 0);
    for (uint32_t i = 1; i < STREAMS_LEN; i++) {
        if (i == 4)
            continue;
        pull_all(&bench, &bench.ones[i]);
        pl_hub_close(bench.hub, bench.ones[i].stream);
    }
    for (uint32_t i = 0; i < STREAMS_LEN; i++)
        pl_bytebuf_done(&bench.ones[i].bytes);
    pl_hub_free(bench.hub);
}

static void a_page_that_many_hold_counts_once(void **state)
{
    struct pl_buf *page = page_after(0);
    struct bench bench;

    (void)state;
    bench_init(&bench, 100);
    turn(&bench);
    for (uint32_t i = 0; i < STREAMS_LEN; i++) {
        answer_with(&bench, &bench.ones[i], pl_buf_ref(page));
        assert_int_equal(pl_hub_stats(bench.hub).pages_size, PAGE_SIZE);
    }
    pl_buf_unref(page);
    turn(&bench);
    for (uint32_t i = 0; i < STREAMS_LEN; i++)
        pull_all(&bench, &bench.ones[i]);
    assert_int_equal(pl_hub_stats(bench.hub).pages_let_go, 0);
    bench_done(&bench);
}

/* All but the last read a little of their pages, and no more. */
static void stop_reading(struct bench *bench, size_t size)
{
    for (uint32_t i = 0; i < STREAMS_LEN; i++) {
        answer(bench, &bench->ones[i]);
        pull(bench, &bench->ones[i], size);
        assert_true(pl_hub_stats(bench->hub).pages_size <= 2 * PAGE_SIZE);
    }
}

static void who_does_not_read_holds_a_frame_and_asks_for_nothing(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, 2);
    turn(&bench);
    stop_reading(&bench, PAGE_SIZE / 2 + 3); /* amid a frame, the third */
    assert_int_equal(pl_hub_stats(bench.hub).pages_let_go, STREAMS_LEN - 2);
    assert_int_equal(wanted(&bench), 0);
    pl_hub_tick(bench.hub, 5000);
    turn(&bench);
    for (uint32_t i = 0; i < STREAMS_LEN; i++)
        assert_int_equal(bench.ones[i].asked, 1);

    pull(&bench, &bench.ones[0], 1000); /* the rest of its frame, then it asks from there */
    pull(&bench, &bench.ones[0], 1000);
    assert_int_equal(bench.ones[0].got, 3);
    assert_true(bench.ones[0].wanted);
    assert_int_equal(bench.ones[0].after, 3);
    bench.ones[0].wanted = false;
    pl_hub_page(bench.hub, bench.ones[0].stream, NULL, 3, 0, 1);
    turn(&bench);
    assert_true(bench.ones[0].wanted);
    bench_done(&bench);
}

static void who_reads_on_gets_all_in_order(void **state)
{
    static const size_t sizes[] = {1, 7, PAGE_SIZE / 4, PAGE_SIZE / 4 + 1, PAGE_SIZE - 1};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct bench bench;

        bench_init(&bench, 2);
        turn(&bench);
        stop_reading(&bench, sizes[i]);
        for (uint32_t k = 0; k < STREAMS_LEN; k++)
            pull_all(&bench, &bench.ones[k]);
        assert_true(pl_hub_stats(bench.hub).pages_let_go > 0);
        bench_done(&bench);
    }
}

static void all_read(struct bench *bench)
{
    for (pl_position least = 0; least < SHOWN;) {
        least = SHOWN;
        for (uint32_t i = 0; i < STREAMS_LEN; i++) {
            struct one *one = &bench->ones[i];

            if (one->wanted)
                answer(bench, one);
            pull(bench, one, 1000);
            if (one->got < least)
                least = one->got;
        }
    }
}

/* Where there is no memory for a frame's copy, the page stays. */
static void a_page_stays_without_memory_to_let_it_go(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, 2);
    turn(&bench);
    answer(&bench, &bench.ones[0]);
    pull(&bench, &bench.ones[0], 70);
    answer(&bench, &bench.ones[1]);
    pull(&bench, &bench.ones[1], 70);
    assert_true(bench.ones[2].wanted);
    {
        struct pl_buf *page = page_after(0);

        pl_mem_fail_at(4); /* after what holding the page takes */
        answer_with(&bench, &bench.ones[2], page);
        pl_mem_fail_at(0);
    }
    turn(&bench);
    all_read(&bench);
    bench_done(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_asked_for_a_few_at_a_time_in_turn),
        cmocka_unit_test(a_page_that_many_hold_counts_once),
        cmocka_unit_test(who_does_not_read_holds_a_frame_and_asks_for_nothing),
        cmocka_unit_test(who_reads_on_gets_all_in_order),
        cmocka_unit_test(a_page_stays_without_memory_to_let_it_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
