/*
 * call_recv.c - the request of a call: headers, messages, the end.
 *
 * What a stream may make the server hold: a message that fits into the stream's
 * first window just comes. A larger one asks the connection for room when its size
 * is known: with it, the stream's window is opened to the message's size; until
 * then, the window is not renewed, and the call waits in line. So a connection
 * holds at most PL_RPC_HELD_SIZE_MAX of large messages, and as much of others.
 */
#include "rpc/call.h"

#include "base/assert.h"
#include "rpc/conn.h"
#include "rpc/h2.h"
#include "rpc/host_inner.h"
#include "rpc/limits.h"
#include "rpc/timeout.h"

#include <stdio.h>
#include <string.h>

enum {
    TEXT_SIZE = 256,
    TEXT_PART_MAX = 100, /* of what a peer sent, in a message back to it */
};

static void refuse(struct pl_rpc_call *call, enum pl_code code, const char *text)
{
    if (call->refusal != PL_CODE_OK)
        return; /* the first reason stands */
    call->refusal = code;
    call->refusal_text = text;
}

static void take_timeout(struct pl_rpc_call *call, struct pl_bytes value)
{
    int64_t timeout_ms;

    if (pl_rpc_timeout_parse(value, &timeout_ms) < 0) {
        refuse(call, PL_CODE_INTERNAL, "malformed grpc-timeout");
        return;
    }
    call->deadline_ms = pl_rpc_timeout_after(call->conn_weak->now_ms, timeout_ms);
}

int pl_rpc_call_on_header(struct pl_rpc_call *call, struct pl_bytes name, struct pl_bytes value)
{
    int rc;

    if (call->state != PL_RPC_CALL_HEADERS)
        return PL_OK; /* trailers of a request mean nothing */
    call->request_size += name.size + value.size + PL_RPC_FIELD_OVERHEAD;
    if (call->request_size > PL_RPC_HEADERS_SIZE_MAX) {
        refuse(call, PL_CODE_RESOURCE_EXHAUSTED, "the request's headers are too large");
        return PL_OK;
    }

    if (pl_bytes_is(name, ":method")) {
        call->is_post = pl_bytes_is(value, "POST");
    } else if (pl_bytes_is(name, "content-type")) {
        call->codec = pl_rpc_codec_find(value);
    } else if (pl_bytes_is(name, "grpc-timeout")) {
        take_timeout(call, value);
    } else if (!pl_bytes_is(name, ":scheme") && !pl_bytes_is(name, "te")) {
        rc = pl_rpc_fields_add_wire(&call->request, name, value);
        if (rc == PL_E_INVALID)
            refuse(call, PL_CODE_INTERNAL, "a -bin header is not base64");
        else if (rc < 0)
            return rc;
    }
    return PL_OK;
}

/* A part of the peer's text, as "%.*s" takes it. */
static int part_size(struct pl_bytes text)
{
    return text.size > TEXT_PART_MAX ? TEXT_PART_MAX : (int)text.size;
}

/* Finds what "/package.Service/Method" names, or ends the call. */
static bool find_method(struct pl_rpc_call *call)
{
    struct pl_bytes path, service_name, method_name;
    const struct pl_rpc_host_service *service;
    const uint8_t *slash;
    char text[TEXT_SIZE];

    if (!pl_rpc_fields_find(&call->request, ":path", &path) || path.size < 2 ||
        path.data[0] != '/' || (slash = memchr(path.data + 1, '/', path.size - 1)) == NULL) {
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, "the path is not /service/method");
        return false;
    }
    service_name = (struct pl_bytes){path.data + 1, (size_t)(slash - path.data) - 1};
    method_name = (struct pl_bytes){slash + 1, path.size - service_name.size - 2};

    service = pl_rpc_host_service_find(call->conn_weak->host_weak, service_name);
    if (service == NULL) {
        snprintf(text, sizeof text, "unknown service %.*s", part_size(service_name),
                 (const char *)service_name.data);
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, text);
        return false;
    }
    call->ctx_weak = service->ctx_weak;
    for (size_t i = 0; i < service->service_weak->methods_len; i++) {
        if (!pl_bytes_is(method_name, service->service_weak->methods[i].name))
            continue;
        call->method_weak = &service->service_weak->methods[i];
        return true;
    }
    snprintf(text, sizeof text, "unknown method %.*s of service %s", part_size(method_name),
             (const char *)method_name.data, service->service_weak->name);
    pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, text);
    return false;
}

