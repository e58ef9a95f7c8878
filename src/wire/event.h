/*
 * event.h - events as bytes, and messages out of them.
 */
#ifndef PL_WIRE_EVENT_H
#define PL_WIRE_EVENT_H

#include "base/arena.h"
#include "model/effect.h"
#include "model/event.h"
#include "parla/v1/message.pb-c.h"

/* The encoder that the engine is given. It has no state. */
struct pl_event_encoder pl_wire_event_encoder(void);

/* The ChatMessage of a stored message_sent event, in the arena. The bytes are
 * our own: PL_E_CORRUPT where they are not what was stored. PL_E_NOMEM. */
int pl_wire_message(struct pl_bytes event, uint32_t thread_size, pl_sequence last_change,
                    struct pl_arena *arena, Parla__V1__ChatMessage **ret_message);

/* The bytes of a TakeMessagesResponse that hands out a message. */
int pl_wire_taken(const struct pl_message_view *message, uint64_t lease, uint32_t attempt,
                  struct pl_buf **ret_buf);

/* Those of a TakeMessagesResponse that says that nothing came, or that the server
 * is about to stop. */
int pl_wire_take_heartbeat(int64_t now_ms, struct pl_buf **ret_buf);
int pl_wire_take_draining(uint32_t retry_after_ms, struct pl_buf **ret_buf);

#endif
