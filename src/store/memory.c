/*
 * memory.c - the in-memory store's life, its tables and its transactions.
 *
 * A transaction is the undo list: a commit forgets it, a rollback walks it.
 * What a row owns is freed when an insert is undone or a delete committed, and
 * with the store; rows with something of their own are never replaced.
 */
#include "store/memory.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/memory_state.h"

#include <stdbool.h>
#include <string.h>

static const size_t row_sizes[PL_TABLES_LEN] = {
    [PL_TABLE_META] = sizeof(struct pl_meta),
    [PL_TABLE_LOGS] = sizeof(struct pl_memory_log),
    [PL_TABLE_USERS] = sizeof(struct pl_user),
    [PL_TABLE_SESSIONS] = sizeof(struct pl_session),
    [PL_TABLE_ROOMS] = sizeof(struct pl_room),
    [PL_TABLE_MEMBERS] = sizeof(struct pl_member),
    [PL_TABLE_SPANS] = sizeof(struct pl_memory_span),
    [PL_TABLE_EVENTS] = sizeof(struct pl_memory_event),
    [PL_TABLE_THREADS] = sizeof(struct pl_memory_thread),
    [PL_TABLE_REQUESTS] = sizeof(struct pl_memory_request),
    [PL_TABLE_WORK] = sizeof(struct pl_work),
};

int pl_memory_op(struct pl_memory_store *store)
{
    store->counts.ops++;
    if (store->fail_op == 0 || --store->fail_op > 0)
        return PL_OK;
    store->failed = true;
    return store->fail_op_err;
}

int pl_memory_write_op(struct pl_memory_store *store)
{
    PL_ASSERT(store->in_transaction);
    return pl_memory_op(store);
}

size_t pl_memory_len(const struct pl_memory_store *store, enum pl_memory_table_id table)
{
    return store->tables[table].len;
}

void *pl_memory_row(const struct pl_memory_store *store, enum pl_memory_table_id table,
                    size_t index)
{
    const struct pl_memory_table *t = &store->tables[table];

    PL_ASSERT(index < t->len);
    return t->rows + index * t->row_size;
}

static int note(struct pl_memory_store *store, enum pl_memory_table_id table,
                enum pl_memory_change change, size_t index)
{
    size_t row_size = store->tables[table].row_size;
    struct pl_memory_undo *undo = pl_alloc(sizeof *undo + row_size);

    if (undo == NULL)
        return PL_E_NOMEM;
    undo->next = store->undo;
    undo->table = table;
    undo->change = change;
    undo->index = index;
    if (change != PL_CHANGE_INSERT)
        memcpy(undo->row, pl_memory_row(store, table, index), row_size);
    store->undo = undo;
    return PL_OK;
}

static int make_room(struct pl_memory_table *t)
{
    size_t cap = t->cap > 0 ? t->cap * 2 : 16;
    uint8_t *rows;

    if (t->len < t->cap)
        return PL_OK;
    rows = pl_realloc(t->rows, cap * t->row_size);
    if (rows == NULL)
        return PL_E_NOMEM;
    t->rows = rows;
    t->cap = cap;
    return PL_OK;
}

int pl_memory_put(struct pl_memory_store *store, enum pl_memory_table_id table, size_t index,
                  const void *row)
{
    struct pl_memory_table *t = &store->tables[table];
    bool insert = index == t->len;
    int rc = PL_OK;

    PL_ASSERT(index <= t->len);
    if (insert)
        rc = make_room(t);
    if (rc == PL_OK)
        rc = note(store, table, insert ? PL_CHANGE_INSERT : PL_CHANGE_REPLACE, index);
    if (rc < 0)
        return rc;
    memcpy(t->rows + index * t->row_size, row, t->row_size);
    if (insert)
        t->len++;
    return PL_OK;
}

static void take_out(struct pl_memory_table *t, size_t index)
{
    uint8_t *at = t->rows + index * t->row_size;

    memmove(at, at + t->row_size, (t->len - index - 1) * t->row_size);
    t->len--;
}

