/* memory_dump.c - the in-memory store as text, for tests to compare. */
#include "base/err.h"
#include "store/memory_state.h"

#include <inttypes.h>

static void dump_hash(struct pl_bytebuf *buf, const struct pl_hash *hash)
{
    for (size_t i = 0; i < PL_HASH_SIZE; i++)
        pl_bytebuf_printf(buf, "%02x", hash->v[i]);
}

static void dump_meta(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_meta *meta = row;

    pl_bytebuf_printf(buf,
                      "meta batch=%" PRIu64 " time=%" PRId64 " age=%" PRId64 " position=%" PRIu64
                      " log=%" PRIu64 " user=%" PRIu64 " session=%" PRIu64 " room=%" PRIu64
                      " lease=%" PRIu64,
                      meta->batch, meta->time_ms, meta->age_ms, meta->position, meta->log,
                      meta->last_user, meta->last_session, meta->last_room, meta->last_lease);
}

static void dump_log(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_memory_log *log = row;

    pl_bytebuf_printf(buf, "log %" PRIu64 " from=%" PRIu64, log->log, log->from);
}

static void dump_user(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_user *user = row;

    pl_bytebuf_printf(buf,
                      "user %" PRIu64 " %s display=%s status=%s kind=%d state=%d create=%" PRId64
                      " seen=%" PRId64 " rooms=%" PRIu32,
                      user->id.v, user->name, user->display_name, user->status, (int)user->kind,
                      (int)user->state, user->create_ms, user->last_seen_ms, user->room_count);
}

static void dump_session(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_session *session = row;

    pl_bytebuf_printf(
        buf,
        "session %" PRIu64 " user=%" PRIu64 " label=%s create=%" PRId64 " used=%" PRId64 " token=",
        session->id.v, session->user.v, session->label, session->create_ms, session->used_ms);
    dump_hash(buf, &session->token_hash);
}

static void dump_room(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_room *room = row;

    pl_bytebuf_printf(buf,
                      "room %" PRIu64 " %s title=%s topic=%s visibility=%d delivery=%d quiet=%d "
                      "retention=%" PRIu64 " create=%" PRId64 " settings=%" PRIu32
                      " partition=%" PRIu32 " direct=%" PRIu64 ",%" PRIu64,
                      room->id.v, room->name, room->title, room->topic, (int)room->visibility,
                      (int)room->delivery, (int)room->quiet_membership, room->retention_s,
                      room->create_ms, room->settings_version, room->partition, room->direct[0].v,
                      room->direct[1].v);
    pl_bytebuf_printf(buf,
                      " members=%" PRIu32 " first=%" PRIu64 " last=%" PRIu64
                      " last_message=%" PRIu64 " messages=%" PRIu64 " position=%" PRIu64
                      " first_ms=%" PRId64 " trimmed=%" PRIu64 ",%" PRIu64 ",%" PRIu64,
                      room->member_count, room->first_sequence, room->last_sequence,
                      room->last_message_sequence, room->message_count, room->last_position,
                      room->first_ms, room->trimmed.position, room->trimmed.messages,
                      room->trimmed.last_message);
}

static void dump_member(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_member *member = row;

    pl_bytebuf_printf(buf,
                      "member room=%" PRIu64 " user=%" PRIu64 " state=%d role=%d update=%" PRId64
                      " read=%" PRIu64 " count=%" PRIu64,
                      member->room.v, member->user.v, (int)member->state, (int)member->role,
                      member->update_ms, member->read_sequence, member->read_count);
}

static void dump_span(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_memory_span *span = row;

    pl_bytebuf_printf(buf, "span room=%" PRIu64 " user=%" PRIu64 " from=%" PRIu64 " until=%" PRIu64,
                      span->span.room.v, span->user.v, span->span.from, span->span.until);
}

static void dump_event(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_memory_event *event = row;
    struct pl_hash hash =
        pl_hash_of((struct pl_bytes){event->row.bytes->data, event->row.bytes->size});

    pl_bytebuf_printf(
        buf,
        "event %" PRIu64 " room=%" PRIu64 " sequence=%" PRIu64 " kind=%d "
        "create=%" PRId64 " actor=%" PRIu64 " no=%" PRIu64 " thread=%" PRIu64 " mentions=",
        event->row.position, event->row.room.v, event->row.sequence, (int)event->row.kind,
        event->row.create_ms, event->row.actor.v, event->row.message_no, event->row.thread);
    for (uint32_t i = 0; i < event->row.mentions_len; i++)
        pl_bytebuf_printf(buf, "%" PRIu64 ",", event->mentions[i].v);
    pl_bytebuf_append_str(buf, " bytes=");
    dump_hash(buf, &hash);
}

static void dump_thread(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_memory_thread *thread = row;

    pl_bytebuf_printf(buf,
                      "thread room=%" PRIu64 " first=%" PRIu64 " last=%" PRIu64 " size=%" PRIu32,
                      thread->room.v, thread->first, thread->row.last_message, thread->row.size);
}

static void dump_request(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_memory_request *request = row;

    pl_bytebuf_printf(buf,
                      "request user=%" PRIu64 " target=%s id=%s room=%" PRIu64 " sequence=%" PRIu64
                      " create=%" PRId64 " content=",
                      request->user.v, request->target, request->request_id, request->room.v,
                      request->sequence, request->create_ms);
    dump_hash(buf, &request->content);
}

static void dump_work(struct pl_bytebuf *buf, const void *row)
{
    const struct pl_work *work = row;

    pl_bytebuf_printf(buf,
                      "work room=%" PRIu64 " sequence=%" PRIu64 " sender=%" PRIu64
                      " attempts=%" PRIu32 " not_before=%" PRId64 " lease=%" PRIu64
                      " taker=%" PRIu64 " until=%" PRId64,
                      work->room.v, work->sequence, work->sender.v, work->attempts,
                      work->not_before_ms, work->lease, work->taker, work->lease_until_ms);
}

void pl_memory_store_dump(const struct pl_store *store, struct pl_bytebuf *buf)
{
    static void (*const dump_row[PL_TABLES_LEN])(struct pl_bytebuf * buf, const void *row) = {
        [PL_TABLE_META] = dump_meta,      [PL_TABLE_LOGS] = dump_log,
        [PL_TABLE_USERS] = dump_user,     [PL_TABLE_SESSIONS] = dump_session,
        [PL_TABLE_ROOMS] = dump_room,     [PL_TABLE_MEMBERS] = dump_member,
        [PL_TABLE_SPANS] = dump_span,     [PL_TABLE_EVENTS] = dump_event,
        [PL_TABLE_THREADS] = dump_thread, [PL_TABLE_REQUESTS] = dump_request,
        [PL_TABLE_WORK] = dump_work,
    };
    const struct pl_memory_store *self = store->self;

    for (size_t table = 0; table < PL_TABLES_LEN; table++) {
        enum pl_memory_table_id id = (enum pl_memory_table_id)table;

        for (size_t i = 0; i < pl_memory_len(self, id); i++) {
            dump_row[table](buf, pl_memory_row(self, id, i));
            pl_bytebuf_append_byte(buf, '\n');
        }
    }
}
