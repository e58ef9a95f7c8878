/*
 * channel.h - a client's way to one server: connections made when they are needed,
 * and made again when they are lost; calls that wait, go out, and are repeated where
 * that is safe.
 *
 * States are gRPC's (connectivity-semantics-and-api.md): a channel is IDLE until
 * somebody wants it, CONNECTING, READY, in TRANSIENT_FAILURE until the pause before
 * the next try is over, and SHUTDOWN while it is freed. Pauses grow as backoff.h
 * says, and begin anew after a connection that got the server's SETTINGS.
 *
 * A server that says GOAWAY keeps the calls that it has begun; a new connection is
 * made at once for those that come.
 *
 * Threads:   all on the loop's thread.
 * Callbacks: come from the loop, from pl_channel_flush(), pl_channel_cancel() and
 *            pl_channel_free(); never from inside the others. Within them anything
 *            may be done but pl_channel_free().
 * Ownership: a call is the channel's; the pointer is good until its on_close has
 *            returned. The channel is freed before its loop.
 * Limits:    struct pl_channel_config.
 */
#ifndef PL_TRANSPORT_CHANNEL_H
#define PL_TRANSPORT_CHANNEL_H

#include "net/loop.h"
#include "net/tls.h"
#include "rpc/client.h"
#include "transport/backoff.h"
#include "transport/retry.h"
#include "transport/target.h"

struct pl_channel;
struct pl_channel_call;

enum pl_channel_state {
    PL_CHANNEL_IDLE,
    PL_CHANNEL_CONNECTING,
    PL_CHANNEL_READY,
    PL_CHANNEL_TRANSIENT_FAILURE,
    PL_CHANNEL_SHUTDOWN,
};

struct pl_channel_config {
    struct pl_target target;
    struct pl_tls_context *tls; /* for a target with TLS: a client's context, borrowed */
    const char *server_name;    /* to verify over TLS; NULL: the target's host; borrowed */
    bool stay_connected;        /* also without calls, from pl_channel_connect() on */
    uint32_t connect_ms;        /* for a connection, up to the server's SETTINGS */
    uint32_t idle_ms;           /* READY without a call; then IDLE; 0: for ever */
    uint32_t backoff_base_ms, backoff_max_ms; /* between connections */
    uint32_t retry_base_ms, retry_max_ms;     /* between attempts of one call */
    int64_t keepalive_ms;                     /* as in rpc/client.h; 0: its default */
    size_t message_size_max;                  /* received; 0: PL_RPC_MESSAGE_SIZE_MAX */
    uint32_t waiting_len_max;                 /* calls without a connection */
    size_t held_size_max;                     /* messages held for calls that wait or repeat */
    size_t repeat_size_max; /* of one call, once an attempt has them: more is not repeated */
    uint32_t (*random)(void *self); /* evenly spread; NULL: the system's */
    void *random_self;
};

#define PL_CHANNEL_CONFIG_DEFAULT                                                                  \
    {                                                                                              \
        .connect_ms = 20 * 1000, .idle_ms = 30 * 60 * 1000, .backoff_base_ms = PL_BACKOFF_BASE_MS, \
        .backoff_max_ms = PL_BACKOFF_MAX_MS, .retry_base_ms = 100, .retry_max_ms = 5000,           \
        .waiting_len_max = 1000, .held_size_max = (size_t)16 << 20,                                \
        .repeat_size_max = (size_t)256 << 10,                                                      \
    }

struct pl_channel_ops {
    void *self;
    /* The state is another one. The calls that a failure ends have ended before. Not
     * told of SHUTDOWN. May be NULL. */
    void (*on_state)(void *self, enum pl_channel_state state);
};

/* PL_E_NOMEM; PL_E_CLOSED once the loop ends; PL_E_IO without randomness. */
int pl_channel_new(struct pl_loop *loop, const struct pl_channel_config *config,
                   const struct pl_channel_ops *ops, struct pl_channel **ret_channel);

/* Ends every call with CANCELLED (on_close runs for each), then the rest. Not from
 * inside a callback. NULL is fine. */
void pl_channel_free(struct pl_channel *channel);

