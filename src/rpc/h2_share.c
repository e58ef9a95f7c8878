/*
 * h2_share.c - a quarter of the connection's window, or just over half of the stream's own.
 *
 * nghttp2 deals frames out by weight: a stream's next turn comes the later, the more it
 * sent in its last one and the less it weighs. An answer of one message has sent nothing
 * yet, so that it is next; calls that stream weigh least, so that large ones pass them.
 */
#include "rpc/h2_share.h"

#include "rpc/call.h"
#include "rpc/h2.h"
#include "rpc/h2_conn.h"

enum {
    FRAME_SIZE = 1 << 14, /* as nghttp2 makes them without being told */
};

static void see_conn_window(struct pl_rpc_h2_share *share, int32_t window)
{
    if (window > share->conn_window_max)
        share->conn_window_max = window;
}

static ssize_t on_length(nghttp2_session *session, uint8_t type, int32_t stream_id,
                         int32_t conn_window, int32_t stream_window, uint32_t frame_size_max,
                         void *self)
{
    const struct pl_rpc_conn *conn = self;
    struct pl_rpc_h2_share *share = &conn->h2->share;

    (void)session;
    (void)type;
    (void)stream_id;
    (void)frame_size_max; /* never less than FRAME_SIZE */
    share->stream_window = stream_window;
    see_conn_window(share, conn_window);
    return FRAME_SIZE;
}

void pl_rpc_h2_share_watch(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, on_length);
}

static bool is_stream(const struct pl_rpc_call *call)
{
    return call->method_weak != NULL && call->method_weak->server_streaming;
}

int pl_rpc_h2_share_begin(struct pl_rpc_call *call)
{
    nghttp2_priority_spec last;

    if (!is_stream(call))
        return PL_OK;
    nghttp2_priority_spec_init(&last, 0, NGHTTP2_MIN_WEIGHT, 0);
    return pl_rpc_h2_err(nghttp2_session_change_stream_priority(call->conn_weak->h2->session,
                                                                call->stream_id, &last));
}

/* What the stream leaves of its own window, so that no more of it is unread than may be. */
static int32_t left_alone(const struct pl_rpc_h2 *h2)
{
    int32_t initial = (int32_t)nghttp2_session_get_remote_settings(
        h2->session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    int32_t quarter = h2->share.conn_window_max / 4;
    int32_t half = (initial - 1) / 2; /* at most, so that more than half can be unread */

    if (initial <= quarter)
        return 0;
    return initial - quarter < half ? initial - quarter : half;
}

size_t pl_rpc_h2_share_room(struct pl_rpc_call *call, size_t size)
{
    struct pl_rpc_h2 *h2 = call->conn_weak->h2;
    int32_t room;

    if (!is_stream(call))
        return size;
    room = h2->share.stream_window - left_alone(h2);
    if (room > 0)
        return size < (size_t)room ? size : (size_t)room;
    call->held = true;
    h2->share.holds = true;
    return 0;
}

static void go_on(struct pl_rpc_call *call)
{
    if (!call->held)
        return;
    call->held = false;
    if (!call->deferred)
        return;
    call->deferred = false;
    pl_rpc_h2_resume(call);
}

void pl_rpc_h2_share_changed(struct pl_rpc_conn *conn, struct pl_rpc_call *call)
{
    struct pl_rpc_h2_share *share = &conn->h2->share;

    see_conn_window(share, nghttp2_session_get_remote_window_size(conn->h2->session));
    if (!share->holds)
        return;
    if (call != NULL) {
        go_on(call);
        return;
    }
    share->holds = false;
    PL_LIST_EACH (node, &conn->calls)
        go_on(PL_CONTAINER(node, struct pl_rpc_call, node));
}
