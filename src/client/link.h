/*
 * link.h - the connection to the server, made again whenever it is lost.
 *
 * After a loss the next try comes after growing pauses (backoff.h), for ever,
 * until pl_link_free(). Calls live on one connection: all that are under way
 * when it is lost end with UNAVAILABLE.
 *
 * Threads:   all on the loop's thread.
 * Ownership: who makes the link flushes it at the end of each turn of the loop.
 */
#ifndef PL_CLIENT_LINK_H
#define PL_CLIENT_LINK_H

#include "net/loop.h"
#include "net/tcp.h"
#include "rpc/client.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_link;

struct pl_link_ops {
    void *self;
    /* Connected: calls may be made. */
    void (*on_up)(void *self);
    /* The connection could not be made or was lost; `why` is borrowed. The next
     * try comes in retry_ms. */
    void (*on_down)(void *self, const char *why, uint32_t retry_ms);
};

/* PL_E_NOMEM. */
int pl_link_new(struct pl_loop *loop, const struct pl_address *address,
                const struct pl_link_ops *ops, struct pl_link **ret_link);

/* Outside callbacks of calls. The calls under way end without their callbacks
 * being told. NULL is fine. */
void pl_link_free(struct pl_link *link);

/* Begins to connect. */
void pl_link_start(struct pl_link *link);

/* Sends what waits, deals with what broke; at the end of each turn. */
void pl_link_flush(struct pl_link *link);

bool pl_link_is_up(const struct pl_link *link);

/* Whether pl_link_free() is at work: callbacks of calls must not go further. */
bool pl_link_is_ending(const struct pl_link *link);

/* The server said when to come back: the next pause is at least so long. */
void pl_link_wait_at_least(struct pl_link *link, uint32_t delay_ms);

/* Gives this connection up, at the end of the turn: what it brings is nonsense. */
void pl_link_break(struct pl_link *link, const char *why);

/* A call went well: the next loss begins with the shortest pause again. */
void pl_link_is_well(struct pl_link *link);

/* Starts a call with one request. token: "" for none. The ops are called with
 * their own self. PL_E_CLOSED while the link is down, PL_E_NOMEM. */
int pl_link_call(struct pl_link *link, const char *path, const char *token, struct pl_bytes request,
                 int64_t timeout_ms, const struct pl_rpc_client_call_ops *ops,
                 struct pl_rpc_client_call **ret_call);

/* Tells the link that a call it started is over; by who got on_close. */
void pl_link_call_over(struct pl_link *link);

#endif
