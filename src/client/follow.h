/*
 * follow.h - the stream of what happens in one's rooms, without a gap across
 * lost connections.
 *
 * Remembers the cursor of what was dealt with and goes on after it. Who the
 * other one in a direct room is, is looked up before the room's first event is
 * delivered; what comes meanwhile waits, in order.
 *
 * Threads: one. Limits: what waits is at most HELD_SIZE_MAX bytes; past that the
 * stream is dropped and taken up again at the cursor.
 */
#ifndef PL_CLIENT_FOLLOW_H
#define PL_CLIENT_FOLLOW_H

#include "client/app.h"
#include "parla/v1/chat_service.pb-c.h"

struct pl_follow;

struct pl_follow_ops {
    void *self;
    /* peer: of a direct room the other one's name; else "". */
    void (*on_event)(void *self, const Parla__V1__Event *event, const char *peer);
    /* Events before this are no longer kept; once a room, at the end of its state. */
    void (*on_trimmed)(void *self, const Parla__V1__RoomState *state, const char *peer);
    /* All that had happened before has been delivered. May be NULL. */
    void (*on_caught_up)(void *self);
    /* The server's log is another one: all begins anew. */
    void (*on_reset)(void *self);
    /* It does not go on. */
    void (*on_refused)(void *self, const struct pl_api_result *result);
};

/* rooms: ids, borrowed for good; none for all. PL_E_NOMEM. */
int pl_follow_new(struct pl_app *app, const char *const *rooms, size_t rooms_len,
                  Parla__V1__StreamStart start, const struct pl_follow_ops *ops,
                  struct pl_follow **ret_follow);
void pl_follow_free(struct pl_follow *follow); /* NULL is fine; before the app is done with */

/* Signed in on a new connection: begins, or goes on. */
void pl_follow_start(struct pl_follow *follow);

/* Keeps events back until pl_follow_go_on(), and delivers them then. */
void pl_follow_hold(struct pl_follow *follow);
void pl_follow_go_on(struct pl_follow *follow);

/* Forgets the cursor: the next start is as the first. */
void pl_follow_forget(struct pl_follow *follow);

/* The other one in a direct room; "" where that is not known. */
const char *pl_follow_peer(const struct pl_follow *follow, const char *room);

/* The direct room with someone, NULL where none is known. */
const char *pl_follow_room(const struct pl_follow *follow, const char *peer);

/* Tells whom a direct room is with. */
void pl_follow_know(struct pl_follow *follow, const char *room, const char *peer);

#endif
