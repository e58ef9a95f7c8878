/*
 * connect.c - Connect's responses (the Connect protocol).
 *
 * Unary: HTTP's status tells how it went. The body is the message, bare, or an
 * error in JSON; so nothing leaves before the call is finished.
 * Streaming: as gRPC's, but how it ended comes in the body's last frame, in JSON.
 */
#include "base/err.h"
#include "rpc/call.h"
#include "rpc/codec.h"
#include "rpc/conn.h"
#include "rpc/connect_json.h"
#include "rpc/cors.h"
#include "rpc/number.h"

#include <string.h>

enum {
    FLAG_END_STREAM = 0x02,
    TIMEOUT_DIGITS_MAX = 10,
};

static int parse_timeout(struct pl_bytes value, int64_t *ret_timeout_ms)
{
    uint64_t timeout_ms = pl_rpc_number(value);

    if (value.size > TIMEOUT_DIGITS_MAX || timeout_ms > INT64_MAX)
        return PL_E_INVALID;
    *ret_timeout_ms = (int64_t)timeout_ms;
    return PL_OK;
}

/* HTTP's status of a unary call that failed ("Error Codes"). */
static int http_status(const struct pl_rpc_call *call)
{
    static const int statuses[] = {
        [PL_CODE_OK] = 500, /* no error has it */
        [PL_CODE_CANCELLED] = 499,
        [PL_CODE_UNKNOWN] = 500,
        [PL_CODE_INVALID_ARGUMENT] = 400,
        [PL_CODE_DEADLINE_EXCEEDED] = 504,
        [PL_CODE_NOT_FOUND] = 404,
        [PL_CODE_ALREADY_EXISTS] = 409,
        [PL_CODE_PERMISSION_DENIED] = 403,
        [PL_CODE_RESOURCE_EXHAUSTED] = 429,
        [PL_CODE_FAILED_PRECONDITION] = 400,
        [PL_CODE_ABORTED] = 409,
        [PL_CODE_OUT_OF_RANGE] = 400,
        [PL_CODE_UNIMPLEMENTED] = 501,
        [PL_CODE_INTERNAL] = 500,
        [PL_CODE_UNAVAILABLE] = 503,
        [PL_CODE_DATA_LOSS] = 500,
        [PL_CODE_UNAUTHENTICATED] = 401,
    };

    return call->http_status != 0 ? call->http_status : statuses[call->code];
}

/* A unary response carries what others have as trailers in its headers. */
static int add_trailers(struct pl_rpc_fields *to, const struct pl_rpc_fields *trailers)
{
    struct pl_bytes name, value;
    int rc = PL_OK;

    for (size_t pos = 0; rc == PL_OK && pl_rpc_fields_next(trailers, &pos, &name, &value);) {
        struct pl_bytebuf text;

        pl_bytebuf_init(&text, PL_RPC_FIELDS_SIZE_MAX);
        pl_bytebuf_append_str(&text, "trailer-");
        pl_bytebuf_append(&text, name.data, name.size);
        rc = text.err < 0 ? text.err
                          : pl_rpc_fields_add(to, (struct pl_bytes){text.data, text.size}, value);
        pl_bytebuf_done(&text);
    }
    return rc;
}

/* Hands over the response whose body is the one item in the outbox, if any. */
static int respond(struct pl_rpc_call *call, int status, const char *content_type, bool gzipped)
{
    struct pl_rpc_fields trailers;
    struct pl_rpc_head head;
    int rc;

    pl_rpc_head_init(&head, status);
    pl_rpc_head_add_const(&head, "content-type", content_type);
    pl_rpc_head_add_const(&head, "accept-encoding", "gzip");
    if (gzipped)
        pl_rpc_head_add_const(&head, "content-encoding", "gzip");
    pl_rpc_head_set_size(&head, pl_rpc_outbox_size(&call->outbox));
    pl_rpc_cors_add(&head, call);
    pl_rpc_head_add_all(&head, pl_rpc_call_headers(call));
    pl_rpc_fields_init(&trailers, 2 * PL_RPC_FIELDS_SIZE_MAX);
    rc = add_trailers(&trailers, pl_rpc_call_trailers(call));
    if (rc == PL_OK) {
        pl_rpc_head_add_all(&head, &trailers);
        rc = pl_rpc_call_respond(call, &head, pl_rpc_outbox_size(&call->outbox) > 0);
    }
    pl_rpc_fields_done(&trailers);
    return rc;
}

