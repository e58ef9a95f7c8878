/*
 * store.h - what the engine asks of a store.
 *
 * A store keeps the outcome of the commands. The engine reads and writes
 * between begin and commit; it sees its own writes at once, others see them
 * after the commit only. Writes are facts, already decided: a store refuses
 * nothing for the chat's sake.
 *
 * Errors: PL_E_NOTFOUND where there is none of what was asked for (of `get` and
 *   `find` only); PL_E_NOMEM, PL_E_FULL (no space), PL_E_IO (a read or write
 *   failed: nothing written may be trusted any more), PL_E_CORRUPT. After any
 *   but NOTFOUND the engine rolls the batch back. A commit that failed is undone for
 *   whoever goes on; but if the process ends before the next commit, the transaction
 *   may be there at the next start, whole. So of a refused batch's callers nobody has
 *   been told that nothing happened, only that it is not known to last.
 * Threads: one at a time.
 * Ownership: structs are copied both ways; a pl_buf that a `get` returns is one
 *   reference, the caller's. Arrays that are filled are the caller's.
 */
#ifndef PL_MODEL_STORE_H
#define PL_MODEL_STORE_H

#include "base/buf.h"
#include "base/secret.h"
#include "model/event.h"
#include "model/ids.h"
#include "model/room.h"
#include "model/user.h"

#include <stdbool.h>
#include <stdint.h>

/* The counters that every batch with a command moves. One row. */
struct pl_meta {
    uint64_t batch;       /* the last one applied */
    int64_t time_ms;      /* its time, */
    int64_t age_ms;       /* and by which things end: see pl_batch */
    pl_position position; /* of the last event */
    uint64_t log;         /* the id that cursors hold now: see add_log */
    uint64_t last_user;   /* the last ids given out */
    uint64_t last_session;
    uint64_t last_room;
    uint64_t last_lease;
};

/* An event to be kept. */
struct pl_event_row {
    pl_position position;
    pl_room_id room;
    pl_sequence sequence;
    enum pl_event_kind kind;
    int64_t create_ms;
    pl_user_id actor;
    uint64_t message_no;        /* of a message: 1, 2, 3, … in its room; else 0 */
    pl_sequence thread;         /* of a message: its thread's first; else 0 */
    const pl_user_id *mentions; /* of a message */
    uint32_t mentions_len;
    struct pl_buf *bytes; /* parla.v1.Event; borrowed */
};

/* A thread, by its room and its first message. */
struct pl_thread_row {
    pl_sequence last_message;
    uint32_t size; /* messages in it, the first one not counted */
};

/* A request_id that was used. */
struct pl_request {
    pl_user_id user;
    const char *target; /* the room's name, or '@' and the user's, as it was given */
    const char *request_id;
    struct pl_hash content;
    pl_room_id room;
    pl_sequence sequence;
    int64_t create_ms;
};

/* A message of a ROOM_DELIVERY_ONE room that nobody has acknowledged. */
struct pl_work {
    pl_room_id room;
    pl_sequence sequence;
    pl_user_id sender;
    uint32_t attempts;     /* how often it was handed out */
    int64_t not_before_ms; /* 0: at once */
    uint64_t lease;        /* 0: with nobody */
    uint64_t taker;        /* who has it, while leased */
    int64_t lease_until_ms;
};

/* What a trim has taken, and what stays. */
struct pl_trim {
    uint32_t len;              /* events; their sequences are the room's first ones */
    struct pl_trimmed trimmed; /* position and messages: up to there, those of earlier
                                  trims included; last_message: of this one's events,
                                  0 if there is none among them */
    int64_t first_ms;          /* the time of the first event that stays */
};

struct pl_store_ops {
    int (*begin)(void *self);
    int (*commit)(void *self);
    void (*rollback)(void *self); /* also after a failed commit */

    int (*get_meta)(void *self, struct pl_meta *ret);
    int (*put_meta)(void *self, const struct pl_meta *meta);

    /* Logs: from position `from` on (exclusive) the log bears this id, until the next
     * one's start. A log begins with all that there was: so a cursor of (log, position)
     * is of this history only if position <= until. */
    int (*add_log)(void *self, uint64_t log, pl_position from);
    int (*find_log)(void *self, uint64_t log, pl_position *ret_until);

    int (*get_user)(void *self, pl_user_id id, struct pl_user *ret);
    int (*find_user)(void *self, const char *name, struct pl_user *ret); /* ACTIVE ones */
    int (*put_user)(void *self, const struct pl_user *user);             /* makes or replaces */
    /* Users in state ENDING, any order. */
    int (*list_users_ending)(void *self, uint32_t len_max, pl_user_id *ret, uint32_t *ret_len);

