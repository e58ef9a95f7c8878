/*
 * check_inner.h - what the parts of a check share. Each part walks a table in the
 * order of a key, and asks for what belongs to a row as it comes by.
 *
 * Inside the check only.
 */
#ifndef PL_STORE_CHECK_INNER_H
#define PL_STORE_CHECK_INNER_H

#include "store/check.h"
#include "store/request_filter.h"
#include "store/snapshot.h"
#include "store/sqlite_row.h"

/* What a finding asks for. */
enum pl_check_advice {
    PL_ADVICE_RESTORE, /* what is kept cannot be what was */
    PL_ADVICE_REINDEX, /* it is all there, and can be found anew */
};

struct pl_check {
    const struct pl_check_config *config;
    struct pl_snapshot snapshot;
    struct pl_store_problem problem;
    struct pl_meta meta;
    struct pl_check_report *report_weak;
    uint64_t done;          /* of the part: things looked at, … */
    uint64_t found;         /* … and findings */
    uint64_t mentions_told; /* by the events' bytes */
    struct pl_room room;    /* the one asked for last; id 0: none */
    bool room_known;        /* whether there is one */
};

#define PL_CHECK_STMT_MAP(X)                                                                    \
    X(META, PL_SQL_GET_META)                                                                    \
    X(LOGS, "SELECT number, log, start FROM logs ORDER BY number")                              \
    X(USERS, "SELECT " PL_SQL_USER " FROM users WHERE id >= ?1 AND id < ?2 ORDER BY id")        \
    X(GET_USER, PL_SQL_GET_USER)                                                                \
    X(SESSIONS, "SELECT s.id, s.user, s.token_hash, s.label, s.create_ms, s.used_ms, "          \
                "ifnull(u.state, 0) FROM sessions s LEFT JOIN users u ON u.id = s.user "        \
                "ORDER BY s.id")                                                                \
    X(SESSION_USERS, "SELECT user FROM sessions NOT INDEXED")                                   \
    X(MEMBER_USERS, "SELECT user FROM members NOT INDEXED WHERE state = 2")                     \
    X(ROOMS, "SELECT " PL_SQL_ROOM ", r.trim_due_ms FROM rooms r "                              \
             "WHERE r.id >= ?1 AND r.id < ?2 ORDER BY r.id")                                    \
    X(GET_ROOM, "SELECT " PL_SQL_ROOM " FROM rooms r WHERE r.id = ?1")                          \
    X(FIND_ROOM, PL_SQL_FIND_ROOM)                                                              \
    X(COUNT_MEMBERS, "SELECT count(*) FROM members WHERE room = ?1 AND state = 2")              \
    X(EVENTS,                                                                                   \
      "SELECT position, room, sequence, kind, create_ms, actor, messages, thread, bytes, sum "  \
      "FROM events NOT INDEXED ORDER BY position")                                              \
    X(COUNT_MENTIONS, "SELECT count(*) FROM mentions INDEXED BY mentions_room "                 \
                      "WHERE room = ?1 AND sequence = ?2")                                      \
    X(COUNT_MESSAGES, "SELECT messages FROM events INDEXED BY events_room "                     \
                      "WHERE room = ?1 AND sequence <= ?2 ORDER BY sequence DESC LIMIT 1")      \
    X(MEMBERS, "SELECT " PL_SQL_MEMBER ", m.name, ifnull(u.name, ''), ifnull(u.state, 0) "      \
               "FROM members m LEFT JOIN users u ON u.id = m.user ORDER BY m.room, m.user")     \
    X(SPANS, "SELECT s.user, s.room, s.start, s.until, ifnull(m.state, 0) FROM spans s "        \
             "LEFT JOIN members m ON m.room = s.room AND m.user = s.user "                      \
             "ORDER BY s.user, s.room, s.start")                                                \
    X(COUNT_JOINED, "SELECT count(*) FROM members WHERE state = 2")                             \
    X(THREADS, "SELECT room, first, last_message, size FROM threads ORDER BY room, first")      \
    X(THREADED, "SELECT room, thread, max(sequence), count(*) "                                 \
                "FROM events INDEXED BY events_thread WHERE thread > 0 GROUP BY room, thread")  \
    X(MENTIONS, "SELECT m.user, m.room, m.sequence, m.number, ifnull(e.kind, 0) "               \
                "FROM mentions m LEFT JOIN events e INDEXED BY events_room "                    \
                "ON e.room = m.room AND e.sequence = m.sequence "                               \
                "ORDER BY m.user, m.room, m.sequence")                                          \
    X(WORK, "SELECT w.room, w.sequence, w.sender, w.attempts, w.not_before_ms, w.lease, "       \
            "w.taker, w.lease_until_ms, ifnull(e.kind, 0), ifnull(e.actor, 0), "                \
            "ifnull(r.delivery, 0) FROM work w "                                                \
            "LEFT JOIN events e INDEXED BY events_room "                                        \
            "ON e.room = w.room AND e.sequence = w.sequence "                                   \
            "LEFT JOIN rooms r ON r.id = w.room ORDER BY w.room, w.sequence")                   \
    X(REQUESTS, "SELECT q.id, q.user, q.target, q.request_id, length(q.content), q.room, "      \
                "q.sequence, q.create_ms, ifnull(e.kind, 0), ifnull(e.actor, 0), "              \
                "ifnull(e.create_ms, 0) FROM requests q "                                       \
                "LEFT JOIN events e INDEXED BY events_room "                                    \
                "ON e.room = q.room AND e.sequence = q.sequence ORDER BY q.id")                 \
    X(REQUEST_NAMES, "SELECT id, user, target, request_id FROM requests ORDER BY id")           \
    X(GET_REQUEST, "SELECT user, target, request_id FROM requests WHERE id = ?1")               \
    X(REQUEST_SECRET, "SELECT secret FROM request_secret WHERE id = 1")                         \
    X(LAST_REQUEST_KEYS, "SELECT ifnull(max(id), -1) FROM request_keys")                        \
    X(REQUEST_KEYS, "SELECT id, keys FROM request_keys WHERE id >= ?1 AND id < ?2 ORDER BY id") \
    X(REQUEST_FILTER, "SELECT rows FROM request_filters WHERE id = ?1")

