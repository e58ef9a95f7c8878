/* memory_user.c - users and sessions in the in-memory store. */
#include "base/err.h"
#include "store/memory_state.h"

#include <string.h>

static size_t index_of_user(const struct pl_memory_store *store, pl_user_id id)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_USERS); i++) {
        const struct pl_user *user = pl_memory_row(store, PL_TABLE_USERS, i);

        if (user->id.v == id.v)
            break;
    }
    return i;
}

int pl_memory_get_user(void *self, pl_user_id id, struct pl_user *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_user(store, id);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_USERS))
        return PL_E_NOTFOUND;
    memcpy(ret, pl_memory_row(store, PL_TABLE_USERS, i), sizeof *ret);
    return PL_OK;
}

int pl_memory_find_user(void *self, const char *name, struct pl_user *ret)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_USERS); i++) {
        const struct pl_user *user = pl_memory_row(store, PL_TABLE_USERS, i);

        if (user->state == PL_USER_ACTIVE && strcmp(user->name, name) == 0) {
            *ret = *user;
            return PL_OK;
        }
    }
    return PL_E_NOTFOUND;
}

/* A name is one active user's at a time: a bug of the caller otherwise. */
static void check_name_free(const struct pl_memory_store *store, const struct pl_user *put)
{
    if (put->state != PL_USER_ACTIVE)
        return;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_USERS); i++) {
        const struct pl_user *user = pl_memory_row(store, PL_TABLE_USERS, i);

        PL_ASSERT(user->id.v == put->id.v || user->state != PL_USER_ACTIVE ||
                  strcmp(user->name, put->name) != 0);
    }
}

int pl_memory_put_user(void *self, const struct pl_user *user)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    check_name_free(store, user);
    return pl_memory_put(store, PL_TABLE_USERS, index_of_user(store, user->id), user);
}

int pl_memory_list_users_ending(void *self, uint32_t len_max, pl_user_id *ret, uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_USERS) && len < len_max; i++) {
        const struct pl_user *user = pl_memory_row(store, PL_TABLE_USERS, i);

        if (user->state == PL_USER_ENDING)
            ret[len++] = user->id;
    }
    *ret_len = len;
    return PL_OK;
}

static size_t index_of_session(const struct pl_memory_store *store, pl_session_id id)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_SESSIONS); i++) {
        const struct pl_session *session = pl_memory_row(store, PL_TABLE_SESSIONS, i);

        if (session->id.v == id.v)
            break;
    }
    return i;
}

int pl_memory_find_session(void *self, const struct pl_hash *token_hash, struct pl_session *ret)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_SESSIONS); i++) {
        const struct pl_session *session = pl_memory_row(store, PL_TABLE_SESSIONS, i);

        if (memcmp(session->token_hash.v, token_hash->v, PL_HASH_SIZE) == 0) {
            *ret = *session;
            return PL_OK;
        }
    }
    return PL_E_NOTFOUND;
}

int pl_memory_get_session(void *self, pl_session_id id, struct pl_session *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_session(store, id);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_SESSIONS))
        return PL_E_NOTFOUND;
    memcpy(ret, pl_memory_row(store, PL_TABLE_SESSIONS, i), sizeof *ret);
    return PL_OK;
}

int pl_memory_put_session(void *self, const struct pl_session *session)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    return pl_memory_put(store, PL_TABLE_SESSIONS, index_of_session(store, session->id), session);
}

int pl_memory_delete_session(void *self, pl_session_id id)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_session(store, id);
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_SESSIONS))
        return PL_OK;
    return pl_memory_delete(store, PL_TABLE_SESSIONS, i);
}

/* Inserts by used_ms, then id, into a list of at most len_max. */
static void insert_idle(struct pl_session *list, uint32_t *len, uint32_t len_max,
                        const struct pl_session *session)
{
    uint32_t at = *len;

    while (at > 0 &&
           (list[at - 1].used_ms > session->used_ms ||
            (list[at - 1].used_ms == session->used_ms && list[at - 1].id.v > session->id.v)))
        at--;
    if (at == len_max)
        return;
    if (*len < len_max)
        ++*len;
    memmove(list + at + 1, list + at, (*len - at - 1) * sizeof *list);
    list[at] = *session;
}

int pl_memory_list_sessions_idle(void *self, int64_t before_ms, uint32_t len_max,
                                 struct pl_session *ret, uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_SESSIONS); i++) {
        const struct pl_session *session = pl_memory_row(store, PL_TABLE_SESSIONS, i);

        if (session->used_ms < before_ms)
            insert_idle(ret, &len, len_max, session);
    }
    *ret_len = len;
    return PL_OK;
}
