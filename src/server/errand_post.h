/*
 * errand_post.h - an errand's way from its loop to the engine or a reader, and back.
 *
 * Threads:   the loop's.
 * Ownership: what is posted, or waits, is no longer the caller's; what is refused goes back to
 *            the pool.
 * Limits:    PL_ERRANDS_SIZE_MAX bytes on a loop, and those of lanes.h.
 */
#ifndef PL_SERVER_ERRAND_POST_H
#define PL_SERVER_ERRAND_POST_H

#include "server/io_loop.h"

/* What a loop holds of requests that are under way, beyond which they are refused with
 * OVERLOADED. */
enum { PL_ERRANDS_SIZE_MAX = 128 * 1024 * 1024 };

/* A lane's turn: pl_lanes_init()'s. */
void pl_errand_on_turn(struct pl_turn *turn);

/* Sends what a unary call asks to whom it concerns, in its peer's turn. Where that cannot be the
 * call is refused. */
void pl_errand_post(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand);

/* Sends a stream's to the engine at once, or refuses the call. */
void pl_errand_to_engine(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand);

/* Gives it back to the pool, and refuses the call; NULL: that is over. */
void pl_errand_give_up(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand,
                       int err);

/* It has come back, for the call or, if that is over, NULL: its peer is charged with the work, and
 * what waited for it may go. The errand is the caller's again. */
void pl_errand_back(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand);

#endif
