/*
 * sqlite_event.c - events, messages and their threads, mentions.
 *
 * Nothing is counted: an event knows how many messages its room had, up to it,
 * and a mention how many there were of its user in the room.
 */
#include "store/sqlite_store.h"

#include "base/err.h"
#include "store/sqlite_row.h"
#include "store/sqlite_stmt.h"

static int add_mention(struct pl_sqlite_store *store, pl_user_id user, pl_room_id room,
                       pl_sequence sequence)
{
    struct pl_run run = pl_run_start(&store->db, STMT_ADD_MENTION);

    pl_run_u64(&run, user.v);
    pl_run_u64(&run, room.v);
    pl_run_u64(&run, sequence);
    return pl_run_done(&run);
}

int pl_sqlite_append_event(void *self, const struct pl_event_row *row)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_APPEND_EVENT);
    int rc;

    pl_run_u64(&run, row->position);
    pl_run_u64(&run, row->room.v);
    pl_run_u64(&run, row->sequence);
    pl_run_i64(&run, row->kind);
    pl_run_i64(&run, row->create_ms);
    pl_run_u64(&run, row->actor.v);
    if (row->kind == PL_EVENT_MESSAGE_SENT)
        pl_run_u64(&run, row->message_no);
    else
        pl_run_null(&run); /* as many as there were before it */
    pl_run_u64(&run, row->thread);
    pl_run_blob(&run, row->bytes->data, row->bytes->size);
    pl_run_i64(&run, pl_event_sum(row->room, row->sequence,
                                  (struct pl_bytes){row->bytes->data, row->bytes->size}));
    rc = pl_run_done(&run);
    for (uint32_t i = 0; i < row->mentions_len && rc == PL_OK; i++)
        rc = add_mention(store, row->mentions[i], row->room, row->sequence);
    return rc;
}

int pl_sqlite_get_message(void *self, pl_room_id room, pl_sequence sequence,
                          struct pl_buf **ret_bytes, pl_sequence *ret_thread,
                          pl_user_id *ret_sender)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_MESSAGE);
    struct pl_bytes bytes;
    struct pl_buf *buf;
    pl_sequence thread;
    pl_user_id sender;
    int rc;

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, sequence);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    bytes = pl_row_event(&run, room, sequence);
    thread = pl_run_get_u64(&run);
    sender.v = pl_run_get_u64(&run);
    buf = pl_buf_copy(bytes.data, bytes.size);
    rc = pl_run_end(&run);
    if (rc == PL_OK && buf == NULL)
        rc = PL_E_NOMEM;
    if (rc < 0) {
        pl_buf_unref(buf);
        return rc;
    }
    *ret_bytes = buf;
    *ret_thread = thread;
    *ret_sender = sender;
    return PL_OK;
}

int pl_sqlite_count_messages(void *self, pl_room_id room, pl_sequence through, uint64_t *ret_count)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_COUNT_MESSAGES);
    uint64_t count;
    int rc;

    pl_run_u64(&run, room.v);
    pl_run_bound(&run, through);
    rc = pl_run_step(&run);
    if (rc == PL_E_NOTFOUND) {
        *ret_count = 0;
        return PL_OK;
    }
    if (rc < 0)
        return rc;
    count = pl_run_get_u64(&run);
    rc = pl_run_end(&run);
    if (rc == PL_OK)
        *ret_count = count;
    return rc;
}

/* Walks to the first event that stays. An event goes only once there is one
 * behind it, so the last one never does. */
static int find_trim(struct pl_run *run, int64_t until_ms, struct pl_trim *ret,
                     pl_sequence *ret_last)
{
    struct pl_trimmed next = {0}; /* what were taken with the event that was read last */
    pl_sequence next_sequence = 0;
    int rc;

    while ((rc = pl_run_step(run)) == PL_OK) {
        pl_sequence sequence = pl_run_get_u64(run);

        if (next_sequence != 0) {
            if (ret->first_ms > until_ms)
                break;
            ret->len++;
            ret->trimmed = next;
            *ret_last = next_sequence;
        }
        next_sequence = sequence;
        next.position = pl_run_get_u64(run);
        if (pl_run_get_u32(run) == PL_EVENT_MESSAGE_SENT)
            next.last_message = sequence;
        ret->first_ms = pl_run_get_i64(run);
        next.messages = pl_run_get_u64(run);
        if (run->bad)
            break;
    }
    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    return rc < 0 ? rc : pl_run_end(run);
}

int pl_sqlite_trim_room(void *self, pl_room_id room, int64_t until_ms, uint32_t len_max,
                        struct pl_trim *ret)
{
    static const enum pl_store_stmt deletes[] = {STMT_TRIM_MENTIONS, STMT_TRIM_THREADS,
                                                 STMT_TRIM_EVENTS};
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_TRIM_FIND);
    struct pl_trim trim = {0};
    pl_sequence last = 0;
    int rc;

    pl_run_u64(&run, room.v);
    pl_run_i64(&run, (int64_t)len_max + 1);
    rc = find_trim(&run, until_ms, &trim, &last);
    for (size_t i = 0; i < sizeof deletes / sizeof deletes[0] && rc == PL_OK && trim.len > 0; i++) {
        run = pl_run_start(&store->db, deletes[i]);
        pl_run_u64(&run, room.v);
        pl_run_u64(&run, last);
        rc = pl_run_done(&run);
    }
    if (rc < 0)
        return rc;
    store->wal.purge_due = store->wal.purge_due || trim.len > 0;
    *ret = trim;
    return PL_OK;
}

int pl_sqlite_get_thread(void *self, pl_room_id room, pl_sequence first, struct pl_thread_row *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_THREAD);
    struct pl_thread_row row = {0};
    int rc;

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, first);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    row.last_message = pl_run_get_u64(&run);
    row.size = pl_run_get_u32(&run);
    rc = pl_run_end(&run);
    if (rc == PL_OK)
        *ret = row;
    return rc;
}

int pl_sqlite_put_thread(void *self, pl_room_id room, pl_sequence first,
                         const struct pl_thread_row *row)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_PUT_THREAD);

    pl_run_u64(&run, room.v);
    pl_run_u64(&run, first);
    pl_run_u64(&run, row->last_message);
    pl_run_i64(&run, row->size);
    return pl_run_done(&run);
}
