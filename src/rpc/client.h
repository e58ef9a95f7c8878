/*
 * client.h - the client side: calls over one connection (PROTOCOL-HTTP2).
 *
 * Touches no socket: bytes in, bytes out. Who owns it connects, feeds and
 * flushes it, and makes a new one after a loss.
 *
 * Life of a call: on_headers (the response has begun) → on_message for each
 * message → on_close, always and last. A call that fails at once has only
 * on_close. The four kinds of call differ in how many messages each side sends.
 *
 * Threads:   one.
 * Ownership: a call is the client's; the pointer is good until on_close has
 *            returned. What accessors give is borrowed until then, too.
 * Limits:    messages, headers, calls and frames that bring nothing are bounded,
 *            see limits.h. What the owner sends is bounded by the owner: see
 *            pl_rpc_client_call_queue_size().
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

/* What is 0 or NULL takes its default. */
struct pl_rpc_client_config {
    const char *authority;        /* ":authority", such as "127.0.0.1:50051"; has no default */
    const char *scheme;           /* "http" (the default), or "https" over TLS */
    const char *user_agent;       /* of the program, before "grpc-c-parla/VERSION" */
    size_t message_size_max;      /* PL_RPC_MESSAGE_SIZE_MAX; received, decompressed */
    int64_t keepalive_ms;         /* PL_RPC_CLIENT_KEEPALIVE_MS; silence, while there are
                                   * calls, after which the server is asked for a sign */
    int64_t keepalive_timeout_ms; /* PL_RPC_KEEPALIVE_TIMEOUT_MS; how long it then has */
};

/* The configuration is copied. PL_E_NOMEM. */
int pl_rpc_client_new_with(const struct pl_rpc_client_ops *ops,
                           const struct pl_rpc_client_config *config, int64_t now_ms,
                           struct pl_rpc_client **ret_client);

/* The same with nothing but an authority. */
int pl_rpc_client_new(const struct pl_rpc_client_ops *ops, const char *authority, int64_t now_ms,
                      struct pl_rpc_client **ret_client);

/* Ends its calls with UNAVAILABLE (on_close runs for each) and frees it. Not from
 * inside a callback. NULL is fine. */
void pl_rpc_client_free(struct pl_rpc_client *client);

/* < 0: the connection is beyond use; send what fill still gives, then close. */
int pl_rpc_client_recv(struct pl_rpc_client *client, struct pl_bytes data, int64_t now_ms);

/* Writes up to `size` bytes for the server; returns how many, 0: nothing more now.
 * < 0: close. */
ssize_t pl_rpc_client_fill(struct pl_rpc_client *client, uint8_t *to, size_t size);

/* Deadlines and keepalive; < 0: the server does not answer, close. */
int pl_rpc_client_tick(struct pl_rpc_client *client, int64_t now_ms);

/* Ticking before then does nothing. INT64_MAX: there is nothing to wait for. */
int64_t pl_rpc_client_due_ms(const struct pl_rpc_client *client);

/* Whether the server's SETTINGS have come: it does speak HTTP/2. */
bool pl_rpc_client_settled(const struct pl_rpc_client *client);

/* Whether no more calls can be made here: the server has said so (GOAWAY), or
 * stream ids are used up. */
bool pl_rpc_client_draining(const struct pl_rpc_client *client);

/* Whether the reason was that keepalive asks too often (GOAWAY ENHANCE_YOUR_CALM,
 * "too_many_pings"): the next connection should ask half as often (gRFC A8). */
bool pl_rpc_client_pings_too_often(const struct pl_rpc_client *client);

/* Why the connection ends, in one line of printable ASCII, as far as it has been
 * told or found out; "" if it has not. */
const char *pl_rpc_client_why(const struct pl_rpc_client *client);

struct pl_rpc_client_call_ops {
    void *self;
    /* A response message; borrowed. */
    void (*on_message)(void *self, struct pl_bytes message);
    /* The call is over; the last callback. status is borrowed; `processed` is
     * false where the server surely did nothing (REFUSED_STREAM, GOAWAY below,
     * never sent), so that any call may be repeated. */
    void (*on_close)(void *self, const struct pl_rpc_status *status, bool processed);
    /* The response's headers are there. Not for a response that is all trailers.
     * May be NULL. */
    void (*on_headers)(void *self);
    /* HTTP/2 has taken all that was queued to be sent. May be NULL. */
    void (*on_drained)(void *self);
};

