/*
 * live_session.h - the sessions of a loop's open streams, which must not lapse.
 *
 * A stream says nothing for hours, and its session is in use all the same. Streams of
 * one session share one of these, so that a gateway's hundred cost one, and the engine
 * is told once for all of them.
 *
 * Threads:   the loop's.
 * Ownership: each stream call holds a reference.
 */
#ifndef PL_SERVER_LIVE_SESSION_H
#define PL_SERVER_LIVE_SESSION_H

#include "base/map.h"
#include "base/secret.h"

struct pl_live_session {
    struct pl_map_node node;
    struct pl_hash token_hash;
    int64_t touched_ms; /* when the engine was last told; monotonic */
    size_t refs;
};

struct pl_live_sessions {
    struct pl_map map; /* by token_hash */
};

void pl_live_sessions_init(struct pl_live_sessions *sessions);
void pl_live_sessions_done(struct pl_live_sessions *sessions); /* of no session any more */

/* A reference to the one of that token, made where there is none: the engine has just
 * been told. NULL when memory is short. */
struct pl_live_session *pl_live_session_ref(struct pl_live_sessions *sessions,
                                            const struct pl_hash *token_hash, int64_t now_ms);

/* The last one frees it. */
void pl_live_session_unref(struct pl_live_sessions *sessions, struct pl_live_session *session);

/* Walks all: start with NULL, end at NULL. None may come or go meanwhile. */
struct pl_live_session *pl_live_session_next(const struct pl_live_sessions *sessions,
                                             const struct pl_live_session *session);

#endif
