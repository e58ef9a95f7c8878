/*
 * call_send.c - the response of a call.
 *
 * nghttp2 asks for bytes when both windows have room: queued messages go first,
 * then the source is pulled. A source may be cut anywhere, so the ends of its
 * messages are followed: what is queued meanwhile waits for the end of the one
 * under way.
 */
#include "rpc/call.h"

#include "base/assert.h"
#include "rpc/base64.h"
#include "rpc/conn.h"
#include "rpc/h2.h"
#include "rpc/limits.h"
#include "rpc/percent.h"

#include <string.h>

static void resume(struct pl_rpc_call *call)
{
    int rv;

    if (!call->deferred)
        return;
    call->deferred = false;
    rv = nghttp2_session_resume_data(call->conn_weak->session, call->stream_id);
    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
}

int pl_rpc_call_send_head(struct pl_rpc_call *call)
{
    int rc;

    if (call->head_submitted)
        return PL_OK;
    rc = call->codec->submit_head(call);
    if (rc < 0)
        return rc;
    call->head_submitted = true;
    pl_rpc_conn_want_send(call->conn_weak);
    return PL_OK;
}

int pl_rpc_call_add_header(struct pl_rpc_call *call, const char *name, struct pl_bytes value)
{
    if (call->state != PL_RPC_CALL_OPEN || call->head_submitted)
        return PL_E_CLOSED;
    return pl_rpc_fields_add_custom(&call->headers, name, value);
}

int pl_rpc_call_add_trailer(struct pl_rpc_call *call, const char *name, struct pl_bytes value)
{
    if (call->state != PL_RPC_CALL_OPEN)
        return PL_E_CLOSED;
    return pl_rpc_fields_add_custom(&call->trailers, name, value);
}

int pl_rpc_call_send(struct pl_rpc_call *call, struct pl_buf *message)
{
    int rc;

    if (call->state != PL_RPC_CALL_OPEN)
        return PL_E_CLOSED;
    rc = pl_rpc_call_send_head(call);
    if (rc < 0)
        return rc;
    rc = pl_rpc_outbox_push(&call->outbox, message, 0);
    if (rc < 0)
        return rc;
    resume(call);
    pl_rpc_conn_want_send(call->conn_weak);
    return PL_OK;
}

size_t pl_rpc_call_queue_size(const struct pl_rpc_call *call)
{
    return call->outbox.size;
}

void pl_rpc_call_set_source(struct pl_rpc_call *call, const struct pl_rpc_source *source)
{
    call->source = *source;
}

