/*
 * conn.h - a connection of the server, as the layer's own files know it. Its
 * public side is in host.h.
 */
#ifndef PL_RPC_CONN_H
#define PL_RPC_CONN_H

#include "base/list.h"
#include "rpc/budget.h"
#include "rpc/host.h"

#include <nghttp2/nghttp2.h>

/* Where a drain stands. */
enum pl_rpc_drain {
    PL_RPC_DRAIN_NONE,
    PL_RPC_DRAIN_NOTICED, /* the first GOAWAY is on its way, and a PING after it */
    PL_RPC_DRAIN_LAST,    /* the second one says which stream was the last */
};

struct pl_rpc_conn {
    struct pl_rpc_host *host_weak;
    void *data_weak; /* the owner's */
    nghttp2_session *session;
    struct pl_list calls;   /* whose streams are open */
    struct pl_list closed;  /* whose streams are not: to be reaped */
    struct pl_list waiting; /* of `calls`: for room for a large message */
    bool busy;              /* inside nghttp2, whose callbacks must not call out */
    int failed;             /* < 0: beyond use, and why */
    const uint8_t *left;    /* what nghttp2 has given and fill not passed on */
    size_t left_size;
    int64_t now_ms;
    int64_t due_ms; /* nothing falls due before */

    int64_t made_ms;
    bool settled;             /* the client's SETTINGS have come */
    int64_t headers_since_ms; /* when an unfinished header block began; INT64_MAX */
    int64_t heard_ms;
    int64_t ping_ms; /* when the peer was asked for a sign; INT64_MAX: it was not */
    enum pl_rpc_drain drain;
    int64_t drain_ms;

    size_t held_size;     /* unfinished messages without a reservation */
    size_t reserved_size; /* and what the others may grow to */

    struct pl_rpc_budget pings;
    struct pl_rpc_budget settings;
    struct pl_rpc_budget resets;
    struct pl_rpc_budget empty;
    struct pl_rpc_budget other;
    struct pl_rpc_budget window_updates;
};

/* Something may be there to send: tells the owner, now or when nghttp2 is left. */
void pl_rpc_conn_want_send(struct pl_rpc_conn *conn);

/* A call falls due then. */
void pl_rpc_conn_due_at(struct pl_rpc_conn *conn, int64_t due_ms);

/* The connection is beyond use. */
void pl_rpc_conn_fail(struct pl_rpc_conn *conn, int err);

/* Room for large messages has come free. */
void pl_rpc_conn_grant(struct pl_rpc_conn *conn);

#endif
