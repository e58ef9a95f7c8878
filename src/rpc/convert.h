/*
 * convert.h - messages on their way between a handler, which knows protobuf's bytes,
 * and a client that wants JSON, gzip or base64.
 *
 * Ownership: a call owns its pl_rpc_convert, made when it is first needed.
 * Limits:    of a source's messages at most one pull's worth is held.
 */
#ifndef PL_RPC_CONVERT_H
#define PL_RPC_CONVERT_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "rpc/envelope.h"
#include "rpc/text_body.h"

#include <stdbool.h>
#include <sys/types.h>

struct ProtobufCMethodDescriptor;
struct pl_rpc_call;

struct pl_rpc_convert {
    const struct ProtobufCMethodDescriptor *types; /* for JSON */
    struct pl_rpc_reader source;                   /* of the messages that a source gives */
    struct pl_bytebuf staged;                      /* those, converted, with envelopes */
    size_t staged_offset;                          /* how much of it has left */
    struct pl_rpc_text_in text_in;
    struct pl_rpc_text_out text_out;
};

/* Makes call->convert, unless it is there. PL_E_NOMEM. */
int pl_rpc_convert_need(struct pl_rpc_call *call);
void pl_rpc_convert_free(struct pl_rpc_convert *convert);

/* A message for the client, and the flags of its envelope; one reference. Where
 * nothing is to be converted it is `message` itself. PL_E_NOMEM, PL_E_LIMIT; PL_E_INVALID
 * where JSON cannot say it. */
int pl_rpc_convert_out(struct pl_rpc_call *call, struct pl_buf *message, struct pl_buf **ret_buf,
                       uint8_t *ret_flags);

/* Converts what the source has given, and appends it to `staged`. */
int pl_rpc_convert_source(struct pl_rpc_call *call, struct pl_bytes data);

/* Forgets what the source has given. */
void pl_rpc_convert_drop(struct pl_rpc_convert *convert);

/* Moves staged bytes out. */
size_t pl_rpc_convert_pull(struct pl_rpc_convert *convert, uint8_t *to, size_t size);

/* A message from the client: decompressed, and from JSON to protobuf. It is in `to`,
 * unless it is `message` itself. Otherwise *ret_code and `text` say what is wrong. */
bool pl_rpc_convert_in(struct pl_rpc_call *call, struct pl_bytes *message, struct pl_bytebuf *to,
                       enum pl_code *ret_code, struct pl_bytebuf *text);

#endif
