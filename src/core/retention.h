/*
 * retention.h - rooms keep their messages for so long.
 *
 * A room's log is trimmed from the front: sequences stay, first_sequence moves.
 * The last event always stays, so that what is appended has a place to follow.
 *
 * Errors: those of the store, PL_E_NOMEM.
 */
#ifndef PL_CORE_RETENTION_H
#define PL_CORE_RETENTION_H

#include "core/state.h"

/* Trims rooms that are due; what is too much for one command follows. */
int pl_retention_expire(struct pl_engine *engine);

/* An event was appended to the room, whose figures have moved. */
void pl_retention_appended(struct pl_engine *engine, struct pl_room *room);

#endif
