/*
 * hub.h - a loop's streams: tails of rooms, and cursors into them.
 *
 * A room that is streamed on this loop has a tail: its latest events, as frames,
 * shared by all who stream it. A stream has no queue; it has a cursor, and for
 * each of its rooms a place in that room's tail. All tails share one budget of
 * bytes; what goes first is the oldest by position, so that one floor tells tail
 * from store.
 *
 * A stream is fed from the store (catching up) or from tails (live), and goes
 * from one to the other by the same rule whether it resumes or was too slow: it
 * is live once its cursor is at or above the floor of all of its rooms; it falls
 * back when the next event it needs has left the tail. Whatever the source, an
 * event is given only if it is beyond the cursor, and in the order of positions.
 *
 * Threads:   the loop's. Knows no sockets and no clock: `now_ms` is passed, on
 *            any clock (framer.heartbeat gets it as it is); it may jump.
 * Ownership: the hub owns streams until pl_hub_close().
 */
#ifndef PL_FANOUT_HUB_H
#define PL_FANOUT_HUB_H

#include "fanout/feed.h"
#include "model/effect.h"
#include "model/reader.h"
#include "model/reason.h"

struct pl_hub;
struct pl_stream;

struct pl_hub_ops {
    void *self;
    /* The stream needs the page of `query` (borrowed; copy it): read it from the
     * store with pl_reader.read_page and hand it to pl_hub_page(), or tell
     * pl_hub_page_failed(), at once or later. At most one a stream is
     * outstanding. Called from pl_hub_turn() only. */
    void (*want_page)(void *self, struct pl_stream *stream, const struct pl_page_query *query);
    /* The stream has something to give: pull it. Not called from inside pull, nor
     * from pl_hub_open(). Once until a pull has returned 0 again. Must not call
     * the hub. */
    void (*wake)(void *self, struct pl_stream *stream);
    /* The stream has given its last frame; end its call with the refusal, then
     * pl_hub_close() it. Called from pl_hub_turn() only. */
    void (*ended)(void *self, struct pl_stream *stream, const struct pl_refusal *refusal);
};

struct pl_hub_config {
    struct pl_hub_ops ops;
    struct pl_framer framer; /* borrowed self */
    size_t tails_size_max;   /* the budget of all tails: the feeds that they point into, in bytes */
    size_t pages_size_max;   /* the budget of all pages that streams hold, in bytes */
    uint32_t page_len_max;   /* what want_page asks for */
    size_t page_size_max;
    int64_t heartbeat_ms; /* silence after which a stream gets a Heartbeat; > 0 */
};

int pl_hub_new(const struct pl_hub_config *config, struct pl_hub **ret_hub);
void pl_hub_free(struct pl_hub *hub); /* every stream must be closed; NULL is fine */

/* What a stream begins with. */
struct pl_stream_start {
    pl_user_id user;
    pl_session_id session;
    pl_position shown;         /* the engine's answer: later events come by feeds */
    pl_position after;         /* its cursor: give events beyond it */
    struct pl_backlog backlog; /* copied */
    bool all;
    const struct pl_subscribed_room *rooms; /* copied as needed; for all: those of now */
    uint32_t rooms_len;
    int64_t now_ms;
};

/* Opens a stream, in the turn in which the engine's answer came, before any later
 * feed is applied. It first gives the read markers of its rooms, then what it is
 * owed, then CaughtUp once it has passed `shown`, then what comes. `data` is the
 * owner's. PL_E_NOMEM. */
int pl_hub_open(struct pl_hub *hub, const struct pl_stream_start *start, void *data,
                struct pl_stream **ret_stream);

/* Forgets and frees a stream; an outstanding page is then to be dropped by the
 * owner. */
void pl_hub_close(struct pl_hub *hub, struct pl_stream *stream);

void *pl_stream_data(const struct pl_stream *stream);

/* A feed has come. It takes references of its own. PL_E_NOMEM: some of it could
 * not be kept; who needs that is taken as fallen behind and fed from the store,
 * or, where a stream would miss a room or a read marker, ended: nothing is lost. */
int pl_hub_apply(struct pl_hub *hub, struct pl_feed *feed, int64_t now_ms);

/* The page that was asked for: `frames` holds the frames of its events, in order
 * (made by the reader's side with framer.event; `consumes` the reference), and
 * everything up to `through` was looked at. NULL: no events. The stream stays with
 * pages up to `states_until`: see pl_page_plan; 0: that is not beyond `through`. */
void pl_hub_page(struct pl_hub *hub, struct pl_stream *stream, struct pl_buf *frames,
                 pl_position through, pl_position states_until, int64_t now_ms);

/* The page could not be read: the stream ends with that refusal. */
void pl_hub_page_failed(struct pl_hub *hub, struct pl_stream *stream,
                        const struct pl_refusal *refusal);

/* Writes up to `size` bytes of frames, cut anywhere; 0: nothing now. What
 * pl_rpc_source.pull calls. */
size_t pl_stream_pull(struct pl_stream *stream, uint8_t *to, size_t size);

/* Ends a stream: it finishes the frame it is in the midst of, then `ended`. */
void pl_hub_end(struct pl_hub *hub, struct pl_stream *stream, const struct pl_refusal *refusal);

/* The server stops: every stream gives what it has of a page, then Draining, then
 * ends with DRAINING. Each is told another time to come back at, from
 * retry_after_ms to spread_ms later. One that is opened after this is drained too. */
void pl_hub_drain(struct pl_hub *hub, uint32_t retry_after_ms, uint32_t spread_ms);

/* The end of a turn, after pulls too: asks for pages that are due, wakes who has
 * something of its own, tells of streams that ended. Returns whether anything
 * happened, so that the caller flushes, then calls it again. */
bool pl_hub_turn(struct pl_hub *hub);

/* Time passes: heartbeats. Call about every second. */
void pl_hub_tick(struct pl_hub *hub, int64_t now_ms);

/* For limits, metrics and tests. */
struct pl_hub_stats {
    size_t streams_len;
    size_t live_len;
    size_t tails_len;
    size_t tails_size; /* bytes that count for tails_size_max */
    size_t pages_size; /* bytes that count for pages_size_max */
    uint64_t pages_let_go;
    uint64_t fell_behind;
    uint64_t rejoined;
};
struct pl_hub_stats pl_hub_stats(const struct pl_hub *hub);

#endif
