/*
 * find_room.h - rooms' ids for what people call them: looks through the
 * caller's direct rooms for the one with a user.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_FIND_ROOM_H
#define PL_CLIENT_FIND_ROOM_H

#include "client/script.h"

struct pl_find_room;

struct pl_find_room_ops {
    void *self;
    /* room: its id, borrowed; NULL where there is none yet. */
    void (*on_found)(void *self, const char *room);
    void (*on_refused)(void *self, const struct pl_api_result *result);
};

/* Begins to look for what `ref` names. One of the ops is called once, for a
 * room that is no direct one before this returns; then the search is over and
 * freed. PL_E_NOMEM. */
int pl_find_room(struct pl_app *app, const struct pl_room_ref *ref,
                 const struct pl_find_room_ops *ops);

#endif
