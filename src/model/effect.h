/*
 * effect.h - what the engine wants done once a batch is durable.
 *
 * In the order of their causes. Nothing of it may be seen by anyone before the
 * store has committed the batch.
 *
 * Ownership: effects and what they point to live in the batch's arena, but for
 * pl_buf, of which each pointer owns a reference: pl_effects_done() gives back
 * all. Who keeps one takes a reference of its own.
 */
#ifndef PL_MODEL_EFFECT_H
#define PL_MODEL_EFFECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "model/command.h"
#include "model/event.h"
#include "model/ids.h"
#include "model/reason.h"
#include "model/room.h"
#include "model/user.h"

#include <stdbool.h>

enum pl_effect_kind {
    PL_EFFECT_REPLY,         /* the answer to a command or query */
    PL_EFFECT_EVENT,         /* a new event, for who streams its room */
    PL_EFFECT_MEMBERSHIP,    /* a user entered or left a room: its streams change */
    PL_EFFECT_READ_MARKER,   /* a user's read marker moved */
    PL_EFFECT_SESSION_ENDED, /* its streams end, its token is void */
    PL_EFFECT_LEASED,        /* a message for a taker */
    PL_EFFECT_TAKER_ENDED,   /* the taker lost the room; its stream ends */
    PL_EFFECT_FOLLOW_UP,     /* more is to be done: give EXPIRE again at once */
};

/* A message as it stands: its event, and what came to it since. */
struct pl_message_view {
    struct pl_buf *event;    /* the bytes of its parla.v1.Event */
    pl_sequence sequence;    /* its own */
    uint32_t thread_size;    /* messages in its thread, where it is the first */
    pl_sequence last_change; /* the last event that changed it: its own, so far */
};

/* A room of a stream, as it stood when the stream was opened. */
struct pl_subscribed_room {
    pl_room_id id;
    const char *name;
    pl_sequence last_sequence;
    pl_position last_position;
    pl_sequence read_sequence; /* the user's marker */
};

/* Of those to commands that are given often, only as much is there as pl_reply_size(). */
struct pl_reply {
    struct pl_refusal refusal; /* reason NONE: granted, and the rest holds */
    bool touch_due;            /* of a query: give TOUCH_SESSION for who asked */
    union {
        struct {
            struct pl_session session;
            struct pl_user user;
        } sign_in;
        struct {
            struct pl_room room;
        } room; /* CREATE_ROOM, JOIN_ROOM */
        struct {
            struct pl_message_view message;
            const char *room; /* its name */
            bool deduplicated;
        } send;
        struct {
            struct pl_user user;
            struct pl_session session;
            pl_position shown; /* every later event reaches the loop in order */
            uint64_t log;      /* the id of the log now: what cursors hold */
            bool all;          /* all rooms of the user, later ones too */
            struct pl_subscribed_room *rooms;
            uint32_t rooms_len;
        } subscribe;
        struct {
            struct pl_user user;
        } user;
        struct {
            struct pl_user *users; /* in the order asked for */
            uint32_t users_len;
        } users;
        struct {
            pl_session_id session;
            pl_user_id user;
        } taker; /* OPEN_TAKER */
    } u;
};

struct pl_effect {
    struct pl_list node;
    enum pl_effect_kind kind;
    union {
        struct {
            uint64_t to;
            uint32_t loop;
            enum pl_command_kind command;
            struct pl_reply *reply;
        } reply;
        struct {
            pl_position position;
            pl_room_id room;
            pl_sequence sequence;
            enum pl_event_kind kind;
            struct pl_buf *bytes; /* parla.v1.Event */
        } event;
        struct {
            pl_user_id user;
            pl_room_id room;
            const char *name;
            bool joined;
            bool work;            /* ROOM_DELIVERY_ONE: streams of all rooms leave it out */
            pl_position position; /* joined: events beyond it are seen; else: up to it */
        } membership;
        struct {
            pl_user_id user;
            pl_room_id room;
            const char *name;
            pl_sequence sequence;
        } marker;
        struct {
            pl_session_id session;
            pl_user_id user;
        } ended;
        struct {
            uint64_t taker;
            uint32_t loop;
            uint64_t lease;
            uint32_t attempt;
            struct pl_message_view message;
        } leased;
        struct {
            uint64_t taker;
            uint32_t loop;
            struct pl_refusal refusal;
        } taker_ended;
    } u;
};

struct pl_effects {
    struct pl_arena arena;
    struct pl_list list; /* of struct pl_effect */
};

/* An empty list. `size_max` bounds its arena, in bytes. */
void pl_effects_init(struct pl_effects *effects, size_t size_max);

/* Gives back every buffer and frees the arena. */
void pl_effects_done(struct pl_effects *effects);

/* Gives back every buffer and forgets all; it may be filled again. */
void pl_effects_clear(struct pl_effects *effects);

/* Appends a zeroed effect, or returns NULL when memory is short. Only as much of it is
 * there as its kind has. */
struct pl_effect *pl_effects_add(struct pl_effects *effects, enum pl_effect_kind kind);

/* What a reply to a command of that kind takes. */
size_t pl_reply_size(enum pl_command_kind kind);

#endif