struct pl_rpc_metadata {
    const char *name; /* lower case; ends in "-bin" if the value is not printable ASCII */
    struct pl_bytes value;
};

/* What is 0 or NULL is left out. */
struct pl_rpc_client_request {
    const char *path; /* "/package.Service/Method" */
    const struct pl_rpc_metadata *metadata;
    size_t metadata_len;
    int64_t timeout_ms; /* sent as grpc-timeout, and kept here too */
    bool gzip;          /* messages are compressed where that makes them smaller */
    bool one_reply;     /* OK with any other number of messages than 1 is UNIMPLEMENTED */
    uint32_t attempts;  /* made before this one: grpc-previous-rpc-attempts (gRFC A6) */
};

/* Starts a call; the request is copied. PL_E_CLOSED where no more calls can be made
 * here, PL_E_INVALID for metadata that is not allowed, PL_E_LIMIT, PL_E_NOMEM. */
int pl_rpc_client_begin(struct pl_rpc_client *client, const struct pl_rpc_client_request *request,
                        const struct pl_rpc_client_call_ops *ops,
                        struct pl_rpc_client_call **ret_call);

/* The same with these members of a request alone. */
int pl_rpc_client_start(struct pl_rpc_client *client, const char *path,
                        const struct pl_rpc_metadata *metadata, size_t metadata_len,
                        int64_t timeout_ms, const struct pl_rpc_client_call_ops *ops,
                        struct pl_rpc_client_call **ret_call);

/* Queues a request message (copied), and says that none follows. PL_E_CLOSED after
 * half-close and where the call is over, PL_E_LIMIT, PL_E_NOMEM. */
int pl_rpc_client_send(struct pl_rpc_client_call *call, struct pl_bytes message);
void pl_rpc_client_half_close(struct pl_rpc_client_call *call);

/* Ends it; on_close runs, with CANCELLED, before it returns. */
void pl_rpc_client_cancel(struct pl_rpc_client_call *call);

/* Whether the messages sent from now on are compressed; of a call begun with gzip. */
void pl_rpc_client_call_compress(struct pl_rpc_client_call *call, bool on);

/* Whether the message being delivered came compressed. */
bool pl_rpc_client_call_was_compressed(const struct pl_rpc_client_call *call);

/* Bytes queued that HTTP/2 has not taken yet. */
size_t pl_rpc_client_call_queue_size(const struct pl_rpc_client_call *call);

/* Holds the server back: the stream's window is not renewed until resumed. What is
 * inside it (PL_RPC_CLIENT_STREAM_WINDOW at most) still comes, and is delivered. */
void pl_rpc_client_call_pause(struct pl_rpc_client_call *call);
void pl_rpc_client_call_resume(struct pl_rpc_client_call *call);

/* The first value of that name (lower case) in the response's headers, or in its
 * trailers, decoded if the name ends in "-bin". Of a response without headers of
 * its own (Trailers-Only), all are trailers. */
bool pl_rpc_client_call_header(const struct pl_rpc_client_call *call, const char *name,
                               struct pl_bytes *ret_value);
bool pl_rpc_client_call_trailer(const struct pl_rpc_client_call *call, const char *name,
                                struct pl_bytes *ret_value);

/* Walk them: start with *pos = 0; false at the end. grpc-status and grpc-message are
 * not among them. */
bool pl_rpc_client_call_header_next(const struct pl_rpc_client_call *call, size_t *pos,
                                    struct pl_bytes *ret_name, struct pl_bytes *ret_value);
bool pl_rpc_client_call_trailer_next(const struct pl_rpc_client_call *call, size_t *pos,
                                     struct pl_bytes *ret_name, struct pl_bytes *ret_value);

/* Whether headers have come: from then on, a call is not repeated (gRFC A6). */
bool pl_rpc_client_call_answered(const struct pl_rpc_client_call *call);

/* What the server says of repeating the call (grpc-retry-pushback-ms, gRFC A6):
 * PL_OK and the time to wait; PL_E_NOTFOUND: nothing; PL_E_INVALID: not to, which
 * is what a negative time and one that is no number mean. */
int pl_rpc_client_call_pushback(const struct pl_rpc_client_call *call, int64_t *ret_ms);

#endif
