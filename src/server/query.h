/*
 * query.h - answers a query from a reader's snapshot.
 *
 * Who asks, whether they may, and what they get are of one moment.
 */
#ifndef PL_SERVER_QUERY_H
#define PL_SERVER_QUERY_H

#include "model/framer.h"
#include "server/errand.h"
#include "server/page_cache.h"

struct pl_query_context {
    struct pl_reader reader;
    struct pl_framer framer;          /* for the pages of streams */
    struct pl_page_cache *pages_weak; /* the reader's */
    int64_t session_idle_ms;
};

/* Answers the errand (of kind QUERY or USERS): refusal, or response, or users. Never
 * fails: what goes wrong is refused and told to the operator. now_ms: of the wall
 * clock; age_ms: of the age clock. Returns whether the caller's session is due to be marked as
 * used: at the greater of both, which batches bear. */
bool pl_query_answer(const struct pl_query_context *context, struct pl_errand *errand,
                     int64_t now_ms, int64_t age_ms);

#endif