void pl_rpc_call_wake(struct pl_rpc_call *call)
{
    if (call->state != PL_RPC_CALL_OPEN && call->state != PL_RPC_CALL_FINISHED)
        return;
    if (pl_rpc_call_send_head(call) < 0) {
        pl_rpc_call_reset(call, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    resume(call);
    pl_rpc_conn_want_send(call->conn_weak);
}

/* Adds what the status says beside its code. Where it finds no room, the code goes
 * alone: a call's end must not depend on memory. */
static void add_status_fields(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    struct pl_bytes message = pl_bytes_str(status->message != NULL ? status->message : "");
    struct pl_bytebuf text;

    if (message.size > PL_RPC_STATUS_MESSAGE_SIZE_MAX) {
        message.size = PL_RPC_STATUS_MESSAGE_SIZE_MAX;
        while (message.size > 0 && (message.data[message.size] & 0xc0) == 0x80)
            message.size--; /* not within a character */
    }
    call->trailers.bytes.size_max = 4 * (size_t)PL_RPC_FIELDS_SIZE_MAX;
    pl_bytebuf_init(&text, PL_RPC_FIELDS_SIZE_MAX);
    if (message.size > 0) {
        pl_rpc_percent_encode(message, &text);
        if (text.err == PL_OK)
            (void)pl_rpc_fields_add(&call->trailers, pl_bytes_str("grpc-message"),
                                    (struct pl_bytes){text.data, text.size});
    }
    if (status->details.size > 0 && status->details.size <= PL_RPC_STATUS_DETAILS_SIZE_MAX) {
        pl_bytebuf_clear(&text);
        pl_rpc_base64_encode(status->details, &text);
        if (text.err == PL_OK)
            (void)pl_rpc_fields_add(&call->trailers, pl_bytes_str("grpc-status-details-bin"),
                                    (struct pl_bytes){text.data, text.size});
    }
    pl_bytebuf_done(&text);
}

/* Takes over the status: the call is FINISHED. */
static void set_status(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    call->code = status->code;
    add_status_fields(call, status);
    call->moved_ms = call->conn_weak->now_ms;
    pl_rpc_call_set_state(call, PL_RPC_CALL_FINISHED);
}

/* Hands the status to nghttp2, alone or as trailers. */
static void submit_status(struct pl_rpc_call *call)
{
    int rc = call->head_submitted ? call->codec->submit_tail(call) : call->codec->submit_only(call);

    if (rc < 0) {
        pl_rpc_call_reset(call, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    pl_rpc_call_set_state(call, PL_RPC_CALL_ENDED);
    pl_rpc_conn_want_send(call->conn_weak);
}

void pl_rpc_call_end(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    set_status(call, status);
    if (!call->head_submitted) {
        submit_status(call);
        return;
    }
    resume(call);
    pl_rpc_conn_due_at(call->conn_weak, pl_rpc_call_next_due(call));
    pl_rpc_conn_want_send(call->conn_weak);
}

void pl_rpc_call_finish(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    PL_ASSERT(call->state != PL_RPC_CALL_FINISHED);
    PL_ASSERT((unsigned)status->code <= PL_CODE_UNAUTHENTICATED);
    if (call->state != PL_RPC_CALL_OPEN)
        return; /* reset by the peer, or for want of memory; on_close is on its way */
    pl_rpc_call_end(call, status);
}

void pl_rpc_call_cut(struct pl_rpc_call *call, const struct pl_rpc_status *status,
                     uint32_t error_code)
{
    bool whole = !pl_rpc_outbox_amid(&call->outbox) && pl_rpc_tracker_between(&call->tracker);

    pl_rpc_outbox_done(&call->outbox);
    if (!whole) {
        pl_rpc_call_reset(call, error_code);
        return;
    }
    set_status(call, status);
    submit_status(call);
}

void pl_rpc_call_end_http(struct pl_rpc_call *call, const char *http_status)
{
    nghttp2_nv fields[] = {pl_rpc_h2_const(":status", http_status),
                           pl_rpc_h2_const("allow", "POST")};
    int rv;

    rv = nghttp2_submit_response(call->conn_weak->session, call->stream_id, fields,
                                 strcmp(http_status, "405") == 0 ? 2 : 1, NULL);
    if (rv < 0) {
        pl_rpc_call_reset(call, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    pl_rpc_call_set_state(call, PL_RPC_CALL_ENDED);
    pl_rpc_conn_want_send(call->conn_weak);
}

/* How many of `size` bytes the source may be asked for: all, but once the call is
 * finished, or while messages are queued, only the rest of the one under way. */
static size_t source_room(const struct pl_rpc_call *call, size_t size)
{
    size_t left = call->tracker.left;

    if (call->state == PL_RPC_CALL_OPEN && call->outbox.len == 0)
        return size;
    if (pl_rpc_tracker_between(&call->tracker))
        return 0;
    if (left == 0)
        left = PL_RPC_ENVELOPE_SIZE - call->tracker.head_size;
    return left < size ? left : size;
}

static size_t pull_source(struct pl_rpc_call *call, uint8_t *to, size_t size)
{
    size_t room = source_room(call, size), pulled;

    if (call->source.pull == NULL || room == 0)
        return 0;
    pulled = call->source.pull(call->source.self, to, room);
    PL_ASSERT(pulled <= room);
    pl_rpc_tracker_pass(&call->tracker, (struct pl_bytes){to, pulled});
    return pulled;
}

/* Fills from the queue and from the source, each message whole before another. */
static size_t pull(struct pl_rpc_call *call, uint8_t *to, size_t size)
{
    size_t total = 0, moved;

    do {
        moved = 0;
        if (pl_rpc_tracker_between(&call->tracker))
            moved = pl_rpc_outbox_pull(&call->outbox, to + total, size - total);
        if (moved == 0 && !pl_rpc_outbox_amid(&call->outbox))
            moved = pull_source(call, to + total, size - total);
        total += moved;
    } while (moved > 0 && total < size);
    return total;
}

ssize_t pl_rpc_call_read(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size,
                         uint32_t *data_flags, nghttp2_data_source *source, void *self)
{
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    size_t moved;

    (void)source;
    (void)self;
    if (call == NULL || call->state >= PL_RPC_CALL_ENDED)
        return NGHTTP2_ERR_DEFERRED; /* trailers or a reset come next */

    moved = pull(call, to, size);
    if (moved > 0)
        call->moved_ms = call->conn_weak->now_ms;
    if (call->state == PL_RPC_CALL_FINISHED && call->outbox.len == 0 &&
        pl_rpc_tracker_between(&call->tracker)) {
        if (call->codec->submit_tail(call) < 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* nghttp2 resets the stream */
        pl_rpc_call_set_state(call, PL_RPC_CALL_ENDED);
        *data_flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        return (ssize_t)moved;
    }
    if (moved == 0) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)moved;
}
