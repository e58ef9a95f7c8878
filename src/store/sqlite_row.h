/*
 * sqlite_row.h - rows of the tables that both store and reader fetch: their
 * columns in SQL, and how they become structs.
 *
 * Each pl_row_*() reads the columns of its list from where the run stands.
 */
#ifndef PL_STORE_SQLITE_ROW_H
#define PL_STORE_SQLITE_ROW_H

#include "store/sqlite_db.h"

#define PL_SQL_META \
    "batch, time_ms, age_ms, position, log, last_user, last_session, last_room, last_lease"

#define PL_SQL_USER \
    "id, name, state, kind, display_name, status, create_ms, last_seen_ms, room_count"

#define PL_SQL_SESSION "id, user, token_hash, label, create_ms, used_ms"

#define PL_SQL_ROOM                                                                           \
    "r.id, r.name, r.visibility, r.direct_low, r.direct_high, r.title, r.topic, r.delivery, " \
    "r.quiet_membership, r.retention_s, r.create_ms, r.settings_version, r.member_count, "    \
    "r.part, r.first_sequence, r.last_sequence, r.last_message_sequence, r.message_count, "   \
    "r.last_position, r.first_ms, r.trimmed_position, r.trimmed_messages, r.trimmed_message"

#define PL_SQL_MEMBER "m.room, m.user, m.state, m.role, m.update_ms, m.read_sequence, m.read_count"

#define PL_SQL_MESSAGE_SENT "10" /* PL_EVENT_MESSAGE_SENT */

#define PL_SQL_GET_META     "SELECT " PL_SQL_META " FROM meta WHERE id = 1"
#define PL_SQL_GET_USER     "SELECT " PL_SQL_USER " FROM users WHERE id = ?1"
#define PL_SQL_FIND_SESSION "SELECT " PL_SQL_SESSION " FROM sessions WHERE token_hash = ?1"
#define PL_SQL_FIND_ROOM    "SELECT " PL_SQL_ROOM " FROM rooms r WHERE r.name = ?1"
#define PL_SQL_GET_MEMBER \
    "SELECT " PL_SQL_MEMBER " FROM members m WHERE m.room = ?1 AND m.user = ?2"

_Static_assert(PL_EVENT_MESSAGE_SENT == 10, "the statements name it so");

/* An event's bytes and what they add up to, where they are: what is shown to readers is
 * what was acknowledged, or nothing. */
#define PL_SQL_EVENT   "bytes, sum"
#define PL_SQL_E_EVENT "e.bytes, e.sum"

/* What the bytes of the room's event add up to: 32 bits, signed as in SQLite, so that they
 * take no more. */
int32_t pl_event_sum(pl_room_id room, pl_sequence sequence, struct pl_bytes bytes);

/* Where they add up to something else, the run is bad. */
struct pl_bytes pl_row_event(struct pl_run *run, pl_room_id room, pl_sequence sequence);

void pl_row_meta(struct pl_run *run, struct pl_meta *ret);
void pl_row_user(struct pl_run *run, struct pl_user *ret);
void pl_row_session(struct pl_run *run, struct pl_session *ret);
void pl_row_room(struct pl_run *run, struct pl_room *ret);
void pl_row_member(struct pl_run *run, struct pl_member *ret);

/* Each runs a statement that was bound, for its one row: PL_OK, PL_E_NOTFOUND,
 * or an error that was told of. *ret is untouched on failure. */
int pl_row_get_meta(struct pl_run *run, struct pl_meta *ret);
int pl_row_get_user(struct pl_run *run, struct pl_user *ret);
int pl_row_get_session(struct pl_run *run, struct pl_session *ret);
int pl_row_get_room(struct pl_run *run, struct pl_room *ret);
int pl_row_get_member(struct pl_run *run, struct pl_member *ret);

#endif
