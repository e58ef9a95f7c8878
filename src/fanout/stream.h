/*
 * stream.h - a stream's state, and how it goes from one to the next.
 *
 *     CATCHING_UP --go_live--> LIVE        by one rule: see pl_stream_go_live()
 *     LIVE --fall_behind--> CATCHING_UP    what it needs has left the tail
 *     any of these --end--> ENDING         only what is to be finished is given
 *     ENDING --> ENDED                     `ended` has been told
 *
 * Threads: the loop's. Ownership: see hub.h; nothing here calls back.
 */
#ifndef PL_FANOUT_STREAM_H
#define PL_FANOUT_STREAM_H

#include "fanout/beats.h"
#include "fanout/chunk.h"
#include "fanout/hub.h"
#include "fanout/pages.h"
#include "fanout/place.h"

enum pl_stream_state {
    PL_STREAM_CATCHING_UP,
    PL_STREAM_LIVE,
    PL_STREAM_ENDING,
    PL_STREAM_ENDED,
};

enum pl_page_state {
    PL_PAGE_NONE,
    PL_PAGE_WANTED, /* want_page was told, no answer yet */
    PL_PAGE_HELD,   /* among the chunks */
};

/* What all streams of a hub share. */
struct pl_stream_set {
    struct pl_tails tails;
    struct pl_pages pages;
    struct pl_list due; /* of streams that pl_hub_turn() must look at */
    int64_t time_ms;    /* since some moment; never runs back */
    size_t live_len;
    uint64_t fell_behind;
    uint64_t rejoined;
};

struct pl_stream {
    struct pl_map_node node; /* by user */
    struct pl_list due;      /* in set->due, or in no list */
    struct pl_list beat;
    struct pl_stream_set *set_weak;
    void *data_weak;
    pl_user_id user;
    pl_session_id session;
    pl_position cursor;         /* all events up to here were given, or are in the midst of it */
    pl_position shown;          /* beyond it the stream has caught up */
    pl_position pages_until;    /* up to here only the store knows what it is owed */
    struct pl_backlog *backlog; /* NULL once the cursor is beyond it; one block with its rooms */
    struct pl_chunks chunks;
    struct pl_page_hold *hold; /* NULL while it is live, and until it asks for a page */
    struct pl_buf *part;       /* the rest of a live frame; NULL: none. One reference */
    uint32_t part_at;
    uint32_t part_end;
    struct pl_places places;
    int64_t pulled_ms;          /* when something was last pulled, or a beat given */
    struct pl_refusal *refusal; /* of ENDING; NULL where there was no memory for it */
    uint8_t reason;             /* enum pl_reason, of ENDING, likewise */
    uint8_t state;              /* enum pl_stream_state: by pl_stream_set_state() only */
    uint8_t page;               /* enum pl_page_state */
    bool all : 1;
    bool awake : 1;     /* `wake` was told since a pull last returned 0 */
    bool caught_up : 1; /* the frame has been made */
    bool let_go : 1;    /* its page was: it asks for the next when it is pulled again */
    bool behind : 1;    /* it fell behind and is not live again */
    uint32_t rooms_len;
    pl_room_id rooms[]; /* those that it names; unless `all` */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct pl_stream) <= 192,
               "an idle subscriber has one");

/* A stream of no room yet. NULL when memory is short. */
struct pl_stream *pl_stream_new(struct pl_stream_set *set, const struct pl_stream_start *start,
                                void *data);
void pl_stream_free(struct pl_stream *stream); /* takes a half-built one, and NULL */

void pl_stream_set_state(struct pl_stream *stream, enum pl_stream_state state);

/* Has pl_hub_turn() look at it. */
void pl_stream_make_due(struct pl_stream *stream);

/* Whether a pull would give something. */
bool pl_stream_pending(const struct pl_stream *stream);

/* Whether it would stream the room, were the user in it. */
bool pl_stream_wants(const struct pl_stream *stream, pl_room_id room, bool work);

/* The user is in the room: events beyond `from`. Twice is once. PL_E_NOMEM: end
 * the stream, since it would miss the room. */
int pl_stream_gain(struct pl_stream *stream, pl_room_id room, pl_position from);

/* The user has left the room: events up to `until` are still given. */
void pl_stream_lose(struct pl_stream *stream, pl_room_id room, pl_position until);

/* All events up to a loss are in the tails: drops places that have been left and
 * have nothing more. */
void pl_stream_drop_left(struct pl_stream *stream);

/* From the store to the tails, if these have all that it is owed: its cursor is
 * at or above the floor of each of its rooms, and beyond what only the store
 * knows. Returns whether it is live. */
bool pl_stream_go_live(struct pl_stream *stream);

/* From the tails to the store. */
void pl_stream_fall_behind(struct pl_stream *stream);

/* The stream has come to `through`, by a page. */
void pl_stream_advance(struct pl_stream *stream, pl_position through);

/* It does without the page that it holds, but for a frame that it has begun; it asks
 * for the rest when its peer reads on. False: there is no memory to. */
bool pl_stream_let_page_go(struct pl_stream *stream, const struct pl_framer *framer);

/* What remains of its backlog at a position; NULL: nothing. */
const struct pl_backlog *pl_stream_backlog_at(const struct pl_stream *stream, pl_position position);

/* Ends it after all that it has in chunks, or (`cut`) after the frame that it is
 * in the midst of. Only the first end counts. */
void pl_stream_end(struct pl_stream *stream, const struct pl_refusal *refusal, bool cut);

#endif
