/*
 * judge.h - the chat again, as plainly as it can be said, to judge a whole server.
 *
 * It is told of every batch that the server says is done, with the events that
 * the store was given; it works out by itself what must have come of each command,
 * and holds the replies, the events, the leases and what the store keeps to that.
 * Of streams it knows who may see what, and holds what a client was given to the
 * log. It shares nothing with the engine but the words of model/.
 *
 * Naive on purpose: arrays that only grow, searched from end to end.
 */
#ifndef PL_TESTS_SIM_JUDGE_H
#define PL_TESTS_SIM_JUDGE_H

#include "model/command.h"
#include "model/effect.h"
#include "model/reader.h"
#include "model/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that may be handed out as work. */
struct judge_work {
    bool waits; /* nobody has acknowledged it */
    uint32_t attempts;
    bool attempts_unsure; /* there may have been more that nobody was told of */
    uint64_t lease;       /* 0: with nobody */
    uint64_t taker;
    int64_t until_ms;
    int64_t not_before_ms;
};

struct judge_event {
    uint32_t room; /* index in rooms */
    pl_position position;
    pl_sequence sequence;
    enum pl_event_kind kind;
    uint64_t actor;
    const char *text; /* of a message; borrowed */
    pl_sequence reply_to;
    pl_sequence thread;
    uint64_t mention; /* a user, or 0 */
    int64_t time_ms;
    bool trimmed;   /* retention has taken it */
    bool trim_end;  /* the last one of a trim */
    bool gone_work; /* it waited as work, until this very batch took it */
    struct judge_work work;
};

struct judge_member {
    bool joined;
    pl_sequence read;
};

struct judge_span {
    uint64_t user;
    pl_position from;
    pl_position until;
};

struct judge_room {
    char name[PL_ROOM_NAME_SIZE_MAX + 1];
    bool is_private;
    bool is_direct;
    bool quiet;
    bool work;
    int64_t retention_ms; /* 0: for ever */
    pl_sequence first;    /* the first that is kept */
    uint64_t direct[2];
    size_t *log; /* indexes of events, by sequence - 1 */
    size_t log_len;
    size_t log_cap;
    struct judge_member *members; /* by user id */
    size_t members_len;
    struct judge_span *spans;
    size_t spans_len;
    size_t spans_cap;
};

struct judge_user {
    char name[PL_USER_NAME_SIZE_MAX + 1];
    struct pl_hash token_hash;
    bool active;
    int64_t used_ms; /* the session was, as far as was noted */
};

struct judge_request {
    uint64_t user;
    char target[PL_ROOM_NAME_SIZE_MAX + 2];
    char id[PL_REQUEST_ID_SIZE_MAX + 1];
    const char *text;
    pl_sequence expected;
    pl_sequence reply_to;
    pl_sequence thread;
    uint32_t room;
    pl_sequence sequence;
    int64_t time_ms;
};

/* What a client once wanted to say. Its text begins with "sN ". */
struct judge_send {
    bool in_log;
    uint32_t room;
    pl_sequence sequence;
    int64_t time_ms;
};

/* A start of the server: its log, and where that begins. */
struct judge_start {
    uint64_t log;
    pl_position from;
};

struct judge_taker {
    uint64_t id;
    uint64_t user;
    uint32_t room;
    uint32_t len_max;
    int64_t lease_ms;
    bool include_own;
    bool open;
    bool stopped; /* its end is to be told */
    bool closed;  /* by who had it, in the batch at hand */
};

struct judge {
    struct judge_event *log; /* all rooms', by position */
    size_t log_len;
    size_t log_cap;
    struct judge_room *rooms; /* by id - 1 */
    size_t rooms_len;
    size_t rooms_cap;
    struct judge_user *users; /* by id - 1 */
    size_t users_len;
    size_t users_cap;
    struct judge_request *requests;
    size_t requests_len;
    size_t requests_cap;
    struct judge_send *sends; /* by number */
    size_t sends_len;
    struct judge_taker *takers;
    size_t takers_len;
    size_t takers_cap;
    struct judge_start *starts;
    size_t starts_len;
    size_t starts_cap;
    int64_t idle_ms; /* a session ends after so long without use */
    pl_position position;
    int64_t kept_ms;                 /* the last one with a command was of that time */
    uint64_t batch;                  /* the last one with a command */
    int64_t time_ms;                 /* its time */
    int64_t age_ms;                  /* its time by which things end */
    bool lost;                       /* the batch before failed, and with it all takers */
    const struct pl_event_row *rows; /* of the batch at hand */
    uint32_t rows_len;
    uint32_t rows_at;
    /* what was met */
    uint64_t repeats; /* of a request_id */
    uint64_t handed;  /* leases */
    uint64_t handed_again;
    uint64_t acked;
    uint64_t trimmed; /* events */
    uint64_t idled;   /* sessions */
};

void judge_init(struct judge *judge, int64_t idle_ms);
void judge_done(struct judge *judge);

/* The server says that the batch is done; `rows` are the events that its store was
 * given. effects NULL: it is known from the disk only, nobody was told. Texts of
 * sends are borrowed for good. */
