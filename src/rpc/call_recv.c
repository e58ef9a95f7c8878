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
#include "rpc/convert.h"
#include "rpc/limits.h"
#include "rpc/number.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE_MAX = 1024 };

static void refuse(struct pl_rpc_call *call, enum pl_code code, const char *text)
{
    if (call->intake->refusal != PL_CODE_OK)
        return; /* the first reason stands */
    call->intake->refusal = code;
    call->intake->refusal_text = text;
}

static enum pl_rpc_verb verb_of(struct pl_bytes method)
{
    return pl_bytes_is(method, "POST")      ? PL_RPC_VERB_POST
           : pl_bytes_is(method, "GET")     ? PL_RPC_VERB_GET
           : pl_bytes_is(method, "HEAD")    ? PL_RPC_VERB_HEAD
           : pl_bytes_is(method, "OPTIONS") ? PL_RPC_VERB_OPTIONS
                                            : PL_RPC_VERB_OTHER;
}

int pl_rpc_call_on_header(struct pl_rpc_call *call, struct pl_bytes name, struct pl_bytes value)
{
    int rc;

    if (call->state != PL_RPC_CALL_HEADERS)
        return PL_OK; /* trailers of a request mean nothing */
    /* An HTTP/1.1 request line has limits of its own (PL_RPC_TARGET_SIZE_MAX). */
    if (call->conn_weak->http == &pl_rpc_http2 || name.data[0] != ':')
        call->intake->request_size += name.size + value.size + PL_RPC_FIELD_OVERHEAD;
    if (call->intake->request_size > pl_rpc_call_limits(call)->headers_size_max) {
        refuse(call, PL_CODE_RESOURCE_EXHAUSTED, "the request's headers are too large");
        return PL_OK;
    }

    if (pl_bytes_is(name, ":method")) {
        call->verb = verb_of(value);
    } else if (pl_bytes_is(name, "content-type")) {
        call->format = pl_rpc_format_find(value);
    } else if (!pl_bytes_is(name, ":scheme") && !pl_bytes_is(name, "te")) {
        rc = pl_rpc_fields_add_wire(&call->intake->request, name, value);
        if (rc == PL_E_INVALID)
            refuse(call, PL_CODE_INVALID_ARGUMENT, "a -bin header is not base64");
        else if (rc == PL_E_LIMIT) /* lists of binary values are taken apart */
            refuse(call, PL_CODE_RESOURCE_EXHAUSTED, "the request's headers are too large");
        else if (rc < 0)
            return rc;
    }
    return PL_OK;
}

void pl_rpc_call_on_headers(struct pl_rpc_call *call)
{
    if (call->state == PL_RPC_CALL_HEADERS)
        pl_rpc_call_dispatch(call);
}

void pl_rpc_call_release(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    struct pl_rpc_intake *intake = call->intake;

    if (intake == NULL)
        return;
    PL_ASSERT(conn->held_size >= intake->held_size);
    PL_ASSERT(conn->reserved_size >= intake->reserved_size);
    conn->held_size -= intake->held_size;
    conn->reserved_size -= intake->reserved_size;
    intake->held_size = 0;
    intake->reserved_size = 0;
    pl_list_remove(&intake->waiting);
}

/* Renews the stream's window, now or once the call has room. */
static void consume(struct pl_rpc_call *call, size_t size)
{
    struct pl_rpc_intake *intake = call->intake;

    intake->unconsumed += size;
    if (!pl_list_empty(&intake->waiting))
        return;
    if (intake->unconsumed > 0)
        call->conn_weak->http->consume(call, intake->unconsumed);
    intake->unconsumed = 0;
}

void pl_rpc_call_grant(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    struct pl_rpc_intake *intake = call->intake;

    pl_list_remove(&intake->waiting);
    conn->held_size -= intake->held_size;
    intake->held_size = 0;
    intake->reserved_size = intake->announced_size;
    conn->reserved_size += intake->reserved_size;
    conn->http->set_window(call, intake->reserved_size + PL_RPC_STREAM_WINDOW);
    consume(call, 0);
}