/* Connects an IDLE channel, as a call would. */
void pl_channel_connect(struct pl_channel *channel);

/* Sends what waits, deals with what broke. The channel does it by itself, soon; at
 * the end of each turn (pl_loop_ops) it comes sooner. */
void pl_channel_flush(struct pl_channel *channel);

enum pl_channel_state pl_channel_state(const struct pl_channel *channel);

/* After a failure: what was wrong, such as "connection refused"; and whether there
 * was a connection at all, so that somebody is there. "" and false before any. */
const char *pl_channel_why(const struct pl_channel *channel);
bool pl_channel_was_answered(const struct pl_channel *channel);

/* In TRANSIENT_FAILURE: the time until the next try. */
uint32_t pl_channel_retry_ms(const struct pl_channel *channel);

/* Calls that have not ended. */
size_t pl_channel_calls_len(const struct pl_channel *channel);

/* The server said when to come back: the next pause is at least so long (at most
 * backoff_max_ms). */
void pl_channel_wait_at_least(struct pl_channel *channel, uint32_t delay_ms);

/* Gives its connections up, soon: what they bring is nonsense. The pauses go on
 * growing unless a call went well before. */
void pl_channel_break(struct pl_channel *channel, const char *why);

/* Calls. */

struct pl_channel_call_options {
    bool wait_for_ready;   /* else a failing connection ends it with UNAVAILABLE */
    bool repeatable;       /* may be done twice: tried again when it is UNAVAILABLE */
    bool compress;         /* its messages, where that makes them smaller */
    bool one_reply;        /* exactly one message belongs to an OK, as in a unary call */
    uint32_t max_attempts; /* of a repeatable one; 0, and beyond: PL_RETRY_ATTEMPTS_MAX */
    int64_t timeout_ms;    /* for all attempts together, from now on; 0: none */
};

/* Starts a call of "/package.Service/Method". All is copied; options may be NULL.
 * PL_E_INVALID and PL_E_LIMIT for metadata that cannot be sent, PL_E_NOMEM,
 * PL_E_CLOSED when the channel is being freed: then nobody is called. Everything
 * else comes as the status of on_close, RESOURCE_EXHAUSTED where too many calls or
 * bytes wait.
 *
 * Where the server surely did nothing, the call is tried again by itself; a
 * repeatable one also when it is UNAVAILABLE, after a pause, or after the one that
 * the server named (grpc-retry-pushback-ms; gRFC A6). Once the response has
 * begun, nothing is repeated. `processed` in on_close is about all attempts. */
int pl_channel_start(struct pl_channel *channel, const char *path,
                     const struct pl_rpc_metadata *metadata, size_t metadata_len,
                     const struct pl_channel_call_options *options,
                     const struct pl_rpc_client_call_ops *ops, struct pl_channel_call **ret_call);

/* Queues a request message (copied). PL_E_CLOSED where the call takes no more,
 * PL_E_LIMIT where the message is too large or too much waits (on_close follows),
 * PL_E_NOMEM. */
int pl_channel_send(struct pl_channel_call *call, struct pl_bytes message);

/* No message follows. */
void pl_channel_half_close(struct pl_channel_call *call);

/* Ends it; on_close runs, with CANCELLED, before it returns. */
void pl_channel_cancel(struct pl_channel_call *call);

/* The attempt under way as rpc knows it, for what rpc/client.h tells about a call:
 * headers, trailers, how much is queued; and to hold the server back. NULL where there
 * is none, as while it waits; in callbacks there is one, but in the on_close of a call
 * that ends before the server has. It is another one after each of them. */
struct pl_rpc_client_call *pl_channel_call_attempt(const struct pl_channel_call *call);

/* All in one: starts, sends one message, half-closes. Fails as pl_channel_start().
 * ret_call: NULL where nobody wants it. */
int pl_channel_call(struct pl_channel *channel, const char *path, struct pl_bytes request,
                    const struct pl_rpc_metadata *metadata, size_t metadata_len,
                    const struct pl_channel_call_options *options,
                    const struct pl_rpc_client_call_ops *ops, struct pl_channel_call **ret_call);

#endif
