/*
 * client_call.c - the life of a call on the client, and its request.
 *
 * A call may be over for its owner before its stream is gone: cancelled, past its
 * deadline, broken. Its struct then waits for nghttp2, which may still ask for it.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "rpc/client_inner.h"
#include "rpc/gzip.h"
#include "rpc/h2.h"
#include "rpc/limits.h"
#include "rpc/timeout.h"

#include <stdio.h>
#include <string.h>

enum {
    OWN_FIELDS_LEN = 11,     /* see submit() */
    GZIP_OVERHEAD_SIZE = 18, /* head and end of a member (RFC 1952, section 2.3) */
    ATTEMPTS_TEXT_SIZE = 11,
};

void pl_rpc_client_call_free(struct pl_rpc_client_call *call)
{
    PL_ASSERT(call->client_weak->calls_len > 0);
    call->client_weak->calls_len--;
    pl_list_remove(&call->node);
    pl_rpc_outbox_done(&call->outbox);
    pl_rpc_reader_done(&call->reader);
    pl_rpc_fields_done(&call->headers);
    pl_rpc_fields_done(&call->trailers);
    pl_bytebuf_done(&call->message);
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
    if (pl_rpc_outbox_len(&call->outbox) == 0 && call->half_closed) {
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)moved;
    }
    if (moved == 0) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)moved;
}

void pl_rpc_client_call_on_sent(struct pl_rpc_client_call *call)
{
    if (pl_rpc_outbox_len(&call->outbox) == 0 && !call->over && !call->half_closed &&
        call->ops.on_drained != NULL)
        call->ops.on_drained(call->ops.self);
}

static int submit(struct pl_rpc_client_call *call, const struct pl_rpc_client_request *request,
                  const struct pl_rpc_fields *custom)
{
    const struct pl_rpc_client *client = call->client_weak;
    nghttp2_nv fields[OWN_FIELDS_LEN + PL_RPC_FIELDS_LEN_MAX];
    nghttp2_data_provider provider = {.read_callback = on_read};
    char timeout[PL_RPC_TIMEOUT_TEXT_SIZE], attempts[ATTEMPTS_TEXT_SIZE];
    struct pl_bytes name, value;
    size_t len = 0;

    fields[len++] = pl_rpc_h2_const(":method", "POST");
    fields[len++] = pl_rpc_h2_const(":scheme", client->https ? "https" : "http");
    fields[len++] = pl_rpc_h2_field(pl_bytes_str(":path"), pl_bytes_str(request->path));
    fields[len++] = pl_rpc_h2_field(pl_bytes_str(":authority"), pl_bytes_str(client->authority));
    if (request->timeout_ms > 0) {
        pl_rpc_timeout_format(request->timeout_ms, timeout);
        fields[len++] = pl_rpc_h2_field(pl_bytes_str("grpc-timeout"), pl_bytes_str(timeout));
    }
    fields[len++] = pl_rpc_h2_const("te", "trailers");
    fields[len++] = pl_rpc_h2_const("content-type", "application/grpc");
    fields[len++] = pl_rpc_h2_field(pl_bytes_str("user-agent"), pl_bytes_str(client->user_agent));
    if (request->gzip)
        fields[len++] = pl_rpc_h2_const("grpc-encoding", "gzip");
    fields[len++] = pl_rpc_h2_const("grpc-accept-encoding", "identity, gzip");
    if (request->attempts > 0) {
        snprintf(attempts, sizeof attempts, "%u", (unsigned)request->attempts);
        fields[len++] =
            pl_rpc_h2_field(pl_bytes_str("grpc-previous-rpc-attempts"), pl_bytes_str(attempts));
    }
    PL_ASSERT(len <= OWN_FIELDS_LEN);
    for (size_t pos = 0; pl_rpc_fields_next(custom, &pos, &name, &value);)
        fields[len++] = pl_rpc_h2_field(name, value);

    call->stream_id = nghttp2_submit_request(client->session, NULL, fields, len, &provider, call);
    return pl_rpc_h2_err(call->stream_id);
}

static int call_new(struct pl_rpc_client *client, const struct pl_rpc_client_request *request,
                    const struct pl_rpc_client_call_ops *ops, struct pl_rpc_client_call **ret_call)
{
    struct pl_rpc_client_call *call = pl_zalloc(sizeof *call);

    if (call == NULL)
        return PL_E_NOMEM;
    client->calls_len++;
    call->client_weak = client;
    call->ops = *ops;
    call->gzip = request->gzip;
    call->compress = request->gzip;
    call->one_reply = request->one_reply;
    call->deadline_ms = request->timeout_ms > 0
                            ? pl_rpc_timeout_after(client->now_ms, request->timeout_ms)
                            : INT64_MAX;
    pl_list_init(&call->node);
    pl_rpc_reader_init(&call->reader, client->message_size_max);
    pl_rpc_fields_init(&call->headers, PL_RPC_CLIENT_HEADERS_SIZE_MAX);
    pl_rpc_fields_init(&call->trailers, PL_RPC_CLIENT_HEADERS_SIZE_MAX);
    pl_bytebuf_init(&call->message, PL_RPC_CLIENT_HEADERS_SIZE_MAX);
    *ret_call = call;
    return PL_OK;
}

