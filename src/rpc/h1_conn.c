/*
 * h1_conn.c - HTTP/1.1 of a server's connection (RFC 9112), for gRPC-Web, Connect
 * and pages.
 *
 * One call at a time: the bytes of later requests wait, unread, until its response
 * has left. Where a response ends before its request has come whole, what is still
 * to come of a small one is dropped; with others the connection ends.
 */
#include "rpc/conn.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/call.h"
#include "rpc/h1_head.h"
#include "rpc/h1_reader.h"
#include "rpc/limits.h"

#include <string.h>

enum {
    PART_SIZE = 4096,            /* of a body, a chunk */
    DROP_SIZE_MAX = 64 * 1024,   /* a body that may still come after its response */
    OUT_SIZE_MAX = 64 * 1024,    /* heads, chunks and pages that wait to be taken */
    INPUT_SIZE_MAX = 256 * 1024, /* what has come behind the request under way */
    CALLS_FILL_MAX = 16          /* that end in one fill: others have their turn then */
};

struct pl_rpc_h1 {
    struct pl_rpc_h1_reader reader;
    struct pl_bytebuf input; /* of later requests */
    size_t input_offset;     /* how much of it has been read */
    struct pl_bytebuf out;
    size_t out_offset;        /* how much of it has been taken */
    struct pl_rpc_call *call; /* the one under way, or NULL */
    int32_t calls_made;
    enum pl_rpc_h1_framing framing;
    bool request_ended; /* the call's request is whole */
    bool responding;    /* the head is in `out`, or has been */
    bool body_ended;    /* all of the response is there */
    bool keep_alive;    /* the connection outlives the response */
    bool closing;       /* no more requests are read */
    bool peer_ended;    /* nothing more comes than what is in `input` */
    int64_t since_ms;   /* when it began to wait: for a request, or for the rest of a head */
    int64_t moved_ms;   /* when bytes were last taken */
};

static size_t out_left(const struct pl_rpc_h1 *h1)
{
    return h1->out.size - h1->out_offset;
}

/* Something is about to wait for the peer to take it. */
static void begin_out(struct pl_rpc_conn *conn)
{
    if (out_left(conn->h1) > 0)
        return;
    conn->h1->moved_ms = conn->now_ms;
    pl_rpc_conn_due_at(conn, conn->now_ms + pl_rpc_conn_limits(conn)->linger_ms);
}

static int h1_start(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = pl_zalloc(sizeof *h1);

    if (h1 == NULL)
        return PL_E_NOMEM;
    conn->h1 = h1;
    pl_rpc_h1_reader_init(&h1->reader, pl_rpc_conn_limits(conn)->headers_size_max);
    pl_bytebuf_init(&h1->input, INPUT_SIZE_MAX);
    pl_bytebuf_init(&h1->out, OUT_SIZE_MAX);
    h1->since_ms = conn->made_ms;
    h1->moved_ms = conn->made_ms;
    return PL_OK;
}

static void h1_free(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;

    if (h1 == NULL)
        return;
    pl_rpc_h1_reader_done(&h1->reader);
    pl_bytebuf_done(&h1->input);
    pl_bytebuf_done(&h1->out);
    pl_free(h1);
    conn->h1 = NULL;
}

/* Answers what is no call: with a line of text, after which nothing more is read. */
static void answer_text(struct pl_rpc_conn *conn, int status, const char *text)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    size_t size = strlen(text) + 1;

    begin_out(conn);
    pl_rpc_h1_head_begin(&h1->out, status);
    (void)pl_rpc_h1_head_field(&h1->out, pl_bytes_str("content-type"),
                               pl_bytes_str("text/plain; charset=utf-8"));
    pl_rpc_h1_head_end(&h1->out, false, PL_RPC_H1_LENGTH, size);
    pl_bytebuf_append_str(&h1->out, text);
    pl_bytebuf_append_str(&h1->out, "\n");
    h1->closing = true;
    if (h1->out.err < 0)
        pl_rpc_conn_fail(conn, h1->out.err);
}

