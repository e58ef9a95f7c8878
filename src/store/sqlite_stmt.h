/*
 * sqlite_stmt.h - every statement of the store: X(name, SQL).
 *
 * Where a put has a _SAME statement, that one is tried first: it leaves alone
 * what the indexes hold, and so costs one row and no index.
 */
#ifndef PL_STORE_SQLITE_STMT_H
#define PL_STORE_SQLITE_STMT_H

#include "store/sqlite_row.h"

#define PL_SQL_WORK "room, sequence, sender, attempts, not_before_ms, lease, taker, lease_until_ms"

#define PL_STORE_STMT_MAP(X)                                                                      \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                   \
    X(COMMIT, "COMMIT")                                                                           \
    X(ROLLBACK, "ROLLBACK")                                                                       \
    X(GET_META, PL_SQL_GET_META)                                                                  \
    X(PUT_META, "UPDATE meta SET batch = ?1, time_ms = ?2, age_ms = ?3, position = ?4, "          \
                "log = ?5, last_user = ?6, last_session = ?7, last_room = ?8, last_lease = ?9 "   \
                "WHERE id = 1")                                                                   \
    X(ADD_LOG, "INSERT INTO logs (log, start) VALUES (?1, ?2)")                                   \
    X(FIND_LOG, "SELECT ifnull((SELECT n.start FROM logs n WHERE n.number > l.number "            \
                "ORDER BY n.number LIMIT 1), 0x7fffffffffffffff) FROM logs l WHERE l.log = ?1")   \
    /* users */                                                                                   \
    X(GET_USER, PL_SQL_GET_USER)                                                                  \
    X(FIND_USER, "SELECT " PL_SQL_USER " FROM users WHERE name = ?1 AND state = 1")               \
    X(PUT_USER_SAME, "UPDATE users SET kind = ?4, display_name = ?5, status = ?6, "               \
                     "create_ms = ?7, last_seen_ms = ?8, room_count = ?9 "                        \
                     "WHERE id = ?1 AND name = ?2 AND state = ?3")                                \
    X(PUT_USER, "INSERT INTO users (" PL_SQL_USER ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "    \
                "?9) ON CONFLICT (id) DO UPDATE SET name = ?2, state = ?3, kind = ?4, "           \
                "display_name = ?5, status = ?6, create_ms = ?7, last_seen_ms = ?8, "             \
                "room_count = ?9")                                                                \
    X(NAME_MEMBERS, "UPDATE members SET name = ?2 WHERE user = ?1 AND "                           \
                    "(state = 1 OR state = 2) AND name <> ?2")                                    \
    X(LIST_USERS_ENDING, "SELECT id FROM users WHERE state = 2 ORDER BY id LIMIT ?1")             \
    X(FIND_SESSION, PL_SQL_FIND_SESSION)                                                          \
    X(GET_SESSION, "SELECT " PL_SQL_SESSION " FROM sessions WHERE id = ?1")                       \
    X(PUT_SESSION, "INSERT INTO sessions (" PL_SQL_SESSION ") VALUES (?1, ?2, ?3, ?4, ?5, ?6) "   \
                   "ON CONFLICT (id) DO UPDATE SET user = ?2, token_hash = ?3, label = ?4, "      \
                   "create_ms = ?5, used_ms = ?6")                                                \
    X(DELETE_SESSION, "DELETE FROM sessions WHERE id = ?1")                                       \
    X(LIST_SESSIONS_IDLE, "SELECT " PL_SQL_SESSION " FROM sessions WHERE used_ms < ?1 "           \
                          "ORDER BY used_ms, id LIMIT ?2")                                        \
    /* rooms */                                                                                   \
    X(GET_ROOM, "SELECT " PL_SQL_ROOM " FROM rooms r WHERE r.id = ?1")                            \
    X(FIND_ROOM, PL_SQL_FIND_ROOM)                                                                \
    X(FIND_DIRECT, "SELECT " PL_SQL_ROOM " FROM rooms r WHERE r.direct_low = ?1 AND "             \
                   "r.direct_high = ?2 AND r.direct_low > 0")                                     \
    X(PUT_ROOM_SAME, "UPDATE rooms SET title = ?6, topic = ?7, delivery = ?8, "                   \
                     "quiet_membership = ?9, retention_s = ?10, create_ms = ?11, "                \
                     "settings_version = ?12, member_count = ?13, part = ?14, "                   \
                     "first_sequence = ?15, last_sequence = ?16, last_message_sequence = ?17, "   \
                     "message_count = ?18, last_position = ?19, first_ms = ?20, "                 \
                     "trimmed_position = ?21, trimmed_messages = ?22, trimmed_message = ?23 "     \
                     "WHERE id = ?1 AND name = ?2 AND visibility = ?3 AND direct_low = ?4 AND "   \
                     "direct_high = ?5 AND trim_due_ms = ?24")                                    \
    X(PUT_ROOM, "INSERT INTO rooms VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "   \
                "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24) "                    \
                "ON CONFLICT (id) DO UPDATE SET name = ?2, "                                      \
                "visibility = ?3, direct_low = ?4, direct_high = ?5, title = ?6, topic = ?7, "    \
                "delivery = ?8, quiet_membership = ?9, retention_s = ?10, create_ms = ?11, "      \
                "settings_version = ?12, member_count = ?13, part = ?14, first_sequence = ?15, "  \
                "last_sequence = ?16, last_message_sequence = ?17, message_count = ?18, "         \
                "last_position = ?19, first_ms = ?20, trimmed_position = ?21, "                   \
                "trimmed_messages = ?22, trimmed_message = ?23, trim_due_ms = ?24")               \
    X(LIST_ROOMS_TO_TRIM,                                                                         \
      "SELECT id FROM rooms INDEXED BY rooms_trim "                                               \
      "WHERE trim_due_ms > 0 AND trim_due_ms <= ?1 ORDER BY trim_due_ms, id LIMIT ?2")            \
    X(NEXT_TRIM_DUE, "SELECT trim_due_ms FROM rooms INDEXED BY rooms_trim "                       \
                     "WHERE trim_due_ms > 0 ORDER BY trim_due_ms LIMIT 1")                        \
    /* members */                                                                                 \
    X(GET_MEMBER, PL_SQL_GET_MEMBER)                                                              \
    X(PUT_MEMBER_SAME, "UPDATE members SET role = ?4, update_ms = ?5, read_sequence = ?6, "       \
                       "read_count = ?7 WHERE room = ?1 AND user = ?2 AND state = ?3")            \
    X(PUT_MEMBER, "INSERT INTO members (room, user, state, role, update_ms, read_sequence, "      \
                  "read_count, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "                        \
                  "ifnull((SELECT u.name FROM users u WHERE u.id = ?2), '')) "                    \
                  "ON CONFLICT (room, user) DO UPDATE SET state = ?3, role = ?4, "                \
                  "update_ms = ?5, read_sequence = ?6, read_count = ?7, name = excluded.name")    \
    X(DELETE_MEMBER, "DELETE FROM members WHERE room = ?1 AND user = ?2")                         \
    X(LIST_ROOMS_OF, "SELECT " PL_SQL_MEMBER " FROM members m INDEXED BY members_user "           \
                     "WHERE m.user = ?1 AND (m.state = 1 OR m.state = 2) AND m.room > ?2 AND "    \
                     "m.state = 2 ORDER BY m.room LIMIT ?3")                                      \
    X(OPEN_SPAN, "INSERT INTO spans (room, user, start, until) "                                  \
                 "VALUES (?1, ?2, ?3, 0x7fffffffffffffff) "                                       \
                 "ON CONFLICT (user, room, start) DO UPDATE SET until = excluded.until")          \
    X(CLOSE_SPAN, "UPDATE spans SET until = ?3 WHERE room = ?1 AND user = ?2 AND "                \
                  "start = (SELECT max(s.start) FROM spans s WHERE s.room = ?1 AND "              \
                  "s.user = ?2) AND until = 0x7fffffffffffffff")                                  \
    X(DELETE_SPANS, "DELETE FROM spans WHERE room = ?1 AND user = ?2")                            \
    /* events */                                                                                  \
    X(APPEND_EVENT, "INSERT INTO events (position, room, sequence, kind, create_ms, actor, "      \
                    "messages, thread, bytes, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ifnull(?7, "   \
                    "ifnull((SELECT e.messages FROM events e WHERE e.room = ?2 AND "              \
                    "e.sequence < ?3 ORDER BY e.sequence DESC LIMIT 1), 0)), ?8, ?9, ?10)")       \
    X(ADD_MENTION, "INSERT INTO mentions (user, room, sequence, number) VALUES (?1, ?2, ?3, 1 + " \
                   "ifnull((SELECT m.number FROM mentions m WHERE m.user = ?1 AND m.room = ?2 "   \
                   "ORDER BY m.sequence DESC LIMIT 1), 0)) ON CONFLICT DO NOTHING")               \
    X(GET_MESSAGE, "SELECT " PL_SQL_EVENT ", thread, actor FROM events "                          \
                   "WHERE room = ?1 AND sequence = ?2 AND kind = " PL_SQL_MESSAGE_SENT)           \
    X(COUNT_MESSAGES, "SELECT messages FROM events INDEXED BY events_room "                       \
                      "WHERE room = ?1 AND sequence <= ?2 ORDER BY sequence DESC LIMIT 1")        \
    X(TRIM_FIND, "SELECT sequence, position, kind, create_ms, messages FROM events "              \
                 "INDEXED BY events_room WHERE room = ?1 ORDER BY sequence LIMIT ?2")             \
    X(TRIM_EVENTS, "DELETE FROM events WHERE room = ?1 AND sequence <= ?2")                       \
    X(TRIM_MENTIONS, "DELETE FROM mentions INDEXED BY mentions_room "                             \
                     "WHERE room = ?1 AND sequence <= ?2")                                        \
    X(TRIM_THREADS, "DELETE FROM threads WHERE room = ?1 AND first <= ?2")                        \
    X(GET_THREAD, "SELECT last_message, size FROM threads WHERE room = ?1 AND first = ?2")        \
    X(PUT_THREAD, "INSERT INTO threads (room, first, last_message, size) "                        \
                  "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (room, first) DO UPDATE SET "              \
                  "last_message = ?3, size = ?4")                                                 \
    /* requests */                                                                                \
    X(GET_REQUEST, "SELECT content, room, sequence, create_ms FROM requests "                     \
                   "WHERE id = ?1 AND user = ?2 AND target = ?3 AND request_id = ?4")             \
    X(PUT_REQUEST, "INSERT INTO requests (id, user, target, request_id, content, room, "          \
                   "sequence, create_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                \
    X(DELETE_REQUEST, "DELETE FROM requests WHERE id = ?1")                                       \
    X(LIST_REQUESTS, "SELECT id, user, target, request_id FROM requests WHERE id >= ?1 "          \
                     "ORDER BY id")                                                               \
    X(GET_REQUEST_SECRET, "SELECT secret FROM request_secret WHERE id = 1")                       \
    X(FIRST_REQUEST, "SELECT id FROM requests WHERE id > 0 ORDER BY id LIMIT 1")                  \
    X(LAST_REQUEST, "SELECT id FROM requests WHERE id > 0 ORDER BY id DESC LIMIT 1")              \
    X(EXPIRE_REQUESTS, "DELETE FROM requests WHERE id IN "                                        \
                       "(SELECT q.id FROM requests q ORDER BY q.id LIMIT ?2) "                    \
                       "AND create_ms < ?1")                                                      \
    X(PUT_REQUEST_KEYS, "INSERT INTO request_keys (id, keys) VALUES (?1, ?2)")                    \
    X(GET_REQUEST_KEYS, "SELECT keys FROM request_keys WHERE id = ?1")                            \
    X(LIST_REQUEST_KEYS, "SELECT id, keys FROM request_keys WHERE id >= ?1 AND id < ?2")          \
    X(FIRST_REQUEST_KEYS, "SELECT id FROM request_keys WHERE id >= 0 ORDER BY id LIMIT 1")        \
    X(LAST_REQUEST_KEYS, "SELECT id FROM request_keys WHERE id >= 0 ORDER BY id DESC LIMIT 1")    \
    X(TRIM_REQUEST_KEYS, "DELETE FROM request_keys WHERE id < ?1")                                \
    X(PUT_REQUEST_FILTER, "INSERT OR REPLACE INTO request_filters (id, rows) VALUES (?1, ?2)")    \
    X(GET_REQUEST_FILTER, "SELECT rows FROM request_filters WHERE id = ?1")                       \
    X(TRIM_REQUEST_FILTERS, "DELETE FROM request_filters WHERE id < ?1")                          \
    /* work */                                                                                    \
    X(GET_WORK, "SELECT " PL_SQL_WORK " FROM work WHERE room = ?1 AND sequence = ?2")             \
    X(PUT_WORK, "INSERT INTO work (" PL_SQL_WORK ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "     \
                "ON CONFLICT (room, sequence) DO UPDATE SET sender = ?3, attempts = ?4, "         \
                "not_before_ms = ?5, lease = ?6, taker = ?7, lease_until_ms = ?8")                \
    X(DELETE_WORK, "DELETE FROM work WHERE room = ?1 AND sequence = ?2")                          \
    X(LIST_WORK_BEFORE, "SELECT " PL_SQL_WORK " FROM work WHERE room = ?1 AND sequence < ?2 "     \
                        "ORDER BY sequence LIMIT ?3")                                             \
    X(NEXT_WORK, "SELECT " PL_SQL_WORK " FROM work INDEXED BY work_free "                         \
                 "WHERE lease = 0 AND room = ?1 AND sequence > ?4 AND sender <> ?2 AND "          \
                 "not_before_ms <= ?3 "                                                           \
                 "ORDER BY sequence LIMIT 1")                                                     \
    X(LIST_WORK_OF, "SELECT " PL_SQL_WORK " FROM work INDEXED BY work_taker "                     \
                    "WHERE lease <> 0 AND taker = ?1 ORDER BY room, sequence LIMIT ?2")           \
    X(LIST_WORK_EXPIRED, "SELECT " PL_SQL_WORK " FROM work INDEXED BY work_until "                \
                         "WHERE lease <> 0 AND lease_until_ms <= ?1 "                             \
                         "ORDER BY lease_until_ms, room, sequence LIMIT ?2")                      \
    X(NEXT_WORK_UNTIL, "SELECT lease_until_ms FROM work INDEXED BY work_until "                   \
                       "WHERE lease <> 0 AND lease_until_ms > ?1 "                                \
                       "ORDER BY lease_until_ms LIMIT 1")                                         \
    X(NEXT_WORK_DELAY, "SELECT not_before_ms FROM work INDEXED BY work_delay "                    \
                       "WHERE lease = 0 AND not_before_ms > 0 AND not_before_ms > ?1 "            \
                       "ORDER BY not_before_ms LIMIT 1")                                          \
    X(CLEAR_LEASES, "UPDATE work SET lease = 0, taker = 0, lease_until_ms = 0 WHERE lease <> 0")

enum pl_store_stmt {
#define PL_STMT_ENUM(name, sql) STMT_##name,
    PL_STORE_STMT_MAP(PL_STMT_ENUM)
#undef PL_STMT_ENUM
        STMT_LEN
};

#endif
