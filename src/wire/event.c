/*
 * event.c - an event is encoded once in its life; a message is moved out of those
 * bytes again when somebody asks for it as it stands (message.c).
 */
#include "wire/event.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "model/limits.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/event.pb-c.h"
#include "pb/message.h"
#include "wire/convert.h"
#include "wire/field.h"
#include "wire/message.h"

/* What an event's protobuf-c structs take, beside its strings. */
enum { ENCODE_ARENA_SIZE = 16 * 1024 };

/* Field numbers of Event, MessageSent and Timestamp, */
enum { EVENT_ROOM = 1, EVENT_SEQUENCE, EVENT_TIME, EVENT_ACTOR, EVENT_ACTOR_ID };
enum { SENT_TEXT = 1, SENT_REPLY_TO, SENT_THREAD, SENT_MENTIONS };
enum { TIME_SECONDS = 1, TIME_NANOS };

/* and of TakeMessagesResponse and TakenMessage. */
enum { RESPONSE_TAKEN = 1 };
enum { TAKEN_MESSAGE = 1, TAKEN_LEASE, TAKEN_ATTEMPT };

static int set_kind(const struct pl_event *event, struct pl_arena *arena, Parla__V1__Event *to)
{
    switch (event->kind) {
    case PL_EVENT_ROOM_CHANGED:
        to->kind_case = PARLA__V1__EVENT__KIND_ROOM_CHANGED;
        to->room_changed = pl_wire_room(arena, event->u.room);
        return to->room_changed != NULL ? PL_OK : PL_E_NOMEM;
    case PL_EVENT_MEMBER_CHANGED:
        to->kind_case = PARLA__V1__EVENT__KIND_MEMBER_CHANGED;
        to->member_changed = pl_wire_member(arena, event->u.member.member, event->u.member.name);
        return to->member_changed != NULL ? PL_OK : PL_E_NOMEM;
    case PL_EVENT_MESSAGE_SENT:
        break; /* encode_sent() */
    }
    return PL_E_INVALID;
}

static int encode_other(const struct pl_event *event, struct pl_buf **ret_buf)
{
    Parla__V1__Event to = PARLA__V1__EVENT__INIT;
    struct pl_arena arena;
    int rc;

    pl_arena_init(&arena, ENCODE_ARENA_SIZE);
    to.room = pl_wire_str(event->room);
    to.sequence = event->sequence;
    to.actor = pl_wire_str(event->actor);
    to.actor_id = event->actor_id.v;
    to.create_time = pl_wire_time(&arena, event->create_ms);
    rc = to.create_time == NULL && event->create_ms > 0 ? PL_E_NOMEM : set_kind(event, &arena, &to);
    if (rc == PL_OK)
        rc = pl_pb_pack(&to.base, ret_buf);
    pl_arena_done(&arena);
    return rc;
}

static size_t sent_size(const struct pl_event *event, struct pl_bytes text)
{
    size_t size = pl_field_bytes_size(text) + pl_field_number_size(event->u.message.reply_to) +
                  pl_field_number_size(event->u.message.thread);

    for (uint32_t i = 0; i < event->u.message.mentions_len; i++)
        size += pl_field_message_size(strlen(event->u.message.mentions[i]));
    return size;
}

static uint8_t *put_sent(const struct pl_event *event, struct pl_bytes text, uint8_t *to)
{
    to = pl_field_put_bytes(to, SENT_TEXT, text);
    to = pl_field_put_number(to, SENT_REPLY_TO, event->u.message.reply_to);
    to = pl_field_put_number(to, SENT_THREAD, event->u.message.thread);
    for (uint32_t i = 0; i < event->u.message.mentions_len; i++)
        to = pl_field_put_message(to, SENT_MENTIONS, pl_bytes_str(event->u.message.mentions[i]));
    return to;
}

