/*
 * h1_head.h - writing responses of HTTP/1.1 (RFC 9112): the head, and chunks around
 * a body's parts.
 *
 *     begin(), field()*, end(), then the body as `end` was told: bytes; or for each
 *     part chunk_begin(), the part, chunk_end(), and chunks_end() at last
 *
 * All is added to a buffer, whose own `err` tells at the end whether there was room.
 */
#ifndef PL_RPC_H1_HEAD_H
#define PL_RPC_H1_HEAD_H

#include "base/bytes.h"

#include <stdbool.h>

/* How a response's end is told (RFC 9112, section 6.3). */
enum pl_rpc_h1_framing {
    PL_RPC_H1_NO_BODY, /* none, and no length either: 204 and 304 */
    PL_RPC_H1_LENGTH,  /* content-length; also what HEAD is answered with */
    PL_RPC_H1_CHUNKED, /* peers of HTTP/1.1 only */
    PL_RPC_H1_CLOSE,   /* it ends with the connection, as peers of HTTP/1.0 want it */
};

/* The status line. `status` has three digits. */
void pl_rpc_h1_head_begin(struct pl_bytebuf *out, int status);

/* A field, as it is. PL_E_INVALID, and nothing is added: where the name is no token;
 * the value has a control character, or a blank at an end; or where it is a field by
 * which end() tells the length and the connection's fate, or Upgrade. */
int pl_rpc_h1_head_field(struct pl_bytebuf *out, struct pl_bytes name, struct pl_bytes value);

/* The last fields and the empty line. `size` counts with LENGTH only. With CLOSE,
 * keep_alive is false. */
void pl_rpc_h1_head_end(struct pl_bytebuf *out, bool keep_alive, enum pl_rpc_h1_framing framing,
                        uint64_t size);

/* A chunk of `size` bytes, at least one: a line in front of it, and one behind. */
void pl_rpc_h1_chunk_begin(struct pl_bytebuf *out, size_t size);
void pl_rpc_h1_chunk_end(struct pl_bytebuf *out);

/* The end of a body in chunks; without trailers. */
void pl_rpc_h1_chunks_end(struct pl_bytebuf *out);

/* The whole of 100 (Continue): to a peer that waits for it before it sends its body. */
void pl_rpc_h1_continue(struct pl_bytebuf *out);

#endif
