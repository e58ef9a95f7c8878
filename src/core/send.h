/*
 * send.h - sending messages.
 */
#ifndef PL_CORE_SEND_H
#define PL_CORE_SEND_H

#include "core/state.h"

/* SEND_MESSAGE. Errors: those of the store and of the log, PL_E_NOMEM. */
int pl_send_message(struct pl_turn *turn);

/* A message as it stands now; its `event` is a reference, the caller's.
 * PL_E_NOTFOUND: there is no such message. */
int pl_send_view(struct pl_engine *engine, pl_room_id room, pl_sequence sequence,
                 struct pl_message_view *ret);

#endif
