/*
 * history.h - a room's last messages, however many pages they take.
 *
 * The server lists newest first; they are given out oldest first, once all are
 * there.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_HISTORY_H
#define PL_CLIENT_HISTORY_H

#include "client/app.h"
#include "parla/v1/message.pb-c.h"

struct pl_history_ops {
    void *self;
    /* How many there are; comes first. */
    void (*on_begin)(void *self, size_t len);
    void (*on_message)(void *self, const Parla__V1__ChatMessage *message);
    /* All were given out; the last callback. */
    void (*on_end)(void *self);
    /* The server said no; instead of all the others. */
    void (*on_refused)(void *self, const struct pl_api_result *result);
};

/* Asks for the last `len` messages of a room, by its id. The ops are called
 * once it is over, unless the app is done with first. PL_E_NOMEM. */
int pl_history_ask(struct pl_app *app, const char *room, uint32_t len,
                   const struct pl_history_ops *ops);

#endif
