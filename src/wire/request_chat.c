/* request_chat.c - requests about messages. */
#include "base/assert.h"
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "wire/field.h"
#include "wire/request_int.h"

#include <stdio.h>

/* Field numbers of SendMessageRequest. */
enum {
    SEND_ROOM = 1,
    SEND_USER,
    SEND_TEXT,
    SEND_REQUEST_ID,
    SEND_REPLY_TO,
    SEND_THREAD,
    SEND_ATTACHMENTS,
    SEND_EXPECTED_LAST,
};

/* A request as it lies there. */
struct send_fields {
    unsigned target; /* SEND_ROOM or SEND_USER: the one that came last; 0 */
    struct pl_bytes name;
    struct pl_bytes text;
    struct pl_bytes request_id;
    uint64_t numbers[SEND_EXPECTED_LAST + 1];
    bool attachments;
};

/* Reads bytes that have been checked. Of a field that comes twice, the last counts. */
static struct send_fields read_send(struct pl_bytes request)
{
    struct send_fields fields = {.target = 0};

    while (request.size > 0) {
        struct pl_field field;

        PL_ASSERT(pl_field_take(&request, &field));
        switch (field.number) {
        case SEND_ROOM:
        case SEND_USER:
            fields.target = field.number;
            fields.name = field.bytes;
            break;
        case SEND_TEXT:
            fields.text = field.bytes;
            break;
        case SEND_REQUEST_ID:
            fields.request_id = field.bytes;
            break;
        case SEND_REPLY_TO:
        case SEND_THREAD:
        case SEND_EXPECTED_LAST:
            fields.numbers[field.number] = field.value;
            break;
        case SEND_ATTACHMENTS:
            fields.attachments = true;
            break;
        default:
            break;
        }
    }
    return fields;
}

/* Exactly one target, and of its form. */
static bool target_ok(unsigned target, const char *name, struct pl_send *send,
                      struct pl_refusal *ret_refusal)
{
    send->room = "";
    send->user = "";
    switch (target) {
    case SEND_ROOM:
        send->room = name;
        return pl_request_room_ok(name, ret_refusal);
    case SEND_USER:
        send->user = name;
        if (pl_user_name_valid(name))
            return true;
        *ret_refusal = pl_refusal_field(
            "user", "must be a user's name: 1 to 32 of a-z, 0-9, '-', '_' and '.', a letter first");
        return false;
    default:
        *ret_refusal = pl_refusal_field("target", "must be set: room or user");
        return false;
    }
}

static char *copy(struct pl_arena *arena, struct pl_bytes bytes)
{
    return pl_arena_copy(arena, bytes.data, bytes.size);
}

/* By hand: the one request that there is of every send. */
int pl_wire_send_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                         struct pl_refusal *ret_refusal)
{
    struct pl_send *send = &ret->u.send;
    struct send_fields fields;
    const char *name;

    if (!pl_request_check(&parla__v1__send_message_request__descriptor, request, ret_refusal))
        return PL_OK;
    fields = read_send(request);
    name = copy(arena, fields.name);
    send->text = copy(arena, fields.text);
    send->request_id = copy(arena, fields.request_id);
    if (name == NULL || send->text == NULL || send->request_id == NULL)
        return PL_E_NOMEM;
    if (!target_ok(fields.target, name, send, ret_refusal) ||
        !pl_request_size_ok(send->text, PL_TEXT_SIZE_MAX, "text", ret_refusal) ||
        !pl_request_size_ok(send->request_id, PL_REQUEST_ID_SIZE_MAX, "request_id", ret_refusal))
        return PL_OK;
    if (fields.attachments) {
        *ret_refusal = pl_refusal_of(PL_REASON_ATTACHMENTS_UNSUPPORTED);
        return PL_OK;
    }
    ret->kind = PL_COMMAND_SEND_MESSAGE;
    send->reply_to = fields.numbers[SEND_REPLY_TO];
    send->thread = fields.numbers[SEND_THREAD];
    send->expected_last_message = fields.numbers[SEND_EXPECTED_LAST];
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
