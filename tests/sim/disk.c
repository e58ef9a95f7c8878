/*
 * disk.c - some operations are done here, all others are the inner store's own.
 *
 * `self` is the inner store's in all of them, so that most need not be wrapped;
 * the disk itself is found by its one name.
 *
 * A commit that SQLite could not end for want of space may have left all of itself in the
 * WAL, synced, where the next one is to lie: if the power goes before that, the batch is
 * there after all. So it is with any outcome that is not known: of those that were
 * refused, one at most comes back, whole.
 */
#include "disk.h"

#include "../unit/store/crash_vfs.h"

#include "base/err.h"
#include "pages.h"
#include "server/stream_page.h"
#include "store/memory.h"
#include "store/memory_state.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

static struct disk *the_disk;

static void forget_rows(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->rows_len; i++)
        pl_buf_unref(disk->rows[i].bytes);
    disk->rows_len = 0;
}

/* FAULT_ACK_BEFORE_COMMIT: the commit that was put off. */
static int commit_held(struct disk *disk)
{
    int rc = PL_OK;

    if (disk->held)
        rc = disk->inner.ops->commit(disk->inner.self);
    if (rc == PL_OK)
        disk->held = false;
    return rc;
}

static int begin(void *self)
{
    struct disk *disk = the_disk;
    int rc = disk->dead ? PL_E_IO : commit_held(disk);

    disk->in_doubt = false;
    if (rc == PL_OK)
        rc = disk->inner.ops->begin(self);
    if (rc < 0)
        return rc;
    forget_rows(disk);
    disk->open = true;
    return PL_OK;
}

static int commit(void *self)
{
    struct disk *disk = the_disk;
    enum disk_commit next = disk->next;
    int rc;

    disk->next = DISK_COMMITS;
    disk->in_doubt = false;
    if (disk->on_wait != NULL)
        disk->on_wait(disk->arg);
    if (next == DISK_FAILS || (disk->full && disk->rows_len > 0 && disk->sqlite == NULL)) {
        disk->skip = true;
        return next == DISK_FAILS ? disk->next_err : PL_E_FULL;
    }
    if (next == DISK_DIES) {
        disk->dead = true;
        return PL_E_IO;
    }
    if (disk->fault == FAULT_ACK_BEFORE_COMMIT && next == DISK_COMMITS) {
        disk->held = true;
        disk->open = false;
        return PL_OK;
    }
    rc = disk->inner.ops->commit(self);
    disk->in_doubt = rc == PL_E_FULL || rc == PL_E_NOMEM;
    if (rc < 0)
        return rc;
    disk->open = false;
    if (next == DISK_DIES_LATE) {
        disk->dead = true;
        return PL_E_IO;
    }
    return PL_OK;
}

static void rollback(void *self)
{
    if (the_disk->open)
        the_disk->inner.ops->rollback(self);
    the_disk->open = false;
}

/* FAULT_SKIP_SEQUENCE: what the store itself would say to a sequence that was skipped
 * is not asked. */
static pl_sequence next_sequence(const struct disk *disk, pl_room_id room)
{
    const struct pl_memory_store *store = disk->inner.self;

    for (size_t i = pl_memory_len(store, PL_TABLE_EVENTS); i-- > 0;) {
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, i);

        if (event->row.room.v == room.v)
            return event->row.sequence + 1;
    }
    return 1;
}

static int append_event(void *self, const struct pl_event_row *row)
{
    struct disk *disk = the_disk;
    struct pl_event_row kept = *row;
    int rc;

    if (disk->dead)
        return PL_E_IO;
    if (disk->fault == FAULT_SKIP_SEQUENCE)
        kept.sequence = next_sequence(disk, row->room);
    rc = disk->inner.ops->append_event(self, &kept);
    if (rc < 0)
        return rc;
    if (disk->rows_len == disk->rows_cap) {
        disk->rows_cap = disk->rows_cap * 2 + 16;
        disk->rows = realloc(disk->rows, disk->rows_cap * sizeof *disk->rows);
        JUDGE(disk->rows != NULL, "out of memory");
    }
    disk->rows[disk->rows_len++] = *row;
    pl_buf_ref(row->bytes);
    return PL_OK;
}

static int find_room(void *self, const char *name, struct pl_room *ret)
{
    struct disk *disk = the_disk;
    int rc = disk->inner.ops->find_room(self, name, ret);

    if (rc == PL_OK && disk->skip) {
        disk->skip = false;
        ret->last_sequence++;
    }
    return rc;
}

static int get_request(void *self, pl_user_id user, const char *target, const char *request_id,
                       struct pl_request *ret)
{
    struct disk *disk = the_disk;
    int rc = disk->inner.ops->get_request(self, user, target, request_id, ret);

    if (rc == PL_OK && disk->fault == FAULT_FORGET_REQUESTS && ret->create_ms < disk->started_ms)
        return PL_E_NOTFOUND;
    return rc;
}

static int put_work(void *self, const struct pl_work *work)
{
    struct disk *disk = the_disk;

    if (work->lease != 0)
        disk->leased = *work;
    else if (disk->leased.room.v == work->room.v && disk->leased.sequence == work->sequence)
        disk->leased.lease = 0;
    return disk->inner.ops->put_work(self, work);
}

