/*
 * event.c - an event is encoded once in its life; a message is read out of those
 * bytes again when somebody asks for it as it stands.
 */
#include "wire/event.h"

#include "base/err.h"
#include "model/limits.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/event.pb-c.h"
#include "pb/message.h"
#include "wire/convert.h"

/* What an event's protobuf-c structs take, beside its strings. */
enum { ENCODE_ARENA_SIZE = 16 * 1024, TAKEN_ARENA_SIZE = 256 * 1024 };

static int set_message(const struct pl_event *event, struct pl_arena *arena, Parla__V1__Event *to)
{
    Parla__V1__MessageSent *sent = pl_arena_alloc(arena, sizeof *sent);
    char **mentions = pl_arena_alloc(arena, event->u.message.mentions_len * sizeof(char *));

    if (sent == NULL || mentions == NULL)
        return PL_E_NOMEM;
    parla__v1__message_sent__init(sent);
    sent->text = pl_wire_str(event->u.message.text);
    sent->reply_to = event->u.message.reply_to;
    sent->thread = event->u.message.thread;
    for (uint32_t i = 0; i < event->u.message.mentions_len; i++)
        mentions[i] = pl_wire_str(event->u.message.mentions[i]);
    sent->n_mentions = event->u.message.mentions_len;
    sent->mentions = mentions;
    to->kind_case = PARLA__V1__EVENT__KIND_MESSAGE_SENT;
    to->message_sent = sent;
    return PL_OK;
}

static int set_kind(const struct pl_event *event, struct pl_arena *arena, Parla__V1__Event *to)
{
    switch (event->kind) {
    case PL_EVENT_MESSAGE_SENT:
        return set_message(event, arena, to);
    case PL_EVENT_ROOM_CHANGED:
        to->kind_case = PARLA__V1__EVENT__KIND_ROOM_CHANGED;
        to->room_changed = pl_wire_room(arena, event->u.room);
        return to->room_changed != NULL ? PL_OK : PL_E_NOMEM;
    case PL_EVENT_MEMBER_CHANGED:
        to->kind_case = PARLA__V1__EVENT__KIND_MEMBER_CHANGED;
        to->member_changed = pl_wire_member(arena, event->u.member.member, event->u.member.name);
        return to->member_changed != NULL ? PL_OK : PL_E_NOMEM;
    }
    return PL_E_INVALID;
}

static int encode(void *self, const struct pl_event *event, struct pl_buf **ret_buf)
{
    Parla__V1__Event to = PARLA__V1__EVENT__INIT;
    struct pl_arena arena;
    struct pl_buf *buf = NULL;
    int rc;

    (void)self;
    pl_arena_init(&arena, ENCODE_ARENA_SIZE);
    to.room = pl_wire_str(event->room);
    to.sequence = event->sequence;
    to.actor = pl_wire_str(event->actor);
    to.actor_id = event->actor_id.v;
    to.create_time = pl_wire_time(&arena, event->create_ms);
    rc = to.create_time == NULL && event->create_ms > 0 ? PL_E_NOMEM : set_kind(event, &arena, &to);
    if (rc == PL_OK)
        rc = pl_pb_pack(&to.base, &buf);
    pl_arena_done(&arena);
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

int pl_wire_message(struct pl_bytes event, uint32_t thread_size, pl_sequence last_change,
                    struct pl_arena *arena, Parla__V1__ChatMessage **ret_message)
{
    struct pl_pb_fault fault;
    ProtobufCMessage *base;
    Parla__V1__ChatMessage *message;
    const Parla__V1__Event *from;
    int rc = pl_pb_unpack(&parla__v1__event__descriptor, event, arena, &fault, &base);

    if (rc < 0)
        return rc == PL_E_NOMEM ? rc : PL_E_CORRUPT;
    from = (const Parla__V1__Event *)(const void *)base;
    if (from->kind_case != PARLA__V1__EVENT__KIND_MESSAGE_SENT)
        return PL_E_CORRUPT;
    message = pl_arena_alloc(arena, sizeof *message);
    if (message == NULL)
        return PL_E_NOMEM;
    parla__v1__chat_message__init(message);
    message->room = from->room;
    message->sequence = from->sequence;
    message->sender = from->actor;
    message->sender_id = from->actor_id;
    message->create_time = from->create_time;
    message->text = from->message_sent->text;
    message->reply_to = from->message_sent->reply_to;
    message->thread = from->message_sent->thread;
    message->n_mentions = from->message_sent->n_mentions;
    message->mentions = from->message_sent->mentions;
    message->thread_size = thread_size;
    message->last_change_sequence = last_change;
    *ret_message = message;
    return PL_OK;
}

int pl_wire_taken(const struct pl_message_view *message, uint64_t lease, uint32_t attempt,
                  struct pl_buf **ret_buf)
{
    Parla__V1__TakeMessagesResponse response = PARLA__V1__TAKE_MESSAGES_RESPONSE__INIT;
    Parla__V1__TakenMessage taken = PARLA__V1__TAKEN_MESSAGE__INIT;
    struct pl_arena arena;
    int rc;

    pl_arena_init(&arena, TAKEN_ARENA_SIZE);
    rc = pl_wire_message((struct pl_bytes){message->event->data, message->event->size},
                         message->thread_size, message->last_change, &arena, &taken.message);
    if (rc == PL_OK) {
        taken.lease = lease;
        taken.attempt = attempt;
        response.item_case = PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_TAKEN;
        response.taken = &taken;
        rc = pl_pb_pack(&response.base, ret_buf);
    }
    pl_arena_done(&arena);
    return rc;
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
