/*
 * command.h - commands and queries: what the engine is asked.
 *
 * A command may be refused, and changes what lasts. It carries all that is not
 * deterministic: the time (of its batch), random hashes. A query changes
 * nothing that lasts; it passes through the engine for its place in the order.
 *
 * Who asks is proven by the hash of a token, which the engine looks up in the
 * command's turn: so a session's end takes effect between two commands, and
 * commands keep the order in which they came.
 *
 * Ownership: strings are borrowed from the command's arena, which lives until
 * the batch's effects have been dealt with. No string is NULL.
 */
#ifndef PL_MODEL_COMMAND_H
#define PL_MODEL_COMMAND_H

#include "base/list.h"
#include "base/secret.h"
#include "model/ids.h"
#include "model/room.h"

#include <stdbool.h>
#include <stdint.h>

enum pl_command_kind {
    /* from the server itself */
    PL_COMMAND_START,         /* the server starts: takers and leases are void */
    PL_COMMAND_TOUCH_SESSION, /* the session is in use */
    PL_COMMAND_EXPIRE,        /* time has passed: see pl_engine_due_ms() */
    PL_COMMAND_STREAM_CLOSED, /* the user's last stream closed: last_seen moves */
    /* SessionService */
    PL_COMMAND_SIGN_IN_GUEST,
    PL_COMMAND_SIGN_OUT,
    /* RoomService */
    PL_COMMAND_CREATE_ROOM,
    PL_COMMAND_JOIN_ROOM,
    PL_COMMAND_LEAVE_ROOM,
    /* ChatService */
    PL_COMMAND_SEND_MESSAGE,
    PL_COMMAND_MARK_READ,
    PL_COMMAND_OPEN_TAKER,
    PL_COMMAND_CLOSE_TAKER,
    PL_COMMAND_ACK_MESSAGE,
    PL_COMMAND_RELEASE_MESSAGE,
    /* queries */
    PL_QUERY_SUBSCRIBE, /* may this stream be, of which rooms, from which position? */
    PL_QUERY_GET_USER,
    PL_QUERY_GET_USERS, /* by their ids; who is gone is left out */
};

struct pl_send {
    const char *room; /* one of room and user is not "" */
    const char *user;
    const char *text; /* valid UTF-8, within the limits: `server` has checked */
    const char *request_id;
    pl_sequence reply_to;
    pl_sequence thread;
    pl_sequence expected_last_message;
};

/* Which rooms a stream wants, and the cursor that it goes on after. */
struct pl_subscribe {
    const char *const *rooms; /* names; rooms_len 0: all that the user is in */
    uint32_t rooms_len;
    bool has_cursor;
    uint64_t cursor_log;
    pl_position cursor_position;
};

struct pl_command {
    struct pl_list node; /* in the batch, in order */
    enum pl_command_kind kind;
    struct pl_hash token_hash; /* who asks; unused by START, EXPIRE, CLOSE_TAKER,
                                  STREAM_CLOSED and as the new one by SIGN_IN_GUEST */
    uint64_t reply_to;         /* opaque: given back in the effects that answer it */
    uint32_t reply_loop;       /* which loop waits for them */
    union {
        struct {
            uint64_t log; /* a fresh random id of the log from here on: see cursors */
        } start;
        struct {
            pl_user_id user;
        } stream_closed;
        struct {
            const char *name;
            const char *label;
        } sign_in_guest;
        struct {
            const char *name;
            const char *title;
            const char *topic;
            enum pl_room_visibility visibility; /* PUBLIC or PRIVATE */
            enum pl_room_delivery delivery;
            bool quiet_membership;
            uint64_t retention_s;
        } create_room;
        struct {
            const char *room;
            bool create_if_missing;
        } join_room;
        struct {
            const char *room;
        } leave_room;
        struct pl_send send;
        struct {
            const char *room;
            pl_sequence sequence;
        } mark_read;
        struct {
            const char *room;
            uint64_t taker; /* the server's own id for it, unique while it runs */
            uint32_t unacked_len_max;
            uint32_t lease_s;
            bool include_own;
        } open_taker;
        struct {
            uint64_t taker;
        } close_taker;
        struct {
            const char *room;
            pl_sequence sequence;
            uint64_t lease;
            uint32_t delay_s; /* of RELEASE_MESSAGE */
        } lease;
        struct pl_subscribe subscribe;
        struct {
            const char *name; /* "": the caller */
        } get_user;
        struct {
            const pl_user_id *ids;
            uint32_t ids_len;
        } get_users;
    } u;
};

/* A batch: what is applied in one transaction. */
struct pl_batch {
    uint64_t number;         /* the journal's: 1, 2, 3, … */
    int64_t time_ms;         /* of the day, for people; never less than the batch before */
    int64_t age_ms;          /* by which things end, <= time_ms; 0: the same. See pl_age_clock */
    struct pl_list commands; /* of struct pl_command */
};

#endif
