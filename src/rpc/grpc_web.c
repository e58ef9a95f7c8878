/*
 * grpc_web.c - gRPC-Web's responses (PROTOCOL-WEB): as gRPC's, but the trailers come
 * in the body's last frame, whose flags have the highest bit set, as the lines of
 * an HTTP/1.1 header block.
 */
#include "base/err.h"
#include "rpc/call.h"
#include "rpc/codec.h"
#include "rpc/grpc.h"
#include "rpc/timeout.h"

enum { FLAG_TRAILERS = 0x80 };

static int begin(struct pl_rpc_call *call)
{
    struct pl_rpc_head head;

    pl_rpc_grpc_add_head(&head, call);
    return pl_rpc_call_respond(call, &head, true);
}

static void add_line(struct pl_bytebuf *block, struct pl_bytes name, struct pl_bytes value)
{
    pl_bytebuf_append(block, name.data, name.size);
    pl_bytebuf_append_str(block, ": ");
    pl_bytebuf_append(block, value.data, value.size);
    pl_bytebuf_append_str(block, "\r\n");
}

static int push_trailers(struct pl_rpc_call *call)
{
    struct pl_bytes name, value;
    struct pl_bytebuf block;
    struct pl_buf *buf = NULL;
    int rc;

    pl_bytebuf_init(&block, 2 * PL_RPC_FIELDS_SIZE_MAX);
    add_line(&block, pl_bytes_str("grpc-status"), pl_bytes_str(pl_rpc_grpc_status(call)));
    for (size_t pos = 0; pl_rpc_fields_next(pl_rpc_call_trailers(call), &pos, &name, &value);)
        add_line(&block, name, value);
    if (block.err == PL_OK)
        buf = pl_buf_copy(block.data, block.size);
    rc = buf == NULL ? PL_E_NOMEM : pl_rpc_outbox_push(&call->outbox, buf, FLAG_TRAILERS);
    pl_buf_unref(buf);
    pl_bytebuf_done(&block);
    return rc;
}

static int finish(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    int rc = call->head_submitted ? PL_OK : begin(call);

    pl_rpc_grpc_take_status(call, status);
    return rc < 0 ? rc : push_trailers(call);
}

const struct pl_rpc_codec pl_rpc_grpc_web = {
    .enveloped = true,
    .malformed = PL_CODE_INTERNAL,
    .timeout = "grpc-timeout",
    .encoding = "grpc-encoding",
    .accept = "grpc-accept-encoding",
    .parse_timeout = pl_rpc_timeout_parse,
    .begin = begin,
    .finish = finish,
};