static void open_call(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    struct pl_rpc_host *host = conn->host_weak;

    pl_rpc_call_set_state(call, PL_RPC_CALL_OPEN);
    if (!call->method_weak->client_streaming)
        call->request_due_ms = conn->now_ms + PL_RPC_REQUEST_MS;
    pl_rpc_conn_due_at(conn, pl_rpc_call_next_due(call));
    call->id = ++host->calls_made;
    call->handled = true;
    pl_map_put(&host->calls_by_id, &call->by_id, pl_hash_u64(call->id));
    if (call->method_weak->on_open != NULL)
        call->method_weak->on_open(call);
}

void pl_rpc_call_on_headers(struct pl_rpc_call *call)
{
    if (call->state != PL_RPC_CALL_HEADERS)
        return;
    if (call->refusal == PL_CODE_RESOURCE_EXHAUSTED && call->codec == NULL)
        call->codec = &pl_rpc_grpc; /* its content-type may be what was too much */
    else if (!call->is_post) {
        pl_rpc_call_end_http(call, "405");
        return;
    }
    if (call->codec == NULL) {
        pl_rpc_call_end_http(call, "415");
        return;
    }
    if (call->refusal != PL_CODE_OK) {
        pl_rpc_call_abort(call, call->refusal, call->refusal_text);
        return;
    }
    if (call->deadline_ms <= call->conn_weak->now_ms) {
        pl_rpc_call_abort(call, PL_CODE_DEADLINE_EXCEEDED, "the deadline has passed");
        return;
    }
    if (find_method(call))
        open_call(call);
}

void pl_rpc_call_release(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;

    PL_ASSERT(conn->held_size >= call->held_size);
    PL_ASSERT(conn->reserved_size >= call->reserved_size);
    conn->held_size -= call->held_size;
    conn->reserved_size -= call->reserved_size;
    call->held_size = 0;
    call->reserved_size = 0;
    pl_list_remove(&call->waiting);
}

/* Renews the stream's window, now or once the call has room. */
static void consume(struct pl_rpc_call *call, size_t size)
{
    int rv;

    call->unconsumed += size;
    if (!pl_list_empty(&call->waiting))
        return;
    rv =
        nghttp2_session_consume_stream(call->conn_weak->session, call->stream_id, call->unconsumed);
    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
    call->unconsumed = 0;
}

static void set_window(struct pl_rpc_call *call, size_t size)
{
    int rv = nghttp2_session_set_local_window_size(call->conn_weak->session, NGHTTP2_FLAG_NONE,
                                                   call->stream_id, (int32_t)size);

    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
}

void pl_rpc_call_grant(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;

    pl_list_remove(&call->waiting);
    conn->held_size -= call->held_size;
    call->held_size = 0;
    call->reserved_size = pl_rpc_reader_size(&call->reader);
    conn->reserved_size += call->reserved_size;
    set_window(call, call->reserved_size + PL_RPC_STREAM_WINDOW);
    consume(call, 0);
}

