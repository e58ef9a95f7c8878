/*
 * convert.h - the chat's plain structs as protobuf messages, and back.
 *
 * The messages live in an arena and point into what they were made of, which
 * must outlive them. Each returns NULL when the arena is short.
 */
#ifndef PL_WIRE_CONVERT_H
#define PL_WIRE_CONVERT_H

#include "base/arena.h"
#include "model/room.h"
#include "model/user.h"
#include "parla/v1/room.pb-c.h"
#include "parla/v1/user.pb-c.h"

/* NULL for time 0, which is "unset" on the wire. */
Google__Protobuf__Timestamp *pl_wire_time(struct pl_arena *arena, int64_t time_ms);

Parla__V1__User *pl_wire_user(struct pl_arena *arena, const struct pl_user *user, bool online);
Parla__V1__Room *pl_wire_room(struct pl_arena *arena, const struct pl_room *room);
Parla__V1__Member *pl_wire_member(struct pl_arena *arena, const struct pl_member *member,
                                  const char *name);

/* protobuf-c's strings are not const, though it never writes to them. */
char *pl_wire_str(const char *str);

#endif
