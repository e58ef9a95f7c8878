/*
 * client_call.c - the life of a call on the client.
 *
 * A call may be over for its owner before its stream is gone: cancelled, past its
 * deadline, broken. Its struct then waits for nghttp2, which may still ask for it.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "rpc/base64.h"
#include "rpc/client_inner.h"
#include "rpc/fields.h"
#include "rpc/h2.h"
#include "rpc/limits.h"
#include "rpc/percent.h"
#include "rpc/timeout.h"

#include <stdio.h>
#include <string.h>

enum {
    TEXT_SIZE = 128,
    OWN_FIELDS_LEN = 9, /* see submit() */
};

void pl_rpc_client_call_free(struct pl_rpc_client_call *call)
{
    if (call == NULL)
        return;
    pl_list_remove(&call->node);
    pl_rpc_outbox_done(&call->outbox);
    pl_rpc_reader_done(&call->reader);
    pl_bytebuf_done(&call->message);
    pl_bytebuf_done(&call->details);
    pl_free(call);
}

static ssize_t on_read(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size,
                       uint32_t *data_flags, nghttp2_data_source *source, void *self)
{
    struct pl_rpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    size_t moved;

    (void)source;
    (void)self;
    if (call == NULL || call->over)
        return NGHTTP2_ERR_DEFERRED; /* a reset comes next */
    moved = pl_rpc_outbox_pull(&call->outbox, to, size);
    if (call->outbox.len == 0 && call->half_closed) {
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)moved;
    }
    if (moved == 0) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)moved;
}

static int submit(struct pl_rpc_client_call *call, const char *path, int64_t timeout_ms,
                  const struct pl_rpc_fields *custom)
{
    nghttp2_nv fields[OWN_FIELDS_LEN + PL_RPC_FIELDS_LEN_MAX];
    nghttp2_data_provider provider = {.read_callback = on_read};
    char timeout[PL_RPC_TIMEOUT_TEXT_SIZE];
    struct pl_bytes name, value;
    size_t len = 0;

    fields[len++] = pl_rpc_h2_const(":method", "POST");
    fields[len++] = pl_rpc_h2_const(":scheme", "http");
    fields[len++] = pl_rpc_h2_field(pl_bytes_str(":path"), pl_bytes_str(path));
    fields[len++] =
        pl_rpc_h2_field(pl_bytes_str(":authority"), pl_bytes_str(call->client_weak->authority));
    if (timeout_ms > 0) {
        pl_rpc_timeout_format(timeout_ms, timeout);
        fields[len++] = pl_rpc_h2_field(pl_bytes_str("grpc-timeout"), pl_bytes_str(timeout));
    }
    fields[len++] = pl_rpc_h2_const("te", "trailers");
    fields[len++] = pl_rpc_h2_const("content-type", "application/grpc");
    fields[len++] = pl_rpc_h2_const("user-agent", "grpc-c-parla");
    fields[len++] = pl_rpc_h2_const("grpc-accept-encoding", "identity");
    PL_ASSERT(len <= OWN_FIELDS_LEN);
    for (size_t pos = 0; pl_rpc_fields_next(custom, &pos, &name, &value);)
        fields[len++] = pl_rpc_h2_field(name, value);

    call->stream_id =
        nghttp2_submit_request(call->client_weak->session, NULL, fields, len, &provider, call);
    return pl_rpc_h2_err(call->stream_id);
}

int pl_rpc_client_start(struct pl_rpc_client *client, const char *path,
                        const struct pl_rpc_metadata *metadata, size_t metadata_len,
                        int64_t timeout_ms, const struct pl_rpc_client_call_ops *ops,
                        struct pl_rpc_client_call **ret_call)
{
    struct pl_rpc_client_call *call;
    struct pl_rpc_fields custom;
    int rc = PL_OK;

    PL_ASSERT(path[0] == '/');
    if (client->failed < 0)
        return client->failed;
    if (client->draining)
        return PL_E_CLOSED;
    call = pl_zalloc(sizeof *call);
    if (call == NULL)
        return PL_E_NOMEM;
    call->client_weak = client;
    call->ops = *ops;
    call->deadline_ms =
        timeout_ms > 0 ? pl_rpc_timeout_after(client->now_ms, timeout_ms) : INT64_MAX;
    pl_list_init(&call->node);
    pl_rpc_reader_init(&call->reader, PL_RPC_MESSAGE_SIZE_MAX);
    pl_bytebuf_init(&call->message, PL_RPC_FIELDS_SIZE_MAX);
    pl_bytebuf_init(&call->details, PL_RPC_FIELDS_SIZE_MAX);

