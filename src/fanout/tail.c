/*
 * tail.c - entries are 24 bytes each; the frames stay where the feed has them.
 *
 * Holding whole feeds makes the budget honest (a feed is freed as a whole, so
 * all of it counts) and eviction one step for many events.
 */
#include "fanout/tail.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

enum { RING_CAP_MIN = 8, FEEDS_CAP_MIN = 16 };

void pl_tails_init(struct pl_tails *tails, size_t size_max)
{
    *tails = (struct pl_tails){.size_max = size_max};
    pl_map_init(&tails->map);
}

void pl_tails_done(struct pl_tails *tails)
{
    PL_ASSERT(tails->map.len == 0);
    tails->size_max = 0;
    pl_tails_evict(tails);
    pl_free(tails->feeds);
    pl_map_done(&tails->map);
}

struct pl_tail *pl_tails_find(const struct pl_tails *tails, pl_room_id room)
{
    PL_MAP_EACH (node, &tails->map, pl_hash_u64(room.v)) {
        struct pl_tail *tail = PL_CONTAINER(node, struct pl_tail, node);

        if (tail->room.v == room.v)
            return tail;
    }
    return NULL;
}

struct pl_tail *pl_tails_ref(struct pl_tails *tails, pl_room_id room, pl_position from)
{
    struct pl_tail *tail = pl_tails_find(tails, room);

    if (tail == NULL) {
        tail = pl_zalloc(sizeof *tail);
        if (tail == NULL)
            return NULL;
        tail->room = room;
        tail->floor = from;
        pl_list_init(&tail->idle);
        pl_map_put(&tails->map, &tail->node, pl_hash_u64(room.v));
    }
    tail->refs++;
    return tail;
}

void pl_tails_unref(struct pl_tails *tails, struct pl_tail *tail)
{
    PL_ASSERT(tail->refs > 0);
    if (--tail->refs > 0)
        return;
    PL_ASSERT(pl_list_empty(&tail->idle));
    pl_map_remove(&tails->map, &tail->node);
    pl_free(tail->ring);
    pl_free(tail);
    if (tails->map.len == 0)
        pl_tails_evict(tails);
}

int pl_tails_reserve(struct pl_tails *tails)
{
    uint32_t cap = tails->feeds_cap == 0 ? FEEDS_CAP_MIN : tails->feeds_cap * 2;
    struct pl_feed **feeds;

    if (tails->feeds_len < tails->feeds_cap)
        return PL_OK;
    feeds = pl_calloc(cap, sizeof(struct pl_feed *));
    if (feeds == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < tails->feeds_len; i++)
        feeds[i] = tails->feeds[(tails->feeds_first + i) & (tails->feeds_cap - 1)];
    pl_free(tails->feeds);
    tails->feeds = feeds;
    tails->feeds_cap = cap;
    tails->feeds_first = 0;
    return PL_OK;
}

void pl_tails_hold(struct pl_tails *tails, struct pl_feed *feed)
{
    PL_ASSERT(tails->feeds_len < tails->feeds_cap);
    tails->feeds[(tails->feeds_first + tails->feeds_len) & (tails->feeds_cap - 1)] =
        pl_feed_ref(feed);
    tails->feeds_len++;
    tails->size += pl_feed_size(feed);
}

/* Gives the ring this capacity, which its entries fit into. */
static int resize(struct pl_tail *tail, uint32_t cap)
{
    struct pl_tail_entry *ring = pl_calloc(cap, sizeof *ring);

    if (ring == NULL)
        return PL_E_NOMEM;
    for (uint64_t i = tail->first; i < tail->end; i++)
        ring[i & (cap - 1)] = *pl_tail_at(tail, i);
    pl_free(tail->ring);
    tail->ring = ring;
    tail->cap = cap;
    return PL_OK;
}

/* Takes the entry of that position out of its tail, where it can only be first. */
static void evict_entry(struct pl_tail *tail, pl_position position)
{
    if (tail->first == tail->end || pl_tail_at(tail, tail->first)->position != position)
        return;
    tail->floor = position;
    tail->first++;
    if (tail->cap > RING_CAP_MIN && (tail->end - tail->first) * 4 < tail->cap)
        (void)resize(tail, tail->cap / 2); /* where that fails, it stays large */
}

static void evict_feed(struct pl_tails *tails, const struct pl_feed *feed)
{
    struct pl_tail *tail = NULL;
    pl_room_id room = {0};

    for (uint32_t i = 0; i < feed->entries_len; i++) {
        const struct pl_feed_entry *entry = &feed->entries[i];

        if (entry->kind != PL_FEED_EVENT)
            continue;
        if (entry->room.v != room.v) {
            room = entry->room;
            tail = pl_tails_find(tails, room);
        }
        if (tail != NULL)
            evict_entry(tail, entry->position);
    }
}

void pl_tails_evict(struct pl_tails *tails)
{
    while (tails->feeds_len > 0 && (tails->size > tails->size_max || tails->map.len == 0)) {
        struct pl_feed *feed = tails->feeds[tails->feeds_first];

        tails->feeds_first = (tails->feeds_first + 1) & (tails->feeds_cap - 1);
        tails->feeds_len--;
        tails->size -= pl_feed_size(feed);
        evict_feed(tails, feed);
        pl_feed_unref(feed);
    }
}

int pl_tail_append(struct pl_tail *tail, const struct pl_feed *feed,
                   const struct pl_feed_entry *entry)
{
    PL_ASSERT(entry->position > tail->floor);
    PL_ASSERT((size_t)entry->offset + entry->size <= feed->frames->size);
    if (tail->end - tail->first == tail->cap) {
        int rc = resize(tail, tail->cap == 0 ? RING_CAP_MIN : tail->cap * 2);

        if (rc < 0)
            return rc;
    }
    tail->ring[tail->end & (tail->cap - 1)] = (struct pl_tail_entry){
        .position = entry->position,
        .frames_weak = feed->frames,
        .offset = entry->offset,
        .size = entry->size,
    };
    tail->end++;
    return PL_OK;
}

void pl_tail_skip(struct pl_tail *tail, pl_position position)
{
    PL_ASSERT(position > tail->floor);
    tail->floor = position;
    tail->first = tail->end;
}

uint64_t pl_tail_after(const struct pl_tail *tail, pl_position position)
{
    uint64_t low = tail->first;
    uint64_t high = tail->end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (pl_tail_at(tail, middle)->position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
