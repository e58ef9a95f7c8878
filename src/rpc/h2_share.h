/*
 * h2_share.h - what streams of one connection leave to each other.
 *
 * A connection has one window for all of its streams (RFC 9113, section 5.2). Where a
 * client lets a stream lie, what was sent on it stays taken from that window, until
 * nothing goes to the others. So a call that streams answers may have a quarter of the
 * connection's window unread, or a byte more than half of the stream's own where that is
 * more: clients say that they have read when they have read half, or more than half.
 * Beyond that it is held until the client has read more of it. Answers of one message
 * are not held, and go first.
 *
 * Nothing of that is told by HTTP/2; it follows from the windows as they stand. A
 * client that grants streams more than it said in its SETTINGS is not held for that.
 *
 * Threads: the loop's.
 */
#ifndef PL_RPC_H2_SHARE_H
#define PL_RPC_H2_SHARE_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_rpc_call;
struct pl_rpc_conn;

struct pl_rpc_h2_share {
    int32_t stream_window;   /* of the call that is asked for DATA: what remains of it */
    int32_t conn_window_max; /* the most that was seen to remain */
    bool holds;              /* some call may be held */
};

/* Has nghttp2 tell the windows before it asks for DATA. */
void pl_rpc_h2_share_watch(nghttp2_session_callbacks *callbacks);

/* The call has begun to answer: where it stands among the others. */
int pl_rpc_h2_share_begin(struct pl_rpc_call *call);

/* How many of `size` bytes the call that is asked for DATA may send now; with 0 it is
 * held. */
size_t pl_rpc_h2_share_room(struct pl_rpc_call *call, size_t size);

/* The client has changed the window of that call (NULL: of the connection, or of all
 * streams): who was held for it goes on. */
void pl_rpc_h2_share_changed(struct pl_rpc_conn *conn, struct pl_rpc_call *call);

#endif