static int respond_error(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    struct pl_buf *body;
    int rc = pl_rpc_connect_error(status, &body);

    call->code = status->code;
    pl_rpc_outbox_done(&call->outbox);
    if (rc == PL_OK) {
        rc = pl_rpc_outbox_push_bare(&call->outbox, body);
        pl_buf_unref(body);
    }
    /* Without memory for the body, HTTP's status tells. */
    (void)rc;
    return respond(call, http_status(call), "application/json", false);
}

static int unary_finish(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    static const struct pl_rpc_status nothing = {
        .code = PL_CODE_INTERNAL,
        .message = "the call ended without a response",
    };
    static const struct pl_rpc_status too_many = {
        .code = PL_CODE_INTERNAL,
        .message = "the call ended with more than one response",
    };
    bool gzipped;

    if (status->code != PL_CODE_OK)
        return respond_error(call, status);
    if (pl_rpc_outbox_len(&call->outbox) == 0)
        return respond_error(call, &nothing);
    if (pl_rpc_outbox_len(&call->outbox) > 1)
        return respond_error(call, &too_many);
    gzipped = (pl_rpc_outbox_first(&call->outbox)->flags & PL_RPC_FLAG_COMPRESSED) != 0;
    pl_rpc_outbox_make_bare(&call->outbox);
    return respond(call, 200, call->format->content_type, gzipped);
}

static int stream_begin(struct pl_rpc_call *call)
{
    struct pl_rpc_head head;

    pl_rpc_head_init(&head, 200);
    pl_rpc_head_add_const(&head, "content-type", call->format->content_type);
    pl_rpc_head_add_const(&head, "connect-accept-encoding", "gzip");
    if (call->compress && call->peer_gzip) {
        call->encoding_told = true;
        pl_rpc_head_add_const(&head, "connect-content-encoding", "gzip");
    }
    pl_rpc_cors_add(&head, call);
    pl_rpc_head_add_all(&head, pl_rpc_call_headers(call));
    return pl_rpc_call_respond(call, &head, true);
}

static int stream_finish(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    struct pl_buf *end = NULL;
    int rc = call->head_submitted ? PL_OK : stream_begin(call);

    if (rc == PL_OK)
        rc = pl_rpc_connect_end(status, pl_rpc_call_trailers(call), &end);
    if (rc < 0)
        return rc;
    rc = pl_rpc_outbox_push(&call->outbox, end, FLAG_END_STREAM);
    pl_buf_unref(end);
    return rc;
}

const struct pl_rpc_codec pl_rpc_connect_unary = {
    .enveloped = false,
    .malformed = PL_CODE_INVALID_ARGUMENT,
    .timeout = "connect-timeout-ms",
    .encoding = "content-encoding",
    .accept = "accept-encoding",
    .version = "connect-protocol-version",
    .parse_timeout = parse_timeout,
    .finish = unary_finish,
};

const struct pl_rpc_codec pl_rpc_connect_stream = {
    .enveloped = true,
    .malformed = PL_CODE_INVALID_ARGUMENT,
    .timeout = "connect-timeout-ms",
    .encoding = "connect-content-encoding",
    .accept = "connect-accept-encoding",
    .version = "connect-protocol-version",
    .parse_timeout = parse_timeout,
    .begin = stream_begin,
    .finish = stream_finish,
};
