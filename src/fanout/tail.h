/*
 * tail.h - tails: a room's latest events in memory, and the budget of all.
 *
 * A tail is a ring of entries that point into the frames of feeds. The feeds
 * that tails point into are held in the order in which they came; when they are
 * over the budget, the oldest goes, and what it held leaves the tails. Since
 * positions rise with the feeds, each tail loses its oldest events first:
 * everything beyond its floor is there.
 *
 * Threads:   the loop's.
 * Ownership: the set owns tails while somebody has a reference, and the feeds.
 */
#ifndef PL_FANOUT_TAIL_H
#define PL_FANOUT_TAIL_H

#include "base/list.h"
#include "base/map.h"
#include "fanout/feed.h"

struct pl_tail_entry {
    pl_position position;
    struct pl_buf *frames_weak; /* its feed's */
    uint32_t offset;
    uint32_t size;
};

/* Entries have numbers that rise by one; those from `first` to `end` (exclusive)
 * are there. */
struct pl_tail {
    struct pl_map_node node;
    pl_room_id room;
    uint32_t refs;
    uint32_t cap; /* of the ring: 0 or a power of two */
    struct pl_tail_entry *ring;
    uint64_t first;
    uint64_t end;
    pl_position floor;   /* every event beyond it, up to the last feed, is there */
    struct pl_list idle; /* of struct pl_place: who has been given all of it */
};

struct pl_tails {
    struct pl_map map;
    struct pl_feed **feeds; /* a ring, oldest first */
    uint32_t feeds_cap;
    uint32_t feeds_first;
    uint32_t feeds_len;
    size_t size; /* of the feeds, in bytes */
    size_t size_max;
};

void pl_tails_init(struct pl_tails *tails, size_t size_max);
void pl_tails_done(struct pl_tails *tails); /* nobody has a reference any more */

/* The room's tail, with one more reference. A new one begins beyond `from`.
 * NULL when memory is short. */
struct pl_tail *pl_tails_ref(struct pl_tails *tails, pl_room_id room, pl_position from);

/* Gives one back; with the last one the tail goes, and with the last tail all feeds. */
void pl_tails_unref(struct pl_tails *tails, struct pl_tail *tail);

/* The room's tail, or NULL. */
struct pl_tail *pl_tails_find(const struct pl_tails *tails, pl_room_id room);

/* Makes sure that one more feed can be held. PL_E_NOMEM. */
int pl_tails_reserve(struct pl_tails *tails);

/* Holds a feed that tails now point into; cannot fail after a reserve. */
void pl_tails_hold(struct pl_tails *tails, struct pl_feed *feed);

/* Lets go of the oldest feeds until the rest is within the budget; of all, where there is no
 * tail. */
void pl_tails_evict(struct pl_tails *tails);

/* Adds an event of a feed that will be held. PL_E_NOMEM. */
int pl_tail_append(struct pl_tail *tail, const struct pl_feed *feed,
                   const struct pl_feed_entry *entry);

/* The event of that position could not be added: it counts as evicted, with all
 * before it. */
void pl_tail_skip(struct pl_tail *tail, pl_position position);

/* The number of the first entry beyond the position. */
uint64_t pl_tail_after(const struct pl_tail *tail, pl_position position);

static inline const struct pl_tail_entry *pl_tail_at(const struct pl_tail *tail, uint64_t number)
{
    return &tail->ring[number & (tail->cap - 1)];
}

#endif
