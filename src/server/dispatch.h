/*
 * dispatch.h - effects become letters to the loops.
 *
 * Called after a commit only. A batch's replies go first, each in the errand that
 * asked; then its feed; so a stream is open before its first event comes.
 *
 * Threads: the engine's.
 */
#ifndef PL_SERVER_DISPATCH_H
#define PL_SERVER_DISPATCH_H

#include "fanout/router.h"
#include "model/durability.h"
#include "server/errand.h"

struct pl_dispatch {
    struct pl_router *router;
    enum pl_durability durability;
    int64_t session_idle_ms;
    int64_t work_us; /* a command takes: a running mean, without what the disk takes */
    uint32_t loops_len;
    struct pl_feed_msg *spare[PL_LOOPS_LEN_MAX]; /* so that a feed's post cannot fail */
    uint64_t takers_lost;   /* of the batch under way: loops whose takers must end */
    struct pl_list touches; /* silent errands for the next batch: sessions in use */
    void (*to_loop)(void *self, uint32_t loop, struct pl_msg *msg);
    void *self;
};

/* The rest of *dispatch is the caller's. */
void pl_dispatch_init(struct pl_dispatch *dispatch);

/* Makes sure that every loop can be sent a feed. PL_E_NOMEM: apply nothing. */
int pl_dispatch_reserve(struct pl_dispatch *dispatch);
void pl_dispatch_done(struct pl_dispatch *dispatch);

/* Sends the effects of a batch; `errands` (of struct pl_errand, by msg.letter.node)
 * are those whose commands it held, in order. All of them are sent or freed. */
void pl_dispatch_effects(struct pl_dispatch *dispatch, const struct pl_effects *effects,
                         pl_position through, struct pl_list *errands);

/* Refuses all errands: the batch was rolled back. Sends the effects that there are
 * nevertheless (takers that ended). */
void pl_dispatch_failure(struct pl_dispatch *dispatch, const struct pl_effects *effects, int err,
                         struct pl_list *errands);

/* Answers an errand of kind USERS. */
void pl_dispatch_users(struct pl_dispatch *dispatch, struct pl_errand *errand);

#endif
