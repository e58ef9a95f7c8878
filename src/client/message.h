/*
 * message.h - a message as it is shown, whether it came as an event of a stream
 * or in a page of history.
 *
 * Ownership: borrowed strings, raw as the server sent them.
 */
#ifndef PL_CLIENT_MESSAGE_H
#define PL_CLIENT_MESSAGE_H

#include "base/bytes.h"
#include "client/colour.h"
#include "parla/v1/event.pb-c.h"
#include "parla/v1/message.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_message {
    const char *room; /* its id */
    const char *peer; /* of a direct room: the other one's name; else "" */
    uint64_t sequence;
    const char *sender;
    uint64_t sender_id;
    const char *text;
    int64_t time_ms; /* since 1970, UTC */
    bool deleted;
};

/* Of an event with a message_sent. peer: see above. */
struct pl_message pl_message_of_event(const Parla__V1__Event *event, const char *peer);
struct pl_message pl_message_of_chat(const Parla__V1__ChatMessage *chat, const char *peer);

/* Milliseconds since 1970; 0 for an unset one. */
int64_t pl_message_time_ms(const Google__Protobuf__Timestamp *time);

/* "#room", or "@peer" of a direct room. */
void pl_message_room(struct pl_bytebuf *out, const char *room, const char *peer);

/* Whether a room's id is that of a direct room. */
bool pl_message_is_direct(const char *room);

/* "ana: text" with each further line of the text indented by `indent` blanks and
 * marked, so that it cannot pass for another's message. */
void pl_message_said(struct pl_bytebuf *out, struct pl_colour colour,
                     const struct pl_message *message, unsigned indent);

/* "2024-05-03 09:05:07 #room ana: text" and a line feed, for scripts. */
void pl_message_line(struct pl_bytebuf *out, struct pl_colour colour,
                     const struct pl_message *message);

/* The same with "* " and a note in place of who said what. */
void pl_message_note(struct pl_bytebuf *out, struct pl_colour colour,
                     const struct pl_message *message, const char *note);

/* What an event that is no message tells, as "ana joined"; false for kinds that
 * are not shown. */
bool pl_message_happening(struct pl_bytebuf *out, const Parla__V1__Event *event);

#endif