/* The capacity for it is there: rows that went left their place. */
static void put_in(struct pl_memory_table *t, size_t index, const uint8_t *row)
{
    uint8_t *at = t->rows + index * t->row_size;

    PL_ASSERT(t->len < t->cap);
    memmove(at + t->row_size, at, (t->len - index) * t->row_size);
    memcpy(at, row, t->row_size);
    t->len++;
}

int pl_memory_delete(struct pl_memory_store *store, enum pl_memory_table_id table, size_t index)
{
    int rc = note(store, table, PL_CHANGE_DELETE, index);

    if (rc < 0)
        return rc;
    take_out(&store->tables[table], index);
    return PL_OK;
}

static void release_event(struct pl_memory_event *event)
{
    pl_free(event->mentions);
    pl_buf_unref(event->row.bytes);
}

static void undo_one(struct pl_memory_store *store, const struct pl_memory_undo *undo)
{
    struct pl_memory_table *t = &store->tables[undo->table];

    switch (undo->change) {
    case PL_CHANGE_INSERT:
        if (undo->table == PL_TABLE_EVENTS)
            release_event(pl_memory_row(store, undo->table, undo->index));
        take_out(t, undo->index);
        break;
    case PL_CHANGE_REPLACE:
        memcpy(t->rows + undo->index * t->row_size, undo->row, t->row_size);
        break;
    case PL_CHANGE_DELETE:
        put_in(t, undo->index, undo->row);
        break;
    }
}

/* The undo of a delete owned what the row did. */
static void forget_one(const struct pl_memory_undo *undo)
{
    struct pl_memory_event event;

    if (undo->table != PL_TABLE_EVENTS || undo->change != PL_CHANGE_DELETE)
        return;
    memcpy(&event, undo->row, sizeof event);
    release_event(&event);
}

static void end_transaction(struct pl_memory_store *store, bool undo_all)
{
    while (store->undo != NULL) {
        struct pl_memory_undo *undo = store->undo;

        if (undo_all)
            undo_one(store, undo);
        else
            forget_one(undo);
        store->undo = undo->next;
        pl_free(undo);
    }
    store->in_transaction = false;
}

static int begin(void *self)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    PL_ASSERT(!store->in_transaction);
    store->in_transaction = true;
    return PL_OK;
}

static int commit(void *self)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    if (store->fail_commit > 0 && --store->fail_commit == 0) {
        store->failed = true;
        return store->fail_commit_err;
    }
    end_transaction(store, false);
    return PL_OK;
}

static void rollback(void *self)
{
    struct pl_memory_store *store = self;

    PL_ASSERT(store->in_transaction);
    end_transaction(store, true);
}

static int get_meta(void *self, struct pl_meta *ret)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (pl_memory_len(store, PL_TABLE_META) == 0)
        *ret = (struct pl_meta){0};
    else
        memcpy(ret, pl_memory_row(store, PL_TABLE_META, 0), sizeof *ret);
    return PL_OK;
}

static int put_meta(void *self, const struct pl_meta *meta)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    store->counts.put_meta++;
    return pl_memory_put(store, PL_TABLE_META, 0, meta);
}

static int add_log(void *self, uint64_t log, pl_position from)
{
    struct pl_memory_store *store = self;
    struct pl_memory_log row = {.log = log, .from = from};
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    return pl_memory_put(store, PL_TABLE_LOGS, pl_memory_len(store, PL_TABLE_LOGS), &row);
}

static int find_log(void *self, uint64_t log, pl_position *ret_until)
{
    struct pl_memory_store *store = self;
    size_t len = pl_memory_len(store, PL_TABLE_LOGS);
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < len; i++) {
        const struct pl_memory_log *row = pl_memory_row(store, PL_TABLE_LOGS, i);
        const struct pl_memory_log *next =
            i + 1 < len ? pl_memory_row(store, PL_TABLE_LOGS, i + 1) : NULL;

        if (row->log != log)
            continue;
        *ret_until = next != NULL ? next->from : PL_POSITION_MAX;
        return PL_OK;
    }
    return PL_E_NOTFOUND;
}

