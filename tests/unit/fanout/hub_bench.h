/*
 * hub_bench.h - one hub, what it asks of its owner, and streams, as text.
 */
#ifndef HUB_BENCH_H
#define HUB_BENCH_H

#include "fanout/hub.h"

enum { HEARTBEAT_MS = 20000, START_MS = 1000000, BENCH_ROOMS_LEN = 2 };

/* What the hub has asked of its owner, as text: "wake a", "page a 5", "end a". */
struct bench {
    struct pl_hub *hub;
    char told[512];
    struct pl_page_query query; /* the last; its arrays are not to be used */
    struct pl_refusal refusal;  /* the last */
};

/* Rooms 1 and 2, of which user 7 has read some. */
extern const struct pl_subscribed_room bench_rooms[BENCH_ROOMS_LEN];

int bench_init(struct bench *bench, size_t tails_size_max);

#define BENCH(size)     \
    struct bench bench; \
    assert_int_equal(bench_init(&bench, (size)), PL_OK)

/* Expects this to have been told since the last. */
void expect_told(struct bench *bench, const char *told);

/* Ends the turn, and expects this to have been told since the last. */
void bench_turn(struct bench *bench, const char *told);

/* A stream of user 7, session 70, of the first rooms; NULL where memory is short. */
struct pl_stream *bench_open(struct bench *bench, const char *name, bool all, uint32_t rooms_len,
                             pl_position after, pl_position shown);

/* Applies a feed: "e1@5" an event of room 1 at 5; "j2@5" user 7 joins, "l2@5" leaves;
 * "m1" a marker in room 1 at sequence 9; "s70" session 70 ends. */
int bench_apply(struct bench *bench, pl_position through, const char *entries);

/* Brings a page of events at these positions. */
void bench_page(struct bench *bench, struct pl_stream *stream, const char *positions,
                pl_position through);
void bench_page_until(struct bench *bench, struct pl_stream *stream, const char *positions,
                      pl_position through, pl_position states_until);

/* Whole frames as text: "E5 M3one C5 H5 D5". */
void bench_describe(struct pl_bytes bytes, char *text, size_t text_size);

/* Pulls all that there is, in pieces of `size`. */
void expect_pull_by(struct pl_stream *stream, size_t size, const char *frames);
void expect_pull(struct pl_stream *stream, const char *frames);

#endif
