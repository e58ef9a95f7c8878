/*
 * conn.h - a connection of the server, as the layer's own files know it. Its
 * public side is in host.h.
 */
#ifndef PL_RPC_CONN_H
#define PL_RPC_CONN_H

#include "base/list.h"
#include "rpc/host.h"
#include "rpc/http.h"

enum { PL_RPC_PREFACE_SIZE = 24 }; /* of HTTP/2 (RFC 9113, section 3.4) */

struct pl_rpc_h1;
struct pl_rpc_h2;

struct pl_rpc_conn {
    struct pl_rpc_host *host_weak;
    void *data_weak;                /* the owner's */
    const struct pl_rpc_http *http; /* NULL: the first bytes have not told */
    union {
        struct pl_rpc_h1 *h1;
        struct pl_rpc_h2 *h2;
    };
    struct pl_list calls;   /* whose streams are open */
    struct pl_list closed;  /* whose streams are not: to be reaped */
    struct pl_list waiting; /* of `calls`: for room for a large message */
    bool busy;              /* inside HTTP, where nothing may be called out */
    bool fill_later;        /* the last fill left something: it had done enough */
    bool draining;          /* no more calls */
    int failed;             /* < 0: beyond use, and why */
    int64_t now_ms;
    int64_t due_ms; /* nothing falls due before */
    int64_t made_ms;
    int64_t heard_ms;
    int64_t old_ms; /* when it is drained for its age, or, drained, ended; INT64_MAX */

    size_t held_size;     /* unfinished messages without a reservation */
    size_t reserved_size; /* and what the others may grow to */

    const char *away_text; /* why the peer is not served; NULL: it is */
    uint8_t first_size;    /* until it is known which HTTP it is */
    uint8_t first[PL_RPC_PREFACE_SIZE];
};

/* Something may be there to send: tells the owner, now or when HTTP is left. */
void pl_rpc_conn_want_send(struct pl_rpc_conn *conn);

/* Something falls due then. */
void pl_rpc_conn_due_at(struct pl_rpc_conn *conn, int64_t due_ms);

/* The connection is beyond use. */
void pl_rpc_conn_fail(struct pl_rpc_conn *conn, int err);

/* Room for large messages has come free. */
void pl_rpc_conn_grant(struct pl_rpc_conn *conn);

/* A call's stream is gone: it is reaped when HTTP has been left. */
void pl_rpc_conn_closed(struct pl_rpc_conn *conn, struct pl_rpc_call *call);

/* Its maxima. */
const struct pl_rpc_limits *pl_rpc_conn_limits(const struct pl_rpc_conn *conn);

#endif
