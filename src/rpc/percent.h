/*
 * percent.h - percent-encoding of grpc-message (PROTOCOL-HTTP2, "Percent-Encoded").
 */
#ifndef PL_RPC_PERCENT_H
#define PL_RPC_PERCENT_H

#include "base/bytes.h"

/* Appends `text`: bytes outside of ' ' to '~', and '%', as %XX. */
void pl_rpc_percent_encode(struct pl_bytes text, struct pl_bytebuf *to);

/* Appends what `text` stands for. A '%' that two hexadecimal digits do not follow
 * stands for itself: a status is never lost for its message. */
void pl_rpc_percent_decode(struct pl_bytes text, struct pl_bytebuf *to);

#endif