/* A message of that size is to come: a large one needs room on the connection. */
static void announce(struct pl_rpc_call *call, size_t size)
{
    call->intake->announced_size = size;
    if (size > PL_RPC_STREAM_WINDOW / 2 && call->intake->reserved_size == 0 &&
        pl_list_empty(&call->intake->waiting)) {
        pl_list_append(&call->conn_weak->waiting, &call->intake->waiting);
        pl_rpc_conn_grant(call->conn_weak);
    }
}

/* The head of a message is there: may the message come? */
static bool take_message_head(struct pl_rpc_call *call)
{
    uint8_t flags = pl_rpc_reader_flags(&call->intake->reader);

    if (call->has_message) {
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, "the method takes one message");
        return false;
    }
    if ((flags & ~PL_RPC_FLAG_COMPRESSED) != 0) {
        pl_rpc_call_abort(call, call->format->codec->malformed, "unknown flags before a message");
        return false;
    }
    call->compressed = (flags & PL_RPC_FLAG_COMPRESSED) != 0;
    if (call->compressed && !call->gunzip) {
        pl_rpc_call_abort(call, call->format->codec->malformed,
                          "a message with the compressed flag, but without its encoding");
        return false;
    }
    announce(call, pl_rpc_reader_size(&call->intake->reader));
    return true;
}

/* Gives the handler a message, in protobuf. */
static void deliver(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_bytebuf plain, text;
    enum pl_code code;

    if (!call->compressed && !call->format->json) {
        call->method_weak->on_message(call, message);
        return;
    }
    pl_bytebuf_init(&plain, pl_rpc_call_limits(call)->message_size_max);
    pl_bytebuf_init(&text, TEXT_SIZE_MAX);
    if (pl_rpc_convert_in(call, &message, &plain, &code, &text))
        call->method_weak->on_message(call, message);
    else
        pl_rpc_call_abort(call, code, pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&plain);
    pl_bytebuf_done(&text);
}

/* What a message has brought on its way: streams begin to answer. */
static void delivered(struct pl_rpc_call *call)
{
    struct pl_rpc_reader *reader = &call->intake->reader;

    pl_rpc_reader_reset(reader, reader->size_max);
    pl_rpc_call_release(call);
    if (call->state == PL_RPC_CALL_OPEN && call->method_weak->server_streaming &&
        pl_rpc_call_send_head(call) < 0)
        pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
}

/* A message is whole: the handler's, or kept until the client half-closes. */
static void take_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    if (!call->method_weak->client_streaming) {
        if (pl_rpc_reader_keep(&call->intake->reader, &message) < 0) {
            pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
            return;
        }
        call->has_message = true;
        call->intake->message = message;
        return;
    }
    deliver(call, message);
    if (call->state == PL_RPC_CALL_OPEN && (call->intake->reserved_size > 0 || !call->flows)) {
        call->flows = true;
        call->conn_weak->http->set_window(call, PL_RPC_FLOWING_WINDOW);
    }
    delivered(call);
}

/* Counts what the call holds without a reservation. */
static void account(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    struct pl_rpc_intake *intake = call->intake;
    size_t held = intake->reserved_size > 0 ? 0 : pl_rpc_reader_held(&intake->reader);

    conn->held_size = conn->held_size - intake->held_size + held;
    intake->held_size = held;
    if (conn->held_size > pl_rpc_conn_limits(conn)->held_size_max)
        pl_rpc_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED,
                          "too many unfinished messages on one connection");
}

void pl_rpc_call_refuse_message(struct pl_rpc_call *call, int err)
{
    char text[TEXT_SIZE_MAX];

    if (err != PL_E_LIMIT) {
        pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
        return;
    }
    snprintf(text, sizeof text, "the message has more than %u bytes",
             (unsigned)pl_rpc_call_limits(call)->message_size_max);
    pl_rpc_call_abort(call, PL_CODE_RESOURCE_EXHAUSTED, text);
}

