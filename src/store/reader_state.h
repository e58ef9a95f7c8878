/*
 * reader_state.h - the SQLite reader inside: its statements and ops, by noun.
 *
 * Each op is as model/reader.h says.
 */
#ifndef PL_STORE_READER_STATE_H
#define PL_STORE_READER_STATE_H

#include "model/reader.h"
#include "store/sqlite_db.h"
#include "store/sqlite_row.h"

/* Names with a prefix, or beyond another, are ranges of an index: ">= least"
 * and, where there is an end, "< end". */
#define PL_READER_STMT_MAP(X)                                                                  \
    X(BEGIN, "BEGIN")                                                                          \
    X(END, "ROLLBACK")                                                                         \
    X(GET_META, PL_SQL_GET_META)                                                               \
    X(FIND_SESSION, PL_SQL_FIND_SESSION)                                                       \
    X(GET_USER, PL_SQL_GET_USER)                                                               \
    X(FIND_ROOM, PL_SQL_FIND_ROOM)                                                             \
    X(GET_MEMBER, PL_SQL_GET_MEMBER)                                                           \
    X(LIST_USERS, "SELECT " PL_SQL_USER " FROM users INDEXED BY users_active "                 \
                  "WHERE state = 1 AND name >= ?1 AND name < ?2 ORDER BY name LIMIT ?3")       \
    X(LIST_USERS_REST, "SELECT " PL_SQL_USER " FROM users INDEXED BY users_active "            \
                       "WHERE state = 1 AND name >= ?1 ORDER BY name LIMIT ?2")                \
    /* the user's rooms; without the public ones if ?3 */                                      \
    X(LIST_ROOMS_OWN, "SELECT " PL_SQL_ROOM ", " PL_SQL_MEMBER                                 \
                      " FROM members m INDEXED BY members_user CROSS JOIN rooms r "            \
                      "ON r.id = m.room WHERE m.user = ?1 AND (m.state = 1 OR m.state = 2) "   \
                      "AND r.name >= ?2 AND NOT (?3 AND r.visibility = 1) "                    \
                      "ORDER BY r.name LIMIT ?4")                                              \
    X(LIST_ROOMS_PUBLIC, "SELECT " PL_SQL_ROOM " FROM rooms r INDEXED BY rooms_public "        \
                         "WHERE r.visibility = 1 AND r.name >= ?1 ORDER BY r.name LIMIT ?2")   \
    X(COUNT_MENTIONS, "SELECT ifnull((SELECT number FROM mentions WHERE user = ?1 AND "        \
                      "room = ?2 ORDER BY sequence DESC LIMIT 1), 0) - "                       \
                      "ifnull((SELECT number FROM mentions WHERE user = ?1 AND room = ?2 AND " \
                      "sequence <= ?3 ORDER BY sequence DESC LIMIT 1), ifnull((SELECT "        \
                      "number - 1 FROM mentions WHERE user = ?1 AND room = ?2 "                \
                      "ORDER BY sequence LIMIT 1), 0))")                                       \
    X(LIST_MEMBERS, "SELECT " PL_SQL_MEMBER ", m.name FROM members m INDEXED BY members_name " \
                    "WHERE m.room = ?1 AND (m.state = 1 OR m.state = 2) AND m.name >= ?2 "     \
                    "ORDER BY m.name, m.user LIMIT ?3")                                        \
    X(LIST_MESSAGES,                                                                           \
      "SELECT e.sequence, e.kind, e.messages, ifnull(t.size, 0), " PL_SQL_E_EVENT " "          \
      "FROM events e INDEXED BY events_room "                                                  \
      "LEFT JOIN threads t ON t.room = e.room AND t.first = e.sequence "                       \
      "WHERE e.room = ?1 AND e.sequence > ?2 AND e.sequence < ?3 "                             \
      "ORDER BY e.sequence")                                                                   \
    X(LIST_MESSAGES_BACK,                                                                      \
      "SELECT e.sequence, e.kind, e.messages, ifnull(t.size, 0), " PL_SQL_E_EVENT " "          \
      "FROM events e INDEXED BY events_room "                                                  \
      "LEFT JOIN threads t ON t.room = e.room AND t.first = e.sequence "                       \
      "WHERE e.room = ?1 AND e.sequence > ?2 AND e.sequence < ?3 "                             \
      "ORDER BY e.sequence DESC")                                                              \
    X(MESSAGES_UP_TO, "SELECT sequence, messages FROM events INDEXED BY events_room "          \
                      "WHERE room = ?1 AND sequence <= ?2 ORDER BY sequence DESC LIMIT 1")     \
    X(LIST_THREAD, "SELECT e.sequence, e.kind, e.messages, 0, " PL_SQL_E_EVENT " "             \
                   "FROM events e INDEXED BY events_thread "                                   \
                   "WHERE e.room = ?1 AND e.thread = ?4 AND e.thread > 0 AND "                 \
                   "e.sequence > ?2 AND e.sequence < ?3 ORDER BY e.sequence")                  \
    X(LIST_THREAD_BACK, "SELECT e.sequence, e.kind, e.messages, 0, " PL_SQL_E_EVENT " "        \
                        "FROM events e INDEXED BY events_thread "                              \
                        "WHERE e.room = ?1 AND e.thread = ?4 AND e.thread > 0 AND "            \
                        "e.sequence > ?2 AND e.sequence < ?3 ORDER BY e.sequence DESC")        \
    X(PAGE_SPANS, "SELECT room, start, until FROM spans INDEXED BY spans_until "               \
                  "WHERE user = ?1 AND until > ?2")                                            \
    X(PAGE_ROOM_SPANS, "SELECT room, start, until FROM spans WHERE user = ?1 AND room = ?3 "   \
                       "AND until > ?2 AND start >= ifnull((SELECT s.start FROM spans s "      \
                       "WHERE s.user = ?1 AND s.room = ?3 AND s.start <= ?2 "                  \
                       "ORDER BY s.start DESC LIMIT 1), 0)")                                   \
    X(PAGE_ROOM, "SELECT delivery, first_sequence, last_sequence, last_position, "             \
                 "trimmed_position FROM rooms WHERE id = ?1")                                  \
    X(GET_ROOM, "SELECT " PL_SQL_ROOM " FROM rooms r WHERE r.id = ?1")                         \
    /* who was in it at ?2: the span that began last before it reaches beyond; counted of all  \
     * that ever were in it */                                                                 \
    X(STATE_COUNT, "SELECT count(*) FROM members m WHERE m.room = ?1 AND "                     \
                   "(SELECT s.until FROM spans s WHERE s.user = m.user AND s.room = ?1 AND "   \
                   "s.start < ?3 ORDER BY s.start DESC LIMIT 1) > ?2")                         \
    X(STATE_MEMBERS, "SELECT " PL_SQL_MEMBER ", u.name, s.until FROM members m "               \
                     "CROSS JOIN spans s CROSS JOIN users u "                                  \
                     "WHERE m.room = ?1 AND m.user > ?4 AND u.id = m.user AND "                \
                     "s.user = m.user AND s.room = ?1 AND s.start = (SELECT n.start "          \
                     "FROM spans n WHERE n.user = m.user AND n.room = ?1 AND n.start < ?3 "    \
                     "ORDER BY n.start DESC LIMIT 1) AND s.until > ?2 "                        \
                     "ORDER BY m.user LIMIT ?5")                                               \
    X(PAGE_EVENT_AT, "SELECT room, sequence FROM events WHERE position = ?1")                  \
    X(PAGE_PROBE, "SELECT position, sequence FROM events INDEXED BY events_room "              \
                  "WHERE room = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT 1")              \
    X(PAGE_EVENTS,                                                                             \
      "SELECT position, sequence, " PL_SQL_EVENT " FROM events INDEXED BY events_room "        \
      "WHERE room = ?1 AND sequence >= ?2 ORDER BY sequence")

