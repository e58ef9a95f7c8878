/*
 * event.h - events as bytes, and what takers are told.
 */
#ifndef PL_WIRE_EVENT_H
#define PL_WIRE_EVENT_H

#include "model/effect.h"
#include "model/event.h"

/* The encoder that the engine is given. It has no state. */
struct pl_event_encoder pl_wire_event_encoder(void);

/* The bytes of a TakeMessagesResponse that hands out a message. */
int pl_wire_taken(const struct pl_message_view *view, uint64_t lease, uint32_t attempt,
                  struct pl_buf **ret_buf);

/* Those of a TakeMessagesResponse that says that nothing came, or that the server
 * is about to stop. */
int pl_wire_take_heartbeat(int64_t now_ms, struct pl_buf **ret_buf);
int pl_wire_take_draining(uint32_t retry_after_ms, struct pl_buf **ret_buf);

#endif
