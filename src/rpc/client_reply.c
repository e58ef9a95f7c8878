/*
 * client_reply.c - what a call's stream brings: headers, messages, trailers
 * (PROTOCOL-HTTP2, "Responses").
 *
 * The first header block that is not informational is the response's headers,
 * unless the stream ends with it: then all of it is trailers ("Trailers-Only").
 * grpc-status counts once the block that holds it has come whole and in order.
 */
#include "base/assert.h"
#include "rpc/client_inner.h"
#include "rpc/gzip.h"
#include "rpc/h2.h"
#include "rpc/limits.h"
#include "rpc/percent.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 128 + PL_RPC_CLIENT_WHY_SIZE };

static const char no_memory[] = "out of memory";

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

/* "application/grpc", alone or before "+proto" or a parameter. */
static bool is_grpc_type(struct pl_bytes value)
{
    static const char type[] = "application/grpc";
    size_t size = sizeof type - 1;

    if (value.size < size || memcmp(value.data, type, size) != 0)
        return false;
    return value.size == size || value.data[size] == '+' || value.data[size] == ';';
}

static enum pl_rpc_client_encoding encoding_parse(struct pl_bytes value)
{
    if (pl_bytes_is(value, "identity"))
        return PL_RPC_ENCODING_IDENTITY;
    return pl_bytes_is(value, "gzip") ? PL_RPC_ENCODING_GZIP : PL_RPC_ENCODING_OTHER;
}

/* Keeps a field for the call's owner. */
static void keep_field(struct pl_rpc_client_call *call, struct pl_rpc_fields *fields,
                       struct pl_bytes name, struct pl_bytes value)
{
    int rc = pl_rpc_fields_add_wire(fields, name, value);

    if (rc == PL_E_INVALID && pl_bytes_is(name, "grpc-status-details-bin"))
        return; /* code and message still hold */
    if (rc == PL_E_INVALID)
        pl_rpc_client_call_abort(call, PL_CODE_INTERNAL, "a -bin header is not base64");
    else if (rc == PL_E_LIMIT)
        pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, "the headers are too large");
    else if (rc < 0)
        pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, no_memory);
}

/* A response that precedes the real one (RFC 9110, section 15.2). */
static bool is_informational(int http_status)
{
    return http_status >= 100 && http_status < 200;
}

void pl_rpc_client_call_on_header(struct pl_rpc_client_call *call, struct pl_bytes name,
                                  struct pl_bytes value, bool last)
{
    call->fields_size += name.size + value.size + PL_RPC_FIELD_OVERHEAD;
    if (call->fields_size > PL_RPC_CLIENT_HEADERS_SIZE_MAX) {
        pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, "the headers are too large");
        return;
    }
    if (pl_bytes_is(name, ":status")) {
        call->http_status = http_status_parse(value);
        return;
    }
    if (is_informational(call->http_status))
        return;

    if (last && pl_bytes_is(name, "grpc-status")) {
        call->has_code = true;
        call->code = code_parse(value);
    } else if (last && pl_bytes_is(name, "grpc-message")) {
        pl_bytebuf_clear(&call->message);
        pl_rpc_percent_decode(value, &call->message);
        if (call->message.err == PL_E_NOMEM)
            pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, no_memory);
    } else if (last) {
        keep_field(call, &call->trailers, name, value);
    } else {
        if (pl_bytes_is(name, "content-type"))
            call->is_grpc = is_grpc_type(value);
        else if (pl_bytes_is(name, "grpc-encoding"))
            call->encoding = encoding_parse(value);
        keep_field(call, &call->headers, name, value);
    }
}

void pl_rpc_client_call_on_headers(struct pl_rpc_client_call *call, bool last)
{
    char text[TEXT_SIZE];

    call->fields_size = 0;
    if (last) {
        pl_rpc_client_call_on_end(call);
    } else if (is_informational(call->http_status)) {
        call->http_status = 0;
    } else if (call->http_status != 200) {
        snprintf(text, sizeof text, "HTTP status %d", call->http_status);
        pl_rpc_client_call_abort(call, pl_rpc_http_code(call->http_status), text);
    } else if (!call->is_grpc) {
        pl_rpc_client_call_abort(call, PL_CODE_UNKNOWN, "the response is not gRPC");
    } else {
        call->answered = true;
        if (call->ops.on_headers != NULL)
            call->ops.on_headers(call->ops.self);
    }
}

