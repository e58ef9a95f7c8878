/*
 * router.h - which loops a batch concerns, and who is online.
 *
 * The engine's thread has one. It knows of every open stream its loop, user,
 * session and rooms; from a batch's effects it makes the batch's feed.
 *
 * Threads: one.
 */
#ifndef PL_FANOUT_ROUTER_H
#define PL_FANOUT_ROUTER_H

#include "fanout/feed.h"
#include "model/effect.h"

struct pl_router;

/* framer: for the events and markers of feeds; borrowed. */
int pl_router_new(const struct pl_framer *framer, struct pl_router **ret_router);
void pl_router_free(struct pl_router *router); /* NULL is fine */

/* Takes in a batch's effects after its commit. What a stream gains in the batch
 * is counted before anything is made into an entry, what it loses after: so a
 * loop may be told too much, which it skips, and never too little.
 * - a granted SUBSCRIBE reply registers its stream, by (loop, reply.to); of
 *   MEMBERSHIP effects those of streams of all rooms gain or lose their room;
 * - EVENT, MEMBERSHIP, READ_MARKER and SESSION_ENDED effects become entries of
 *   the feed, if a loop has a stream that they concern.
 * *ret_feed is NULL where there is nothing to tell; else one reference, the
 * caller's, and *ret_loops has a bit for each loop to send it to. The replies to
 * SUBSCRIBE must reach their loops before the feed does.
 * PL_E_NOMEM: nothing was taken in of the entry at which it happened; the caller
 * must then end all streams (they resume by their cursors). */
int pl_router_route(struct pl_router *router, const struct pl_effects *effects, pl_position through,
                    struct pl_feed **ret_feed, uint64_t *ret_loops);

/* A stream has gone. Unknown ones are ignored. Returns true where it was its
 * user's last; *ret_user is the user. */
bool pl_router_close(struct pl_router *router, uint32_t loop, uint64_t stream,
                     pl_user_id *ret_user);

/* Whether the user has a stream open. */
bool pl_router_online(const struct pl_router *router, pl_user_id user);

/* Users online by name, with that prefix, beyond `after`: fills ids, returns how
 * many. Names are those of the time when the stream was opened. */
uint32_t pl_router_list_online(const struct pl_router *router, const char *prefix,
                               const char *after, uint32_t len_max, pl_user_id *ret_ids);

size_t pl_router_streams_len(const struct pl_router *router);

/* How many of them are of the room. */
size_t pl_router_room_streams(const struct pl_router *router, pl_room_id room);

#endif
