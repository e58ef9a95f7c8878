/*
 * rooms_text.h - a room as a line of a list: "* #friends  3 members, 2 unread".
 */
#ifndef PL_CLIENT_ROOMS_TEXT_H
#define PL_CLIENT_ROOMS_TEXT_H

#include "base/bytes.h"
#include "client/colour.h"
#include "parla/v1/room_service.pb-c.h"

/* Whether the caller is in it. */
bool pl_rooms_is_joined(const Parla__V1__JoinedRoom *joined);

/* Whether its messages go to one taker each. */
bool pl_rooms_is_one(const Parla__V1__Room *room);

/* peer: of a direct room the other one's name; "" where that is not known. No
 * line feed. joined->room must be set. */
void pl_rooms_text(struct pl_bytebuf *out, struct pl_colour colour,
                   const Parla__V1__JoinedRoom *joined, const char *peer);

#endif