/* The head of a message is there: may the message come? */
static void check_head(struct pl_rpc_client_call *call)
{
    uint8_t flags = pl_rpc_reader_flags(&call->reader);

    if (call->one_reply && call->messages_len > 0)
        pl_rpc_client_call_abort(call, PL_CODE_UNIMPLEMENTED,
                                 "the server sends more than one message");
    else if ((flags & ~PL_RPC_FLAG_COMPRESSED) != 0)
        pl_rpc_client_call_abort(call, PL_CODE_INTERNAL, "unknown flags before a message");
    else if (flags != 0 && call->encoding == PL_RPC_ENCODING_IDENTITY)
        pl_rpc_client_call_abort(call, PL_CODE_INTERNAL,
                                 "a message with the compressed flag, but without grpc-encoding");
    else if (flags != 0 && call->encoding == PL_RPC_ENCODING_OTHER)
        pl_rpc_client_call_abort(call, PL_CODE_INTERNAL,
                                 "a message in an encoding that was not asked for");
}

static void deliver(struct pl_rpc_client_call *call, struct pl_bytes message)
{
    call->messages_len++;
    call->ops.on_message(call->ops.self, message);
}

static void deliver_gzip(struct pl_rpc_client_call *call, struct pl_bytes message)
{
    size_t size_max = call->client_weak->message_size_max;
    struct pl_bytebuf plain;
    char text[TEXT_SIZE];
    int rc;

    pl_bytebuf_init(&plain, size_max);
    rc = pl_rpc_gunzip(message, size_max, &plain);
    if (rc == PL_OK) {
        call->was_compressed = true;
        deliver(call, (struct pl_bytes){plain.data, plain.size});
        call->was_compressed = false;
    } else if (rc == PL_E_LIMIT) {
        snprintf(text, sizeof text, "a message decompresses to more than %zu bytes", size_max);
        pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, text);
    } else if (rc == PL_E_INVALID) {
        pl_rpc_client_call_abort(call, PL_CODE_INTERNAL, "a compressed message is damaged");
    } else {
        pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, no_memory);
    }
    pl_bytebuf_done(&plain);
}

void pl_rpc_client_call_on_data(struct pl_rpc_client_call *call, struct pl_bytes data)
{
    struct pl_bytes message;
    char text[TEXT_SIZE];
    int rc;

    while (!call->over) {
        if (!call->one_reply && pl_rpc_reader_take_plain(&call->reader, &data, &message)) {
            deliver(call, message);
            continue;
        }
        rc = pl_rpc_reader_feed(&call->reader, &data, &message);
        if (rc == PL_RPC_READ_MORE)
            return;
        if (rc == PL_RPC_READ_HEAD) {
            check_head(call);
        } else if (rc == PL_RPC_READ_MESSAGE) {
            if (pl_rpc_reader_flags(&call->reader) != 0)
                deliver_gzip(call, message);
            else
                deliver(call, message);
            pl_rpc_reader_drop(&call->reader);
        } else if (rc == PL_E_LIMIT) {
            snprintf(text, sizeof text, "a message of %zu bytes, of at most %zu",
                     pl_rpc_reader_size(&call->reader), call->client_weak->message_size_max);
            pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, text);
        } else {
            pl_rpc_client_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, no_memory);
        }
    }
}

/* The response has said OK: is that so? */
static void over_ok(struct pl_rpc_client_call *call)
{
    if (!pl_rpc_reader_between(&call->reader))
        pl_rpc_client_call_over(call, PL_CODE_INTERNAL, "the response ends within a message", true);
    else if (call->one_reply && call->messages_len != 1)
        pl_rpc_client_call_over(call, PL_CODE_UNIMPLEMENTED, "the server sends no message", true);
    else
        pl_rpc_client_call_over(call, PL_CODE_OK, pl_bytebuf_cstr(&call->message), true);
}

/* The status of a response that has ended in order. */
static void over_by_end(struct pl_rpc_client_call *call)
{
    char text[TEXT_SIZE];

    if (call->has_code && call->code == PL_CODE_OK) {
        over_ok(call);
    } else if (call->has_code) {
        pl_rpc_client_call_over(call, call->code, pl_bytebuf_cstr(&call->message), true);
    } else if (call->http_status != 200) {
        snprintf(text, sizeof text, "HTTP status %d", call->http_status);
        pl_rpc_client_call_over(call, pl_rpc_http_code(call->http_status), text, true);
    } else {
        pl_rpc_client_call_over(call, PL_CODE_UNKNOWN, "the response has no grpc-status", true);
    }
}