/* The one event that there is of every send, by hand; to the byte as protobuf-c has it. */
static int encode_sent(const struct pl_event *event, struct pl_buf **ret_buf)
{
    struct pl_bytes room = pl_bytes_str(event->room), actor = pl_bytes_str(event->actor);
    struct pl_bytes text = pl_bytes_str(event->u.message.text);
    uint64_t seconds = (uint64_t)(event->create_ms / 1000);
    uint64_t nanos = (uint64_t)(event->create_ms % 1000 * 1000000);
    size_t time_size = pl_field_number_size(seconds) + pl_field_number_size(nanos);
    size_t kind_size = sent_size(event, text);
    size_t size = pl_field_bytes_size(room) + pl_field_number_size(event->sequence) +
                  (event->create_ms == 0 ? 0 : pl_field_message_size(time_size)) +
                  pl_field_bytes_size(actor) + pl_field_number_size(event->actor_id.v) +
                  pl_field_message_size(kind_size);
    struct pl_buf *buf = size <= PL_EVENT_SIZE_MAX ? pl_buf_new(size) : NULL;
    uint8_t *to;

    if (buf == NULL)
        return size <= PL_EVENT_SIZE_MAX ? PL_E_NOMEM : PL_E_LIMIT;
    to = pl_field_put_bytes(buf->data, EVENT_ROOM, room);
    to = pl_field_put_number(to, EVENT_SEQUENCE, event->sequence);
    if (event->create_ms != 0) {
        to = pl_field_put_head(to, EVENT_TIME, time_size);
        to = pl_field_put_number(to, TIME_SECONDS, seconds);
        to = pl_field_put_number(to, TIME_NANOS, nanos);
    }
    to = pl_field_put_bytes(to, EVENT_ACTOR, actor);
    to = pl_field_put_number(to, EVENT_ACTOR_ID, event->actor_id.v);
    to = pl_field_put_head(to, PL_EVENT_MESSAGE_SENT, kind_size);
    to = put_sent(event, text, to);
    PL_ASSERT((size_t)(to - buf->data) == size);
    *ret_buf = buf;
    return PL_OK;
}

static int encode(void *self, const struct pl_event *event, struct pl_buf **ret_buf)
{
    struct pl_buf *buf = NULL;
    int rc;

    (void)self;
    if (event->kind == PL_EVENT_MESSAGE_SENT)
        return encode_sent(event, ret_buf);
    rc = encode_other(event, &buf);
    if (rc != PL_OK)
        return rc;
    if (buf->size > PL_EVENT_SIZE_MAX) {
        pl_buf_unref(buf);
        return PL_E_LIMIT;
    }
    *ret_buf = buf;
    return PL_OK;
}

struct pl_event_encoder pl_wire_event_encoder(void)
{
    return (struct pl_event_encoder){.self = NULL, .encode = encode};
}

int pl_wire_taken(const struct pl_message_view *view, uint64_t lease, uint32_t attempt,
                  struct pl_buf **ret_buf)
{
    struct pl_wire_message message;
    int rc = pl_wire_message_read((struct pl_bytes){view->event->data, view->event->size},
                                  view->thread_size, view->last_change, &message);
    struct pl_buf *buf;
    size_t size;
    uint8_t *to;

    if (rc < 0)
        return rc;
    size = pl_field_message_size(message.size) + pl_field_number_size(lease) +
           pl_field_number_size(attempt);
    buf = pl_buf_new(pl_field_message_size(size));
    if (buf == NULL)
        return PL_E_NOMEM;
    to = pl_field_put_head(buf->data, RESPONSE_TAKEN, size);
    to = pl_field_put_head(to, TAKEN_MESSAGE, message.size);
    to = pl_wire_message_put(&message, to);
    to = pl_field_put_number(to, TAKEN_LEASE, lease);
    to = pl_field_put_number(to, TAKEN_ATTEMPT, attempt);
    PL_ASSERT((size_t)(to - buf->data) == buf->size);
    *ret_buf = buf;
    return PL_OK;
}

int pl_wire_take_heartbeat(int64_t now_ms, struct pl_buf **ret_buf)
{
    Parla__V1__TakeMessagesResponse response = PARLA__V1__TAKE_MESSAGES_RESPONSE__INIT;
    Parla__V1__Heartbeat heartbeat = PARLA__V1__HEARTBEAT__INIT;
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    time.seconds = now_ms / 1000;
    time.nanos = (int32_t)(now_ms % 1000) * 1000000;
    heartbeat.time = &time;
    response.item_case = PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_HEARTBEAT;
    response.heartbeat = &heartbeat;
    return pl_pb_pack(&response.base, ret_buf);
}

int pl_wire_take_draining(uint32_t retry_after_ms, struct pl_buf **ret_buf)
{
    Parla__V1__TakeMessagesResponse response = PARLA__V1__TAKE_MESSAGES_RESPONSE__INIT;
    Parla__V1__Draining draining = PARLA__V1__DRAINING__INIT;

    draining.retry_after_ms = retry_after_ms;
    response.item_case = PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_DRAINING;
    response.draining = &draining;
    return pl_pb_pack(&response.base, ret_buf);
}