static int delete_work(void *self, pl_room_id room, pl_sequence sequence)
{
    struct disk *disk = the_disk;

    if (disk->leased.room.v == room.v && disk->leased.sequence == sequence)
        disk->leased.lease = 0;
    return disk->inner.ops->delete_work(self, room, sequence);
}

static int next_work(void *self, pl_room_id room, pl_user_id not_from, int64_t now_ms,
                     struct pl_work *ret)
{
    struct disk *disk = the_disk;
    int rc = disk->inner.ops->next_work(self, room, not_from, now_ms, ret);

    if (rc == PL_E_NOTFOUND && disk->fault == FAULT_TWO_TAKERS && disk->leased.lease != 0 &&
        disk->leased.room.v == room.v && disk->leased.sender.v != not_from.v &&
        disk->is_full(disk->arg, disk->leased.taker)) {
        *ret = disk->leased;
        disk->leased.lease = 0;
        return PL_OK;
    }
    return rc;
}

/* FAULT_TRIM_MORE */
static int trim_room(void *self, pl_room_id room, int64_t until_ms, uint32_t len_max,
                     struct pl_trim *ret)
{
    return the_disk->inner.ops->trim_room(self, room, until_ms + 3600 * 1000, len_max, ret);
}

/* FAULT_WRONG_UNREAD */
static int put_member(void *self, const struct pl_member *member)
{
    struct pl_member wrong = *member;

    wrong.read_count += member->read_count > 0;
    return the_disk->inner.ops->put_member(self, &wrong);
}

static void use(struct disk *disk, struct pl_store inner)
{
    disk->inner = inner;
    disk->ops = *inner.ops;
    disk->ops.begin = begin;
    disk->ops.commit = commit;
    disk->ops.rollback = rollback;
    disk->ops.append_event = append_event;
    if (disk->fault == FAULT_SKIP_SEQUENCE)
        disk->ops.find_room = find_room;
    if (disk->fault == FAULT_FORGET_REQUESTS)
        disk->ops.get_request = get_request;
    if (disk->fault == FAULT_TRIM_MORE)
        disk->ops.trim_room = trim_room;
    if (disk->fault == FAULT_WRONG_UNREAD)
        disk->ops.put_member = put_member;
    if (disk->fault == FAULT_TWO_TAKERS) {
        disk->ops.put_work = put_work;
        disk->ops.delete_work = delete_work;
        disk->ops.next_work = next_work;
    }
    disk->store = (struct pl_store){.ops = &disk->ops, .self = inner.self};
}

void disk_init(struct disk *disk, bool on_sqlite, uint32_t kind, enum fault fault)
{
    struct pl_store inner;

    *disk = (struct disk){.fault = fault};
    if (on_sqlite) {
        disk->sqlite = disk_sqlite_new(kind % 2 == 0, kind / 2 % 4 == 0, kind / 8 % 2 == 0);
        inner = disk_sqlite_open(disk->sqlite);
    } else {
        JUDGE(pl_memory_store_new(&inner) == PL_OK, "out of memory");
    }
    use(disk, inner);
    the_disk = disk;
}

void disk_done(struct disk *disk)
{
    forget_rows(disk);
    free(disk->rows);
    if (disk->sqlite == NULL)
        pl_memory_store_free(&disk->inner);
    disk_sqlite_free(disk->sqlite);
}

void disk_fail_op(struct disk *disk, uint32_t nth, int err)
{
    if (disk->sqlite == NULL)
        pl_memory_store_fail_op(&disk->inner, nth, err);
    else if (!crash_vfs_is_cut())
        crash_vfs_cut_at(nth);
}

void disk_fill(struct disk *disk, uint32_t room)
{
    disk->full = true;
    if (disk->sqlite != NULL)
        crash_vfs_faults = (struct crash_vfs_faults){.full = true, .room = room};
}

void disk_mend(struct disk *disk)
{
    disk_fail_op(disk, 0, 0);
    disk->full = false;
    if (disk->sqlite != NULL)
        crash_vfs_faults.full = false;
    disk->next = DISK_COMMITS;
}

void disk_revive(struct disk *disk, int64_t now_ms, uint64_t mix)
{
    if (disk->sqlite != NULL) {
        disk_sqlite_die(disk->sqlite, mix);
        use(disk, disk_sqlite_open(disk->sqlite));
    } else if (disk->open || disk->held) {
        disk->inner.ops->rollback(disk->inner.self);
    }
    disk->open = false;
    disk->held = false;
    disk->dead = false;
    disk->started_ms = now_ms;
    disk_mend(disk);
}

int disk_page(struct disk *disk, const struct pl_page_query *query, const struct pl_framer *framer,
              struct pl_cached_page *ret)
{
    struct pl_stream_page_context context = {.framer = *framer};

    if (disk->sqlite != NULL)
        return disk_sqlite_page(disk->sqlite, query, framer, disk->fault == FAULT_STALE_PAGE, ret);
    context.reader = pages_reader(&disk->inner);
    return pl_stream_page_make(&context, query, ret);
}

void disk_events(struct disk *disk, void (*on_event)(void *arg, const struct pl_event_row *row),
                 void *arg)
{
    const struct pl_memory_store *store = disk->inner.self;

    if (disk->sqlite != NULL) {
        disk_sqlite_events(disk->sqlite, on_event, arg);
        return;
    }
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_EVENTS); i++) {
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, i);

        on_event(arg, &event->row);
    }
}
