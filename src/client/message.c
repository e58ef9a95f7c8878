/* message.c - messages as lines of text. */
#include "client/message.h"

#include "client/safe_text.h"
#include "client/time_text.h"
#include "parla/v1/room.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { INDENT_MAX = 32 };

int64_t pl_message_time_ms(const Google__Protobuf__Timestamp *time)
{
    if (time == NULL || time->seconds < -62135596800 || time->seconds > 253402300799)
        return 0; /* outside of what a Timestamp may hold */
    return time->seconds * 1000 + time->nanos / 1000000;
}

struct pl_message pl_message_of_event(const Parla__V1__Event *event, const char *peer)
{
    return (struct pl_message){
        .room = event->room,
        .peer = peer,
        .sequence = event->sequence,
        .sender = event->actor,
        .sender_id = event->actor_id,
        .text = event->message_sent->text,
        .time_ms = pl_message_time_ms(event->create_time),
        .deleted = event->message_sent->redacted,
    };
}

struct pl_message pl_message_of_chat(const Parla__V1__ChatMessage *chat, const char *peer)
{
    return (struct pl_message){
        .room = chat->room,
        .peer = peer,
        .sequence = chat->sequence,
        .sender = chat->sender,
        .sender_id = chat->sender_id,
        .text = chat->text,
        .time_ms = pl_message_time_ms(chat->create_time),
        .deleted = chat->delete_time != NULL,
    };
}

bool pl_message_is_direct(const char *room)
{
    return room[0] == '@';
}

void pl_message_room(struct pl_bytebuf *out, const char *room, const char *peer)
{
    bool direct = pl_message_is_direct(room);

    pl_bytebuf_append_byte(out, direct ? '@' : '#');
    pl_safe_append(out, pl_bytes_str(!direct ? room : peer[0] != 0 ? peer : "?"), NULL);
}

void pl_message_said(struct pl_bytebuf *out, struct pl_colour colour,
                     const struct pl_message *message, unsigned indent)
{
    char newline[INDENT_MAX + 8];

    snprintf(newline, sizeof newline, "\n%*s\u2502 ",
             (int)(indent < INDENT_MAX ? indent : INDENT_MAX), "");
    pl_bytebuf_append_str(out, pl_colour_name(colour, message->sender));
    pl_safe_append(out, pl_bytes_str(message->sender), NULL);
    pl_bytebuf_append_str(out, pl_colour_off(colour));
    pl_bytebuf_append_str(out, ": ");
    if (message->deleted) {
        pl_bytebuf_append_str(out, pl_colour_dim(colour));
        pl_bytebuf_append_str(out, "(deleted)");
        pl_bytebuf_append_str(out, pl_colour_off(colour));
        return;
    }
    pl_safe_append(out, pl_bytes_str(message->text), newline);
}

static void begin_line(struct pl_bytebuf *out, struct pl_colour colour,
                       const struct pl_message *message)
{
    char stamp[PL_TIME_TEXT_SIZE];

    pl_time_stamp(message->time_ms, stamp);
    pl_bytebuf_append_str(out, pl_colour_dim(colour));
    pl_bytebuf_append_str(out, stamp);
    pl_bytebuf_append_str(out, pl_colour_off(colour));
    pl_bytebuf_append_byte(out, ' ');
    pl_message_room(out, message->room, message->peer);
    pl_bytebuf_append_byte(out, ' ');
}

void pl_message_line(struct pl_bytebuf *out, struct pl_colour colour,
                     const struct pl_message *message)
{
    begin_line(out, colour, message);
    pl_message_said(out, colour, message, 4);
    pl_bytebuf_append_byte(out, '\n');
}

void pl_message_note(struct pl_bytebuf *out, struct pl_colour colour,
                     const struct pl_message *message, const char *note)
{
    begin_line(out, colour, message);
    pl_bytebuf_append_str(out, "* ");
    pl_bytebuf_append_str(out, note);
    pl_bytebuf_append_byte(out, '\n');
}

static const char *member_verb(const Parla__V1__Event *event)
{
    bool self = event->actor_id == event->member_changed->user_id;

    switch (event->member_changed->state) {
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_JOINED:
        return self ? "joined" : "was let in";
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_LEFT:
        return self ? "left" : "was removed";
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_INVITED:
        return "was invited";
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_BANNED:
        return "was banned";
    default:
        return NULL;
    }
}

bool pl_message_happening(struct pl_bytebuf *out, const Parla__V1__Event *event)
{
    const char *verb;

    switch (event->kind_case) {
    case PARLA__V1__EVENT__KIND_MEMBER_CHANGED:
        verb = member_verb(event);
        if (verb == NULL)
            return false;
        pl_safe_append(out, pl_bytes_str(event->member_changed->user), NULL);
        pl_bytebuf_append_byte(out, ' ');
        pl_bytebuf_append_str(out, verb);
        return true;
    case PARLA__V1__EVENT__KIND_ROOM_DELETED:
        pl_safe_append(out, pl_bytes_str(event->actor), NULL);
        pl_bytebuf_append_str(out, " deleted the room");
        return true;
    default:
        return false;
    }
}
