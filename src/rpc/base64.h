/*
 * base64.h - base64 of "-bin" header values (RFC 4648, section 4): padded or not
 * on the way in, not padded on the way out (PROTOCOL-HTTP2, "Custom-Metadata").
 */
#ifndef PL_RPC_BASE64_H
#define PL_RPC_BASE64_H

#include "base/bytes.h"

/* Appends the encoded bytes. */
void pl_rpc_base64_encode(struct pl_bytes data, struct pl_bytebuf *to);

/* Appends what `text` stands for. PL_E_INVALID where it is no base64 (`to` may
 * then hold a part), or the buffer's error. */
int pl_rpc_base64_decode(struct pl_bytes text, struct pl_bytebuf *to);

#endif
