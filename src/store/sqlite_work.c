/*
 * sqlite_work.c - messages of ROOM_DELIVERY_ONE rooms that nobody has
 * acknowledged: free ones, delayed ones and leased ones, each in an index of
 * its own.
 *
 * Who asks for the next work passes over what is delayed and what one sender
 * sent, and there may be much of that: it must not be passed over again each
 * time. So the store remembers, for the latest who asked, up to where there was
 * nothing for them; work that becomes free takes that back.
 */
#include "store/sqlite_store.h"

#include "base/err.h"
#include "store/sqlite_stmt.h"

#include <string.h>

static void read_work(struct pl_run *run, struct pl_work *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->room.v = pl_run_get_u64(run);
    ret->sequence = pl_run_get_u64(run);
    ret->sender.v = pl_run_get_u64(run);
    ret->attempts = pl_run_get_u32(run);
    ret->not_before_ms = pl_run_get_i64(run);
    ret->lease = pl_run_get_u64(run);
    ret->taker = pl_run_get_u64(run);
    ret->lease_until_ms = pl_run_get_i64(run);
}

static int get_one(struct pl_run *run, struct pl_work *ret)
{
    struct pl_work work;
    int rc = pl_run_step(run);

    if (rc != PL_OK)
        return rc;
    read_work(run, &work);
    rc = pl_run_end(run);
    if (rc == PL_OK)
        *ret = work;
    return rc;
}

static int get_all(struct pl_run *run, struct pl_work *ret, uint32_t *ret_len)
{
    uint32_t len = 0;
    int rc;

    while ((rc = pl_run_step(run)) == PL_OK)
        read_work(run, &ret[len++]);
    if (rc != PL_E_NOTFOUND)
        return rc;
    *ret_len = len;
    return pl_run_end(run);
}

int pl_sqlite_get_work(void *self, pl_room_id room, pl_sequence sequence, struct pl_work *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_WORK);

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, sequence);
    return get_one(&run, ret);
}

void pl_sqlite_forget_work(struct pl_sqlite_store *store)
{
    memset(store->work_skips, 0, sizeof store->work_skips);
}

static struct pl_work_skip *skip_of(struct pl_sqlite_store *store, pl_room_id room,
                                    pl_user_id not_from)
{
    return &store->work_skips[(room.v * 31 + not_from.v) % PL_WORK_SKIPS_LEN];
}

static void note_free(struct pl_sqlite_store *store, const struct pl_work *work)
{
    for (int i = 0; i < PL_WORK_SKIPS_LEN; i++) {
        struct pl_work_skip *skip = &store->work_skips[i];

        if (skip->room.v != work->room.v)
            continue;
        if (skip->sequence >= work->sequence)
            skip->sequence = work->sequence - 1;
        if (work->not_before_ms > 0 && work->not_before_ms < skip->until_ms)
            skip->until_ms = work->not_before_ms;
    }
}

int pl_sqlite_put_work(void *self, const struct pl_work *work)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_PUT_WORK);

    pl_run_u64(&run, work->room.v);
    pl_run_u64(&run, work->sequence);
    pl_run_u64(&run, work->sender.v);
    pl_run_i64(&run, work->attempts);
    pl_run_i64(&run, work->not_before_ms);
    pl_run_u64(&run, work->lease);
    pl_run_u64(&run, work->taker);
    pl_run_i64(&run, work->lease_until_ms);
    if (work->lease == 0)
        note_free(store, work);
    return pl_run_done(&run);
}

int pl_sqlite_delete_work(void *self, pl_room_id room, pl_sequence sequence)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_DELETE_WORK);

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, sequence);
    return pl_run_done(&run);
}

int pl_sqlite_list_work_before(void *self, pl_room_id room, pl_sequence before, uint32_t len_max,
                               struct pl_work *ret, uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_WORK_BEFORE);

    pl_run_u64(&run, room.v);
    pl_run_bound(&run, before);
    pl_run_i64(&run, len_max);
    return get_all(&run, ret, ret_len);
}

int pl_sqlite_list_work_of(void *self, uint64_t taker, uint32_t len_max, struct pl_work *ret,
                           uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_WORK_OF);

    pl_run_u64(&run, taker);
    pl_run_i64(&run, len_max);
    return get_all(&run, ret, ret_len);
}

int pl_sqlite_list_work_expired(void *self, int64_t now_ms, uint32_t len_max, struct pl_work *ret,
                                uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_WORK_EXPIRED);

    pl_run_i64(&run, now_ms);
    pl_run_i64(&run, len_max);
    return get_all(&run, ret, ret_len);
}

/* The one number that a statement finds beyond now_ms, if it is less. */
static int less(struct pl_sqlite_store *store, uint32_t stmt, int64_t now_ms, int64_t *due_ms)
{
    struct pl_run run = pl_run_start(&store->db, stmt);
    int64_t found;
    int rc;

    pl_run_i64(&run, now_ms);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    found = pl_run_get_i64(&run);
    rc = pl_run_end(&run);
    if (rc == PL_OK && found < *due_ms)
        *due_ms = found;
    return rc;
}

int pl_sqlite_next_work(void *self, pl_room_id room, pl_user_id not_from, int64_t now_ms,
                        struct pl_work *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_work_skip *skip = skip_of(store, room, not_from);
    struct pl_run run;
    int rc;

    if (skip->room.v != room.v || skip->not_from.v != not_from.v || now_ms >= skip->until_ms) {
        struct pl_work_skip fresh = {.room = room, .not_from = not_from, .until_ms = INT64_MAX};

        rc = less(store, STMT_NEXT_WORK_DELAY, now_ms, &fresh.until_ms);
        if (rc < 0)
            return rc;
        *skip = fresh;
    }
    run = pl_run_start(&store->db, STMT_NEXT_WORK);
    pl_run_u64(&run, room.v);
    pl_run_u64(&run, not_from.v);
    pl_run_i64(&run, now_ms);
    pl_run_bound(&run, skip->sequence);
    rc = get_one(&run, ret);
    if (rc == PL_OK)
        skip->sequence = ret->sequence - 1;
    else if (rc == PL_E_NOTFOUND)
        skip->sequence = INT64_MAX;
    return rc;
}

int pl_sqlite_next_work_due(void *self, int64_t now_ms, int64_t *ret_ms)
{
    struct pl_sqlite_store *store = self;
    int64_t due_ms = INT64_MAX;
    int rc = less(store, STMT_NEXT_WORK_UNTIL, now_ms, &due_ms);

    if (rc == PL_OK)
        rc = less(store, STMT_NEXT_WORK_DELAY, now_ms, &due_ms);
    if (rc < 0)
        return rc;
    if (due_ms == INT64_MAX)
        return PL_E_NOTFOUND;
    *ret_ms = due_ms;
    return PL_OK;
}

int pl_sqlite_clear_leases(void *self)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_CLEAR_LEASES);

    pl_sqlite_forget_work(store);
    return pl_run_done(&run);
}
