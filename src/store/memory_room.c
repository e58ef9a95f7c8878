/* memory_room.c - rooms, members and spans in the in-memory store. */
#include "base/err.h"
#include "store/memory_state.h"

#include <string.h>

static size_t index_of_room(const struct pl_memory_store *store, pl_room_id id)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_ROOMS); i++) {
        const struct pl_room *room = pl_memory_row(store, PL_TABLE_ROOMS, i);

        if (room->id.v == id.v)
            break;
    }
    return i;
}

int pl_memory_get_room(void *self, pl_room_id id, struct pl_room *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_room(store, id);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_ROOMS))
        return PL_E_NOTFOUND;
    memcpy(ret, pl_memory_row(store, PL_TABLE_ROOMS, i), sizeof *ret);
    return PL_OK;
}

int pl_memory_find_room(void *self, const char *name, struct pl_room *ret)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_ROOMS); i++) {
        const struct pl_room *room = pl_memory_row(store, PL_TABLE_ROOMS, i);

        if (strcmp(room->name, name) == 0) {
            *ret = *room;
            return PL_OK;
        }
    }
    return PL_E_NOTFOUND;
}

int pl_memory_find_direct(void *self, pl_user_id low, pl_user_id high, struct pl_room *ret)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    PL_ASSERT(low.v < high.v);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_ROOMS); i++) {
        const struct pl_room *room = pl_memory_row(store, PL_TABLE_ROOMS, i);

        if (room->direct[0].v == low.v && room->direct[1].v == high.v) {
            *ret = *room;
            return PL_OK;
        }
    }
    return PL_E_NOTFOUND;
}

int pl_memory_put_room(void *self, const struct pl_room *room)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    store->counts.put_room++;
    return pl_memory_put(store, PL_TABLE_ROOMS, index_of_room(store, room->id), room);
}

/* The room that has been due for trimming longest, of those that are later than
 * `after` in this order (NULL: of all). */
static const struct pl_room *next_to_trim(const struct pl_memory_store *store,
                                          const struct pl_room *after)
{
    const struct pl_room *next = NULL;

    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_ROOMS); i++) {
        const struct pl_room *room = pl_memory_row(store, PL_TABLE_ROOMS, i);
        int64_t due_ms = pl_room_trim_due_ms(room);

        if (due_ms == 0)
            continue;
        if (after != NULL && (due_ms < pl_room_trim_due_ms(after) ||
                              (due_ms == pl_room_trim_due_ms(after) && room->id.v <= after->id.v)))
            continue;
        if (next == NULL || due_ms < pl_room_trim_due_ms(next) ||
            (due_ms == pl_room_trim_due_ms(next) && room->id.v < next->id.v))
            next = room;
    }
    return next;
}

int pl_memory_list_rooms_to_trim(void *self, int64_t now_ms, uint32_t len_max, pl_room_id *ret,
                                 uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    const struct pl_room *room = NULL;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    while (len < len_max && (room = next_to_trim(store, room)) != NULL &&
           pl_room_trim_due_ms(room) <= now_ms)
        ret[len++] = room->id;
    *ret_len = len;
    return PL_OK;
}

int pl_memory_next_trim_due(void *self, int64_t *ret_ms)
{
    struct pl_memory_store *store = self;
    const struct pl_room *room = next_to_trim(store, NULL);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (room == NULL)
        return PL_E_NOTFOUND;
    *ret_ms = pl_room_trim_due_ms(room);
    return PL_OK;
}

static size_t index_of_member(const struct pl_memory_store *store, pl_room_id room, pl_user_id user)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_MEMBERS); i++) {
        const struct pl_member *member = pl_memory_row(store, PL_TABLE_MEMBERS, i);

        if (member->room.v == room.v && member->user.v == user.v)
            break;
    }
    return i;
}