/* The status of a stream that was cut off (PROTOCOL-HTTP2, "Errors"). */
static void over_by_reset(struct pl_rpc_client_call *call)
{
    const struct pl_rpc_client *client = call->client_weak;
    bool refused = !call->sent || call->error_code == NGHTTP2_REFUSED_STREAM;
    char text[TEXT_SIZE];

    if (refused && client->draining) {
        snprintf(text, sizeof text, "the server takes no more calls%s%s",
                 client->why[0] != 0 ? ": " : "", client->why);
        pl_rpc_client_call_over(call, PL_CODE_UNAVAILABLE, text, false);
    } else if (refused) {
        pl_rpc_client_call_over(call, PL_CODE_UNAVAILABLE, "the server has refused the call",
                                false);
    } else if (call->error_code == NGHTTP2_CANCEL && client->now_ms >= call->deadline_ms) {
        /* The server's clock was quicker to say so. */
        pl_rpc_client_call_over(call, PL_CODE_DEADLINE_EXCEEDED, "the deadline has passed", true);
    } else {
        snprintf(text, sizeof text, "the stream was reset: %s",
                 nghttp2_http2_strerror(call->error_code));
        pl_rpc_client_call_over(call, pl_rpc_h2_code(call->error_code), text, true);
    }
}

void pl_rpc_client_call_on_end(struct pl_rpc_client_call *call)
{
    nghttp2_session *session = call->client_weak->session;
    int rv;

    call->ended = true;
    if (nghttp2_session_get_stream_local_close(session, call->stream_id) != 0)
        return; /* nghttp2 closes the stream next */
    /* It does not want the rest of the request. */
    rv = nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, call->stream_id, NGHTTP2_CANCEL);
    if (rv < 0)
        pl_rpc_client_fail(call->client_weak, pl_rpc_h2_err(rv));
    over_by_end(call);
}

void pl_rpc_client_call_reap(struct pl_rpc_client_call *call)
{
    if (call->ended)
        over_by_end(call);
    else
        over_by_reset(call);
    pl_rpc_client_call_free(call);
}

bool pl_rpc_client_call_was_compressed(const struct pl_rpc_client_call *call)
{
    return call->was_compressed;
}

bool pl_rpc_client_call_header(const struct pl_rpc_client_call *call, const char *name,
                               struct pl_bytes *ret_value)
{
    return pl_rpc_fields_find(&call->headers, name, ret_value);
}

bool pl_rpc_client_call_trailer(const struct pl_rpc_client_call *call, const char *name,
                                struct pl_bytes *ret_value)
{
    return pl_rpc_fields_find(&call->trailers, name, ret_value);
}

bool pl_rpc_client_call_header_next(const struct pl_rpc_client_call *call, size_t *pos,
                                    struct pl_bytes *ret_name, struct pl_bytes *ret_value)
{
    return pl_rpc_fields_next(&call->headers, pos, ret_name, ret_value);
}

bool pl_rpc_client_call_trailer_next(const struct pl_rpc_client_call *call, size_t *pos,
                                     struct pl_bytes *ret_name, struct pl_bytes *ret_value)
{
    return pl_rpc_fields_next(&call->trailers, pos, ret_name, ret_value);
}

bool pl_rpc_client_call_answered(const struct pl_rpc_client_call *call)
{
    return call->answered;
}

int pl_rpc_client_call_pushback(const struct pl_rpc_client_call *call, int64_t *ret_ms)
{
    struct pl_bytes value;
    int64_t ms = 0;

    if (!call->ended || !pl_rpc_fields_find(&call->trailers, "grpc-retry-pushback-ms", &value))
        return PL_E_NOTFOUND;
    if (value.size < 1 || value.size > 10)
        return PL_E_INVALID; /* what is no number, or below 0, means so */
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return PL_E_INVALID;
        ms = ms * 10 + (value.data[i] - '0');
    }
    if (ms > INT32_MAX)
        return PL_E_INVALID;
    *ret_ms = ms;
    return PL_OK;
}
