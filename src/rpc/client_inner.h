/*
 * client_inner.h - the client's connection and its calls, as client.c,
 * client_call.c and client_reply.c know them. The public side is client.h.
 */
#ifndef PL_RPC_CLIENT_INNER_H
#define PL_RPC_CLIENT_INNER_H

#include "base/list.h"
#include "rpc/budget.h"
#include "rpc/client.h"
#include "rpc/envelope.h"
#include "rpc/fields.h"
#include "rpc/outbox.h"

#include <nghttp2/nghttp2.h>

enum { PL_RPC_CLIENT_WHY_SIZE = 160 };

struct pl_rpc_client {
    struct pl_rpc_client_ops ops;
    char *authority;
    char *user_agent;
    bool https;
    size_t message_size_max;
    int64_t keepalive_ms;
    int64_t keepalive_timeout_ms;
    nghttp2_session *session;
    struct pl_list calls;
    struct pl_list closed; /* whose streams are gone: to be reaped */
    size_t calls_len;      /* in both */
    bool busy;             /* inside nghttp2 */
    bool settled;          /* the server's SETTINGS have come */
    bool draining;         /* no more calls */
    bool pings_too_often;
    int failed;                       /* < 0: beyond use */
    char why[PL_RPC_CLIENT_WHY_SIZE]; /* of its end */
    const uint8_t *left;              /* what nghttp2 has given and fill not passed on */
    size_t left_size;
    int64_t now_ms;
    int64_t heard_ms;
    int64_t ping_ms;               /* when the server was asked for a sign; INT64_MAX: it was not */
    struct pl_rpc_budget nothings; /* frames that bring nothing */
};

/* What grpc-encoding says of the messages that are flagged as compressed. */
enum pl_rpc_client_encoding {
    PL_RPC_ENCODING_IDENTITY,
    PL_RPC_ENCODING_GZIP,
    PL_RPC_ENCODING_OTHER,
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
    bool gzip;        /* announced */
    bool compress;    /* the messages from now on */
    bool one_reply;
    int64_t deadline_ms;
    struct pl_rpc_outbox outbox;

    /* the response */
    bool paused;       /* its window is not renewed */
    size_t unconsumed; /* bytes by which it would be */
    int http_status;   /* 0: no headers yet, but for informational ones */
    bool is_grpc;      /* by its content-type */
    bool answered;     /* its headers are there */
    bool ended;        /* END_STREAM has come, in order */
    bool has_code;
    bool was_compressed; /* the message being delivered */
    enum pl_rpc_client_encoding encoding;
    enum pl_code code;
    uint64_t messages_len;
    size_t fields_size; /* of the header block under way, as RFC 9113 counts it */
    struct pl_rpc_reader reader;
    struct pl_rpc_fields headers;
    struct pl_rpc_fields trailers;
    struct pl_bytebuf message;
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

void pl_rpc_client_call_free(struct pl_rpc_client_call *call);

/* HTTP/2 has taken bytes of its outbox. */
void pl_rpc_client_call_on_sent(struct pl_rpc_client_call *call);

/* Renews the stream's window by what has come, unless it is paused. */
void pl_rpc_client_call_consume(struct pl_rpc_client_call *call);

/* What the stream brings; `last`: with END_STREAM. */
void pl_rpc_client_call_on_header(struct pl_rpc_client_call *call, struct pl_bytes name,
                                  struct pl_bytes value, bool last);
void pl_rpc_client_call_on_headers(struct pl_rpc_client_call *call, bool last);
void pl_rpc_client_call_on_data(struct pl_rpc_client_call *call, struct pl_bytes data);
void pl_rpc_client_call_on_end(struct pl_rpc_client_call *call);

/* The stream is gone: ends the call by what it has brought, and frees it. */
void pl_rpc_client_call_reap(struct pl_rpc_client_call *call);

#endif
