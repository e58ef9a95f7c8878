/* hub_bench.c - feeds and pages made of text, what a stream gives told as text. */
#include "hub_bench.h"

#include "base/err.h"
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

int bench_init(struct bench *bench, size_t tails_size_max)
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

void expect_told(struct bench *bench, const char *told)
{
    assert_string_equal(bench->told, told);
    bench->told[0] = 0;
}

void bench_turn(struct bench *bench, const char *told)
{
    while (pl_hub_turn(bench->hub))
        ;
    expect_told(bench, told);
}

const struct pl_subscribed_room bench_rooms[BENCH_ROOMS_LEN] = {
    {.id = {1}, .name = "one", .read_sequence = 3},
    {.id = {2}, .name = "two", .read_sequence = 4},
};

struct pl_stream *bench_open(struct bench *bench, const char *name, bool all, uint32_t rooms_len,
                             pl_position after, pl_position shown)
{
    struct pl_stream_start start = {
        .user = {7},
        .session = {70},
        .shown = shown,
        .after = after,
        .all = all,
        .rooms = bench_rooms,
        .rooms_len = rooms_len,
        .now_ms = START_MS,
    };
    struct pl_stream *stream = NULL;

    if (pl_hub_open(bench->hub, &start, (void *)(uintptr_t)name, &stream) < 0)
        return NULL;
    return stream;
}

int bench_apply(struct bench *bench, pl_position through, const char *entries)
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

void bench_page_until(struct bench *bench, struct pl_stream *stream, const char *positions,
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

void bench_page(struct bench *bench, struct pl_stream *stream, const char *positions,
                pl_position through)
{
    bench_page_until(bench, stream, positions, through, 0);
}

void bench_describe(struct pl_bytes bytes, char *text, size_t text_size)
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

void expect_pull_by(struct pl_stream *stream, size_t size, const char *frames)
{
    static uint8_t bytes[65536];
    char text[1024];
    size_t at = 0;
    size_t n;

    while ((n = pl_stream_pull(stream, bytes + at, size)) > 0)
        at += n;
    bench_describe((struct pl_bytes){bytes, at}, text, sizeof text);
    assert_string_equal(text, frames);
}

void expect_pull(struct pl_stream *stream, const char *frames)
{
    expect_pull_by(stream, 4096, frames);
}
