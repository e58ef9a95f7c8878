/* cache_user.c - users and sessions in the cache. */
#include "base/err.h"
#include "base/mem.h"
#include "core/cache_state.h"

#include <string.h>

static struct pl_cached_user *user_by_id(struct pl_cache *cache, pl_user_id id)
{
    PL_MAP_EACH (node, &cache->users, pl_hash_u64(id.v)) {
        struct pl_cached_user *row = PL_CONTAINER(node, struct pl_cached_user, by_id);

        if (row->user.id.v == id.v)
            return row;
    }
    return NULL;
}

static struct pl_cached_user *user_by_name(struct pl_cache *cache, const char *name)
{
    PL_MAP_EACH (node, &cache->users_by_name, pl_hash_str(name)) {
        struct pl_cached_user *row = PL_CONTAINER(node, struct pl_cached_user, by_name);

        if (strcmp(row->user.name, name) == 0)
            return row;
    }
    return NULL;
}

static struct pl_user *use_user(struct pl_cache *cache, struct pl_cached_user *row)
{
    pl_slot_used(cache, &row->slot);
    return &row->user;
}

/* Only who is active is found by name. */
static void index_name(struct pl_cache *cache, struct pl_cached_user *row)
{
    bool named = row->user.state == PL_USER_ACTIVE;

    if (named && !row->named)
        pl_map_put(&cache->users_by_name, &row->by_name, pl_hash_str(row->user.name));
    else if (!named && row->named)
        pl_map_remove(&cache->users_by_name, &row->by_name);
    row->named = named;
}

static int insert_user(struct pl_cache *cache, const struct pl_user *user, struct pl_user **ret)
{
    struct pl_cached_user *row = pl_alloc(sizeof *row);

    if (row == NULL)
        return PL_E_NOMEM;
    row->user = *user;
    row->named = false;
    pl_slot_add(cache, &row->slot, PL_SLOT_USER);
    pl_map_put(&cache->users, &row->by_id, pl_hash_u64(user->id.v));
    index_name(cache, row);
    *ret = &row->user;
    return PL_OK;
}

void pl_cached_user_free(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_user *row = PL_CONTAINER(slot, struct pl_cached_user, slot);

    pl_slot_remove(cache, slot);
    pl_map_remove(&cache->users, &row->by_id);
    if (row->named)
        pl_map_remove(&cache->users_by_name, &row->by_name);
    pl_free(row);
}

int pl_cached_user_write(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_user *row = PL_CONTAINER(slot, struct pl_cached_user, slot);

    return PL_STORE_OP(cache, put_user, &row->user);
}

int pl_cache_user(struct pl_cache *cache, pl_user_id id, struct pl_user **ret)
{
    struct pl_cached_user *row = user_by_id(cache, id);
    struct pl_user user;
    int rc;

    if (row != NULL) {
        *ret = use_user(cache, row);
        return PL_OK;
    }
    rc = PL_STORE_OP(cache, get_user, id, &user);
    if (rc < 0)
        return rc;
    return insert_user(cache, &user, ret);
}

int pl_cache_user_named(struct pl_cache *cache, const char *name, struct pl_user **ret)
{
    struct pl_cached_user *row = user_by_name(cache, name);
    struct pl_user user;
    int rc;

    if (row != NULL) {
        *ret = use_user(cache, row);
        return PL_OK;
    }
    rc = PL_STORE_OP(cache, find_user, name, &user);
    if (rc < 0)
        return rc;
    return insert_user(cache, &user, ret);
}

int pl_cache_user_add(struct pl_cache *cache, const struct pl_user *user, struct pl_user **ret)
{
    int rc = PL_STORE_OP(cache, put_user, user);

    if (rc < 0)
        return rc;
    return insert_user(cache, user, ret);
}

int pl_cache_user_put(struct pl_cache *cache, struct pl_user *user)
{
    struct pl_cached_user *row = PL_CONTAINER(user, struct pl_cached_user, user);
    int rc = pl_cached_user_write(cache, &row->slot);

    if (rc < 0)
        return rc;
    pl_slot_written(&row->slot);
    index_name(cache, row);
    return PL_OK;
}

void pl_cache_user_changed(struct pl_cache *cache, struct pl_user *user)
{
    pl_slot_changed(cache, &PL_CONTAINER(user, struct pl_cached_user, user)->slot);
}

int pl_cache_peek_user(struct pl_cache *cache, pl_user_id id, struct pl_user *ret)
{
    const struct pl_cached_user *row = user_by_id(cache, id);

    if (row == NULL)
        return PL_STORE_OP(cache, get_user, id, ret);
    *ret = row->user;
    return PL_OK;
}

static struct pl_cached_session *session_by_token(struct pl_cache *cache,
                                                  const struct pl_hash *token_hash)
{
    PL_MAP_EACH (node, &cache->sessions, pl_hash_bytes(token_hash->v, PL_HASH_SIZE)) {
        struct pl_cached_session *row = PL_CONTAINER(node, struct pl_cached_session, by_token);

        if (memcmp(row->session.token_hash.v, token_hash->v, PL_HASH_SIZE) == 0)
            return row;
    }
    return NULL;
}

static struct pl_cached_session *insert_session(struct pl_cache *cache,
                                                const struct pl_session *session)
{
    struct pl_cached_session *row = pl_alloc(sizeof *row);

    if (row == NULL)
        return NULL;
    row->session = *session;
    pl_slot_add(cache, &row->slot, PL_SLOT_SESSION);
    pl_map_put(&cache->sessions, &row->by_token,
               pl_hash_bytes(session->token_hash.v, PL_HASH_SIZE));
    return row;
}

void pl_cached_session_free(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_session *row = PL_CONTAINER(slot, struct pl_cached_session, slot);

    pl_slot_remove(cache, slot);
    pl_map_remove(&cache->sessions, &row->by_token);
    pl_free(row);
}

int pl_cached_session_write(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_session *row = PL_CONTAINER(slot, struct pl_cached_session, slot);

    return PL_STORE_OP(cache, put_session, &row->session);
}

int pl_cache_session(struct pl_cache *cache, const struct pl_hash *token_hash,
                     struct pl_session **ret)
{
    struct pl_cached_session *row = session_by_token(cache, token_hash);
    struct pl_session session;
    int rc;

    if (row != NULL) {
        pl_slot_used(cache, &row->slot);
        *ret = &row->session;
        return PL_OK;
    }
    rc = PL_STORE_OP(cache, find_session, token_hash, &session);
    if (rc < 0)
        return rc;
    row = insert_session(cache, &session);
    if (row == NULL)
        return PL_E_NOMEM;
    *ret = &row->session;
    return PL_OK;
}

int pl_cache_session_add(struct pl_cache *cache, const struct pl_session *session)
{
    int rc = PL_STORE_OP(cache, put_session, session);

    if (rc < 0)
        return rc;
    return insert_session(cache, session) == NULL ? PL_E_NOMEM : PL_OK;
}

int pl_cache_session_put(struct pl_cache *cache, struct pl_session *session)
{
    return pl_cached_session_write(cache,
                                   &PL_CONTAINER(session, struct pl_cached_session, session)->slot);
}

int pl_cache_session_delete(struct pl_cache *cache, const struct pl_session *session)
{
    struct pl_cached_session *row = session_by_token(cache, &session->token_hash);
    int rc = PL_STORE_OP(cache, delete_session, session->id);

    if (rc < 0)
        return rc;
    if (row != NULL)
        pl_cached_session_free(cache, &row->slot);
    return PL_OK;
}
