/*
 * log.c - events get their place here and nowhere else.
 *
 * The room's figures move before the event is encoded, so that room_changed
 * tells of a room that includes it. When anything then fails the batch is lost
 * and the cache with it, so nothing is taken back by hand.
 */
#include "core/log.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/retention.h"
#include "core/tell.h"

/* `event` and `row` have their kind and what belongs to it; this adds the
 * rest. */
static int append(struct pl_engine *engine, struct pl_room *room, const struct pl_user *actor,
                  struct pl_event *event, struct pl_event_row *row, struct pl_buf **ret_bytes)
{
    struct pl_buf *bytes;
    int rc;

    PL_ASSERT(engine->meta.position < PL_POSITION_MAX - 1);
    room->last_sequence++;
    room->last_position = ++engine->meta.position;
    if (event->kind == PL_EVENT_MESSAGE_SENT) {
        room->last_message_sequence = room->last_sequence;
        row->message_no = ++room->message_count;
    }
    pl_retention_appended(engine, room);
    pl_cache_room_changed(&engine->cache, room);

    event->position = room->last_position;
    event->room_id = room->id;
    event->room = room->name;
    event->sequence = room->last_sequence;
    event->create_ms = engine->now_ms;
    event->actor_id = actor != NULL ? actor->id : (pl_user_id){0};
    event->actor = actor != NULL ? actor->name : "";
    rc = engine->config.encoder.encode(engine->config.encoder.self, event, &bytes);
    if (rc < 0)
        return rc;

    row->position = event->position;
    row->room = event->room_id;
    row->sequence = event->sequence;
    row->kind = event->kind;
    row->create_ms = event->create_ms;
    row->actor = event->actor_id;
    row->bytes = bytes;
    rc = PL_ASK(engine, append_event, row);
    if (rc < 0) {
        pl_buf_unref(bytes);
        return rc;
    }
    *ret_bytes = bytes;
    return pl_tell_event(engine, event, bytes);
}

int pl_log_message(struct pl_engine *engine, struct pl_room *room, const struct pl_user *actor,
                   const struct pl_message *message, struct pl_buf **ret_bytes)
{
    struct pl_event event = {.kind = PL_EVENT_MESSAGE_SENT,
                             .u.message = {.text = message->text,
                                           .reply_to = message->reply_to,
                                           .thread = message->thread,
                                           .mentions = message->mentions,
                                           .mentions_len = message->mentions_len}};
    struct pl_event_row row = {.thread = message->thread,
                               .mentions = message->mention_ids,
                               .mentions_len = message->mentions_len};

    return append(engine, room, actor, &event, &row, ret_bytes);
}

int pl_log_room_changed(struct pl_engine *engine, struct pl_room *room, const struct pl_user *actor)
{
    struct pl_event event = {.kind = PL_EVENT_ROOM_CHANGED, .u.room = room};
    struct pl_event_row row = {0};
    struct pl_buf *bytes;

    return append(engine, room, actor, &event, &row, &bytes);
}

int pl_log_member_changed(struct pl_engine *engine, struct pl_room *room,
                          const struct pl_user *actor, const struct pl_member *member,
                          const char *name)
{
    struct pl_event event = {.kind = PL_EVENT_MEMBER_CHANGED,
                             .u.member = {.member = member, .name = name}};
    struct pl_event_row row = {0};
    struct pl_buf *bytes;

    return append(engine, room, actor, &event, &row, &bytes);
}
