/*
 * sqlite_user.c - users and sessions.
 */
#include "store/sqlite_store.h"

#include "base/err.h"
#include "store/sqlite_row.h"
#include "store/sqlite_stmt.h"

#include <string.h>

int pl_sqlite_get_user(void *self, pl_user_id id, struct pl_user *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_USER);

    pl_run_u64(&run, id.v);
    return pl_row_get_user(&run, ret);
}

int pl_sqlite_find_user(void *self, const char *name, struct pl_user *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_FIND_USER);

    pl_run_text(&run, name);
    return pl_row_get_user(&run, ret);
}

static int run_put_user(struct pl_sqlite_store *store, uint32_t stmt, const struct pl_user *user)
{
    struct pl_run run = pl_run_start(&store->db, stmt);

    pl_run_u64(&run, user->id.v);
    pl_run_text(&run, user->name);
    pl_run_i64(&run, user->state);
    pl_run_i64(&run, user->kind);
    pl_run_text(&run, user->display_name);
    pl_run_text(&run, user->status);
    pl_run_i64(&run, user->create_ms);
    pl_run_i64(&run, user->last_seen_ms);
    pl_run_i64(&run, user->room_count);
    return pl_run_done(&run);
}

int pl_sqlite_put_user(void *self, const struct pl_user *user)
{
    struct pl_sqlite_store *store = self;
    int rc = run_put_user(store, STMT_PUT_USER_SAME, user);

    if (rc == PL_OK && sqlite3_changes(store->db.handle) == 0) {
        struct pl_run run;

        rc = run_put_user(store, STMT_PUT_USER, user);
        if (rc < 0)
            return rc;
        run = pl_run_start(&store->db, STMT_NAME_MEMBERS);
        pl_run_u64(&run, user->id.v);
        pl_run_text(&run, user->name);
        rc = pl_run_done(&run);
    }
    return rc;
}

int pl_sqlite_list_users_ending(void *self, uint32_t len_max, pl_user_id *ret, uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_USERS_ENDING);
    uint32_t len = 0;
    int rc;

    pl_run_i64(&run, len_max);
    while ((rc = pl_run_step(&run)) == PL_OK)
        ret[len++].v = pl_run_get_u64(&run);
    if (rc != PL_E_NOTFOUND)
        return rc;
    *ret_len = len;
    return pl_run_end(&run);
}

int pl_sqlite_find_session(void *self, const struct pl_hash *token_hash, struct pl_session *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_FIND_SESSION);

    pl_run_blob(&run, token_hash->v, sizeof token_hash->v);
    return pl_row_get_session(&run, ret);
}

int pl_sqlite_get_session(void *self, pl_session_id id, struct pl_session *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_SESSION);

    pl_run_u64(&run, id.v);
    return pl_row_get_session(&run, ret);
}

int pl_sqlite_put_session(void *self, const struct pl_session *session)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_PUT_SESSION);

    pl_run_u64(&run, session->id.v);
    pl_run_u64(&run, session->user.v);
    pl_run_blob(&run, session->token_hash.v, sizeof session->token_hash.v);
    pl_run_text(&run, session->label);
    pl_run_i64(&run, session->create_ms);
    pl_run_i64(&run, session->used_ms);
    return pl_run_done(&run);
}

int pl_sqlite_delete_session(void *self, pl_session_id id)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_DELETE_SESSION);

    pl_run_u64(&run, id.v);
    return pl_run_done(&run);
}

int pl_sqlite_list_sessions_idle(void *self, int64_t before_ms, uint32_t len_max,
                                 struct pl_session *ret, uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_SESSIONS_IDLE);
    uint32_t len = 0;
    int rc;

    pl_run_i64(&run, before_ms);
    pl_run_i64(&run, len_max);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        memset(&ret[len], 0, sizeof ret[len]);
        pl_row_session(&run, &ret[len++]);
    }
    if (rc != PL_E_NOTFOUND)
        return rc;
    *ret_len = len;
    return pl_run_end(&run);
}
