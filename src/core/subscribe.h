/*
 * subscribe.h - the queries: what passes through the engine for its place in
 * the order, and changes nothing.
 *
 * Errors: those of the store, PL_E_NOMEM.
 */
#ifndef PL_CORE_SUBSCRIBE_H
#define PL_CORE_SUBSCRIBE_H

#include "core/state.h"

/* SUBSCRIBE. Its figures are of the query's own place: what later commands of
 * the batch do follows its reply in the effects. */
int pl_subscribe(struct pl_turn *turn);

/* GET_USER and GET_USERS. */
int pl_subscribe_get_user(struct pl_turn *turn);
int pl_subscribe_get_users(struct pl_turn *turn);

#endif
