/*
 * call.c - the life of a call on the server, from a stream's first header to the
 * reaping.
 *
 * Nothing is freed inside nghttp2's callbacks: a call whose stream has closed
 * waits in its connection's list until nghttp2 has been left.
 */
#include "rpc/call.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/conn.h"
#include "rpc/convert.h"
#include "rpc/host_inner.h"
#include "rpc/limits.h"
#include "rpc/number.h"
#include "rpc/timeout.h"

int pl_rpc_call_new(struct pl_rpc_conn *conn, int32_t stream_id, struct pl_rpc_call **ret_call)
{
    struct pl_rpc_call *call = pl_zalloc(sizeof *call);

    if (call == NULL)
        return PL_E_NOMEM;
    call->intake = pl_rpc_intake_new(conn->host_weak, call);
    if (call->intake == NULL) {
        pl_free(call);
        return PL_E_NOMEM;
    }
    call->conn_weak = conn;
    call->stream_id = stream_id;
    call->state = PL_RPC_CALL_HEADERS;
    call->deadline_ms = INT64_MAX;
    pl_list_init(&call->node);
    pl_list_append(&conn->calls, &call->node);
    *ret_call = call;
    return PL_OK;
}

void pl_rpc_call_free(struct pl_rpc_call *call)
{
    PL_ASSERT(!call->handled);
    pl_rpc_call_release(call);
    pl_list_remove(&call->node);
    pl_rpc_intake_free(call->conn_weak->host_weak, call->intake);
    pl_rpc_call_free_metadata(call);
    pl_rpc_outbox_done(&call->outbox);
    pl_rpc_convert_free(call->convert);
    pl_free(call);
}

void pl_rpc_call_set_state(struct pl_rpc_call *call, enum pl_rpc_call_state state)
{
    PL_ASSERT(state > call->state);
    call->state = state;
}

void pl_rpc_call_over(struct pl_rpc_call *call)
{
    if (!call->handled)
        return;
    call->handled = false;
    pl_map_remove(&call->conn_weak->host_weak->calls_by_id, &call->by_id);
    if (call->method_weak->on_close != NULL)
        call->method_weak->on_close(call);
    call->data_weak = NULL;
    call->source.pull = NULL; /* it may have gone with its handler */
}

void pl_rpc_call_reset(struct pl_rpc_call *call, uint32_t error_code)
{
    if (call->state >= PL_RPC_CALL_CLOSED)
        return;
    if (call->state < PL_RPC_CALL_ENDED)
        pl_rpc_call_set_state(call, PL_RPC_CALL_ENDED);
    call->conn_weak->http->reset(call, error_code);
    pl_rpc_conn_want_send(call->conn_weak);
}

static void drop_request(struct pl_rpc_call *call)
{
    pl_rpc_call_release(call);
    if (call->intake != NULL)
        pl_rpc_reader_done(&call->intake->reader);
    call->has_message = false;
}

void pl_rpc_call_abort(struct pl_rpc_call *call, enum pl_code code, const char *message)
{
    struct pl_rpc_status status = {.code = code, .message = message};

    PL_ASSERT(call->state <= PL_RPC_CALL_OPEN);
    drop_request(call);
    if (!pl_rpc_tracker_between(&call->tracker))
        pl_rpc_call_cut(call, &status, PL_RPC_INTERNAL_ERROR);
    else
        pl_rpc_call_end(call, &status);
    pl_rpc_call_over(call);
}

int64_t pl_rpc_call_next_due(const struct pl_rpc_call *call)
{
    int64_t linger_ms;

    switch (call->state) {
    case PL_RPC_CALL_OPEN:
        if (call->intake != NULL && call->intake->due_ms < call->deadline_ms)
            return call->intake->due_ms;
        return call->deadline_ms;
    case PL_RPC_CALL_FINISHED:
        linger_ms = pl_rpc_timeout_after(call->moved_ms, pl_rpc_call_limits(call)->linger_ms);
        return call->deadline_ms < linger_ms ? call->deadline_ms : linger_ms;
    case PL_RPC_CALL_ENDED:
        return call->lingers
                   ? pl_rpc_timeout_after(call->moved_ms, pl_rpc_call_limits(call)->linger_ms)
                   : INT64_MAX;
    case PL_RPC_CALL_HEADERS:
    case PL_RPC_CALL_CLOSED:
        return INT64_MAX;
    }
    PL_UNREACHABLE();
}