/* The request cannot be read, or not to its end. A response that was finished before
 * still leaves; one that would go on is broken off. */
static void refuse(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    struct pl_rpc_call *call = h1->call;

    if (call != NULL && h1->responding && call->state >= PL_RPC_CALL_FINISHED) {
        h1->closing = true;
        h1->keep_alive = false;
        return;
    }
    if (call != NULL) {
        h1->call = NULL;
        pl_rpc_conn_closed(conn, call);
        if (h1->responding) {
            pl_rpc_conn_fail(conn, PL_E_PROTO);
            return;
        }
    }
    answer_text(conn, h1->reader.refusal.status, h1->reader.refusal.text);
}

/* Tells a new call what its request's head says. */
static int tell_head(struct pl_rpc_call *call, const struct pl_rpc_h1_request *request)
{
    static const char *const methods[] = {
        [PL_RPC_H1_GET] = "GET",     [PL_RPC_H1_HEAD] = "HEAD",     [PL_RPC_H1_POST] = "POST",
        [PL_RPC_H1_PUT] = "PUT",     [PL_RPC_H1_DELETE] = "DELETE", [PL_RPC_H1_OPTIONS] = "OPTIONS",
        [PL_RPC_H1_TRACE] = "TRACE", [PL_RPC_H1_PATCH] = "PATCH",
    };
    struct pl_bytes name, value;
    int rc = pl_rpc_call_on_header(call, pl_bytes_str(":method"),
                                   pl_bytes_str(methods[request->method]));

    if (rc == PL_OK)
        rc = pl_rpc_call_on_header(call, pl_bytes_str(":path"), request->target);
    if (rc == PL_OK)
        rc = pl_rpc_call_on_header(call, pl_bytes_str(":authority"), request->authority);
    for (size_t pos = 0; rc == PL_OK && pl_rpc_fields_next(&request->fields, &pos, &name, &value);)
        rc = pl_rpc_call_on_header(call, name, value);
    return rc;
}

static void begin_call(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    const struct pl_rpc_h1_request *request = &h1->reader.request;
    int rc;

    h1->request_ended = false;
    h1->responding = false;
    h1->body_ended = false;
    h1->calls_made = h1->calls_made == INT32_MAX ? 1 : h1->calls_made + 1;
    rc = pl_rpc_call_new(conn, h1->calls_made, &h1->call);
    if (rc < 0) {
        h1->call = NULL;
    } else {
        rc = tell_head(h1->call, request);
        if (rc == PL_OK)
            pl_rpc_call_on_headers(h1->call);
    }
    if (rc < 0) {
        pl_rpc_conn_fail(conn, rc);
        return;
    }
    if (request->expects_continue && !h1->responding) {
        begin_out(conn);
        pl_rpc_h1_continue(&h1->out);
    }
}

/* Reads what has come, up to the end of a request whose response has not ended. */
static void read_input(struct pl_rpc_conn *conn, struct pl_bytes *data)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    struct pl_bytes body;

    while (conn->failed == PL_OK && !h1->closing && !(h1->call != NULL && h1->request_ended)) {
        bool idle = pl_rpc_h1_reader_idle(&h1->reader);
        int rc = pl_rpc_h1_reader_feed(&h1->reader, data, &body);

        if (idle && !pl_rpc_h1_reader_idle(&h1->reader)) {
            h1->since_ms = conn->now_ms;
            pl_rpc_conn_due_at(conn, conn->now_ms + pl_rpc_conn_limits(conn)->headers_ms);
        }
        if (rc < 0) {
            pl_rpc_conn_fail(conn, rc);
        } else if (rc == PL_RPC_H1_EVENT_MORE) {
            return;
        } else if (rc == PL_RPC_H1_EVENT_REFUSED) {
            refuse(conn);
        } else if (rc == PL_RPC_H1_EVENT_HEAD) {
            begin_call(conn);
        } else if (rc == PL_RPC_H1_EVENT_BODY) {
            pl_rpc_call_on_data(h1->call, body);
        } else {
            h1->request_ended = true;
            pl_rpc_call_on_end(h1->call);
        }
    }
}