/* The head of a message is there: may the message come? */
static bool take_message_head(struct pl_rpc_call *call)
{
    uint8_t flags = pl_rpc_reader_flags(&call->reader);
    struct pl_bytes encoding;
    char text[TEXT_SIZE];

    if (call->has_message) {
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, "the method takes one message");
        return false;
    }
    if ((flags & ~PL_RPC_FLAG_COMPRESSED) != 0) {
        pl_rpc_call_abort(call, PL_CODE_INTERNAL, "unknown flags before a message");
        return false;
    }
    if ((flags & PL_RPC_FLAG_COMPRESSED) != 0) {
        if (!pl_rpc_fields_find(&call->request, "grpc-encoding", &encoding) ||
            pl_bytes_is(encoding, "identity")) {
            pl_rpc_call_abort(call, PL_CODE_INTERNAL,
                              "a message with the compressed flag, but without grpc-encoding");
            return false;
        }
        snprintf(text, sizeof text, "grpc-encoding %.*s is not supported; identity is",
                 part_size(encoding), (const char *)encoding.data);
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, text);
        return false;
    }
    if (pl_rpc_reader_size(&call->reader) > PL_RPC_STREAM_WINDOW / 2) {
        pl_list_append(&call->conn_weak->waiting, &call->waiting);
        pl_rpc_conn_grant(call->conn_weak);
    }
    return true;
}

/* A message is whole: the handler's, or kept until the client half-closes. */
static void take_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    if (!call->method_weak->client_streaming) {
        if (pl_rpc_reader_keep(&call->reader, &message) < 0) {
            pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
            return;
        }
        call->has_message = true;
        call->message = message;
        return;
    }
    call->method_weak->on_message(call, message);
    pl_rpc_reader_drop(&call->reader);
    if (call->reserved_size > 0)
        set_window(call, PL_RPC_STREAM_WINDOW);
    pl_rpc_call_release(call);
    if (call->state == PL_RPC_CALL_OPEN && call->method_weak->server_streaming &&
        pl_rpc_call_send_head(call) < 0)
        pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
}

/* Counts what the call holds without a reservation. */
static void account(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    size_t held = call->reserved_size > 0 ? 0 : pl_rpc_reader_held(&call->reader);

    conn->held_size = conn->held_size - call->held_size + held;
    call->held_size = held;
    if (conn->held_size > PL_RPC_HELD_SIZE_MAX)
        pl_rpc_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED,
                          "too many unfinished messages on one connection");
}

static void read_messages(struct pl_rpc_call *call, struct pl_bytes data)
{
    struct pl_bytes message;
    char text[TEXT_SIZE];
    int rc;

    while (call->state == PL_RPC_CALL_OPEN) {
        rc = pl_rpc_reader_feed(&call->reader, &data, &message);
        if (rc == PL_RPC_READ_MORE)
            break;
        if (rc == PL_RPC_READ_HEAD) {
            if (!take_message_head(call))
                return;
        } else if (rc == PL_RPC_READ_MESSAGE) {
            take_message(call, message);
        } else if (rc == PL_E_LIMIT) {
            snprintf(text, sizeof text, "the message has %zu bytes, of at most %d",
                     pl_rpc_reader_size(&call->reader), PL_RPC_MESSAGE_SIZE_MAX);
            pl_rpc_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, text);
        } else {
            pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
        }
    }
    if (call->state == PL_RPC_CALL_OPEN)
        account(call);
}

void pl_rpc_call_on_data(struct pl_rpc_call *call, struct pl_bytes data)
{
    read_messages(call, data);
    consume(call, data.size);
}

void pl_rpc_call_on_end(struct pl_rpc_call *call)
{
    const struct pl_rpc_method *method = call->method_weak;

    call->half_closed = true;
    call->request_due_ms = INT64_MAX;
    if (call->state != PL_RPC_CALL_OPEN)
        return;
    if (!pl_rpc_reader_between(&call->reader)) {
        pl_rpc_call_abort(call, PL_CODE_INTERNAL, "the request ends within a message");
        return;
    }
    if (!method->client_streaming) {
        if (!call->has_message) {
            pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, "the method takes one message");
            return;
        }
        method->on_message(call, call->message);
        call->has_message = false;
        pl_rpc_reader_drop(&call->reader);
        pl_rpc_call_release(call);
        if (call->state == PL_RPC_CALL_OPEN && method->server_streaming &&
            pl_rpc_call_send_head(call) < 0) {
            pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
            return;
        }
    }
    if (call->state == PL_RPC_CALL_OPEN && method->on_half_close != NULL)
        method->on_half_close(call);
}
