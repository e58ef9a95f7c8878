/* feed.c - see feed.h; the count is atomic, the rest never changes. */
#include "fanout/feed.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

struct pl_feed *pl_feed_new(pl_position through, const struct pl_feed_entry *entries,
                            uint32_t entries_len, struct pl_bytes frames)
{
    struct pl_feed *feed = pl_alloc(sizeof *feed + entries_len * sizeof *entries);

    if (feed == NULL)
        return NULL;
    feed->frames = pl_buf_copy(frames.data, frames.size);
    if (feed->frames == NULL) {
        pl_free(feed);
        return NULL;
    }
    atomic_init(&feed->refs, 1);
    feed->through = through;
    feed->entries_len = entries_len;
    if (entries_len > 0)
        memcpy(feed->entries, entries, entries_len * sizeof *entries);
    return feed;
}

size_t pl_feed_size(const struct pl_feed *feed)
{
    return sizeof *feed + feed->entries_len * sizeof feed->entries[0] + sizeof *feed->frames +
           feed->frames->size;
}

struct pl_feed *pl_feed_ref(struct pl_feed *feed)
{
    unsigned before = atomic_fetch_add_explicit(&feed->refs, 1, memory_order_relaxed);

    PL_ASSERT(before > 0);
    return feed;
}

void pl_feed_unref(struct pl_feed *feed)
{
    unsigned before;

    if (feed == NULL)
        return;
    before = atomic_fetch_sub_explicit(&feed->refs, 1, memory_order_acq_rel);
    PL_ASSERT(before > 0);
    if (before > 1)
        return;
    pl_buf_unref(feed->frames);
    pl_free(feed);
}
