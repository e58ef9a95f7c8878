/*
 * event.h - a durable fact: an entry of a room's log.
 *
 * The engine makes it, an encoder turns it into the bytes of parla.v1.Event,
 * and from then on only those bytes are kept.
 */
#ifndef PL_MODEL_EVENT_H
#define PL_MODEL_EVENT_H

#include "base/buf.h"
#include "base/bytes.h"
#include "model/ids.h"
#include "model/room.h"
#include "model/user.h"

/* The numbers of Event.kind's fields on the wire. */
enum pl_event_kind {
    PL_EVENT_MESSAGE_SENT = 10,
    PL_EVENT_ROOM_CHANGED = 20,
    PL_EVENT_MEMBER_CHANGED = 21,
};

struct pl_event {
    pl_position position;
    pl_room_id room_id;
    const char *room; /* its name */
    pl_sequence sequence;
    int64_t create_ms;
    pl_user_id actor_id;
    const char *actor; /* the name at that time */
    enum pl_event_kind kind;
    union {
        struct {
            const char *text;
            pl_sequence reply_to;
            pl_sequence thread;
            const char *const *mentions; /* names */
            uint32_t mentions_len;
        } message;
        const struct pl_room *room; /* as it is now */
        struct {
            const struct pl_member *member; /* as it is now */
            const char *name;
        } member;
    } u;
};

/* Turns events into bytes; `wire` implements it. */
struct pl_event_encoder {
    void *self;
    /* Sets *ret_buf to the bytes of parla.v1.Event, one reference, the
     * caller's. PL_E_NOMEM; PL_E_LIMIT over PL_EVENT_SIZE_MAX. */
    int (*encode)(void *self, const struct pl_event *event, struct pl_buf **ret_buf);
};

/* What an event's bytes say of it. */
struct pl_event_facts {
    char room[PL_ROOM_NAME_SIZE_MAX + 1];
    pl_sequence sequence;
    int64_t create_ms;
    pl_user_id actor_id;
    uint32_t kind;         /* an enum pl_event_kind, or what is not known */
    pl_sequence thread;    /* of a message */
    uint32_t mentions_len; /* likewise */
};

/* Reads them back; `wire` implements it. */
struct pl_event_decoder {
    void *self;
    /* PL_E_CORRUPT where they are no parla.v1.Event; PL_E_NOMEM. */
    int (*decode)(void *self, struct pl_bytes bytes, struct pl_event_facts *ret_facts);
};

#endif
