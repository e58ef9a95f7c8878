/*
 * h2_lender.h - memory that all sessions of a host have in common.
 *
 * nghttp2 gives each session a buffer of 16 KiB, into which it writes the frame that
 * is to be sent next. Of an idle connection that is the largest block by far, and its
 * content is dead: between two calls of nghttp2_session_mem_send() nothing is left in
 * it but the bytes that the last call has returned. Who copies those out before another
 * session of the host sends, as h2_conn.c does, may have all of them share one buffer.
 *
 * Likewise the table of what response headers refer to: its size is set to 0
 * (h2_conn.c), so that nothing is ever put in, and 1 KiB of places for entries is not
 * looked at.
 *
 * That is known of nghttp2's code, not promised by it; so it is done only where the
 * library is the one that the program was built and tested with, and under
 * AddressSanitizer the buffer cannot be read or written while nobody sends, and the
 * table never: each test then shows that nghttp2 leaves them alone.
 *
 * Threads:   those of the host: one.
 * Ownership: the lender owns the blocks; it outlives its sessions.
 */
#ifndef PL_RPC_H2_LENDER_H
#define PL_RPC_H2_LENDER_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>

/* A block; NULL until the first session is made. */
struct pl_rpc_h2_lent {
    void *data;
    size_t size;
    bool due; /* the session being made has not got it yet */
};

struct pl_rpc_h2_lender {
    nghttp2_mem mem;
    struct pl_rpc_h2_lent buffer;
    struct pl_rpc_h2_lent table;
    bool used; /* somebody sends */
};

/* No sessions yet. Allocates nothing. */
void pl_rpc_h2_lender_init(struct pl_rpc_h2_lender *lender);
void pl_rpc_h2_lender_done(struct pl_rpc_h2_lender *lender); /* after all sessions */

/* nghttp2_session_server_new3() with the lender's memory. Its result. `option` sets the
 * largest table of response headers to 0. */
int pl_rpc_h2_lender_session(struct pl_rpc_h2_lender *lender,
                             const nghttp2_session_callbacks *callbacks, void *data,
                             const nghttp2_option *option, nghttp2_session **ret_session);

/* Around nghttp2_session_mem_send() and the use of what it returns. */
void pl_rpc_h2_lender_open(struct pl_rpc_h2_lender *lender);
void pl_rpc_h2_lender_close(struct pl_rpc_h2_lender *lender);

#endif
