/*
 * work.h - the messages of ROOM_DELIVERY_ONE rooms: to one taker at a time,
 * until one acknowledges.
 *
 * Errors: those of the store, PL_E_NOMEM.
 */
#ifndef PL_CORE_WORK_H
#define PL_CORE_WORK_H

#include "core/state.h"

/* The commands. */
int pl_work_open_taker(struct pl_turn *turn);
int pl_work_close_taker(struct pl_turn *turn);
int pl_work_ack(struct pl_turn *turn);
int pl_work_release(struct pl_turn *turn);

/* The room's last event, a message, becomes work and is handed out. */
int pl_work_add(struct pl_engine *engine, const struct pl_room *room, pl_user_id sender,
                struct pl_buf *bytes);

/* Every taker ends: the server starts. */
int pl_work_start(struct pl_engine *engine);

/* Takers end, and their work goes to others. */
int pl_work_member_left(struct pl_engine *engine, pl_room_id room, pl_user_id user);
int pl_work_session_ended(struct pl_engine *engine, pl_session_id session);

/* Leases that have run out end; what may be handed out again is. */
int pl_work_expire(struct pl_engine *engine);

/* Work whose messages the room's log no longer has is nobody's. */
int pl_work_trimmed(struct pl_engine *engine, const struct pl_room *room);

/* Brings progress.work_due_ms up to date. */
int pl_work_plan(struct pl_engine *engine);

#endif