static const struct pl_store_ops memory_ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .get_meta = get_meta,
    .put_meta = put_meta,
    .add_log = add_log,
    .find_log = find_log,
    .get_user = pl_memory_get_user,
    .find_user = pl_memory_find_user,
    .put_user = pl_memory_put_user,
    .list_users_ending = pl_memory_list_users_ending,
    .find_session = pl_memory_find_session,
    .get_session = pl_memory_get_session,
    .put_session = pl_memory_put_session,
    .delete_session = pl_memory_delete_session,
    .list_sessions_idle = pl_memory_list_sessions_idle,
    .get_room = pl_memory_get_room,
    .find_room = pl_memory_find_room,
    .find_direct = pl_memory_find_direct,
    .put_room = pl_memory_put_room,
    .list_rooms_to_trim = pl_memory_list_rooms_to_trim,
    .next_trim_due = pl_memory_next_trim_due,
    .get_member = pl_memory_get_member,
    .put_member = pl_memory_put_member,
    .delete_member = pl_memory_delete_member,
    .list_rooms_of = pl_memory_list_rooms_of,
    .open_span = pl_memory_open_span,
    .close_span = pl_memory_close_span,
    .append_event = pl_memory_append_event,
    .get_message = pl_memory_get_message,
    .count_messages = pl_memory_count_messages,
    .trim_room = pl_memory_trim_room,
    .get_thread = pl_memory_get_thread,
    .put_thread = pl_memory_put_thread,
    .get_request = pl_memory_get_request,
    .put_request = pl_memory_put_request,
    .expire_requests = pl_memory_expire_requests,
    .get_work = pl_memory_get_work,
    .put_work = pl_memory_put_work,
    .delete_work = pl_memory_delete_work,
    .list_work_before = pl_memory_list_work_before,
    .next_work = pl_memory_next_work,
    .list_work_of = pl_memory_list_work_of,
    .list_work_expired = pl_memory_list_work_expired,
    .next_work_due = pl_memory_next_work_due,
    .clear_leases = pl_memory_clear_leases,
};

int pl_memory_store_new(struct pl_store *ret_store)
{
    struct pl_memory_store *store = pl_zalloc(sizeof *store);

    if (store == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < PL_TABLES_LEN; i++)
        store->tables[i].row_size = row_sizes[i];
    *ret_store = (struct pl_store){.ops = &memory_ops, .self = store};
    return PL_OK;
}

void pl_memory_store_free(struct pl_store *store)
{
    struct pl_memory_store *self = store->self;

    if (self == NULL)
        return;
    end_transaction(self, true);
    for (size_t i = 0; i < pl_memory_len(self, PL_TABLE_EVENTS); i++)
        release_event(pl_memory_row(self, PL_TABLE_EVENTS, i));
    for (size_t i = 0; i < PL_TABLES_LEN; i++)
        pl_free(self->tables[i].rows);
    pl_free(self);
    *store = (struct pl_store){0};
}

void pl_memory_store_fail_op(struct pl_store *store, uint64_t nth, int err)
{
    struct pl_memory_store *self = store->self;

    self->fail_op = nth;
    self->fail_op_err = err;
    self->failed = false;
}

void pl_memory_store_fail_commit(struct pl_store *store, uint64_t nth, int err)
{
    struct pl_memory_store *self = store->self;

    self->fail_commit = nth;
    self->fail_commit_err = err;
    self->failed = false;
}

bool pl_memory_store_failed(const struct pl_store *store)
{
    const struct pl_memory_store *self = store->self;

    return self->failed;
}

struct pl_memory_counts pl_memory_store_counts(const struct pl_store *store)
{
    const struct pl_memory_store *self = store->self;

    return self->counts;
}
