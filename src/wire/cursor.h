/*
 * cursor.h - where a stream stands, as text that a client gives back.
 *
 * Format, before base64 (RFC 4648, section 5, no padding):
 *
 *     version   1 byte, 1
 *     log       8 bytes, little-endian: the log's id
 *     position  varint
 *     kind      1 byte, enum pl_backlog_kind; if not NONE:
 *       until   varint
 *       and of UNREAD: len varint, then for each room, by id:
 *         room  varint, the difference to the one before
 *         after varint
 *     check     8 bytes, the first of BLAKE2b-256 over all before
 *
 * The check tells a damaged or made-up cursor from a sound one. It is no secret:
 * a cursor proves nothing, and what it lets one see is decided by membership when
 * it is used. It is not bound to a user, so one frame serves all subscribers.
 */
#ifndef PL_WIRE_CURSOR_H
#define PL_WIRE_CURSOR_H

#include "base/arena.h"
#include "base/bytes.h"
#include "model/reader.h"

struct pl_cursor {
    uint64_t log;
    pl_position position;
    struct pl_backlog backlog; /* rooms in the arena */
};

/* Appends the text. A backlog whose `until` is not beyond the position is left
 * out. */
void pl_cursor_encode(uint64_t log, pl_position position, const struct pl_backlog *backlog,
                      struct pl_bytebuf *out);

/* PL_E_INVALID: not a cursor. PL_E_NOMEM. Whether its log is one of ours is for
 * the caller to find out. */
int pl_cursor_decode(const char *text, struct pl_arena *arena, struct pl_cursor *ret_cursor);

#endif
