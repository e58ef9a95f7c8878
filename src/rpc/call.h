/*
 * call.h - a call on the server, as the layer's own files know it. Its public
 * side is in host.h.
 *
 * States, each to a later one only:
 *
 *     HEADERS   the request's headers are coming
 *     OPEN      a handler has it
 *     FINISHED  its status is known; what is queued goes out first
 *     ENDED     status or reset are with HTTP
 *     CLOSED    the stream is gone; the connection reaps it
 *
 * on_close runs once: when the stream closes, or earlier where the layer itself
 * ends the call (a deadline, a bad message). The struct lives on until the stream
 * is gone, since HTTP may still ask for it.
 */
#ifndef PL_RPC_CALL_H
#define PL_RPC_CALL_H

#include "base/list.h"
#include "base/map.h"
#include "rpc/codec.h"
#include "rpc/envelope.h"
#include "rpc/fields.h"
#include "rpc/head.h"
#include "rpc/host.h"
#include "rpc/intake.h"
#include "rpc/outbox.h"

#include <sys/types.h>

enum pl_rpc_call_state {
    PL_RPC_CALL_HEADERS,
    PL_RPC_CALL_OPEN,
    PL_RPC_CALL_FINISHED,
    PL_RPC_CALL_ENDED,
    PL_RPC_CALL_CLOSED,
};

enum pl_rpc_verb {
    PL_RPC_VERB_OTHER,
    PL_RPC_VERB_POST,
    PL_RPC_VERB_GET,
    PL_RPC_VERB_HEAD,
    PL_RPC_VERB_OPTIONS,
};

struct pl_rpc_convert;

/* What a handler, or a status, adds to the head and to the trailers. */
struct pl_rpc_metadata {
    struct pl_rpc_fields headers;
    struct pl_rpc_fields trailers;
};

struct pl_rpc_call {
    struct pl_rpc_conn *conn_weak;
    struct pl_list node; /* in the connection's calls or closed */
    struct pl_map_node by_id;
    uint64_t id;
    const struct pl_rpc_method *method_weak;
    void *ctx_weak;
    void *data_weak;
    const struct pl_rpc_format *format; /* NULL: its content-type is nobody's */
    struct pl_rpc_convert *convert;     /* NULL: its messages are sent as they are */
    int32_t stream_id;
    int http_status; /* if it is not as the code has it; 0 */
    enum pl_rpc_call_state state : 4;
    enum pl_rpc_verb verb : 4;
    enum pl_code code : 6;
    bool handled : 1; /* a handler has it: on_close is still to run */

    /* the request: call_recv.c */
    bool half_closed : 1;
    bool flows : 1;       /* it sends messages one after another, each taken at once */
    bool has_message : 1; /* of a method that takes one: it waits for half-close */
    bool gunzip : 1;      /* the request's encoding is gzip */
    bool compressed : 1;  /* the message is */
    bool forget : 1;      /* the handler does not need the request any more */

    /* the response: call_send.c */
    bool head_submitted : 1;
    bool deferred : 1;      /* HTTP waits to be told that there are bytes */
    bool dry : 1;           /* the source gave nothing, and has not been woken since */
    bool peer_gzip : 1;     /* the client takes gzip */
    bool compress : 1;      /* and is to get it */
    bool text_out : 1;      /* the body leaves in base64 */
    bool encoding_told : 1; /* the response's head says so */
    bool lingers : 1;       /* the response has ended, the request may yet */

    /* HTTP/2 */
    bool held : 1;       /* until the peer has read more of it (h2_share.h) */
    uint8_t h2_data : 2; /* enum pl_rpc_h2_data */

    struct pl_rpc_tracker tracker;
    struct pl_rpc_intake *intake; /* the request; NULL: all has come, and is forgotten */
    int64_t deadline_ms;
    struct pl_rpc_metadata *metadata; /* NULL: nothing has been added */
    struct pl_rpc_outbox outbox;
    struct pl_rpc_source source; /* none: pull is NULL */
    int64_t moved_ms;            /* when the queue last moved */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct pl_rpc_call) <= 168,
               "a stream that waits has one");

/* A call for a new stream. PL_E_NOMEM. */
int pl_rpc_call_new(struct pl_rpc_conn *conn, int32_t stream_id, struct pl_rpc_call **ret_call);

/* Frees it, after pl_rpc_call_over(). */
void pl_rpc_call_free(struct pl_rpc_call *call);

void pl_rpc_call_set_state(struct pl_rpc_call *call, enum pl_rpc_call_state state);

