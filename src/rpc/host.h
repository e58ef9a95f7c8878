/*
 * host.h - the server side: services, and the calls that connections bring.
 *
 * A host belongs to one loop; every loop has its own, with the same services.
 * It knows no chat and touches no socket: bytes in, bytes out.
 *
 * Life of a call: on_open (headers have come) → on_message for each request
 * message → on_half_close (no more will come) → … → on_close, always and last.
 * A method that is not client-streaming gets exactly one message, and gets it
 * only once the client has half-closed: so on_message may answer at once. The
 * handler answers with pl_rpc_call_send() and pl_rpc_call_finish(), in the
 * callback or later, found again by its id.
 *
 * Threads:   the thread of the loop.
 * Ownership: a call is the host's; a handler may keep the pointer until on_close
 *            has returned. Metadata and messages are borrowed in a callback.
 */
#ifndef PL_RPC_HOST_H
#define PL_RPC_HOST_H

#include "base/buf.h"
#include "base/bytes.h"
#include "rpc/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ProtobufCServiceDescriptor;
struct pl_rpc_host;
struct pl_rpc_call;
struct pl_rpc_conn;
struct pl_rpc_limits;

struct pl_rpc_method {
    const char *name; /* such as "SendMessage" */
    bool client_streaming;
    bool server_streaming;
    /* It changes nothing (idempotency_level NO_SIDE_EFFECTS in its .proto): it may be
     * called by GET, if it streams nothing. */
    bool no_side_effects;
    void (*on_open)(struct pl_rpc_call *call); /* or NULL */
    void (*on_message)(struct pl_rpc_call *call, struct pl_bytes message);
    void (*on_half_close)(struct pl_rpc_call *call); /* or NULL */
    /* The call is over: finished and sent, cancelled, reset, past its deadline,
     * or its connection is lost. Nothing may be done to it any more. */
    void (*on_close)(struct pl_rpc_call *call); /* or NULL */
};

struct pl_rpc_service {
    const char *name; /* such as "parla.v1.ChatService" */
    const struct pl_rpc_method *methods;
    size_t methods_len;
    /* What its messages are, for JSON, as protobuf-c generates it. NULL: the service
     * is not called in JSON. */
    const struct ProtobufCServiceDescriptor *descriptor;
};

/* Something to GET that is no call, such as "/healthz". */
struct pl_rpc_page {
    int status; /* HTTP's */
    const char *content_type;
    struct pl_bytes body; /* copied */
};

struct pl_rpc_host_ops {
    void *self;
    /* A connection has bytes to send: call pl_rpc_conn_fill() before the loop
     * waits. May be told more than once; never of a connection from inside its own
     * fill, but possibly of another one (on_close may answer another call there). */
    void (*on_want_send)(void *self, struct pl_rpc_conn *conn);
    /* pl_rpc_conn_due_ms() has come nearer, otherwise than in pl_rpc_conn_tick(). May be
     * told from anywhere inside: call nothing there. NULL: its owner asks by itself. */
    void (*on_due)(void *self, struct pl_rpc_conn *conn);
};

/* PL_E_NOMEM. */
int pl_rpc_host_new(const struct pl_rpc_host_ops *ops, struct pl_rpc_host **ret_host);

/* Closes nothing: every connection must have been freed. NULL is fine. */
void pl_rpc_host_free(struct pl_rpc_host *host);

/* Adds a service; `service` must outlive the host. `ctx` is given to its calls. */
int pl_rpc_host_add(struct pl_rpc_host *host, const struct pl_rpc_service *service, void *ctx);

/* Answers GET and HEAD of `path` (constant) by what `get` says at the time. PL_E_NOMEM. */
int pl_rpc_host_add_page(struct pl_rpc_host *host, const char *path,
                         void (*get)(void *self, struct pl_rpc_page *ret_page), void *self);

/* Sets the maxima, for calls and connections from now on; before: the defaults
 * (limits.h). */
void pl_rpc_host_set_limits(struct pl_rpc_host *host, const struct pl_rpc_limits *limits);

/* Which web pages' scripts may call, by their origins ("https://example.org"; "*" for
 * all), besides the server's own (Fetch, "CORS protocol"). The array is borrowed. */
void pl_rpc_host_set_origins(struct pl_rpc_host *host, const char *const *origins,
                             size_t origins_len);

/* The call of that id, or NULL when it is over. Ids are not used again. */
struct pl_rpc_call *pl_rpc_host_call(struct pl_rpc_host *host, uint64_t id);

/* How many calls are under way on all of its connections. */
size_t pl_rpc_host_calls_len(const struct pl_rpc_host *host);

/* About a call. */
uint64_t pl_rpc_call_id(const struct pl_rpc_call *call);
void *pl_rpc_call_ctx(const struct pl_rpc_call *call); /* the service's */
void pl_rpc_call_set_data(struct pl_rpc_call *call, void *data);
void *pl_rpc_call_data(const struct pl_rpc_call *call); /* the handler's own; NULL at first */
const struct pl_rpc_method *pl_rpc_call_method(const struct pl_rpc_call *call);
struct pl_rpc_conn *pl_rpc_call_conn(const struct pl_rpc_call *call);

/* The first value of a request header (lower case), decoded if its name ends in
 * "-bin"; false where there is none. */
bool pl_rpc_call_metadata(const struct pl_rpc_call *call, const char *name,
                          struct pl_bytes *ret_value);

/* Walks the request's headers: start with *pos = 0; false at the end. */
bool pl_rpc_call_metadata_next(const struct pl_rpc_call *call, size_t *pos,
                               struct pl_bytes *ret_name, struct pl_bytes *ret_value);

/* The handler needs nothing of the request any more: once all of it has come and the
 * response has begun, its headers are freed, and metadata finds nothing. For streams that
 * last, of which it is the larger part. */