    pl_rpc_fields_init(&custom, PL_RPC_FIELDS_SIZE_MAX);
    for (size_t i = 0; i < metadata_len && rc == PL_OK; i++)
        rc = pl_rpc_fields_add_custom(&custom, metadata[i].name, metadata[i].value);
    if (rc == PL_OK)
        rc = submit(call, path, timeout_ms, &custom);
    pl_rpc_fields_done(&custom);
    if (rc < 0) {
        pl_rpc_client_call_free(call);
        return rc;
    }
    if (pl_list_empty(&client->calls))
        client->heard_ms = client->now_ms; /* silence counts from here */
    pl_list_append(&client->calls, &call->node);
    pl_rpc_client_want_send(client);
    *ret_call = call;
    return PL_OK;
}

static void resume(struct pl_rpc_client_call *call)
{
    int rv;

    if (call->deferred) {
        call->deferred = false;
        rv = nghttp2_session_resume_data(call->client_weak->session, call->stream_id);
        if (rv < 0)
            pl_rpc_client_fail(call->client_weak, pl_rpc_h2_err(rv));
    }
    pl_rpc_client_want_send(call->client_weak);
}

/* Whether the call's stream may still be written to. */
static bool writable(const struct pl_rpc_client_call *call)
{
    return !call->over && call->stream_id > 0 && !call->half_closed;
}

int pl_rpc_client_send(struct pl_rpc_client_call *call, struct pl_bytes message)
{
    struct pl_buf *buf;
    int rc;

    if (!writable(call))
        return PL_E_CLOSED;
    buf = pl_buf_copy(message.data, message.size);
    if (buf == NULL)
        return message.size > PL_BUF_SIZE_MAX ? PL_E_LIMIT : PL_E_NOMEM;
    rc = pl_rpc_outbox_push(&call->outbox, buf, 0);
    pl_buf_unref(buf);
    if (rc < 0)
        return rc;
    resume(call);
    return PL_OK;
}

void pl_rpc_client_half_close(struct pl_rpc_client_call *call)
{
    if (!writable(call))
        return;
    call->half_closed = true;
    resume(call);
}

void pl_rpc_client_call_over(struct pl_rpc_client_call *call, enum pl_code code,
                             const char *message, bool processed)
{
    struct pl_rpc_status status = {
        .code = code,
        .message = message,
        .details = {call->details.data, call->details.size},
    };

    if (call->over)
        return;
    call->over = true;
    call->ops.on_close(call->ops.self, &status, processed);
}

void pl_rpc_client_call_abort(struct pl_rpc_client_call *call, enum pl_code code,
                              const char *message)
{
    struct pl_rpc_client *client = call->client_weak;
    int rv;

    if (call->over)
        return;
    if (call->stream_id > 0) {
        rv = nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                       NGHTTP2_CANCEL);
        if (rv < 0)
            pl_rpc_client_fail(client, pl_rpc_h2_err(rv));
    }
    pl_bytebuf_clear(&call->details);
    pl_rpc_client_call_over(call, code, message, call->sent);
    pl_rpc_client_want_send(client);
}

void pl_rpc_client_cancel(struct pl_rpc_client_call *call)
{
    pl_rpc_client_call_abort(call, PL_CODE_CANCELLED, "cancelled");
}

/* grpc-status: what is no code is UNKNOWN (statuscodes.md). */
static enum pl_code code_parse(struct pl_bytes text)
{
    unsigned code = 0;

    if (text.size < 1 || text.size > 2)
        return PL_CODE_UNKNOWN;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return PL_CODE_UNKNOWN;
        code = code * 10 + (unsigned)(text.data[i] - '0');
    }
    return code <= PL_CODE_UNAUTHENTICATED ? (enum pl_code)code : PL_CODE_UNKNOWN;
}

static int http_status_parse(struct pl_bytes text)
{
    int status = 0;

    for (size_t i = 0; i < text.size && i < 3; i++)
        status = status * 10 + (text.data[i] - '0'); /* nghttp2 has seen to three digits */
    return status;
}

int pl_rpc_client_call_on_header(struct pl_rpc_client_call *call, struct pl_bytes name,
                                 struct pl_bytes value, bool last)
{
    static const char grpc_type[] = "application/grpc";

