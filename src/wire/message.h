/*
 * message.h - a stored message_sent event as the bytes of a parla.v1.ChatMessage.
 *
 * Both hold the same strings and numbers under other field numbers: so they are moved
 * from the one to the other, and nothing is unpacked.
 *
 * Ownership: a pl_wire_message points into the event, which must outlive it.
 */
#ifndef PL_WIRE_MESSAGE_H
#define PL_WIRE_MESSAGE_H

#include "base/bytes.h"
#include "model/ids.h"

struct pl_wire_message {
    struct pl_bytes room;
    struct pl_bytes sender;
    struct pl_bytes create_time; /* a Timestamp's bytes */
    struct pl_bytes text;
    struct pl_bytes sent; /* the MessageSent, for its mentions */
    uint64_t sequence;
    uint64_t sender_id;
    uint64_t reply_to;
    uint64_t thread;
    uint32_t thread_size;
    pl_sequence last_change;
    size_t size; /* of the ChatMessage */
};

/* Reads an event. The bytes are our own: PL_E_CORRUPT where they are not what was
 * stored. */
int pl_wire_message_read(struct pl_bytes event, uint32_t thread_size, pl_sequence last_change,
                         struct pl_wire_message *ret_message);

/* Writes the ChatMessage, message->size bytes; returns where they end. */
uint8_t *pl_wire_message_put(const struct pl_wire_message *message, uint8_t *to);

#endif
