/* memory_work.c - work and its leases in the in-memory store. */
#include "base/err.h"
#include "store/memory_state.h"

#include <string.h>

static size_t index_of_work(const struct pl_memory_store *store, pl_room_id room,
                            pl_sequence sequence)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        const struct pl_work *work = pl_memory_row(store, PL_TABLE_WORK, i);

        if (work->room.v == room.v && work->sequence == sequence)
            break;
    }
    return i;
}

int pl_memory_get_work(void *self, pl_room_id room, pl_sequence sequence, struct pl_work *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_work(store, room, sequence);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_WORK))
        return PL_E_NOTFOUND;
    memcpy(ret, pl_memory_row(store, PL_TABLE_WORK, i), sizeof *ret);
    return PL_OK;
}

int pl_memory_put_work(void *self, const struct pl_work *work)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    PL_ASSERT((work->lease == 0) == (work->taker == 0));
    PL_ASSERT((work->lease == 0) == (work->lease_until_ms == 0));
    return pl_memory_put(store, PL_TABLE_WORK, index_of_work(store, work->room, work->sequence),
                         work);
}

int pl_memory_delete_work(void *self, pl_room_id room, pl_sequence sequence)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_work(store, room, sequence);
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_WORK))
        return PL_OK;
    return pl_memory_delete(store, PL_TABLE_WORK, i);
}

int pl_memory_next_work(void *self, pl_room_id room, pl_user_id not_from, int64_t now_ms,
                        struct pl_work *ret)
{
    struct pl_memory_store *store = self;
    const struct pl_work *first = NULL;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        const struct pl_work *work = pl_memory_row(store, PL_TABLE_WORK, i);

        if (work->room.v != room.v || work->lease != 0 || work->not_before_ms > now_ms)
            continue;
        if (not_from.v != 0 && work->sender.v == not_from.v)
            continue;
        if (first == NULL || work->sequence < first->sequence)
            first = work;
    }
    if (first == NULL)
        return PL_E_NOTFOUND;
    *ret = *first;
    return PL_OK;
}

static bool before_by_room(const struct pl_work *a, const struct pl_work *b)
{
    return a->room.v != b->room.v ? a->room.v < b->room.v : a->sequence < b->sequence;
}

static bool before_by_end(const struct pl_work *a, const struct pl_work *b)
{
    return a->lease_until_ms != b->lease_until_ms ? a->lease_until_ms < b->lease_until_ms
                                                  : before_by_room(a, b);
}

/* Inserts in that order into a list of at most len_max. */
static void insert_work(struct pl_work *list, uint32_t *len, uint32_t len_max,
                        const struct pl_work *work,
                        bool (*before)(const struct pl_work *a, const struct pl_work *b))
{
    uint32_t at = *len;

    while (at > 0 && before(work, &list[at - 1]))
        at--;
    if (at == len_max)
        return;
    if (*len < len_max)
        ++*len;
    memmove(list + at + 1, list + at, (*len - at - 1) * sizeof *list);
    list[at] = *work;
}

int pl_memory_list_work_before(void *self, pl_room_id room, pl_sequence before, uint32_t len_max,
                               struct pl_work *ret, uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        const struct pl_work *work = pl_memory_row(store, PL_TABLE_WORK, i);

        if (work->room.v == room.v && work->sequence < before)
            insert_work(ret, &len, len_max, work, before_by_room);
    }
    *ret_len = len;
    return PL_OK;
}

int pl_memory_list_work_of(void *self, uint64_t taker, uint32_t len_max, struct pl_work *ret,
                           uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        const struct pl_work *work = pl_memory_row(store, PL_TABLE_WORK, i);

        if (work->lease != 0 && work->taker == taker)
            insert_work(ret, &len, len_max, work, before_by_room);
    }
    *ret_len = len;
    return PL_OK;
}

int pl_memory_list_work_expired(void *self, int64_t now_ms, uint32_t len_max, struct pl_work *ret,
                                uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        const struct pl_work *work = pl_memory_row(store, PL_TABLE_WORK, i);

        if (work->lease != 0 && work->lease_until_ms <= now_ms)
            insert_work(ret, &len, len_max, work, before_by_end);
    }
    *ret_len = len;
    return PL_OK;
}

int pl_memory_next_work_due(void *self, int64_t now_ms, int64_t *ret_ms)
{
    struct pl_memory_store *store = self;
    int64_t due_ms = INT64_MAX;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        const struct pl_work *work = pl_memory_row(store, PL_TABLE_WORK, i);
        int64_t ms = work->lease != 0 ? work->lease_until_ms : work->not_before_ms;

        if (ms > now_ms && ms < due_ms)
            due_ms = ms;
    }
    if (due_ms == INT64_MAX)
        return PL_E_NOTFOUND;
    *ret_ms = due_ms;
    return PL_OK;
}

int pl_memory_clear_leases(void *self)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_WORK); i++) {
        struct pl_work work;

        memcpy(&work, pl_memory_row(store, PL_TABLE_WORK, i), sizeof work);
        if (work.lease == 0)
            continue;
        work.lease = 0;
        work.taker = 0;
        work.lease_until_ms = 0;
        rc = pl_memory_put(store, PL_TABLE_WORK, i, &work);
        if (rc < 0)
            return rc;
    }
    return PL_OK;
}