/* Takes it from its handler: on_close, if it did not run before. */
void pl_rpc_call_over(struct pl_rpc_call *call);

/* The layer ends it: finishes with a status and takes it from its handler. */
void pl_rpc_call_abort(struct pl_rpc_call *call, enum pl_code code, const char *message);

/* Ends it without a proper end. */
void pl_rpc_call_reset(struct pl_rpc_call *call, uint32_t error_code);

/* When it falls due next; INT64_MAX for never. And what is then done. */
int64_t pl_rpc_call_next_due(const struct pl_rpc_call *call);
void pl_rpc_call_tick(struct pl_rpc_call *call, int64_t now_ms);

/* Whether what is left of the request is let in after the response: where it is short,
 * and outside gRPC. It then has linger_ms, and is dropped. */
bool pl_rpc_call_linger(struct pl_rpc_call *call);

/* call_recv.c: what HTTP brings. A header list ends with _on_headers, the request
 * with _on_end. _on_header: PL_E_NOMEM. */
int pl_rpc_call_on_header(struct pl_rpc_call *call, struct pl_bytes name, struct pl_bytes value);
void pl_rpc_call_on_headers(struct pl_rpc_call *call);
void pl_rpc_call_on_data(struct pl_rpc_call *call, struct pl_bytes data);
void pl_rpc_call_on_end(struct pl_rpc_call *call);

/* A message cannot be taken in: PL_E_LIMIT, it is too large; PL_E_NOMEM. */
void pl_rpc_call_refuse_message(struct pl_rpc_call *call, int err);

/* Gives back what it holds of the connection's room for messages; gives it room
 * for the message that it waits with. */
void pl_rpc_call_release(struct pl_rpc_call *call);
void pl_rpc_call_grant(struct pl_rpc_call *call);

/* The first field of that name in the request's headers. */
bool pl_rpc_call_field(const struct pl_rpc_call *call, const char *name,
                       struct pl_bytes *ret_value);

/* Forgets the request, if the handler is done with it, all of it has come, and the
 * response's head, if it depends on it, has gone. */
void pl_rpc_call_end_request(struct pl_rpc_call *call);

/* call_open.c: what its headers ask for: a call, a page, or something refused. */
void pl_rpc_call_dispatch(struct pl_rpc_call *call);

/* call_send.c: HTTP asks for the bytes of the body. */
enum pl_rpc_pull {
    PL_RPC_PULL_SOME,     /* *ret_size bytes */
    PL_RPC_PULL_ALL,      /* the same, and none are left: asked again after http->resume() */
    PL_RPC_PULL_NONE,     /* none are left: likewise */
    PL_RPC_PULL_END,      /* *ret_size bytes, and they are the last */
    PL_RPC_PULL_TRAILERS, /* the same, and http->trail() has been called */
    PL_RPC_PULL_FAILED,   /* reset it */
};
enum pl_rpc_pull pl_rpc_call_pull(struct pl_rpc_call *call, uint8_t *to, size_t size,
                                  size_t *ret_size);

/* Sends the headers, if they have not been and may be before the status. */
int pl_rpc_call_send_head(struct pl_rpc_call *call);

/* For codecs: hands a head over. Without a body the call is ENDED. */
int pl_rpc_call_respond(struct pl_rpc_call *call, const struct pl_rpc_head *head, bool has_body);

/* Finishes: pl_rpc_call_finish() without its checks. */
void pl_rpc_call_end(struct pl_rpc_call *call, const struct pl_rpc_status *status);

/* Answers with a page, where no codec can. */
void pl_rpc_call_end_page(struct pl_rpc_call *call, const struct pl_rpc_page *page,
                          const char *allow);

/* Drops what is queued and ends it now, by its status if it is between messages,
 * else by a reset. */
void pl_rpc_call_cut(struct pl_rpc_call *call, const struct pl_rpc_status *status,
                     uint32_t error_code);

/* What has been added to the head, and to the trailers. */
const struct pl_rpc_fields *pl_rpc_call_headers(const struct pl_rpc_call *call);
const struct pl_rpc_fields *pl_rpc_call_trailers(const struct pl_rpc_call *call);

/* Makes call->metadata, unless it is there. PL_E_NOMEM. */
int pl_rpc_call_need_metadata(struct pl_rpc_call *call);
void pl_rpc_call_free_metadata(struct pl_rpc_call *call);

/* The limits of its host. */
const struct pl_rpc_limits *pl_rpc_call_limits(const struct pl_rpc_call *call);

#endif
