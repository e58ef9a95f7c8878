/*
 * sqlite_room.c - rooms, who is in them, and what of them one may see.
 */
#include "store/sqlite_store.h"

#include "base/err.h"
#include "store/sqlite_row.h"
#include "store/sqlite_stmt.h"

#include <string.h>

int pl_sqlite_get_room(void *self, pl_room_id id, struct pl_room *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_ROOM);

    pl_run_u64(&run, id.v);
    return pl_row_get_room(&run, ret);
}

int pl_sqlite_find_room(void *self, const char *name, struct pl_room *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_FIND_ROOM);

    pl_run_text(&run, name);
    return pl_row_get_room(&run, ret);
}

int pl_sqlite_find_direct(void *self, pl_user_id low, pl_user_id high, struct pl_room *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_FIND_DIRECT);

    pl_run_u64(&run, low.v);
    pl_run_u64(&run, high.v);
    return pl_row_get_room(&run, ret);
}

static int run_put_room(struct pl_sqlite_store *store, uint32_t stmt, const struct pl_room *room)
{
    struct pl_run run = pl_run_start(&store->db, stmt);

    pl_run_u64(&run, room->id.v);
    pl_run_text(&run, room->name);
    pl_run_i64(&run, room->visibility);
    pl_run_u64(&run, room->direct[0].v);
    pl_run_u64(&run, room->direct[1].v);
    pl_run_text(&run, room->title);
    pl_run_text(&run, room->topic);
    pl_run_i64(&run, room->delivery);
    pl_run_i64(&run, room->quiet_membership);
    pl_run_u64(&run, room->retention_s);
    pl_run_i64(&run, room->create_ms);
    pl_run_i64(&run, room->settings_version);
    pl_run_i64(&run, room->member_count);
    pl_run_i64(&run, room->partition);
    pl_run_u64(&run, room->first_sequence);
    pl_run_u64(&run, room->last_sequence);
    pl_run_u64(&run, room->last_message_sequence);
    pl_run_u64(&run, room->message_count);
    pl_run_u64(&run, room->last_position);
    pl_run_i64(&run, room->first_ms);
    pl_run_u64(&run, room->trimmed.position);
    pl_run_u64(&run, room->trimmed.messages);
    pl_run_u64(&run, room->trimmed.last_message);
    pl_run_i64(&run, pl_room_trim_due_ms(room));
    return pl_run_done(&run);
}

int pl_sqlite_put_room(void *self, const struct pl_room *room)
{
    struct pl_sqlite_store *store = self;
    int rc = run_put_room(store, STMT_PUT_ROOM_SAME, room);

    if (rc == PL_OK && sqlite3_changes(store->db.handle) == 0)
        rc = run_put_room(store, STMT_PUT_ROOM, room);
    return rc;
}

int pl_sqlite_list_rooms_to_trim(void *self, int64_t now_ms, uint32_t len_max, pl_room_id *ret,
                                 uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_ROOMS_TO_TRIM);
    uint32_t len = 0;
    int rc;

    pl_run_i64(&run, now_ms);
    pl_run_i64(&run, len_max);
    while ((rc = pl_run_step(&run)) == PL_OK)
        ret[len++].v = pl_run_get_u64(&run);
    if (rc != PL_E_NOTFOUND)
        return rc;
    *ret_len = len;
    return pl_run_end(&run);
}

int pl_sqlite_next_trim_due(void *self, int64_t *ret_ms)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_NEXT_TRIM_DUE);
    int64_t due_ms;
    int rc = pl_run_step(&run);

    if (rc != PL_OK)
        return rc;
    due_ms = pl_run_get_i64(&run);
    rc = pl_run_end(&run);
    if (rc == PL_OK)
        *ret_ms = due_ms;
    return rc;
}

int pl_sqlite_get_member(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_MEMBER);

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, user.v);
    return pl_row_get_member(&run, ret);
}

static int run_put_member(struct pl_sqlite_store *store, uint32_t stmt,
                          const struct pl_member *member)
{
    struct pl_run run = pl_run_start(&store->db, stmt);

    pl_run_u64(&run, member->room.v);
    pl_run_u64(&run, member->user.v);
    pl_run_i64(&run, member->state);
    pl_run_i64(&run, member->role);
    pl_run_i64(&run, member->update_ms);
    pl_run_u64(&run, member->read_sequence);
    pl_run_u64(&run, member->read_count);
    return pl_run_done(&run);
}

int pl_sqlite_put_member(void *self, const struct pl_member *member)
{
    struct pl_sqlite_store *store = self;
    int rc = run_put_member(store, STMT_PUT_MEMBER_SAME, member);

    if (rc == PL_OK && sqlite3_changes(store->db.handle) == 0)
        rc = run_put_member(store, STMT_PUT_MEMBER, member);
    return rc;
}

int pl_sqlite_delete_member(void *self, pl_room_id room, pl_user_id user)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_DELETE_SPANS);
    int rc;

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, user.v);
    rc = pl_run_done(&run);
    if (rc < 0)
        return rc;
    run = pl_run_start(&store->db, STMT_DELETE_MEMBER);
    pl_run_u64(&run, room.v);
    pl_run_u64(&run, user.v);
    return pl_run_done(&run);
}

int pl_sqlite_list_rooms_of(void *self, pl_user_id user, pl_room_id after, uint32_t len_max,
                            struct pl_member *ret, uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_ROOMS_OF);
    uint32_t len = 0;
    int rc;

    pl_run_u64(&run, user.v);
    pl_run_bound(&run, after.v);
    pl_run_i64(&run, len_max);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        memset(&ret[len], 0, sizeof ret[len]);
        pl_row_member(&run, &ret[len++]);
    }
    if (rc != PL_E_NOTFOUND)
        return rc;
    *ret_len = len;
    return pl_run_end(&run);
}

int pl_sqlite_open_span(void *self, pl_room_id room, pl_user_id user, pl_position from)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_OPEN_SPAN);

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, user.v);
    pl_run_u64(&run, from);
    return pl_run_done(&run);
}

int pl_sqlite_close_span(void *self, pl_room_id room, pl_user_id user, pl_position until)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_CLOSE_SPAN);

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, user.v);
    pl_run_u64(&run, until);
    return pl_run_done(&run);
}
