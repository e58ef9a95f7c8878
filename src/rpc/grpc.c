/*
 * grpc.c - gRPC's responses (PROTOCOL-HTTP2, "Responses"):
 *
 *     Response-Headers   :status 200, content-type, custom; grpc-accept-encoding
 *     Trailers           grpc-status, grpc-message, grpc-status-details-bin, custom
 *     Trailers-Only      both in one HEADERS frame, with END_STREAM
 */
#include "rpc/grpc.h"

#include "base/assert.h"
#include "base/base64.h"
#include "rpc/call.h"
#include "rpc/codec.h"
#include "rpc/conn.h"
#include "rpc/cors.h"
#include "rpc/percent.h"
#include "rpc/timeout.h"

/* Which encodings are taken is told to clients that use one, since theirs may not be
 * (gRPC's compression.md); to others it would be a field in each response for nothing. */
void pl_rpc_grpc_add_head(struct pl_rpc_head *head, struct pl_rpc_call *call)
{
    struct pl_bytes encoding;

    pl_rpc_head_init(head, 200);
    pl_rpc_head_add_const(head, "content-type",
                          call->text_out ? pl_rpc_format_text(call->format)
                                         : call->format->content_type);
    if (pl_rpc_call_field(call, "grpc-encoding", &encoding))
        pl_rpc_head_add_const(head, "grpc-accept-encoding", "identity,gzip");
    if (call->compress && call->peer_gzip) {
        call->encoding_told = true;
        pl_rpc_head_add_const(head, "grpc-encoding", "gzip");
    }
    pl_rpc_cors_add(head, call);
    pl_rpc_head_add_all(head, pl_rpc_call_headers(call));
}

const char *pl_rpc_grpc_status(const struct pl_rpc_call *call)
{
    static const char *const numbers[] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                          "9", "10", "11", "12", "13", "14", "15", "16"};

    PL_ASSERT((size_t)call->code < sizeof numbers / sizeof numbers[0]);
    return numbers[call->code];
}

static void add_trailer(struct pl_rpc_call *call, const char *name, const struct pl_bytebuf *text)
{
    if (text->err == PL_OK && pl_rpc_call_need_metadata(call) == PL_OK)
        (void)pl_rpc_fields_add(&call->metadata->trailers, pl_bytes_str(name),
                                (struct pl_bytes){text->data, text->size});
}

/* Where these find no room, the code goes alone: a call's end must not depend on
 * memory. */
void pl_rpc_grpc_take_status(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    struct pl_bytes message = pl_rpc_status_text(status);
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, PL_RPC_FIELDS_SIZE_MAX);
    if (message.size > 0) {
        pl_rpc_percent_encode(message, &text);
        add_trailer(call, "grpc-message", &text);
    }
    if (status->details.size > 0 && status->details.size <= PL_RPC_STATUS_DETAILS_SIZE_MAX) {
        pl_bytebuf_clear(&text);
        pl_base64_encode_bare(status->details, &text);
        add_trailer(call, "grpc-status-details-bin", &text);
    }
    pl_bytebuf_done(&text);
}

static void add_tail(struct pl_rpc_head *head, const struct pl_rpc_call *call)
{
    pl_rpc_head_add_const(head, "grpc-status", pl_rpc_grpc_status(call));
    pl_rpc_head_add_all(head, pl_rpc_call_trailers(call));
}

static int begin(struct pl_rpc_call *call)
{
    struct pl_rpc_head head;

    pl_rpc_grpc_add_head(&head, call);
    return pl_rpc_call_respond(call, &head, true);
}

/* Trailers-Only, where no headers have gone; else trail() has the rest. */
static int finish(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    struct pl_rpc_head head;

    pl_rpc_grpc_take_status(call, status);
    if (call->head_submitted)
        return PL_OK;
    pl_rpc_grpc_add_head(&head, call);
    add_tail(&head, call);
    return pl_rpc_call_respond(call, &head, false);
}

static int trail(struct pl_rpc_call *call)
{
    struct pl_rpc_head trailers;

    pl_rpc_head_init(&trailers, 0);
    add_tail(&trailers, call);
    return call->conn_weak->http->trail(call, &trailers);
}

const struct pl_rpc_codec pl_rpc_grpc = {
    .enveloped = true,
    .malformed = PL_CODE_INTERNAL,
    .timeout = "grpc-timeout",
    .encoding = "grpc-encoding",
    .accept = "grpc-accept-encoding",
    .parse_timeout = pl_rpc_timeout_parse,
    .begin = begin,
    .finish = finish,
    .trail = trail,
};