static void h1_recv(struct pl_rpc_conn *conn, struct pl_bytes data)
{
    struct pl_rpc_h1 *h1 = conn->h1;

    if (h1->input.size == 0)
        read_input(conn, &data);
    if (data.size == 0 || h1->closing)
        return; /* what comes after the last request is nobody's */
    pl_bytebuf_append(&h1->input, data.data, data.size);
    if (h1->input.err < 0)
        pl_rpc_conn_fail(conn, h1->input.err);
}

/* No whole request is there, and none will be: all that is left is to send. */
static void end_requests(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    const struct pl_rpc_call *call = h1->call;

    if (!h1->peer_ended || h1->closing || h1->input.size > 0)
        return;
    h1->closing = call == NULL;
    if ((call == NULL && out_left(h1) == 0) ||
        (call != NULL && !h1->request_ended && !h1->body_ended))
        pl_rpc_conn_fail(conn, PL_E_CLOSED);
    else if (call != NULL && !h1->request_ended)
        h1->keep_alive = false;
}

/* Whether the answer under way is a stream, which may have no end of its own. */
static bool streams(const struct pl_rpc_h1 *h1)
{
    const struct pl_rpc_call *call = h1->call;

    return call != NULL && call->method_weak != NULL && call->method_weak->server_streaming &&
           call->state == PL_RPC_CALL_OPEN;
}

/* The peer may wait for an answer, but not for a stream that it could not stop. */
static void h1_recv_end(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;

    h1->peer_ended = true;
    if (streams(h1))
        pl_rpc_conn_fail(conn, PL_E_CLOSED);
    else
        end_requests(conn);
}

/* Behind a stream too it is heard whether the peer leaves: nothing else may tell. */
static bool h1_wants_recv(const struct pl_rpc_conn *conn)
{
    return conn->h1->input.size == 0 || streams(conn->h1);
}

/* Reads on in what has come behind the request that is over. What has been read stays until all
 * has been: else many small requests would each move what is behind them. */
static void read_on(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    struct pl_bytes data = {h1->input.data + h1->input_offset, h1->input.size - h1->input_offset};

    read_input(conn, &data);
    h1->input_offset = h1->input.size - data.size;
    if (data.size == 0) {
        pl_bytebuf_done(&h1->input);
        pl_bytebuf_init(&h1->input, INPUT_SIZE_MAX);
        h1->input_offset = 0;
    }
}

/* The response has left: the next request's turn. */
static void end_call(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    struct pl_rpc_call *call = h1->call;

    h1->call = NULL;
    pl_rpc_conn_closed(conn, call);
    if (!h1->keep_alive || conn->draining) {
        h1->closing = true;
        return;
    }
    h1->since_ms = conn->now_ms;
    pl_rpc_conn_due_at(conn, h1->since_ms + pl_rpc_conn_limits(conn)->keepalive_ms);
    pl_rpc_h1_reader_next(&h1->reader);
    if (h1->input.size > 0)
        read_on(conn);
    end_requests(conn);
}

/* Takes the body from the call: a chunk of it to `out`, or bytes to `to`. */
static size_t pull_body(struct pl_rpc_conn *conn, uint8_t *to, size_t size)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    bool chunked = h1->framing == PL_RPC_H1_CHUNKED;
    uint8_t part[PART_SIZE];
    size_t moved = 0;
    enum pl_rpc_pull pulled = chunked ? pl_rpc_call_pull(h1->call, part, sizeof part, &moved)
                                      : pl_rpc_call_pull(h1->call, to, size, &moved);

    PL_ASSERT(pulled != PL_RPC_PULL_TRAILERS);
    if (pulled == PL_RPC_PULL_FAILED) {
        pl_rpc_conn_fail(conn, PL_E_NOMEM);
        return 0;
    }
    h1->body_ended = pulled == PL_RPC_PULL_END;
    if (!chunked)
        return moved;
    if (moved > 0) {
        pl_rpc_h1_chunk_begin(&h1->out, moved);
        pl_bytebuf_append(&h1->out, part, moved);
        pl_rpc_h1_chunk_end(&h1->out);
    }
    if (h1->body_ended)
        pl_rpc_h1_chunks_end(&h1->out);
    if (h1->out.err < 0)
        pl_rpc_conn_fail(conn, h1->out.err);
    return 0;
}

