/*
 * account.h - who one is: guests, their sessions and their end.
 *
 * A guest has one session and ends with it. An end may take several commands:
 * the name is free at once, the memberships go PL_END_ROOMS_LEN_MAX at a time.
 *
 * Errors: those of the store, PL_E_NOMEM.
 */
#ifndef PL_CORE_ACCOUNT_H
#define PL_CORE_ACCOUNT_H

#include "core/state.h"

/* Sets the turn's session and user. PL_E_NOTFOUND: the token is not valid. */
int pl_account_identify(struct pl_turn *turn);

/* Marks the turn's session as used, if that is due. */
int pl_account_used(struct pl_turn *turn);

/* The commands. */
int pl_account_sign_in_guest(struct pl_turn *turn);
int pl_account_sign_out(struct pl_turn *turn);
int pl_account_touch(struct pl_turn *turn);
int pl_account_stream_closed(struct pl_turn *turn);

/* Goes on with users who are ending, at most *rooms_left memberships. */
int pl_account_end_more(struct pl_engine *engine, uint32_t *rooms_left);

/* Ends sessions that have been idle for too long. */
int pl_account_expire(struct pl_engine *engine, uint32_t *rooms_left);

#endif
