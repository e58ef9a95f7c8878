/*
 * codec.h - how a protocol says a call in HTTP: which requests are its own, and
 * what its responses look like. A call has one, chosen by its content-type.
 *
 * gRPC's is grpc.c (PROTOCOL-HTTP2).
 */
#ifndef PL_RPC_CODEC_H
#define PL_RPC_CODEC_H

#include "base/bytes.h"

#include <stdbool.h>

struct pl_rpc_call;

struct pl_rpc_codec {
    bool (*takes)(struct pl_bytes content_type);

    /* Hands the response to nghttp2; each PL_OK or an error. The headers, after
     * which pl_rpc_call_read() gives the messages: */
    int (*submit_head)(struct pl_rpc_call *call);
    /* The call's status, after the last message: */
    int (*submit_tail)(struct pl_rpc_call *call);
    /* Or headers and status in one, where there is no message: */
    int (*submit_only)(struct pl_rpc_call *call);
};

/* The codec of that content-type, or NULL. */
const struct pl_rpc_codec *pl_rpc_codec_find(struct pl_bytes content_type);

extern const struct pl_rpc_codec pl_rpc_grpc;

#endif