static void read_messages(struct pl_rpc_call *call, struct pl_bytes data)
{
    struct pl_bytes message;
    int rc;

    while (call->state == PL_RPC_CALL_OPEN) {
        rc = pl_rpc_reader_feed(&call->intake->reader, &data, &message);
        if (rc == PL_RPC_READ_MORE)
            break;
        if (rc == PL_RPC_READ_HEAD) {
            if (!take_message_head(call))
                return;
        } else if (rc == PL_RPC_READ_MESSAGE) {
            take_message(call, message);
        } else {
            pl_rpc_call_refuse_message(call, rc);
        }
    }
    if (call->state == PL_RPC_CALL_OPEN)
        account(call);
}

/* The body is the message. */
static void read_bare(struct pl_rpc_call *call, struct pl_bytes data)
{
    struct pl_bytes value;
    uint64_t size = 0;
    int rc;

    if (data.size == 0)
        return;
    if (call->has_message) {
        pl_rpc_call_abort(call, PL_CODE_INVALID_ARGUMENT, "a GET has no body");
        return;
    }
    if (pl_rpc_reader_held(&call->intake->reader) == 0 &&
        pl_rpc_call_field(call, "content-length", &value))
        size = pl_rpc_number(value);
    rc = pl_rpc_reader_feed_bare(&call->intake->reader, data);
    if (rc < 0) {
        pl_rpc_call_refuse_message(call, rc);
        return;
    }
    if (size < pl_rpc_reader_held(&call->intake->reader))
        size = pl_rpc_reader_held(&call->intake->reader);
    /* Where nobody has said how large it is, it may be as large as any. */
    if (size > PL_RPC_STREAM_WINDOW / 2)
        announce(call, pl_rpc_call_limits(call)->message_size_max);
    account(call);
}

static void read_body(struct pl_rpc_call *call, struct pl_bytes data)
{
    if (call->format->codec->enveloped)
        read_messages(call, data);
    else
        read_bare(call, data);
}

/* The body is in base64. */
static void read_text(struct pl_rpc_call *call, struct pl_bytes text)
{
    struct pl_bytebuf data;
    int rc;

    pl_bytebuf_init(&data, text.size + PL_RPC_TEXT_GROUP_BYTES);
    rc = pl_rpc_text_in_feed(&call->convert->text_in, text, &data);
    if (rc == PL_OK)
        read_body(call, (struct pl_bytes){data.data, data.size});
    else if (rc == PL_E_INVALID)
        pl_rpc_call_abort(call, call->format->codec->malformed, "the body is not base64");
    else
        pl_rpc_call_abort(call, PL_CODE_UNAVAILABLE, "out of memory");
    pl_bytebuf_done(&data);
}

void pl_rpc_call_on_data(struct pl_rpc_call *call, struct pl_bytes data)
{
    if (call->intake == NULL)
        return; /* there was an end before */
    if (call->state == PL_RPC_CALL_OPEN) {
        if (call->format->text)
            read_text(call, data);
        else
            read_body(call, data);
    }
    consume(call, data.size);
}

/* The request is whole: whether its message is. */
static bool take_end(struct pl_rpc_call *call)
{
    if (!call->format->codec->enveloped && !call->has_message) {
        call->intake->message = pl_rpc_reader_bare(&call->intake->reader);
        call->compressed = call->gunzip && call->intake->message.size > 0;
        call->has_message = true;
    }
    if (!pl_rpc_reader_between(&call->intake->reader) ||
        (call->format->text && !pl_rpc_text_in_between(&call->convert->text_in))) {
        pl_rpc_call_abort(call, call->format->codec->malformed,
                          "the request ends within a message");
        return false;
    }
    if (!call->method_weak->client_streaming && !call->has_message) {
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, "the method takes one message");
        return false;
    }
    return true;
}

void pl_rpc_call_on_end(struct pl_rpc_call *call)
{
    const struct pl_rpc_method *method = call->method_weak;

    call->half_closed = true;
    if (call->state != PL_RPC_CALL_OPEN || !take_end(call))
        return;
    call->intake->due_ms = INT64_MAX;
    if (!method->client_streaming) {
        deliver(call, call->intake->message);
        call->has_message = false;
        delivered(call);
    }
    if (call->state == PL_RPC_CALL_OPEN && method->on_half_close != NULL)
        method->on_half_close(call);
    pl_rpc_call_end_request(call);
}
