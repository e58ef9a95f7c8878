/*
 * client.h - the client side: calls over one connection.
 *
 * Touches no socket: bytes in, bytes out. Who owns it connects, feeds and
 * flushes it, and makes a new one after a loss.
 *
 * Threads:   one.
 * Ownership: a call is the client's; the pointer is good until on_close has
 *            returned.
 */
#ifndef PL_RPC_CLIENT_H
#define PL_RPC_CLIENT_H

#include "base/bytes.h"
#include "rpc/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pl_rpc_client;
struct pl_rpc_client_call;

struct pl_rpc_client_ops {
    void *self;
    /* There are bytes to send: call pl_rpc_client_fill() soon, not from here. */
    void (*on_want_send)(void *self);
};

/* authority: ":authority", such as "127.0.0.1:50051". */
int pl_rpc_client_new(const struct pl_rpc_client_ops *ops, const char *authority, int64_t now_ms,
                      struct pl_rpc_client **ret_client);

/* Ends its calls with UNAVAILABLE (on_close runs for each) and frees it. Not from
 * inside a callback. NULL is fine. */
void pl_rpc_client_free(struct pl_rpc_client *client);

/* < 0: the connection is beyond use. */
int pl_rpc_client_recv(struct pl_rpc_client *client, struct pl_bytes data, int64_t now_ms);
ssize_t pl_rpc_client_fill(struct pl_rpc_client *client, uint8_t *to, size_t size);

/* Deadlines and keepalive; < 0: the server does not answer, close. */
int pl_rpc_client_tick(struct pl_rpc_client *client, int64_t now_ms);

/* Whether the server has said that it takes no more calls (GOAWAY). */
bool pl_rpc_client_draining(const struct pl_rpc_client *client);

struct pl_rpc_client_call_ops {
    void *self;
    /* A response message; borrowed. */
    void (*on_message)(void *self, struct pl_bytes message);
    /* The call is over; the last callback. status is borrowed; `processed` is
     * false where the server surely did nothing (REFUSED_STREAM, GOAWAY below,
     * never sent), so that any call may be repeated. */
    void (*on_close)(void *self, const struct pl_rpc_status *status, bool processed);
};

struct pl_rpc_metadata {
    const char *name; /* lower case */
    struct pl_bytes value;
};

/* Starts a call of "/package.Service/Method". timeout_ms: 0 for none, else sent
 * as grpc-timeout and kept here too. Metadata is copied. */
int pl_rpc_client_start(struct pl_rpc_client *client, const char *path,
                        const struct pl_rpc_metadata *metadata, size_t metadata_len,
                        int64_t timeout_ms, const struct pl_rpc_client_call_ops *ops,
                        struct pl_rpc_client_call **ret_call);

/* Queues a request message (copied), and says that none follows. */
int pl_rpc_client_send(struct pl_rpc_client_call *call, struct pl_bytes message);
void pl_rpc_client_half_close(struct pl_rpc_client_call *call);

/* Ends it; on_close runs, with CANCELLED, before it returns. */
void pl_rpc_client_cancel(struct pl_rpc_client_call *call);

#endif
