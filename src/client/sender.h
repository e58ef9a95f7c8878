/*
 * sender.h - messages on their way: in order, one at a time, each once.
 *
 * What was put stays pending until the server has acknowledged or refused it.
 * After a lost connection it is sent again under the same request_id, so that
 * the server does it once.
 *
 * Threads: one. Ownership: the sender owns what is pending.
 */
#ifndef PL_CLIENT_SENDER_H
#define PL_CLIENT_SENDER_H

#include "base/list.h"
#include "client/app.h"
#include "parla/v1/message.pb-c.h"

enum { PL_REQUEST_ID_TEXT_SIZE = 23 };

struct pl_pending {
    struct pl_list node;
    char target[PL_ROOM_NAME_SIZE_MAX + 2]; /* a user's name, or a room's id */
    bool to_user;
    char request_id[PL_REQUEST_ID_TEXT_SIZE];
    uint64_t line; /* the caller's own number for it */
    char text[];
};

struct pl_sender;

struct pl_sender_ops {
    void *self;
    /* Acknowledged: `message` is as the log holds it. The pending one goes when
     * these return. */
    void (*on_sent)(void *self, const struct pl_pending *pending,
                    const Parla__V1__ChatMessage *message);
    void (*on_refused)(void *self, const struct pl_pending *pending,
                       const struct pl_api_result *result);
    /* The token is not good any more; the pending one stays. */
    void (*on_token_lost)(void *self, const struct pl_api_result *result);
};

/* PL_E_NOMEM. */
int pl_sender_new(struct pl_app *app, const struct pl_sender_ops *ops,
                  struct pl_sender **ret_sender);
void pl_sender_free(struct pl_sender *sender); /* NULL is fine; before the app is done with */

/* PL_E_NOMEM. The text is copied. */
int pl_sender_put(struct pl_sender *sender, bool to_user, const char *target, const char *text,
                  uint64_t line);

/* Sends what waits; after each put, and when signed in again. */
void pl_sender_go_on(struct pl_sender *sender);

/* What is pending: a list of pl_pending, oldest first. */
const struct pl_list *pl_sender_pending(const struct pl_sender *sender);
size_t pl_sender_len(const struct pl_sender *sender);

#endif
