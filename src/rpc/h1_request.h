/*
 * h1_request.h - an HTTP/1.1 request, without its body: what its line and its
 * fields mean (RFC 9112, sections 3 and 6).
 *
 * Ownership: the request owns what it shows, until done.
 * Limits:    the target is at most PL_RPC_TARGET_SIZE_MAX bytes, the fields are at
 *            most what init() says.
 */
#ifndef PL_RPC_H1_REQUEST_H
#define PL_RPC_H1_REQUEST_H

#include "base/bytes.h"
#include "rpc/fields.h"
#include "rpc/h1_check.h"

#include <stdbool.h>

/* RFC 9110, section 9, and RFC 5789. CONNECT is not known: it would make a tunnel of
 * the connection. */
enum pl_rpc_h1_method {
    PL_RPC_H1_GET,
    PL_RPC_H1_HEAD,
    PL_RPC_H1_POST,
    PL_RPC_H1_PUT,
    PL_RPC_H1_DELETE,
    PL_RPC_H1_OPTIONS,
    PL_RPC_H1_TRACE,
    PL_RPC_H1_PATCH,
};

struct pl_rpc_h1_request {
    enum pl_rpc_h1_method method;
    uint8_t minor;               /* the version is HTTP/1.minor: 0 or 1 */
    bool keep_alive;             /* the peer lets the connection go on after this request */
    bool expects_continue;       /* the peer waits for 100 (Continue) before it sends the body */
    bool has_body;               /* one of at least a byte, or in chunks */
    bool chunked;                /* its size is not known */
    uint64_t body_size;          /* unless chunked */
    struct pl_bytes target;      /* begins with '/'; or is "*", which OPTIONS alone may have */
    struct pl_bytes authority;   /* host and port; empty where HTTP/1.0 tells none */
    struct pl_rpc_fields fields; /* as they came, in order; names in lower case, values
                                  * without blanks around, not decoded */
    uint8_t *text;               /* private: memory of target and authority */
};

/* An empty request; allocates nothing. Done frees all, and makes it empty again. */
void pl_rpc_h1_request_init(struct pl_rpc_h1_request *request, size_t fields_size_max);
void pl_rpc_h1_request_done(struct pl_rpc_h1_request *request);

/* The method of that name, which is case-sensitive. */
bool pl_rpc_h1_method_find(struct pl_bytes name, enum pl_rpc_h1_method *ret_method);

/* Fills in the rest of a request that has its method, minor version, fields and
 * keep_alive (which becomes false where a field says close); `target` is as it came.
 * PL_E_NOMEM; PL_E_PROTO: refused, with:
 *
 *     400  Host missing, doubled or malformed (RFC 9112, section 3.2); a target of no
 *          known form; a body whose end two readers might see at different places:
 *          two lengths (equal or not), a length that is no plain number, length and
 *          Transfer-Encoding, one that is chunked not once at its end, or HTTP/1.0
 *          with Transfer-Encoding (section 6)
 *     417  an Expect that is not 100-continue
 *     501  a transfer coding besides chunked */
int pl_rpc_h1_request_finish(struct pl_rpc_h1_request *request, struct pl_bytes target,
                             struct pl_rpc_h1_refusal *ret_refusal);

#endif