    int (*find_session)(void *self, const struct pl_hash *token_hash, struct pl_session *ret);
    int (*get_session)(void *self, pl_session_id id, struct pl_session *ret);
    int (*put_session)(void *self, const struct pl_session *session);
    int (*delete_session)(void *self, pl_session_id id);
    /* Sessions not used since `before_ms`, least recently used first. */
    int (*list_sessions_idle)(void *self, int64_t before_ms, uint32_t len_max,
                              struct pl_session *ret, uint32_t *ret_len);

    int (*get_room)(void *self, pl_room_id id, struct pl_room *ret);
    int (*find_room)(void *self, const char *name, struct pl_room *ret);
    int (*find_direct)(void *self, pl_user_id low, pl_user_id high, struct pl_room *ret);
    int (*put_room)(void *self, const struct pl_room *room);
    /* Rooms whose pl_room_trim_due_ms() has come at now_ms, the longest due
     * first. */
    int (*list_rooms_to_trim)(void *self, int64_t now_ms, uint32_t len_max, pl_room_id *ret,
                              uint32_t *ret_len);
    /* The least pl_room_trim_due_ms() of all rooms; NOTFOUND for none. */
    int (*next_trim_due)(void *self, int64_t *ret_ms);

    int (*get_member)(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret);
    int (*put_member)(void *self, const struct pl_member *member);
    int (*delete_member)(void *self, pl_room_id room, pl_user_id user); /* its spans too */
    /* The rooms where the user is JOINED, by room id, beyond `after`. */
    int (*list_rooms_of)(void *self, pl_user_id user, pl_room_id after, uint32_t len_max,
                         struct pl_member *ret, uint32_t *ret_len);

    /* Spans: see pl_span. Closing ends the one that is open. */
    int (*open_span)(void *self, pl_room_id room, pl_user_id user, pl_position from);
    int (*close_span)(void *self, pl_room_id room, pl_user_id user, pl_position until);

    int (*append_event)(void *self, const struct pl_event_row *row);
    /* A message's event: NOTFOUND also where the event is of another kind. */
    int (*get_message)(void *self, pl_room_id room, pl_sequence sequence, struct pl_buf **ret_bytes,
                       pl_sequence *ret_thread, pl_user_id *ret_sender);
    /* How many messages have a sequence of at most `through`, trimmed ones
     * included; `through` is not before the first event kept. */
    int (*count_messages)(void *self, pl_room_id room, pl_sequence through, uint64_t *ret_count);

    /* Deletes the room's first events as long as they are of until_ms or before,
     * at most len_max of them and never the last one; with them the mentions in
     * them, and the threads whose first message they are. The room's row and its
     * work stay as they are. */
    int (*trim_room)(void *self, pl_room_id room, int64_t until_ms, uint32_t len_max,
                     struct pl_trim *ret);

    int (*get_thread)(void *self, pl_room_id room, pl_sequence first, struct pl_thread_row *ret);
    int (*put_thread)(void *self, pl_room_id room, pl_sequence first,
                      const struct pl_thread_row *row);

    /* Only content, room, sequence and create_ms of *ret are set. */
    int (*get_request)(void *self, pl_user_id user, const char *target, const char *request_id,
                       struct pl_request *ret);
    int (*put_request)(void *self, const struct pl_request *request);
    /* Forgets the oldest that were made before before_ms. */
    int (*expire_requests)(void *self, int64_t before_ms, uint32_t len_max, uint32_t *ret_len);

    int (*get_work)(void *self, pl_room_id room, pl_sequence sequence, struct pl_work *ret);
    int (*put_work)(void *self, const struct pl_work *work);
    int (*delete_work)(void *self, pl_room_id room, pl_sequence sequence);
    /* Work of the room with a sequence below, leased or not, by sequence. */
    int (*list_work_before)(void *self, pl_room_id room, pl_sequence before, uint32_t len_max,
                            struct pl_work *ret, uint32_t *ret_len);
    /* The first that is with nobody, may be handed out at now_ms, and was not
     * sent by `not_from` (0: by anyone). */
    int (*next_work)(void *self, pl_room_id room, pl_user_id not_from, int64_t now_ms,
                     struct pl_work *ret);
    /* Work that is leased to this taker, by room and sequence. */
    int (*list_work_of)(void *self, uint64_t taker, uint32_t len_max, struct pl_work *ret,
                        uint32_t *ret_len);
    /* Leases that have run out at now_ms, oldest first. */
    int (*list_work_expired)(void *self, int64_t now_ms, uint32_t len_max, struct pl_work *ret,
                             uint32_t *ret_len);
    /* The first moment after now_ms at which a lease runs out or a delay ends;
     * NOTFOUND for none. */
    int (*next_work_due)(void *self, int64_t now_ms, int64_t *ret_ms);
    /* Ends all leases (their takers are gone); attempts stay. */
    int (*clear_leases)(void *self);
};

struct pl_store {
    const struct pl_store_ops *ops;
    void *self;
};

#endif
