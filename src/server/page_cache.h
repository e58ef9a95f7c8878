/*
 * page_cache.h - pages of streams, as frames, for all who need the same ones.
 *
 * After a restart, or an hour in a tunnel, thousands resume at the same place of the
 * same room. What each may see is looked up for each, in a snapshot of its own
 * (pl_reader_ops.plan_page); the page that follows from it is read and framed once.
 *
 * What always holds: pages are those of one reader, whose snapshots only go forward.
 * So a page found here is never newer than the plan that it is found by.
 *
 * Threads:   the reader's.
 * Ownership: frames are shared by reference, and outlive the cache.
 * Limits:    size_max bytes of frames, keys and entries; the page that was asked for
 *            longest ago goes first.
 */
#ifndef PL_SERVER_PAGE_CACHE_H
#define PL_SERVER_PAGE_CACHE_H

#include "base/buf.h"
#include "model/reader.h"

struct pl_page_cache;

/* A page: its frames, and up to where it looked. */
struct pl_cached_page {
    struct pl_buf *frames;
    pl_position through;
    bool cut;                 /* there may be more before `through` would have ended it */
    pl_position states_until; /* see pl_page_plan: beyond `through`, or 0 */
};

/* size_max 0: it keeps nothing. PL_E_NOMEM. */
int pl_page_cache_new(size_t size_max, struct pl_page_cache **ret_cache);
void pl_page_cache_free(struct pl_page_cache *cache); /* NULL is fine */

/* The page of a plan that is shared; *ret has a reference of the caller's. */
bool pl_page_cache_find(struct pl_page_cache *cache, struct pl_bytes key,
                        const struct pl_page_plan *plan, struct pl_cached_page *ret);

/* Keeps a page that was read by that plan, instead of an older one of its key; takes
 * a reference of its own. Where there is no memory, it is not kept. */
void pl_page_cache_put(struct pl_page_cache *cache, struct pl_bytes key,
                       const struct pl_page_plan *plan, const struct pl_cached_page *page);

/* For tests. */
struct pl_page_cache_stats {
    size_t len;
    size_t size;
    uint64_t found;
    uint64_t missed;
};
struct pl_page_cache_stats pl_page_cache_stats(const struct pl_page_cache *cache);

#endif