/* gRPC's heads depend on what the call knows of its request by itself; those for browsers
 * on its headers, too. */
static bool is_grpc(const struct pl_rpc_call *call)
{
    return call->format != NULL && call->format->codec->trail != NULL;
}

/* There are clients that lose a response to a reset while they send: curl 7.88 is one. */
bool pl_rpc_call_linger(struct pl_rpc_call *call)
{
    struct pl_bytes size;

    if (is_grpc(call) || call->state != PL_RPC_CALL_ENDED ||
        !pl_rpc_call_field(call, "content-length", &size) ||
        pl_rpc_number(size) > PL_RPC_STREAM_WINDOW)
        return false;
    call->lingers = true;
    call->moved_ms = call->conn_weak->now_ms;
    pl_rpc_conn_due_at(call->conn_weak, pl_rpc_call_next_due(call));
    return true;
}

void pl_rpc_call_tick(struct pl_rpc_call *call, int64_t now_ms)
{
    static const struct pl_rpc_status late = {
        .code = PL_CODE_DEADLINE_EXCEEDED,
        .message = "the deadline has passed",
    };

    if (now_ms < pl_rpc_call_next_due(call))
        return;
    if (call->state == PL_RPC_CALL_FINISHED) {
        pl_rpc_outbox_done(&call->outbox);
        pl_rpc_call_reset(call, PL_RPC_CANCEL);
        pl_rpc_call_over(call);
    } else if (call->state == PL_RPC_CALL_ENDED) {
        call->lingers = false;
        pl_rpc_call_reset(call, PL_RPC_NO_ERROR);
    } else if (now_ms >= call->deadline_ms) {
        drop_request(call);
        pl_rpc_call_cut(call, &late, PL_RPC_CANCEL);
        pl_rpc_call_over(call);
    } else {
        pl_rpc_call_abort(call, PL_CODE_DEADLINE_EXCEEDED, "the request took too long to come");
    }
}

const struct pl_rpc_limits *pl_rpc_call_limits(const struct pl_rpc_call *call)
{
    return pl_rpc_conn_limits(call->conn_weak);
}

uint64_t pl_rpc_call_id(const struct pl_rpc_call *call)
{
    return call->id;
}

void *pl_rpc_call_ctx(const struct pl_rpc_call *call)
{
    return call->ctx_weak;
}

void pl_rpc_call_set_data(struct pl_rpc_call *call, void *data)
{
    call->data_weak = data;
}

void *pl_rpc_call_data(const struct pl_rpc_call *call)
{
    return call->data_weak;
}

const struct pl_rpc_method *pl_rpc_call_method(const struct pl_rpc_call *call)
{
    return call->method_weak;
}

struct pl_rpc_conn *pl_rpc_call_conn(const struct pl_rpc_call *call)
{
    return call->conn_weak;
}

bool pl_rpc_call_field(const struct pl_rpc_call *call, const char *name, struct pl_bytes *ret_value)
{
    return call->intake != NULL && pl_rpc_fields_find(&call->intake->request, name, ret_value);
}

void pl_rpc_call_end_request(struct pl_rpc_call *call)
{
    if (!call->forget || !call->half_closed || call->has_message ||
        call->state != PL_RPC_CALL_OPEN || !(call->head_submitted || is_grpc(call)))
        return;
    pl_rpc_call_release(call);
    pl_rpc_intake_free(call->conn_weak->host_weak, call->intake);
    call->intake = NULL;
}

void pl_rpc_call_forget_request(struct pl_rpc_call *call)
{
    call->forget = true;
    pl_rpc_call_end_request(call);
}

bool pl_rpc_call_metadata(const struct pl_rpc_call *call, const char *name,
                          struct pl_bytes *ret_value)
{
    return pl_rpc_field_is_metadata(pl_bytes_str(name)) && pl_rpc_call_field(call, name, ret_value);
}

bool pl_rpc_call_metadata_next(const struct pl_rpc_call *call, size_t *pos,
                               struct pl_bytes *ret_name, struct pl_bytes *ret_value)
{
    while (call->intake != NULL &&
           pl_rpc_fields_next(&call->intake->request, pos, ret_name, ret_value))
        if (pl_rpc_field_is_metadata(*ret_name))
            return true;
    return false;
}

bool pl_rpc_call_message_compressed(const struct pl_rpc_call *call)
{
    return call->compressed;
}

int64_t pl_rpc_call_deadline_ms(const struct pl_rpc_call *call)
{
    return call->deadline_ms;
}
