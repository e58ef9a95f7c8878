/*
 * chunk.h - frames that are one stream's own, waiting to be pulled.
 *
 * Pages, read markers, CaughtUp, Heartbeat, Draining: a few at most, since a
 * stream has one page at a time, and a marker not begun is replaced by the next
 * of its room.
 *
 * Threads: the loop's. Ownership: a chunk owns a reference to its bytes.
 */
#ifndef PL_FANOUT_CHUNK_H
#define PL_FANOUT_CHUNK_H

#include "base/buf.h"
#include "model/framer.h"
#include "model/ids.h"

struct pl_chunk {
    struct pl_chunk *next;
    struct pl_buf *buf;
    uint32_t start; /* whole frames, from here to end */
    uint32_t at;    /* what comes next */
    uint32_t end;
    pl_room_id marker;   /* of a read marker; else 0 */
    pl_position through; /* of a page: where the stream stands after it; else 0 */
    bool caught_up;      /* CaughtUp, which says so of the page before it */
};

struct pl_chunks {
    struct pl_chunk *first; /* NULL: empty */
};

/* Adds whole frames of a page (through > 0) or else. Takes a reference of its
 * own. PL_E_NOMEM. */
int pl_chunks_add(struct pl_chunks *chunks, struct pl_buf *buf, pl_position through);

/* Adds CaughtUp. Takes a reference of its own. PL_E_NOMEM. */
int pl_chunks_add_caught_up(struct pl_chunks *chunks, struct pl_buf *buf);

/* Adds a read marker, in the place of one of that room that is not begun.
 * Takes a reference of its own. PL_E_NOMEM. */
int pl_chunks_add_marker(struct pl_chunks *chunks, pl_room_id room, struct pl_buf *buf,
                         uint32_t offset, uint32_t size);

/* Writes up to `size` bytes of the first chunk; it must have one. *ret_through is
 * set where that was the end of a page. */
size_t pl_chunks_pull(struct pl_chunks *chunks, uint8_t *to, size_t size, pl_position *ret_through);

/* Drops all but the rest of a frame of which a part was pulled. */
void pl_chunks_cut(struct pl_chunks *chunks);

/* What a page was cut to. */
struct pl_cut_page {
    bool rest;      /* something is left of it, which is a page of its own */
    bool caught_up; /* CaughtUp behind it has gone, too */
};

/* Drops the page among them, but for a frame of which a part was pulled, and those after
 * it up to one that bears a cursor: of these it keeps a copy. PL_E_NOMEM: nothing has
 * changed. */
int pl_chunks_cut_page(struct pl_chunks *chunks, const struct pl_framer *framer,
                       struct pl_cut_page *ret);

/* Where the stream will stand when all is pulled; 0: no page among them. */
pl_position pl_chunks_through(const struct pl_chunks *chunks);

/* Frees all. */
void pl_chunks_done(struct pl_chunks *chunks);

#endif