int pl_rpc_client_begin(struct pl_rpc_client *client, const struct pl_rpc_client_request *request,
                        const struct pl_rpc_client_call_ops *ops,
                        struct pl_rpc_client_call **ret_call)
{
    struct pl_rpc_client_call *call;
    struct pl_rpc_fields custom;
    int rc;

    PL_ASSERT(request->path[0] == '/');
    if (client->failed < 0 || client->draining)
        return PL_E_CLOSED;
    if (client->calls_len >= PL_RPC_CLIENT_CALLS_MAX)
        return PL_E_LIMIT;
    rc = call_new(client, request, ops, &call);
    if (rc < 0)
        return rc;

    pl_rpc_fields_init(&custom, PL_RPC_FIELDS_SIZE_MAX);
    for (size_t i = 0; i < request->metadata_len && rc == PL_OK; i++)
        rc = pl_rpc_fields_add_custom(&custom, request->metadata[i].name,
                                      request->metadata[i].value);
    if (rc == PL_OK)
        rc = submit(call, request, &custom);
    pl_rpc_fields_done(&custom);
    if (rc < 0) {
        client->draining = client->draining || rc == PL_E_CLOSED; /* stream ids are used up */
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

int pl_rpc_client_start(struct pl_rpc_client *client, const char *path,
                        const struct pl_rpc_metadata *metadata, size_t metadata_len,
                        int64_t timeout_ms, const struct pl_rpc_client_call_ops *ops,
                        struct pl_rpc_client_call **ret_call)
{
    const struct pl_rpc_client_request request = {
        .path = path, .metadata = metadata, .metadata_len = metadata_len, .timeout_ms = timeout_ms};

    return pl_rpc_client_begin(client, &request, ops, ret_call);
}

static void resume_data(struct pl_rpc_client_call *call)
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

/* The message compressed, or NULL in *ret_buf where that would not be smaller. */
static int compress(struct pl_bytes message, struct pl_buf **ret_buf)
{
    struct pl_bytebuf packed;
    int rc;

    *ret_buf = NULL;
    if (message.size <= GZIP_OVERHEAD_SIZE)
        return PL_OK;
    pl_bytebuf_init(&packed, message.size - 1);
    rc = pl_rpc_gzip(message, &packed);
    if (rc == PL_OK) {
        *ret_buf = pl_buf_copy(packed.data, packed.size);
        if (*ret_buf == NULL)
            rc = PL_E_NOMEM;
    }
    pl_bytebuf_done(&packed);
    return rc == PL_E_LIMIT ? PL_OK : rc;
}

int pl_rpc_client_send(struct pl_rpc_client_call *call, struct pl_bytes message)
{
    struct pl_buf *buf = NULL;
    uint8_t flags = PL_RPC_FLAG_COMPRESSED;
    int rc = PL_OK;

    if (!writable(call))
        return PL_E_CLOSED;
    if (message.size > PL_BUF_SIZE_MAX)
        return PL_E_LIMIT;
    if (call->compress)
        rc = compress(message, &buf);
    if (rc < 0)
        return rc;
    if (buf == NULL) {
        flags = 0;
        buf = pl_buf_copy(message.data, message.size);
    }
    if (buf == NULL)
        return PL_E_NOMEM;
    rc = pl_rpc_outbox_push(&call->outbox, buf, flags);
    pl_buf_unref(buf);
    if (rc < 0)
        return rc;
    resume_data(call);
    return PL_OK;
}

void pl_rpc_client_half_close(struct pl_rpc_client_call *call)
{
    if (!writable(call))
        return;
    call->half_closed = true;
    resume_data(call);
}

void pl_rpc_client_call_over(struct pl_rpc_client_call *call, enum pl_code code,
                             const char *message, bool processed)
{
    struct pl_rpc_status status = {.code = code, .message = message};

    if (call->over)
        return;
    status.broken = !call->ended && call->error_code == NGHTTP2_INTERNAL_ERROR;
    if (call->ended)
        (void)pl_rpc_fields_find(&call->trailers, "grpc-status-details-bin", &status.details);
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
    pl_rpc_client_call_over(call, code, message, call->sent);
    pl_rpc_client_want_send(client);
}

void pl_rpc_client_cancel(struct pl_rpc_client_call *call)
{
    pl_rpc_client_call_abort(call, PL_CODE_CANCELLED, "cancelled");
}

void pl_rpc_client_call_compress(struct pl_rpc_client_call *call, bool on)
{
    PL_ASSERT(call->gzip || !on); /* or the server would not know the flag */
    call->compress = on;
}

size_t pl_rpc_client_call_queue_size(const struct pl_rpc_client_call *call)
{
    return pl_rpc_outbox_size(&call->outbox);
}

void pl_rpc_client_call_consume(struct pl_rpc_client_call *call)
{
    int rv;

    if (call->paused || call->over || call->stream_id == 0)
        return;
    rv = nghttp2_session_consume_stream(call->client_weak->session, call->stream_id,
                                        call->unconsumed);
    if (rv < 0)
        pl_rpc_client_fail(call->client_weak, pl_rpc_h2_err(rv));
    call->unconsumed = 0;
}

void pl_rpc_client_call_pause(struct pl_rpc_client_call *call)
{
    call->paused = true;
}

void pl_rpc_client_call_resume(struct pl_rpc_client_call *call)
{
    if (!call->paused)
        return;
    call->paused = false;
    pl_rpc_client_call_consume(call);
    pl_rpc_client_want_send(call->client_weak);
}