void pl_rpc_call_forget_request(struct pl_rpc_call *call);

/* Whether the message that on_message has been given came compressed. */
bool pl_rpc_call_message_compressed(const struct pl_rpc_call *call);

/* Whether messages sent from now on are to be compressed, where the client takes
 * that. Effective only if it is on before the first message. PL_E_NOMEM. */
int pl_rpc_call_compress(struct pl_rpc_call *call, bool on);

/* Adds to the response's headers (before the first message), or its trailers. */
int pl_rpc_call_add_header(struct pl_rpc_call *call, const char *name, struct pl_bytes value);
int pl_rpc_call_add_trailer(struct pl_rpc_call *call, const char *name, struct pl_bytes value);

/* Queues a response message; takes a reference of its own. PL_E_NOMEM, and
 * PL_E_CLOSED after finish. Bounded by the caller: see _queue_size. A method that is not
 * server-streaming sends one before it finishes with OK: neither none nor more. */
int pl_rpc_call_send(struct pl_rpc_call *call, struct pl_buf *message);

/* Bytes queued that HTTP/2 has not taken yet. */
size_t pl_rpc_call_queue_size(const struct pl_rpc_call *call);

/* Ends the call, after what is queued: status in trailers. Finishing twice is a
 * bug. What it needs is reserved at on_open, so it does not fail. */
void pl_rpc_call_finish(struct pl_rpc_call *call, const struct pl_rpc_status *status);

/* Where a stream's bytes come from when its queue is empty: it is asked when
 * there is room for them, so nothing is held for a peer that does not read. */
struct pl_rpc_source {
    void *self;
    /* Writes up to `size` bytes of enveloped messages (flag byte, 32-bit
     * big-endian length, message) to `to`, cut anywhere, and returns how many;
     * 0: nothing now, asked again after pl_rpc_call_wake(). Must not call rpc. A
     * message sent meanwhile waits for the end of one that was cut; so does
     * finish, after which nothing but that rest is asked for. */
    size_t (*pull)(void *self, uint8_t *to, size_t size);
};
void pl_rpc_call_set_source(struct pl_rpc_call *call, const struct pl_rpc_source *source);

/* The source has something to give. */
void pl_rpc_call_wake(struct pl_rpc_call *call);

/* When the call must have ended, on the monotonic clock given as `now_ms`;
 * INT64_MAX for none. The host ends it itself. */
int64_t pl_rpc_call_deadline_ms(const struct pl_rpc_call *call);

/* A connection. */

enum pl_rpc_http_version {
    PL_RPC_HTTP_ANY, /* the first bytes tell */
    PL_RPC_HTTP_1,
    PL_RPC_HTTP_2, /* the server's SETTINGS are there to be filled at once */
};

/* PL_E_NOMEM. */
int pl_rpc_conn_new(struct pl_rpc_host *host, enum pl_rpc_http_version version, int64_t now_ms,
                    struct pl_rpc_conn **ret_conn);

/* Ends its calls (on_close runs for each) and frees it. NULL is fine. Not from
 * inside a callback. */
void pl_rpc_conn_free(struct pl_rpc_conn *conn);

/* Bytes from the peer. < 0: the connection is beyond use; send what fill still
 * gives, then close. */
int pl_rpc_conn_recv(struct pl_rpc_conn *conn, struct pl_bytes data, int64_t now_ms);

/* The peer has closed its side. < 0: as above; else what it asked for last is still
 * answered, until _finished. */
int pl_rpc_conn_recv_end(struct pl_rpc_conn *conn, int64_t now_ms);

/* Whether to go on reading; asked after each _recv, _fill and _tick. It is false
 * while an HTTP/1.1 client sends ahead of its answers. */
bool pl_rpc_conn_wants_recv(const struct pl_rpc_conn *conn);

/* Writes up to `size` bytes for the peer to `to`; returns how many. Fewer: nothing
 * more now. < 0: close. */
ssize_t pl_rpc_conn_fill(struct pl_rpc_conn *conn, uint8_t *to, size_t size);

/* Whether the last fill came short because it had done enough, by the number of requests
 * that it went on to: there may be more, once others have had their turn. */
bool pl_rpc_conn_fill_later(const struct pl_rpc_conn *conn);

/* Whether all is said and sent, so that the socket may be closed. */
bool pl_rpc_conn_finished(const struct pl_rpc_conn *conn);

/* Time passes: deadlines, and peers that take too long. Call when
 * pl_rpc_conn_due_ms() says, about 100 ms late at most. < 0: close. */
int pl_rpc_conn_tick(struct pl_rpc_conn *conn, int64_t now_ms);

/* Ticking before then does nothing. */
int64_t pl_rpc_conn_due_ms(const struct pl_rpc_conn *conn);

/* No more calls on this connection: GOAWAY, in two steps (RFC 9113, section 6.8);
 * "connection: close" in HTTP/1.1. Calls under way may end. */
void pl_rpc_conn_drain(struct pl_rpc_conn *conn);

/* Serves the peer nothing, and says why in the protocol that it speaks: its first
 * calls end with FAILED_PRECONDITION, a request of HTTP/1.1 with 400. Before any call;
 * `text` is constant. */
void pl_rpc_conn_turn_away(struct pl_rpc_conn *conn, const char *text);

/* Bytes queued on all of its calls: what a peer that does not read makes the server hold. */
size_t pl_rpc_conn_queue_size(const struct pl_rpc_conn *conn);

/* The owner's pointer (its socket). */
void pl_rpc_conn_set_data(struct pl_rpc_conn *conn, void *data);
void *pl_rpc_conn_data(const struct pl_rpc_conn *conn);

#endif
