/* request_chat.c - requests about messages. */
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "wire/request_int.h"

#include <stdio.h>

/* Exactly one target, and of its form. */
static bool target_ok(const Parla__V1__SendMessageRequest *from, struct pl_send *send,
                      struct pl_refusal *ret_refusal)
{
    send->room = "";
    send->user = "";
    switch (from->target_case) {
    case PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_ROOM:
        send->room = from->room;
        return pl_request_room_ok(from->room, ret_refusal);
    case PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_USER:
        send->user = from->user;
        if (pl_user_name_valid(from->user))
            return true;
        *ret_refusal = pl_refusal_field(
            "user", "must be a user's name: 1 to 32 of a-z, 0-9, '-', '_' and '.', a letter first");
        return false;
    default:
        *ret_refusal = pl_refusal_field("target", "must be set: room or user");
        return false;
    }
}

int pl_wire_send_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                         struct pl_refusal *ret_refusal)
{
    const Parla__V1__SendMessageRequest *from;
    struct pl_send *send = &ret->u.send;
    int rc = pl_request_unpack(&parla__v1__send_message_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL)
        return rc;
    if (!target_ok(from, send, ret_refusal) ||
        !pl_request_size_ok(from->text, PL_TEXT_SIZE_MAX, "text", ret_refusal) ||
        !pl_request_size_ok(from->request_id, PL_REQUEST_ID_SIZE_MAX, "request_id", ret_refusal))
        return PL_OK;
    if (from->n_attachments > 0) {
        *ret_refusal = pl_refusal_of(PL_REASON_ATTACHMENTS_UNSUPPORTED);
        return PL_OK;
    }
    ret->kind = PL_COMMAND_SEND_MESSAGE;
    send->text = from->text;
    send->request_id = from->request_id;
    send->reply_to = from->reply_to;
    send->thread = from->thread;
    send->expected_last_message = from->expected_last_message;
    return PL_OK;
}

int pl_wire_mark_read(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                      struct pl_refusal *ret_refusal)
{
    const Parla__V1__MarkReadRequest *from;
    int rc = pl_request_unpack(&parla__v1__mark_read_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_COMMAND_MARK_READ;
    ret->u.mark_read.room = from->room;
    ret->u.mark_read.sequence = from->sequence;
    return PL_OK;
}

int pl_wire_take_messages(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                          struct pl_refusal *ret_refusal)
{
    const Parla__V1__TakeMessagesRequest *from;
    int rc = pl_request_unpack(&parla__v1__take_messages_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    if (from->max_unacknowledged > PL_TAKE_LEN_MAX) {
        *ret_refusal = pl_refusal_field("max_unacknowledged", "must be at most 1,000");
        return PL_OK;
    }
    if (from->lease_seconds > PL_LEASE_S_MAX) {
        *ret_refusal = pl_refusal_field("lease_seconds", "must be at most 86,400");
        return PL_OK;
    }
    ret->kind = PL_COMMAND_OPEN_TAKER;
    ret->u.open_taker.room = from->room;
    ret->u.open_taker.unacked_len_max =
        from->max_unacknowledged > 0 ? from->max_unacknowledged : PL_TAKE_LEN_DEFAULT;
    ret->u.open_taker.lease_s = from->lease_seconds > 0 ? from->lease_seconds : PL_LEASE_S_DEFAULT;
    ret->u.open_taker.include_own = from->include_own;
    return PL_OK;
}

int pl_wire_ack_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                        struct pl_refusal *ret_refusal)
{
    const Parla__V1__AckMessageRequest *from;
    int rc = pl_request_unpack(&parla__v1__ack_message_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_COMMAND_ACK_MESSAGE;
    ret->u.lease.room = from->room;
    ret->u.lease.sequence = from->sequence;
    ret->u.lease.lease = from->lease;
    ret->u.lease.delay_s = 0;
    return PL_OK;
}

int pl_wire_release_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                            struct pl_refusal *ret_refusal)
{
    const Parla__V1__ReleaseMessageRequest *from;
    int rc = pl_request_unpack(&parla__v1__release_message_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    if (from->delay_seconds > PL_RELEASE_DELAY_MAX) {
        *ret_refusal = pl_refusal_field("delay_seconds", "must be at most 86,400");
        return PL_OK;
    }
    ret->kind = PL_COMMAND_RELEASE_MESSAGE;
    ret->u.lease.room = from->room;
    ret->u.lease.sequence = from->sequence;
    ret->u.lease.lease = from->lease;
    ret->u.lease.delay_s = from->delay_seconds;
    return PL_OK;
}

int pl_wire_list_messages(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                          struct pl_refusal *ret_refusal)
{
    const Parla__V1__ListMessagesRequest *from;
    int rc = pl_request_unpack(&parla__v1__list_messages_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_QUERY_LIST_MESSAGES;
    ret->page_token = from->page_token;
    ret->page_len = pl_request_page_len(from->page_size);
    ret->u.list_messages.room = from->room;
    ret->u.list_messages.before = from->before;
    ret->u.list_messages.after = from->after;
    ret->u.list_messages.thread = from->thread;
    ret->u.list_messages.ascending = from->ascending;
    return PL_OK;
}

int pl_wire_stream_messages(struct pl_bytes request, struct pl_arena *arena,
                            struct pl_stream_request *ret, struct pl_refusal *ret_refusal)
{
    const Parla__V1__StreamMessagesRequest *from;
    int rc = pl_request_unpack(&parla__v1__stream_messages_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL)
        return rc;
    *ret = (struct pl_stream_request){.from = PL_STREAM_FROM_NOW};
    if (from->n_rooms > PL_STREAM_ROOMS_LEN_MAX) {
        *ret_refusal = pl_refusal_field("rooms", "must be at most 1,000");
        return PL_OK;
    }
    for (size_t i = 0; i < from->n_rooms; i++) {
        if (!pl_room_ref_valid(from->rooms[i])) {
            *ret_refusal = pl_refusal_field("rooms", "must be ids of rooms");
            return PL_OK;
        }
    }
    if (from->start < 0 || from->start > (int)PL_STREAM_FROM_BEGINNING) {
        *ret_refusal = pl_refusal_field("start", "must be NOW, UNREAD or BEGINNING");
        return PL_OK;
    }
    ret->rooms = (const char *const *)from->rooms;
    ret->rooms_len = (uint32_t)from->n_rooms;
    if (from->start != PARLA__V1__STREAM_START__STREAM_START_UNSPECIFIED)
        ret->from = (enum pl_stream_from)from->start;
    if (from->cursor[0] == 0)
        return PL_OK;
    ret->has_cursor = true;
    rc = pl_cursor_decode(from->cursor, arena, &ret->cursor);
    if (rc == PL_E_INVALID) {
        *ret_refusal = pl_refusal_of(PL_REASON_CURSOR_INVALID);
        snprintf(ret_refusal->field, sizeof ret_refusal->field, "cursor");
        return PL_OK;
    }
    return rc;
}
