/*
 * feed.h - what one batch has for those who stream: made once, for all loops.
 *
 * The engine's thread makes one feed a batch, after the commit; every loop that
 * has a subscriber concerned gets a reference. A loop skips what it has no
 * subscriber for. Feeds reach a loop in the order of their batches.
 *
 * Frames are enveloped messages (flag byte, 32-bit big-endian length,
 * parla.v1.StreamMessagesResponse), ready to be sent as they are.
 *
 * Threads:   any thread may ref and unref; a feed never changes once shared.
 */
#ifndef PL_FANOUT_FEED_H
#define PL_FANOUT_FEED_H

#include "base/buf.h"
#include "base/bytes.h"
#include "model/framer.h"
#include "model/ids.h"

#include <stdatomic.h>
#include <stdbool.h>

enum pl_feed_kind {
    PL_FEED_EVENT,         /* for the streams of its room */
    PL_FEED_MEMBERSHIP,    /* the user's streams gain or lose a room */
    PL_FEED_READ_MARKER,   /* for the user's own streams */
    PL_FEED_SESSION_ENDED, /* its streams end with UNAUTHENTICATED */
};

struct pl_feed_entry {
    enum pl_feed_kind kind;
    pl_room_id room;
    pl_user_id user;
    pl_session_id session;
    pl_position position; /* EVENT: its own; MEMBERSHIP: see effect.h */
    bool joined;          /* MEMBERSHIP */
    bool work;            /* MEMBERSHIP: streams of all rooms leave it out */
    uint32_t offset;      /* EVENT, READ_MARKER: the frame within frames->data */
    uint32_t size;
};

struct pl_feed {
    atomic_uint refs;
    pl_position through;   /* the batch's last position: nothing at or below comes later */
    struct pl_buf *frames; /* one reference */
    uint32_t entries_len;
    struct pl_feed_entry entries[]; /* of events, positions rise, and offsets with them */
};

/* A feed with one reference and copies of both; NULL when memory is short. */
struct pl_feed *pl_feed_new(pl_position through, const struct pl_feed_entry *entries,
                            uint32_t entries_len, struct pl_bytes frames);

/* What it takes in memory, in bytes. */
size_t pl_feed_size(const struct pl_feed *feed);

struct pl_feed *pl_feed_ref(struct pl_feed *feed);
void pl_feed_unref(struct pl_feed *feed); /* NULL is fine */

#endif
