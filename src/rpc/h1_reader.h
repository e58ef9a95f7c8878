/*
 * h1_reader.h - the requests of an HTTP/1.1 connection: bytes in, events out
 * (RFC 9112). llhttp parses; h1_check.h says what it is given, h1_request.h what
 * the fields mean.
 *
 * Requests follow each other, also without waiting for responses (pipelining,
 * section 9.3.2). The reader stops behind each one and does not look at the bytes of
 * the next until pl_rpc_h1_reader_next() says that the response has ended.
 *
 *     HEAD, BODY*, END, next(), HEAD, ...      or at any place: REFUSED, for good
 *
 * Chunks are taken apart; their extensions and the trailers are checked, bounded
 * and dropped. Upgrades are never made: a request that asks for one is read as if it
 * did not (RFC 9110, section 7.8).
 *
 * Threads:   one.
 * Ownership: the request is the reader's, good until next() or done(). A body's bytes
 *            are borrowed from the input.
 * Limits:    limits.h. While a head comes, it holds that head's bytes, at most
 *            PL_RPC_H1_REQUEST_LINE_MAX and its fields; after it, what pl_rpc_h1_request shows;
 * between requests, nothing but itself.
 */
#ifndef PL_RPC_H1_READER_H
#define PL_RPC_H1_READER_H

#include "base/bytes.h"
#include "rpc/h1_check.h"
#include "rpc/h1_request.h"
#include "rpc/limits.h"

#include <llhttp.h>

enum {
    /* A request line. */
    PL_RPC_H1_REQUEST_LINE_MAX =
        PL_RPC_H1_METHOD_SIZE_MAX + PL_RPC_TARGET_SIZE_MAX + (int)sizeof "  HTTP/1.1\r\n" - 1,
};

struct pl_rpc_h1_reader {
    struct pl_rpc_h1_request request; /* from PL_RPC_H1_EVENT_HEAD on */
    struct pl_rpc_h1_refusal refusal; /* with PL_RPC_H1_EVENT_REFUSED */

    /* Private. */
    llhttp_t parser;
    struct pl_rpc_h1_check check;
    struct pl_bytebuf head; /* what has come of one */
    struct pl_bytes target; /* in the head, as llhttp tells them */
    struct pl_bytes name;   /* of the field under way */
    struct pl_bytes value;  /* of the same */
    struct pl_bytes body;   /* what llhttp takes for body in its last bytes */
    uint64_t left;          /* bytes of the body or of the chunk still to come */
    int err;                /* PL_E_NOMEM, for good */
    uint32_t fields_size_max;
    uint8_t state;
    bool head_parsed, message_parsed; /* what llhttp has told of this request */
};

/* Fields of a head, and of trailers, are at most fields_size_max (limits.h). Allocates
 * nothing. It must not move afterwards. */
void pl_rpc_h1_reader_init(struct pl_rpc_h1_reader *reader, uint32_t fields_size_max);
void pl_rpc_h1_reader_done(struct pl_rpc_h1_reader *reader);

enum pl_rpc_h1_event {
    PL_RPC_H1_EVENT_MORE,    /* all of the input is used up */
    PL_RPC_H1_EVENT_HEAD,    /* reader->request is there */
    PL_RPC_H1_EVENT_BODY,    /* some bytes of its body, in ret_body */
    PL_RPC_H1_EVENT_END,     /* the request is whole; next() before the next step */
    PL_RPC_H1_EVENT_REFUSED, /* reader->refusal says why; to be answered, then close */
};

/* Takes bytes off the front of `data` until one of the above holds. To be repeated
 * until MORE, REFUSED or an error, also when no input is left: what follows a HEAD may
 * be an END. ret_body is set with BODY only, to at least a byte.
 *
 * Refused: 400 what is malformed, or may be read in two ways (h1_check.h,
 * h1_request.h, and what llhttp finds); 414 and 431 what is over a limit; 417; 501
 * unknown methods and transfer codings; 505 other versions. A body or trailer may be
 * refused after its head was told. Errors: PL_E_NOMEM. All of these are for good. */
int pl_rpc_h1_reader_feed(struct pl_rpc_h1_reader *reader, struct pl_bytes *data,
                          struct pl_bytes *ret_body);

/* After END of a request that keeps the connection alive: makes ready for the next. */
void pl_rpc_h1_reader_next(struct pl_rpc_h1_reader *reader);

/* Whether no byte of a request has come since init() or next(): a peer that leaves now
 * has broken nothing off. */
bool pl_rpc_h1_reader_idle(const struct pl_rpc_h1_reader *reader);

#endif