int pl_memory_get_member(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_member(store, room, user);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_MEMBERS))
        return PL_E_NOTFOUND;
    memcpy(ret, pl_memory_row(store, PL_TABLE_MEMBERS, i), sizeof *ret);
    return PL_OK;
}

int pl_memory_put_member(void *self, const struct pl_member *member)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    PL_ASSERT(member->state != PL_MEMBER_NONE);
    if (rc < 0)
        return rc;
    store->counts.put_member++;
    return pl_memory_put(store, PL_TABLE_MEMBERS,
                         index_of_member(store, member->room, member->user), member);
}

static int delete_spans(struct pl_memory_store *store, pl_room_id room, pl_user_id user)
{
    for (size_t i = pl_memory_len(store, PL_TABLE_SPANS); i-- > 0;) {
        const struct pl_memory_span *row = pl_memory_row(store, PL_TABLE_SPANS, i);
        int rc;

        if (row->user.v != user.v || row->span.room.v != room.v)
            continue;
        rc = pl_memory_delete(store, PL_TABLE_SPANS, i);
        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

int pl_memory_delete_member(void *self, pl_room_id room, pl_user_id user)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_member(store, room, user);
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    if (i < pl_memory_len(store, PL_TABLE_MEMBERS))
        rc = pl_memory_delete(store, PL_TABLE_MEMBERS, i);
    if (rc < 0)
        return rc;
    return delete_spans(store, room, user);
}

/* Inserts by room into a list of at most len_max. */
static void insert_member(struct pl_member *list, uint32_t *len, uint32_t len_max,
                          const struct pl_member *member)
{
    uint32_t at = *len;

    while (at > 0 && list[at - 1].room.v > member->room.v)
        at--;
    if (at == len_max)
        return;
    if (*len < len_max)
        ++*len;
    memmove(list + at + 1, list + at, (*len - at - 1) * sizeof *list);
    list[at] = *member;
}

int pl_memory_list_rooms_of(void *self, pl_user_id user, pl_room_id after, uint32_t len_max,
                            struct pl_member *ret, uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_MEMBERS); i++) {
        const struct pl_member *member = pl_memory_row(store, PL_TABLE_MEMBERS, i);

        if (member->user.v == user.v && member->state == PL_MEMBER_JOINED &&
            member->room.v > after.v)
            insert_member(ret, &len, len_max, member);
    }
    *ret_len = len;
    return PL_OK;
}

/* The user's span in the room that is open, or the table's length. */
static size_t index_of_open_span(const struct pl_memory_store *store, pl_room_id room,
                                 pl_user_id user)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_SPANS); i++) {
        const struct pl_memory_span *row = pl_memory_row(store, PL_TABLE_SPANS, i);

        if (row->user.v == user.v && row->span.room.v == room.v &&
            row->span.until == PL_POSITION_MAX)
            break;
    }
    return i;
}

int pl_memory_open_span(void *self, pl_room_id room, pl_user_id user, pl_position from)
{
    struct pl_memory_store *store = self;
    struct pl_memory_span row = {.user = user,
                                 .span = {.room = room, .from = from, .until = PL_POSITION_MAX}};
    size_t len = pl_memory_len(store, PL_TABLE_SPANS);
    int rc = pl_memory_write_op(store);

    PL_ASSERT(index_of_open_span(store, room, user) == len);
    if (rc < 0)
        return rc;
    return pl_memory_put(store, PL_TABLE_SPANS, len, &row);
}

int pl_memory_close_span(void *self, pl_room_id room, pl_user_id user, pl_position until)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_open_span(store, room, user);
    struct pl_memory_span row;
    int rc = pl_memory_write_op(store);

    PL_ASSERT(i < pl_memory_len(store, PL_TABLE_SPANS));
    if (rc < 0)
        return rc;
    memcpy(&row, pl_memory_row(store, PL_TABLE_SPANS, i), sizeof row);
    row.span.until = until;
    return pl_memory_put(store, PL_TABLE_SPANS, i, &row);
}
