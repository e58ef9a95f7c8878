/*
 * reader.h - what is asked of a store beside the engine: pages of what lasts.
 *
 * A reader sees one snapshot between begin and end: who asks, whether they may,
 * and what they get are of one moment. It never writes.
 *
 * Errors: PL_E_NOTFOUND (of `get` and `find`), PL_E_NOMEM, PL_E_IO,
 *   PL_E_CORRUPT; a callback's error (< 0) ends the call and is returned.
 * Threads: one reader belongs to one thread; there may be many readers.
 * Ownership: what a callback gets is borrowed until it returns.
 */
#ifndef PL_MODEL_READER_H
#define PL_MODEL_READER_H

#include "base/bytes.h"
#include "model/store.h"

/* How ListMessages walks a room. */
struct pl_message_query {
    pl_room_id room;
    pl_sequence before; /* 0: no bound */
    pl_sequence after;  /* 0: no bound */
    bool ascending;
    pl_sequence thread; /* 0: the whole room; else its first message and what belongs to it */
    uint32_t len_max;
};

/* A message as found. */
struct pl_message_row {
    pl_sequence sequence;
    uint32_t thread_size;
    struct pl_bytes event; /* parla.v1.Event */
};

/* What a stream is owed from before it was opened, besides its spans. */
enum pl_backlog_kind {
    PL_BACKLOG_NONE = 0,
    PL_BACKLOG_BEGINNING = 1, /* every room from its first event */
    PL_BACKLOG_UNREAD = 2,    /* the listed rooms, each after a sequence */
};

struct pl_backlog_room {
    pl_room_id room;
    pl_sequence after;
};

struct pl_backlog {
    enum pl_backlog_kind kind;
    pl_position until; /* it concerns events up to here; beyond it the spans rule */
    const struct pl_backlog_room *rooms; /* by room id; of UNREAD only */
    uint32_t rooms_len;
};

/* A page of a stream: the events of its rooms beyond a position, in the order
 * of their positions. Which a user may see:
 * - at a position beyond backlog.until: those within a span of the user in the
 *   room;
 * - up to backlog.until: those of a room which the backlog names (BEGINNING:
 *   any), beyond its sequence, if the user is in the room now, else only up to
 *   the end of the user's last span there.
 * Where retention has taken an event that the page would have had, the room's
 * state stands at the place of the last one taken: up to there it makes up for
 * them. So each page and each cursor tells of it in one way, by positions. */
struct pl_page_query {
    pl_user_id user;
    pl_position after;
    struct pl_backlog backlog;
    bool all;                /* all rooms of the user but those of ROOM_DELIVERY_ONE */
    const pl_room_id *rooms; /* else these */
    uint32_t rooms_len;
    uint32_t len_max;
    size_t size_max; /* of events' bytes; the first is given whatever its size */
};

/* What a page will be made of: runs of rooms' logs, such as one user may see them in
 * one snapshot. Besides these a page depends on nobody. So a page that was read in
 * this snapshot or an earlier one is the page of every later plan with an equal key,
 * if it was cut by its bounds, or else if `ends` is equal too: an event's bytes never
 * change, a log is trimmed from its front only, which is in the key, and who has left
 * a room has another key. */
struct pl_page_plan {
    bool shared;          /* the key is whole */
    uint64_t ends;        /* rises when one of the rooms has a new event */
    pl_position position; /* the snapshot's: the page has looked up to here if it is not cut */
    /* The last of the rooms' states stands here; 0: there is none. A page that ends before
     * it may be past events that retention has taken and that no state has made up for. */
    pl_position states_until;
};

/* Who was in a room: JOINED, with the role that the user has, or had last. */
struct pl_state_member {
    struct pl_member member; /* update_ms 0: not known */
    char name[PL_USER_NAME_SIZE_MAX + 1];
};

/* A room as it stood when the event `room.last_sequence` was its last, which is
 * the last one that retention has taken. Given in pieces of up to
 * PL_ROOM_STATE_LEN_MAX members, all of them in one page. */
struct pl_room_state {
    struct pl_room room;                   /* member_count and all that is `last` are of then */
    const struct pl_state_member *members; /* by user id */
    uint32_t members_len;
    bool more_members;
};

/* An event, or a piece of a room's state. */
struct pl_page_row {
    pl_position position;
    pl_room_id room;
    pl_sequence sequence;
    struct pl_bytes event;             /* parla.v1.Event */
    const struct pl_room_state *state; /* NULL: an event */
};

struct pl_reader_ops {
    int (*begin)(void *self);
    void (*end)(void *self);

    int (*get_meta)(void *self, struct pl_meta *ret);
    int (*find_session)(void *self, const struct pl_hash *token_hash, struct pl_session *ret);
    int (*get_user)(void *self, pl_user_id id, struct pl_user *ret);
    int (*find_room)(void *self, const char *name, struct pl_room *ret);
    int (*get_member)(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret);

    /* ACTIVE users by name: with that prefix, beyond `after`. */
    int (*list_users)(void *self, const char *prefix, const char *after, uint32_t len_max,
                      int (*on_user)(void *arg, const struct pl_user *user), void *arg);

    /* Rooms by name, beyond `after`: those where the user is INVITED or JOINED
     * and, if `unjoined`, public ones. member->state is NONE for who never was
     * in it; mentions: unread messages that mention the user. */
    int (*list_rooms)(void *self, pl_user_id user, bool unjoined, const char *after,
                      uint32_t len_max,
                      int (*on_room)(void *arg, const struct pl_room *room,
                                     const struct pl_member *member, uint64_t mentions),
                      void *arg);

    /* INVITED and JOINED members by name, beyond `after`. */
    int (*list_members)(void *self, pl_room_id room, const char *after, uint32_t len_max,
                        int (*on_member)(void *arg, const struct pl_member *member,
                                         const char *name),
                        void *arg);

    /* A callback that returns 1 ends the walk without error. */
    int (*list_messages)(void *self, const struct pl_message_query *query,
                         int (*on_message)(void *arg, const struct pl_message_row *row), void *arg);

    /* Finds what the page will be made of, and appends the key to `key`. It is not
     * shared with a room's state in it, of very many runs, or without memory. */
    int (*plan_page)(void *self, const struct pl_page_query *query, struct pl_bytebuf *key,
                     struct pl_page_plan *ret);

    /* Right after its plan, of the same query, or without one.
     * *ret_through: everything up to there has been looked at, even if nothing
     * was found; at least query->after. A callback that returns 1 ends the
     * page. */
    int (*read_page)(void *self, const struct pl_page_query *query,
                     int (*on_event)(void *arg, const struct pl_page_row *row), void *arg,
                     pl_position *ret_through);
};

struct pl_reader {
    const struct pl_reader_ops *ops;
    void *self;
};

#endif
