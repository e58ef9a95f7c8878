/*
 * h2_conn.h - HTTP/2 of a server's connection, as h2_conn.c and h2_call.c know it.
 */
#ifndef PL_RPC_H2_CONN_H
#define PL_RPC_H2_CONN_H

#include "rpc/budget.h"
#include "rpc/conn.h"
#include "rpc/h2_blocks.h"
#include "rpc/h2_share.h"
#include "rpc/stream_ids.h"

#include <nghttp2/nghttp2.h>

/* Where a drain stands. */
enum drain {
    DRAIN_NONE,
    DRAIN_NOTICED, /* the first GOAWAY is on its way, and a PING after it */
    DRAIN_LAST,    /* the second one says which stream was the last */
};

/* nghttp2's item of a call's DATA. One that waits takes as much memory as half of a
 * stream, so a call that has nothing to send has none. */
enum pl_rpc_h2_data {
    PL_RPC_H2_DATA_THERE,
    PL_RPC_H2_DATA_LEAVES,  /* with the frame that is on its way */
    PL_RPC_H2_DATA_RETURNS, /* it leaves, but more has come since */
    PL_RPC_H2_DATA_GONE,
};

struct pl_rpc_h2 {
    nghttp2_session *session;
    const uint8_t *left; /* what nghttp2 has given and fill not passed on */
    size_t left_size;
    uint8_t *kept;                    /* `left` begins in it, between two fills; or NULL */
    bool settled;                     /* the client's SETTINGS have come */
    int64_t headers_since_ms;         /* when an unfinished header block began; INT64_MAX */
    size_t headers_size;              /* of the latest block, as much of it as was looked at */
    struct pl_rpc_call *heading_weak; /* whose block it is; NULL: it is of no call */
    struct pl_rpc_call *leaving_weak; /* whose item of DATA leaves; NULL: nobody's */
    size_t consumed_size;             /* of DATA in these bytes: the connection's window */
    int64_t ping_ms;       /* when the peer was asked for a sign; INT64_MAX: it was not */
    int64_t pinged_ms;     /* when the peer asked for one last; INT64_MIN: it did not */
    uint32_t ping_strikes; /* how often it did so too soon, since something was sent */
    enum drain drain;
    int64_t drain_ms;

    struct pl_rpc_stream_ids ids;
    struct pl_rpc_h2_blocks blocks;
    struct pl_rpc_h2_share share;

    size_t queue_len; /* frames to be sent, when the present one, or the rest of it, came */
    struct pl_rpc_budget settings;
    struct pl_rpc_budget resets;
    struct pl_rpc_budget empty;
    struct pl_rpc_budget other;
    struct pl_rpc_budget window_updates;
};

/* h2_call.c: what struct pl_rpc_http has for calls (http.h). */
int pl_rpc_h2_respond(struct pl_rpc_call *call, const struct pl_rpc_head *head, bool has_body);
int pl_rpc_h2_trail(struct pl_rpc_call *call, const struct pl_rpc_head *trailers);
void pl_rpc_h2_resume(struct pl_rpc_call *call);
/* A DATA frame has left. */
void pl_rpc_h2_data_sent(struct pl_rpc_conn *conn);
void pl_rpc_h2_reset(struct pl_rpc_call *call, uint32_t error_code);
void pl_rpc_h2_consume(struct pl_rpc_call *call, size_t size);
void pl_rpc_h2_set_window(struct pl_rpc_call *call, size_t size);

#endif
