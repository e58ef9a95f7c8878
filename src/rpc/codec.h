/*
 * codec.h - how a protocol says a call in HTTP, and how its messages are spelled.
 *
 * A call has one format, found by its content-type: gRPC's (PROTOCOL-HTTP2),
 * gRPC-Web's (PROTOCOL-WEB), or one of Connect's (the Connect protocol, "Unary" and
 * "Streaming").
 */
#ifndef PL_RPC_CODEC_H
#define PL_RPC_CODEC_H

#include "base/bytes.h"
#include "rpc/status.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_rpc_call;

struct pl_rpc_codec {
    bool enveloped;         /* messages have envelopes; else the body is the message */
    enum pl_code malformed; /* how a call ends whose request cannot be read */
    const char *timeout;    /* the names of header fields: how long the call may take, */
    const char *encoding;   /* how messages are compressed, */
    const char *accept;     /* how they may be, */
    const char *version;    /* and which version is spoken; NULL: there are none */

    int (*parse_timeout)(struct pl_bytes value, int64_t *ret_timeout_ms);

    /* Hands over the response's head; pl_rpc_call_pull() then gives the body. PL_OK or
     * an error. NULL: the head waits for the status. */
    int (*begin)(struct pl_rpc_call *call);
    /* Takes the call's status in: it goes out after what is queued, or at once. */
    int (*finish)(struct pl_rpc_call *call, const struct pl_rpc_status *status);
    /* Hands over HTTP/2's trailers, after the body. NULL: there are none. */
    int (*trail)(struct pl_rpc_call *call);
};

struct pl_rpc_format {
    const char *content_type; /* in lower case; the response's as well */
    const struct pl_rpc_codec *codec;
    bool json; /* messages are in protobuf's JSON mapping */
    bool text; /* the whole body is in base64 */
};

/* The format of that content-type, or NULL. */
const struct pl_rpc_format *pl_rpc_format_find(struct pl_bytes content_type);

/* The content-type of the same messages where the whole body is in base64; NULL: there
 * is none. */
const char *pl_rpc_format_text(const struct pl_rpc_format *format);

/* Whether an Accept field asks for that (PROTOCOL-WEB). */
bool pl_rpc_format_is_text(struct pl_bytes accept);

/* Connect's formats for one message, which GET names in its query: */
extern const struct pl_rpc_format pl_rpc_connect_json;
extern const struct pl_rpc_format pl_rpc_connect_proto;

extern const struct pl_rpc_codec pl_rpc_grpc;
extern const struct pl_rpc_codec pl_rpc_grpc_web;
extern const struct pl_rpc_codec pl_rpc_connect_stream;
extern const struct pl_rpc_codec pl_rpc_connect_unary;

#endif
