/*
 * h2_call.c - the responses of HTTP/2's calls: heads, bodies, trailers and resets, as
 * nghttp2 takes them.
 */
#include "rpc/h2_conn.h"

#include "base/assert.h"
#include "rpc/call.h"
#include "rpc/h2.h"

#include <stdio.h>

static ssize_t on_pull(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size,
                       uint32_t *data_flags, nghttp2_data_source *source, void *self)
{
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    struct pl_rpc_conn *conn = self;
    size_t moved = 0;

    (void)source;
    if (call == NULL)
        return NGHTTP2_ERR_DEFERRED; /* a reset comes next */
    switch (pl_rpc_call_pull(call, to, pl_rpc_h2_share_room(call, size), &moved)) {
    case PL_RPC_PULL_SOME:
        return (ssize_t)moved;
    case PL_RPC_PULL_ALL:
        call->h2_data = PL_RPC_H2_DATA_LEAVES;
        conn->h2->leaving_weak = call;
        *data_flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        return (ssize_t)moved;
    case PL_RPC_PULL_NONE:
        if (call->held || call->state >= PL_RPC_CALL_ENDED)
            return NGHTTP2_ERR_DEFERRED;
        /* Of no bytes and no end nghttp2 makes no frame: the item goes at once. */
        call->h2_data = PL_RPC_H2_DATA_GONE;
        *data_flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        return 0;
    case PL_RPC_PULL_END:
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)moved;
    case PL_RPC_PULL_TRAILERS:
        *data_flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        return (ssize_t)moved;
    case PL_RPC_PULL_FAILED:
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* nghttp2 resets the stream */
    }
    PL_UNREACHABLE();
}

/* A head as nghttp2 takes it. */
struct field_set {
    nghttp2_nv items[PL_RPC_HEAD_LEN_MAX + 2];
    size_t len;
    uint8_t status[3];
    char size[24];
};

/* The three digits of an HTTP status. */
static struct pl_bytes status_digits(int status, uint8_t to[3])
{
    PL_ASSERT(status >= 100 && status <= 999);
    to[0] = (uint8_t)('0' + status / 100);
    to[1] = (uint8_t)('0' + status / 10 % 10);
    to[2] = (uint8_t)('0' + status % 10);
    return (struct pl_bytes){to, 3};
}

static void set_fields(struct field_set *set, const struct pl_rpc_head *head)
{
    set->len = 0;
    if (head->status != 0)
        set->items[set->len++] =
            pl_rpc_h2_field(pl_bytes_str(":status"), status_digits(head->status, set->status));
    if (head->sized) {
        snprintf(set->size, sizeof set->size, "%zu", head->size);
        set->items[set->len++] =
            pl_rpc_h2_field(pl_bytes_str("content-length"), pl_bytes_str(set->size));
    }
    for (size_t i = 0; i < head->len; i++) {
        nghttp2_nv nv = pl_rpc_h2_field(head->items[i].name, head->items[i].value);

        if (head->items[i].lasting)
            nv.flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
        set->items[set->len++] = nv;
    }
}

int pl_rpc_h2_respond(struct pl_rpc_call *call, const struct pl_rpc_head *head, bool has_body)
{
    nghttp2_data_provider provider = {.read_callback = on_pull};
    struct field_set set;
    int rc = has_body ? pl_rpc_h2_share_begin(call) : PL_OK;

    if (rc < 0)
        return rc;
    set_fields(&set, head);
    return pl_rpc_h2_err(nghttp2_submit_response(call->conn_weak->h2->session, call->stream_id,
                                                 set.items, set.len, has_body ? &provider : NULL));
}

int pl_rpc_h2_trail(struct pl_rpc_call *call, const struct pl_rpc_head *trailers)
{
    struct field_set set;

    set_fields(&set, trailers);
    return pl_rpc_h2_err(
        nghttp2_submit_trailer(call->conn_weak->h2->session, call->stream_id, set.items, set.len));
}

static int submit_data(struct pl_rpc_call *call)
{
    nghttp2_data_provider provider = {.read_callback = on_pull};

    call->h2_data = PL_RPC_H2_DATA_THERE;
    return nghttp2_submit_data(call->conn_weak->h2->session, NGHTTP2_FLAG_END_STREAM,
                               call->stream_id, &provider);
}

void pl_rpc_h2_resume(struct pl_rpc_call *call)
{
    int rv = 0;

    switch ((enum pl_rpc_h2_data)call->h2_data) {
    case PL_RPC_H2_DATA_THERE:
        rv = nghttp2_session_resume_data(call->conn_weak->h2->session, call->stream_id);
        break;
    case PL_RPC_H2_DATA_LEAVES:
        call->h2_data = PL_RPC_H2_DATA_RETURNS;
        break;
    case PL_RPC_H2_DATA_RETURNS:
        break;
    case PL_RPC_H2_DATA_GONE:
        rv = submit_data(call);
        break;
    }
    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
}

void pl_rpc_h2_data_sent(struct pl_rpc_conn *conn)
{
    struct pl_rpc_call *call = conn->h2->leaving_weak;
    bool returns;

    if (call == NULL)
        return;
    conn->h2->leaving_weak = NULL;
    returns = call->h2_data == PL_RPC_H2_DATA_RETURNS && call->state < PL_RPC_CALL_ENDED;
    call->h2_data = PL_RPC_H2_DATA_GONE;
    if (returns)
        pl_rpc_h2_resume(call);
}

void pl_rpc_h2_reset(struct pl_rpc_call *call, uint32_t error_code)
{
    int rv = nghttp2_submit_rst_stream(call->conn_weak->h2->session, NGHTTP2_FLAG_NONE,
                                       call->stream_id, error_code);

    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
}

void pl_rpc_h2_consume(struct pl_rpc_call *call, size_t size)
{
    int rv = nghttp2_session_consume_stream(call->conn_weak->h2->session, call->stream_id, size);

    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
}

void pl_rpc_h2_set_window(struct pl_rpc_call *call, size_t size)
{
    int rv = nghttp2_session_set_local_window_size(call->conn_weak->h2->session, NGHTTP2_FLAG_NONE,
                                                   call->stream_id, (int32_t)size);

    if (rv < 0)
        pl_rpc_conn_fail(call->conn_weak, pl_rpc_h2_err(rv));
}
