/*
 * gzip.h - a message as one gzip member (RFC 1952), for grpc-encoding and
 * content-encoding "gzip".
 *
 * Threads:   any; nothing is shared.
 * Ownership: both append to `out` and own nothing after; where they fail, `out`
 *            is as it was.
 * Limits:    memory grows with what has been decompressed so far, in steps, and
 *            never with what the data says of itself.
 */
#ifndef PL_RPC_GZIP_H
#define PL_RPC_GZIP_H

#include "base/bytes.h"

/* Appends the data, compressed. PL_E_NOMEM; PL_E_LIMIT where `out` would grow
 * beyond its maximum. */
int pl_rpc_gzip(struct pl_bytes data, struct pl_bytebuf *out);

/* Appends what the data decompresses to. PL_E_LIMIT the moment that it would be
 * more than size_max bytes, or beyond the maximum of `out`; PL_E_INVALID where the
 * data is not exactly one whole gzip member (other formats, damage, a wrong
 * checksum, an early end, bytes behind the end); PL_E_NOMEM. */
int pl_rpc_gunzip(struct pl_bytes data, size_t size_max, struct pl_bytebuf *out);

#endif