static size_t take_out(struct pl_rpc_h1 *h1, uint8_t *to, size_t size)
{
    size_t left = out_left(h1);

    if (size > left)
        size = left;
    if (size == 0)
        return 0;
    memcpy(to, h1->out.data + h1->out_offset, size);
    h1->out_offset += size;
    if (h1->out_offset == h1->out.size) {
        pl_bytebuf_done(&h1->out);
        pl_bytebuf_init(&h1->out, OUT_SIZE_MAX);
        h1->out_offset = 0;
    }
    return size;
}

static bool body_waits(const struct pl_rpc_h1 *h1)
{
    return h1->call != NULL && h1->responding && !h1->body_ended && !h1->call->deferred;
}

/* Whether the call is over once `out` has left: where the connection goes on, the next
 * request begins behind all of this one. */
static bool call_is_over(const struct pl_rpc_h1 *h1)
{
    return h1->call != NULL && h1->body_ended && (h1->request_ended || !h1->keep_alive);
}

static ssize_t h1_fill(struct pl_rpc_conn *conn, uint8_t *to, size_t size)
{
    struct pl_rpc_h1 *h1 = conn->h1;
    size_t total = 0;
    int ended = 0;

    while (total < size && ended < CALLS_FILL_MAX) {
        total += take_out(h1, to + total, size - total);
        if (total == size || conn->failed < 0)
            break;
        if (body_waits(h1))
            total += pull_body(conn, to + total, size - total);
        else if (out_left(h1) == 0 && call_is_over(h1)) {
            end_call(conn);
            ended++;
        } else if (out_left(h1) == 0)
            break;
    }
    conn->fill_later = ended == CALLS_FILL_MAX;
    if (total > 0)
        h1->moved_ms = conn->now_ms;
    if (total > 0 && h1->call != NULL)
        h1->call->moved_ms = conn->now_ms;
    if (total == 0 && h1->out.err < 0)
        return h1->out.err;
    return (ssize_t)total;
}

/* Whether no request is under way, and none will be. */
static bool is_over(const struct pl_rpc_conn *conn)
{
    const struct pl_rpc_h1 *h1 = conn->h1;

    return h1->call == NULL &&
           (h1->closing || (conn->draining && pl_rpc_h1_reader_idle(&h1->reader)));
}

static bool h1_wants_send(const struct pl_rpc_conn *conn)
{
    const struct pl_rpc_h1 *h1 = conn->h1;

    return out_left(h1) > 0 || body_waits(h1) || call_is_over(h1) ||
           is_over(conn); /* to be closed */
}

static bool h1_finished(const struct pl_rpc_conn *conn)
{
    const struct pl_rpc_h1 *h1 = conn->h1;

    if (out_left(h1) > 0)
        return false;
    if (conn->failed < 0)
        return true;
    return is_over(conn);
}

static int64_t h1_next_due(const struct pl_rpc_conn *conn)
{
    const struct pl_rpc_limits *limits = pl_rpc_conn_limits(conn);
    const struct pl_rpc_h1 *h1 = conn->h1;

    if (out_left(h1) > 0 || body_waits(h1) || (h1->call != NULL && h1->body_ended))
        return h1->moved_ms + limits->linger_ms;
    if (h1->call != NULL)
        return INT64_MAX;
    if (!pl_rpc_h1_reader_idle(&h1->reader))
        return h1->since_ms + limits->headers_ms;
    return h1->since_ms + (h1->calls_made == 0 ? limits->preface_ms : limits->keepalive_ms);
}