    if (pl_bytes_is(name, ":status")) {
        call->http_status = http_status_parse(value);
    } else if (pl_bytes_is(name, "content-type")) {
        call->is_grpc = value.size >= sizeof grpc_type - 1 &&
                        memcmp(value.data, grpc_type, sizeof grpc_type - 1) == 0;
    } else if (last && pl_bytes_is(name, "grpc-status")) {
        call->has_code = true;
        call->code = code_parse(value);
    } else if (last && pl_bytes_is(name, "grpc-message")) {
        pl_bytebuf_clear(&call->message);
        pl_rpc_percent_decode(value, &call->message);
    } else if (last && pl_bytes_is(name, "grpc-status-details-bin")) {
        pl_bytebuf_clear(&call->details);
        if (pl_rpc_base64_decode(value, &call->details) == PL_E_INVALID)
            pl_bytebuf_clear(&call->details); /* code and message still hold */
    }
    return call->message.err == PL_E_NOMEM || call->details.err == PL_E_NOMEM ? PL_E_NOMEM : PL_OK;
}

void pl_rpc_client_call_on_headers(struct pl_rpc_client_call *call, bool last)
{
    char text[TEXT_SIZE];

    if (last || call->http_status < 200)
        return; /* the stream's end decides; or informational headers */
    if (call->http_status != 200) {
        snprintf(text, sizeof text, "HTTP status %d", call->http_status);
        pl_rpc_client_call_abort(call, pl_rpc_http_code(call->http_status), text);
    } else if (!call->is_grpc) {
        pl_rpc_client_call_abort(call, PL_CODE_UNKNOWN, "the response is not gRPC");
    }
}

void pl_rpc_client_call_on_data(struct pl_rpc_client_call *call, struct pl_bytes data)
{
    struct pl_bytes message;
    char text[TEXT_SIZE];
    int rc;

    while (!call->over) {
        rc = pl_rpc_reader_feed(&call->reader, &data, &message);
        if (rc == PL_RPC_READ_MORE)
            return;
        if (rc == PL_RPC_READ_HEAD) {
            if (pl_rpc_reader_flags(&call->reader) != 0)
                pl_rpc_client_call_abort(call, PL_CODE_INTERNAL,
                                         "a compressed message, though none was asked for");
        } else if (rc == PL_RPC_READ_MESSAGE) {
            call->ops.on_message(call->ops.self, message);
            pl_rpc_reader_drop(&call->reader);
        } else if (rc == PL_E_LIMIT) {
            snprintf(text, sizeof text, "a message of %zu bytes, of at most %d",
                     pl_rpc_reader_size(&call->reader), PL_RPC_MESSAGE_SIZE_MAX);
            pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, text);
        } else {
            pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
}

/* The status of a stream that has ended. */
static void over_by_stream(struct pl_rpc_client_call *call)
{
    char text[TEXT_SIZE];

    if (call->has_code) {
        if (call->code == PL_CODE_OK && !pl_rpc_reader_between(&call->reader)) {
            pl_rpc_client_call_over(call, PL_CODE_INTERNAL, "the response ends within a message",
                                    true);
            return;
        }
        pl_rpc_client_call_over(call, call->code, pl_bytebuf_cstr(&call->message), true);
    } else if (!call->sent) {
        pl_rpc_client_call_over(call, PL_CODE_UNAVAILABLE, "the server takes no more calls", false);
    } else if (call->error_code != NGHTTP2_NO_ERROR) {
        snprintf(text, sizeof text, "the stream was reset: %s",
                 nghttp2_http2_strerror(call->error_code));
        pl_rpc_client_call_over(call, pl_rpc_h2_code(call->error_code), text,
                                call->error_code != NGHTTP2_REFUSED_STREAM);
    } else if (call->http_status != 200) {
        snprintf(text, sizeof text, "HTTP status %d", call->http_status);
        pl_rpc_client_call_over(
            call, call->http_status == 0 ? PL_CODE_INTERNAL : pl_rpc_http_code(call->http_status),
            text, true);
    } else {
        pl_rpc_client_call_over(call, PL_CODE_UNKNOWN, "the response has no grpc-status", true);
    }
}

void pl_rpc_client_call_reap(struct pl_rpc_client_call *call)
{
    over_by_stream(call);
    pl_rpc_client_call_free(call);
}
