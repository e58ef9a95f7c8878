/*
 * client_inner.h - the client's connection and its calls, as client.c and
 * client_call.c know them. The public side is client.h.
 */
#ifndef PL_RPC_CLIENT_INNER_H
#define PL_RPC_CLIENT_INNER_H

#include "base/list.h"
#include "rpc/client.h"
#include "rpc/envelope.h"
#include "rpc/outbox.h"

#include <nghttp2/nghttp2.h>

struct pl_rpc_client {
    struct pl_rpc_client_ops ops;
    char *authority;
    nghttp2_session *session;
    struct pl_list calls;
    struct pl_list closed; /* whose streams are gone: to be reaped */
    bool busy;             /* inside nghttp2 */
    bool draining;         /* the server has sent GOAWAY */
    int failed;            /* < 0: beyond use, and why */
    const uint8_t *left;   /* what nghttp2 has given and fill not passed on */
    size_t left_size;
    int64_t now_ms;
    int64_t heard_ms;
    int64_t ping_ms; /* when the server was asked for a sign; INT64_MAX: it was not */
};

struct pl_rpc_client_call {
    struct pl_rpc_client *client_weak;
    struct pl_rpc_client_call_ops ops;
    struct pl_list node; /* in the client's calls or closed */
    int32_t stream_id;
    bool over;        /* on_close has run; the struct waits for its stream's end */
    bool sent;        /* the request's headers have left */
    bool half_closed; /* no message follows those in the outbox */
    bool deferred;    /* nghttp2 waits to be told that there are bytes */
    int64_t deadline_ms;
    struct pl_rpc_outbox outbox;
    struct pl_rpc_reader reader;

    /* the response */
    int http_status; /* 0: no headers yet */
    bool is_grpc;    /* by its content-type */
    bool has_code;
    enum pl_code code;
    struct pl_bytebuf message;
    struct pl_bytebuf details;
    uint32_t error_code; /* of the stream's end */
};

/* Something may be there to send: tells the owner, now or when nghttp2 is left. */
void pl_rpc_client_want_send(struct pl_rpc_client *client);

void pl_rpc_client_fail(struct pl_rpc_client *client, int err);

/* Ends a call: on_close, if it did not run before. */
void pl_rpc_client_call_over(struct pl_rpc_client_call *call, enum pl_code code,
                             const char *message, bool processed);

/* The same, and resets the stream. */
void pl_rpc_client_call_abort(struct pl_rpc_client_call *call, enum pl_code code,
                              const char *message);

/* Ends a call by what its stream has brought, and frees it. */
void pl_rpc_client_call_reap(struct pl_rpc_client_call *call);

void pl_rpc_client_call_free(struct pl_rpc_client_call *call);

/* What the stream brings. on_header: PL_E_NOMEM. */
int pl_rpc_client_call_on_header(struct pl_rpc_client_call *call, struct pl_bytes name,
                                 struct pl_bytes value, bool last);
void pl_rpc_client_call_on_headers(struct pl_rpc_client_call *call, bool last);
void pl_rpc_client_call_on_data(struct pl_rpc_client_call *call, struct pl_bytes data);

#endif
