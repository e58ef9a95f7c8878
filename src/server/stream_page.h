/*
 * stream_page.h - a page of a stream, as frames: one that is in the cache, or a new one.
 *
 * Threads:   the reader's.
 * Ownership: the frames are one reference, the caller's.
 */
#ifndef PL_SERVER_STREAM_PAGE_H
#define PL_SERVER_STREAM_PAGE_H

#include "model/framer.h"
#include "server/page_cache.h"

struct pl_stream_page_context {
    struct pl_reader reader;
    struct pl_framer framer;
    struct pl_page_cache *cache_weak; /* the reader's */
};

/* Makes the page of a query, between the reader's begin and end. Errors: the reader's,
 * and PL_E_NOMEM, PL_E_LIMIT (of the frames). */
int pl_stream_page_make(const struct pl_stream_page_context *context,
                        const struct pl_page_query *query, struct pl_cached_page *ret);

#endif