void judge_batch(struct judge *judge, const struct pl_batch *batch, const struct pl_event_row *rows,
                 uint32_t rows_len, const struct pl_effects *effects);

/* A batch was rolled back: every taker has ended, and is told so. */
void judge_rollback(struct judge *judge, const struct pl_effects *effects);

/* The server died: takers and leases are void. */
void judge_died(struct judge *judge);

/* A send was acknowledged to its client, or its work was. */
void judge_acknowledged(const struct judge *judge, const char *text, const char *room,
                        pl_sequence sequence);

/* judge_store.c: what the store holds. Rooms, standing, unread counts. */
void judge_store(const struct judge *judge, const struct pl_store *store);
/* Nothing waits to be handed out. */
void judge_store_no_work(const struct judge *judge, const struct pl_store *store);
/* An event of the store, in the journal's order; *at, of the judge's log, is moved behind
 * it. At the end nothing that is kept is left. */
void judge_stored_event(const struct judge *judge, size_t *at, const struct pl_event_row *row);
void judge_stored_end(const struct judge *judge, size_t at);

uint32_t judge_room_named(const struct judge *judge, const char *name); /* UINT32_MAX: none */
size_t judge_messages_after(const struct judge *judge, uint32_t index, pl_sequence sequence);
/* Those beyond a marker that retention has not taken. */
size_t judge_unread(const struct judge *judge, uint32_t index, pl_sequence read);
/* How many messages a thread has, the first one not counted. */
size_t judge_thread_size(const struct judge *judge, uint32_t index, pl_sequence first);
bool judge_joined(const struct judge *judge, uint32_t room, uint64_t user);

void judge_end_user(struct judge *judge, uint64_t user); /* signs out, or was idle */

/* judge_retention.c: what is past its time goes, at an EXPIRE. */
void judge_trim(struct judge *judge);
/* When that is due next; INT64_MAX: it is not. */
int64_t judge_trim_due_ms(const struct judge *judge);

/* judge_work.c: messages that are handed out to one at a time. */
enum pl_reason judge_open_taker(struct judge *judge, const struct pl_command *command,
                                uint64_t user);
enum pl_reason judge_lease(struct judge *judge, const struct pl_command *command, uint64_t user);
void judge_close_taker(struct judge *judge, uint64_t id);
void judge_stop_takers(struct judge *judge, uint64_t user, uint32_t room); /* UINT32_MAX: all */
void judge_work_effect(struct judge *judge, const struct pl_effect *effect);
void judge_work_settle(struct judge *judge); /* the batch's last effect was judged */
void judge_work_unseen(struct judge *judge);
void judge_void_leases(struct judge *judge);
/* Nothing that could be handed out at now_ms waits; call after EXPIRE. */
void judge_nothing_forgotten(const struct judge *judge, int64_t now_ms);
/* How many messages of the room nobody has acknowledged. */
size_t judge_work_left(const struct judge *judge, uint32_t index);

/* judge_stream.c: what a stream must give. */
struct judge_stream {
    uint64_t user;
    bool all;
    uint64_t rooms[16]; /* ids, unless all */
    uint32_t rooms_len;
    pl_position shown;
    enum pl_backlog_kind backlog;
    pl_position until;
    struct pl_backlog_room unread[64];
    uint32_t unread_len;
    pl_position *must_until; /* by room index, of the backlog; see judge_stream.c */
    size_t must_len;
    size_t next;          /* in the log */
    pl_sequence *missing; /* by room index; not 0: retention took it, a state is due */
    size_t missing_len;
    bool caught_up;
    struct {
        uint64_t room;
        pl_sequence sequence;
    } markers[64];
    uint32_t markers_len;
};

struct judge_stream_start {
    uint64_t user;
    bool all;
    const struct pl_subscribed_room *rooms;
    uint32_t rooms_len;
    pl_position shown;
    pl_position after;
    const struct pl_backlog *backlog;
    const pl_sequence *missing; /* as it was where the cursor was given */
    size_t missing_len;
};

void judge_stream_open(const struct judge *judge, struct judge_stream *stream,
                       const struct judge_stream_start *start);
void judge_stream_close(struct judge_stream *stream);

/* What a client was given. text NULL: not a message. */
struct judge_given {
    const char *room;
    pl_sequence sequence;
    enum pl_event_kind kind;
    const char *text;
    pl_sequence reply_to;
    pl_sequence thread;
    size_t mentions;
    uint64_t actor;
    pl_position cursor; /* 0: the frame had none */
};
void judge_stream_event(const struct judge *judge, struct judge_stream *stream,
                        const struct judge_given *given);

/* A room's state, up to a sequence, with who was in it by user id. */
struct judge_given_state {
    const char *room;
    pl_sequence sequence;
    uint32_t member_count;
    const uint64_t *members;
    size_t members_len;
    pl_position cursor;
};
void judge_stream_state(const struct judge *judge, struct judge_stream *stream,
                        const struct judge_given_state *given);
void judge_stream_caught_up(const struct judge *judge, struct judge_stream *stream);
void judge_stream_marker(const struct judge *judge, struct judge_stream *stream, const char *room,
                         pl_sequence sequence);
/* All that it is owed was given. */
void judge_stream_complete(const struct judge *judge, const struct judge_stream *stream);

#endif
