/*
 * judge_inner.h - what the judge's files ask of each other.
 */
#ifndef PL_TESTS_SIM_JUDGE_INNER_H
#define PL_TESTS_SIM_JUDGE_INNER_H

#include "judge.h"

/* Room for one more element; arrays only grow. */
void *judge_grow(void *array, size_t len, size_t *cap, size_t size);

struct judge_member *judge_member_of(struct judge *judge, uint32_t index, uint64_t user);

/* The batch's next event must be this one. */
void judge_expect(struct judge *judge, uint32_t index, enum pl_event_kind kind, uint64_t actor,
                  const char *text);

void judge_enter(struct judge *judge, uint32_t index, uint64_t user, pl_position from,
                 uint64_t actor);
uint32_t judge_make_room(struct judge *judge, const char *name, uint64_t actor);
uint64_t judge_user_named(const struct judge *judge, const char *name); /* 0: nobody */

/* Why the user may not do in the room what members may. */
enum pl_reason judge_outside(const struct judge *judge, const char *name, uint64_t user);

/* reply NULL: there is none to judge. */
enum pl_reason judge_do_send(struct judge *judge, const struct pl_command *command, uint64_t user,
                             const struct pl_reply *reply);

#endif