enum pl_check_stmt {
#define PL_STMT_ENUM(name, sql) CHECK_##name,
    PL_CHECK_STMT_MAP(PL_STMT_ENUM)
#undef PL_STMT_ENUM
        CHECK_STMT_LEN
};

/* A finding; its text has no line break. */
void pl_check_find(struct pl_check *check, enum pl_check_advice advice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One more thing of the part has been looked at. */
void pl_check_next(struct pl_check *check);

/* Starts a statement, and forgets a column that was bad before. */
struct pl_run pl_check_run_start(struct pl_check *check, enum pl_check_stmt stmt);

/* Whether a row's columns were what they can be; if not, that is a finding of
 * the thing that is named, and the row is not looked at any further. */
bool pl_check_columns(struct pl_check *check, struct pl_run *run, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a walk's last step says, as the walk's outcome. */
int pl_check_end(int rc);

/* Brings the room into check->room, unless it is there; room_known says whether there
 * is one. The name is for telling. */
int pl_check_room(struct pl_check *check, pl_room_id id);
const char *pl_check_room_name(const struct pl_check *check);

/* The parts. PL_E_CORRUPT: what it walks could not be read to the end, for the
 * reason that is in the problem. */
int pl_check_meta(struct pl_check *check);
int pl_check_users(struct pl_check *check);
int pl_check_sessions(struct pl_check *check);
int pl_check_rooms(struct pl_check *check);
int pl_check_events(struct pl_check *check);
int pl_check_members(struct pl_check *check);
int pl_check_spans(struct pl_check *check);
int pl_check_threads(struct pl_check *check);
int pl_check_mentions(struct pl_check *check);
int pl_check_work(struct pl_check *check);
int pl_check_requests(struct pl_check *check);

#endif
