/*
 * h2_lender.h - one send buffer for all sessions of a host.
 *
 * nghttp2 gives each session a buffer of 16 KiB, into which it writes the frame that
 * is to be sent next. Of an idle connection that is the largest block by far, and its
 * content is dead: between two calls of nghttp2_session_mem_send() nothing is left in
 * it but the bytes that the last call has returned. Who copies those out before another
 * session of the host sends, as h2_conn.c does, may have all of them share one buffer.
 *
 * That is known of nghttp2's code, not promised by it; so it is done only where the
 * library is the one that the program was built and tested with, and under
 * AddressSanitizer the buffer cannot be read or written while nobody sends: each test
 * then shows that nghttp2 leaves it alone.
 *
 * Threads:   those of the host: one.
 * Ownership: the lender owns the buffer; it outlives its sessions.
 */
#ifndef PL_RPC_H2_LENDER_H
#define PL_RPC_H2_LENDER_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>

struct pl_rpc_h2_lender {
    nghttp2_mem mem;
    void *block; /* NULL until the first session is made */
    size_t block_size;
    bool lends; /* the session being made has not got it yet */
    bool used;  /* somebody sends */
};

/* No sessions yet. Allocates nothing. */
void pl_rpc_h2_lender_init(struct pl_rpc_h2_lender *lender);
void pl_rpc_h2_lender_done(struct pl_rpc_h2_lender *lender); /* after all sessions */

/* nghttp2_session_server_new3() with the lender's memory. Its result. */
int pl_rpc_h2_lender_session(struct pl_rpc_h2_lender *lender,
                             const nghttp2_session_callbacks *callbacks, void *data,
                             const nghttp2_option *option, nghttp2_session **ret_session);

/* Around nghttp2_session_mem_send() and the use of what it returns. */
void pl_rpc_h2_lender_open(struct pl_rpc_h2_lender *lender);
void pl_rpc_h2_lender_close(struct pl_rpc_h2_lender *lender);

#endif