static int h1_tick(struct pl_rpc_conn *conn)
{
    return conn->now_ms >= h1_next_due(conn) ? PL_E_TIMEOUT : PL_OK;
}

static void h1_drain(struct pl_rpc_conn *conn)
{
    (void)conn; /* the response under way, or the next, says that it is the last */
}

static void h1_turn_away(struct pl_rpc_conn *conn, const char *text)
{
    answer_text(conn, 400, text);
    pl_rpc_conn_fail(conn, PL_E_REFUSED);
}

/* The calls' side. */

/* How the end of the response will be told. */
static enum pl_rpc_h1_framing framing_of(const struct pl_rpc_h1 *h1, const struct pl_rpc_head *head,
                                         bool has_body)
{
    if (head->status == 204 || head->status == 304)
        return PL_RPC_H1_NO_BODY;
    if (!has_body || head->sized)
        return PL_RPC_H1_LENGTH;
    return h1->reader.request.minor == 0 ? PL_RPC_H1_CLOSE : PL_RPC_H1_CHUNKED;
}

/* Whether all of the request has come, or the rest is little, and surely comes. */
static bool request_passes(const struct pl_rpc_h1 *h1)
{
    const struct pl_rpc_h1_request *request = &h1->reader.request;

    return h1->request_ended || !request->has_body ||
           (!request->chunked && request->body_size <= DROP_SIZE_MAX && !request->expects_continue);
}

static int h1_respond(struct pl_rpc_call *call, const struct pl_rpc_head *head, bool has_body)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    struct pl_rpc_h1 *h1 = conn->h1;

    PL_ASSERT(call == h1->call && !h1->responding);
    h1->framing = framing_of(h1, head, has_body);
    h1->keep_alive = h1->reader.request.keep_alive && !conn->draining && !h1->closing &&
                     h1->framing != PL_RPC_H1_CLOSE && request_passes(h1);
    begin_out(conn);
    pl_rpc_h1_head_begin(&h1->out, head->status);
    for (size_t i = 0; i < head->len; i++) /* one that HTTP/1.1 cannot carry is left out */
        (void)pl_rpc_h1_head_field(&h1->out, head->items[i].name, head->items[i].value);
    pl_rpc_h1_head_end(&h1->out, h1->keep_alive, h1->framing, head->sized ? head->size : 0);
    if (h1->out.err < 0)
        return h1->out.err;
    h1->responding = true;
    h1->body_ended = !has_body;
    pl_rpc_conn_due_at(conn, h1_next_due(conn));
    return PL_OK;
}

static int h1_trail(struct pl_rpc_call *call, const struct pl_rpc_head *trailers)
{
    (void)call;
    (void)trailers;
    PL_UNREACHABLE(); /* no protocol that has trailers is spoken here */
}

static void h1_resume(struct pl_rpc_call *call)
{
    begin_out(call->conn_weak);
}

/* There is no other way to break a response off. */
static void h1_reset(struct pl_rpc_call *call, uint32_t error_code)
{
    (void)error_code;
    pl_rpc_conn_fail(call->conn_weak, PL_E_CANCELLED);
}

static void h1_consume(struct pl_rpc_call *call, size_t size)
{
    (void)call;
    (void)size; /* one call at a time, whose message is bounded */
}

static void h1_set_window(struct pl_rpc_call *call, size_t size)
{
    (void)call;
    (void)size;
}

const struct pl_rpc_http pl_rpc_http1 = {
    .start = h1_start,
    .free = h1_free,
    .recv = h1_recv,
    .recv_end = h1_recv_end,
    .wants_recv = h1_wants_recv,
    .fill = h1_fill,
    .wants_send = h1_wants_send,
    .finished = h1_finished,
    .tick = h1_tick,
    .next_due = h1_next_due,
    .drain = h1_drain,
    .turn_away = h1_turn_away,
    .respond = h1_respond,
    .trail = h1_trail,
    .resume = h1_resume,
    .reset = h1_reset,
    .consume = h1_consume,
    .set_window = h1_set_window,
};
