/* message.c - see message.h; fields go in the order of their numbers. */
#include "wire/message.h"

#include "base/assert.h"
#include "base/err.h"
#include "wire/field.h"

/* Field numbers of Event and of MessageSent, */
enum { EVENT_ROOM = 1, EVENT_SEQUENCE, EVENT_TIME, EVENT_ACTOR, EVENT_ACTOR_ID, EVENT_SENT = 10 };
enum { SENT_TEXT = 1, SENT_REPLY_TO, SENT_THREAD, SENT_MENTIONS };

/* and of ChatMessage. */
enum {
    TO_ROOM = 1,
    TO_SEQUENCE = 2,
    TO_SENDER = 3,
    TO_TEXT = 4,
    TO_CREATE_TIME = 5,
    TO_REPLY_TO = 8,
    TO_THREAD = 9,
    TO_MENTIONS = 10,
    TO_THREAD_SIZE = 13,
    TO_SENDER_ID = 14,
    TO_LAST_CHANGE = 15,
};

/* Takes over what the field holds, if it is one of those that are wanted. */
static bool set_bytes(const struct pl_field *field, struct pl_bytes *ret)
{
    *ret = field->bytes;
    return field->type == PL_FIELD_BYTES;
}

static bool set_number(const struct pl_field *field, uint64_t *ret)
{
    *ret = field->value;
    return field->type == PL_FIELD_NUMBER;
}

static bool set_event_field(struct pl_wire_message *message, const struct pl_field *field)
{
    switch (field->number) {
    case EVENT_ROOM:
        return set_bytes(field, &message->room);
    case EVENT_SEQUENCE:
        return set_number(field, &message->sequence);
    case EVENT_TIME:
        return set_bytes(field, &message->create_time);
    case EVENT_ACTOR:
        return set_bytes(field, &message->sender);
    case EVENT_ACTOR_ID:
        return set_number(field, &message->sender_id);
    case EVENT_SENT:
        return set_bytes(field, &message->sent);
    default:
        return true;
    }
}

/* Counts the mentions too, which are as long there as here. */
static bool set_sent_field(struct pl_wire_message *message, const struct pl_field *field)
{
    switch (field->number) {
    case SENT_TEXT:
        return set_bytes(field, &message->text);
    case SENT_REPLY_TO:
        return set_number(field, &message->reply_to);
    case SENT_THREAD:
        return set_number(field, &message->thread);
    case SENT_MENTIONS:
        message->size += pl_field_message_size(field->bytes.size);
        return field->type == PL_FIELD_BYTES;
    default:
        return true;
    }
}

static bool read_fields(struct pl_wire_message *message, struct pl_bytes data,
                        bool (*set)(struct pl_wire_message *message, const struct pl_field *field))
{
    while (data.size > 0) {
        struct pl_field field;

        if (!pl_field_take(&data, &field) || !set(message, &field))
            return false;
    }
    return true;
}

int pl_wire_message_read(struct pl_bytes event, uint32_t thread_size, pl_sequence last_change,
                         struct pl_wire_message *ret_message)
{
    struct pl_wire_message message = {.thread_size = thread_size, .last_change = last_change};

    if (!read_fields(&message, event, set_event_field) || message.sent.data == NULL ||
        !read_fields(&message, message.sent, set_sent_field))
        return PL_E_CORRUPT;
    message.size += pl_field_bytes_size(message.room) + pl_field_number_size(message.sequence) +
                    pl_field_bytes_size(message.sender) + pl_field_bytes_size(message.text) +
                    pl_field_bytes_size(message.create_time) +
                    pl_field_number_size(message.reply_to) + pl_field_number_size(message.thread) +
                    pl_field_number_size(thread_size) + pl_field_number_size(message.sender_id) +
                    pl_field_number_size(last_change);
    *ret_message = message;
    return PL_OK;
}

static uint8_t *put_mentions(const struct pl_wire_message *message, uint8_t *to)
{
    struct pl_bytes data = message->sent;

    while (data.size > 0) {
        struct pl_field field;

        PL_ASSERT(pl_field_take(&data, &field)); /* as it was when it was read */
        if (field.number == SENT_MENTIONS)
            to = pl_field_put_message(to, TO_MENTIONS, field.bytes);
    }
    return to;
}

uint8_t *pl_wire_message_put(const struct pl_wire_message *message, uint8_t *to)
{
    uint8_t *start = to;

    to = pl_field_put_bytes(to, TO_ROOM, message->room);
    to = pl_field_put_number(to, TO_SEQUENCE, message->sequence);
    to = pl_field_put_bytes(to, TO_SENDER, message->sender);
    to = pl_field_put_bytes(to, TO_TEXT, message->text);
    to = pl_field_put_bytes(to, TO_CREATE_TIME, message->create_time);
    to = pl_field_put_number(to, TO_REPLY_TO, message->reply_to);
    to = pl_field_put_number(to, TO_THREAD, message->thread);
    to = put_mentions(message, to);
    to = pl_field_put_number(to, TO_THREAD_SIZE, message->thread_size);
    to = pl_field_put_number(to, TO_SENDER_ID, message->sender_id);
    to = pl_field_put_number(to, TO_LAST_CHANGE, message->last_change);
    PL_ASSERT((size_t)(to - start) == message->size);
    return to;
}
