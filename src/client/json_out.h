/*
 * json_out.h - what scripts read: one JSON object a line (RFC 8259), times in
 * UTC (RFC 3339), everything beyond ASCII escaped, so that a line may be shown
 * on a terminal.
 *
 * All append a line; PL_E_NOMEM shows as out->err.
 */
#ifndef PL_CLIENT_JSON_OUT_H
#define PL_CLIENT_JSON_OUT_H

#include "base/bytes.h"
#include "client/message.h"
#include "parla/v1/event.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/user.pb-c.h"

/* Makes the JSON library allocate through base/mem.h; once, before the first. */
void pl_json_init(void);

void pl_json_message(struct pl_bytebuf *out, const struct pl_message *message);

/* An event that is no message; nothing for kinds that are not told. */
void pl_json_happening(struct pl_bytebuf *out, const Parla__V1__Event *event, const char *peer);

/* Events up to state->as_of_sequence are no longer kept. */
void pl_json_trimmed(struct pl_bytebuf *out, const Parla__V1__RoomState *state, const char *peer);

void pl_json_room(struct pl_bytebuf *out, const Parla__V1__JoinedRoom *joined);
void pl_json_user(struct pl_bytebuf *out, const Parla__V1__User *user);

#endif
