/*
 * http.h - what differs between HTTP/2 and HTTP/1.1: how a connection reads and
 * writes, and what its calls need of it.
 *
 * conn.c looks at the first bytes and then knows which one it is: h2_conn.c, or
 * h1_conn.c. Each finds its own state in conn->h2 or conn->h1.
 */
#ifndef PL_RPC_HTTP_H
#define PL_RPC_HTTP_H

#include "base/bytes.h"
#include "rpc/head.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pl_rpc_call;
struct pl_rpc_conn;

/* Error codes of a reset (RFC 9113, section 7); HTTP/1.1 can only close. */
enum {
    PL_RPC_NO_ERROR = 0x0,
    PL_RPC_INTERNAL_ERROR = 0x2,
    PL_RPC_CANCEL = 0x8,
};

struct pl_rpc_http {
    /* Makes its state. PL_E_NOMEM: then free() is still called. */
    int (*start)(struct pl_rpc_conn *conn);
    /* Frees its state; the calls stay. */
    void (*free)(struct pl_rpc_conn *conn);

    /* Bytes have come; runs handlers. A failure is told by pl_rpc_conn_fail(). */
    void (*recv)(struct pl_rpc_conn *conn, struct pl_bytes data);
    /* The peer will send no more. */
    void (*recv_end)(struct pl_rpc_conn *conn);
    /* Whether more bytes may be given to it: it holds only so much that it cannot
     * look at yet. */
    bool (*wants_recv)(const struct pl_rpc_conn *conn);
    /* Writes up to `size` bytes; runs handlers' sources. Fewer: nothing more now,
     * unless a call closed meanwhile; < 0: why it failed. */
    ssize_t (*fill)(struct pl_rpc_conn *conn, uint8_t *to, size_t size);
    bool (*wants_send)(const struct pl_rpc_conn *conn);
    /* Whether all is said and sent: what is left to send, and to hear. */
    bool (*finished)(const struct pl_rpc_conn *conn);
    /* Time has passed: what falls due, beside calls; and when that is next. < 0: the
     * peer is late. */
    int (*tick)(struct pl_rpc_conn *conn);
    int64_t (*next_due)(const struct pl_rpc_conn *conn);
    /* No more calls after those that are there. */
    void (*drain)(struct pl_rpc_conn *conn);
    /* The peer is not served: says why, unless that is for its calls to be told. */
    void (*turn_away)(struct pl_rpc_conn *conn, const char *text);

    /* The head of a call's response. With a body, pl_rpc_call_pull() is asked for its
     * bytes from then on; without one, the response ends here. PL_E_NOMEM. */
    int (*respond)(struct pl_rpc_call *call, const struct pl_rpc_head *head, bool has_body);
    /* The trailers; called in pl_rpc_call_pull(), when the body ends. HTTP/2 only. */
    int (*trail)(struct pl_rpc_call *call, const struct pl_rpc_head *trailers);
    /* There are bytes again, after a pull that gave none. */
    void (*resume)(struct pl_rpc_call *call);
    /* Ends the call without a proper end (RFC 9113, section 7, for the code). */
    void (*reset)(struct pl_rpc_call *call, uint32_t error_code);
    /* The call has dealt with so many bytes of its body: more may come. */
    void (*consume)(struct pl_rpc_call *call, size_t size);
    /* The call may be sent so many bytes ahead. */
    void (*set_window)(struct pl_rpc_call *call, size_t size);
};

extern const struct pl_rpc_http pl_rpc_http2;
extern const struct pl_rpc_http pl_rpc_http1;

#endif
