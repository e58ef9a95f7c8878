/*
 * member.h - entering and leaving rooms.
 *
 * Errors: those of the store and of the log, PL_E_NOMEM.
 */
#ifndef PL_CORE_MEMBER_H
#define PL_CORE_MEMBER_H

#include "core/state.h"

/* The caller's room by its name and the caller's standing there. Refuses with
 * ROOM_NOT_FOUND where the caller may not know of it: a private or direct room
 * in which they are neither JOINED nor INVITED. */
int pl_member_see(struct pl_turn *turn, const char *name, struct pl_room **ret_room,
                  struct pl_member **ret_member);

/* The same for what members only may do: else NOT_A_MEMBER. */
int pl_member_joined(struct pl_turn *turn, const char *name, struct pl_room **ret_room,
                     struct pl_member **ret_member);

/* Refuses with TOO_MANY_ROOMS where the caller is in as many as one may be. */
int pl_member_may_have_more(struct pl_turn *turn);

/* `user`, who is not JOINED, enters. What has a position beyond `from` they
 * will see in streams; before that the read marker moves to the last event.
 * `actor` caused it. */
int pl_member_enter(struct pl_engine *engine, struct pl_room *room, struct pl_user *user,
                    enum pl_member_role role, pl_position from, const struct pl_user *actor);

/* `user`, who is JOINED, leaves; `for_good`: nothing of the membership is
 * kept, as the user has ended. */
int pl_member_leave(struct pl_engine *engine, struct pl_room *room, struct pl_user *user,
                    bool for_good);

#endif
