/* live_session.c - see live_session.h; a map with counts. */
#include "server/live_session.h"

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"

#include <string.h>

void pl_live_sessions_init(struct pl_live_sessions *sessions)
{
    pl_map_init(&sessions->map);
}

void pl_live_sessions_done(struct pl_live_sessions *sessions)
{
    PL_ASSERT(sessions->map.len == 0);
    pl_map_done(&sessions->map);
}

static struct pl_live_session *session_of(struct pl_map_node *node)
{
    return PL_CONTAINER(node, struct pl_live_session, node);
}

struct pl_live_session *pl_live_session_ref(struct pl_live_sessions *sessions,
                                            const struct pl_hash *token_hash, int64_t now_ms)
{
    uint64_t hash = pl_hash_bytes(token_hash, sizeof *token_hash);
    struct pl_live_session *session;

    PL_MAP_EACH (node, &sessions->map, hash) {
        session = session_of(node);
        if (memcmp(&session->token_hash, token_hash, sizeof *token_hash) == 0) {
            session->refs++;
            return session;
        }
    }
    session = pl_zalloc(sizeof *session);
    if (session == NULL)
        return NULL;
    session->token_hash = *token_hash;
    session->touched_ms = now_ms;
    session->refs = 1;
    pl_map_put(&sessions->map, &session->node, hash);
    return session;
}

void pl_live_session_unref(struct pl_live_sessions *sessions, struct pl_live_session *session)
{
    PL_ASSERT(session->refs > 0);
    if (--session->refs > 0)
        return;
    pl_map_remove(&sessions->map, &session->node);
    pl_free(session);
}

struct pl_live_session *pl_live_session_next(const struct pl_live_sessions *sessions,
                                             const struct pl_live_session *session)
{
    struct pl_map_node *node = pl_map_walk(&sessions->map, session == NULL ? NULL : &session->node);

    return node == NULL ? NULL : session_of(node);
}
