/*
 * room.h - making rooms, joining and leaving them.
 *
 * Refusals: see each command in room.c. Errors: those of the store, PL_E_NOMEM.
 */
#ifndef PL_CORE_ROOM_H
#define PL_CORE_ROOM_H

#include "core/state.h"

/* The commands. */
int pl_room_create(struct pl_turn *turn);
int pl_room_join(struct pl_turn *turn);
int pl_room_leave(struct pl_turn *turn);

/* #lobby, made if there is none. */
int pl_room_need_lobby(struct pl_engine *engine);

/* A room as `draft` has its settings; the rest is given to it. A direct room
 * is named by its id. `actor` NULL: nobody made it. */
int pl_room_make(struct pl_engine *engine, const struct pl_room *draft, const struct pl_user *actor,
                 struct pl_room **ret_room);

#endif