enum pl_reader_stmt {
#define PL_STMT_ENUM(name, sql) READ_##name,
    PL_READER_STMT_MAP(PL_STMT_ENUM)
#undef PL_STMT_ENUM
        READ_LEN
};

/* What a page is made from: see reader_page.c. */
struct pl_page_source {
    pl_room_id room;
    pl_position from; /* events beyond it */
    pl_position until;
    pl_sequence after;         /* and beyond this sequence */
    pl_position next_position; /* of its next event, or its state */
    pl_sequence next_sequence;
    pl_sequence last_sequence; /* of the room */
    bool state;                /* the room's state comes first: retention has taken events */
};

struct pl_page_list {
    struct pl_page_source *items;
    uint32_t len;
    uint32_t cap;
};

struct pl_sqlite_reader {
    struct pl_db db;
    struct pl_meta meta; /* of the snapshot */
    bool begun;
    struct pl_page_list spans; /* their memory is kept from page to page */
    struct pl_page_list sources;
    const struct pl_page_query *planned_weak; /* the sources are of this query's page */
    struct pl_state_member *members;          /* of a piece of a room's state; NULL until needed */
};

/* Every statement, in the order of enum pl_reader_stmt. */
extern const struct pl_db_sql pl_reader_sql[];

/* reader_list.c */
int pl_reader_list_users(void *self, const char *prefix, const char *after, uint32_t len_max,
                         int (*on_user)(void *arg, const struct pl_user *user), void *arg);
int pl_reader_list_rooms(void *self, pl_user_id user, bool unjoined, const char *after,
                         uint32_t len_max,
                         int (*on_room)(void *arg, const struct pl_room *room,
                                        const struct pl_member *member, uint64_t mentions),
                         void *arg);
int pl_reader_list_members(void *self, pl_room_id room, const char *after, uint32_t len_max,
                           int (*on_member)(void *arg, const struct pl_member *member,
                                            const char *name),
                           void *arg);

/* reader_message.c */
int pl_reader_list_messages(void *self, const struct pl_message_query *query,
                            int (*on_message)(void *arg, const struct pl_message_row *row),
                            void *arg);

/* reader_room_state.c: gives the room as it stood at `position`, where what
 * retention has taken of it ends, in pieces, until the callback answers
 * otherwise than 0; *ret_answer is the last answer. PL_E_CORRUPT where there is
 * no such room. */
int pl_reader_room_state(struct pl_sqlite_reader *reader, pl_room_id room,
                         int (*on_state)(void *arg, const struct pl_room_state *state), void *arg,
                         int *ret_answer);

/* reader_page.c */
int pl_reader_plan_page(void *self, const struct pl_page_query *query, struct pl_bytebuf *key,
                        struct pl_page_plan *ret);
int pl_reader_read_page(void *self, const struct pl_page_query *query,
                        int (*on_event)(void *arg, const struct pl_page_row *row), void *arg,
                        pl_position *ret_through);

#endif
