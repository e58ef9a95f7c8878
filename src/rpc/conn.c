/*
 * conn.c - one HTTP/2 connection of the server.
 *
 * nghttp2's callbacks run the handlers, which may answer at once: submitting is
 * allowed in them, sending and receiving is not. So they never call out to the
 * socket: `busy` notes that nghttp2 is under way, and who wants to send is told
 * after it has been left.
 */
#include "rpc/conn.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/call.h"
#include "rpc/h2.h"
#include "rpc/host_inner.h"
#include "rpc/limits.h"
#include "rpc/timeout.h"

#include <string.h>

static const uint8_t drain_ping[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

void pl_rpc_conn_want_send(struct pl_rpc_conn *conn)
{
    if (conn->busy)
        return;
    if (conn->failed < 0 || conn->left_size > 0 || nghttp2_session_want_write(conn->session))
        conn->host_weak->ops.on_want_send(conn->host_weak->ops.self, conn);
}

void pl_rpc_conn_due_at(struct pl_rpc_conn *conn, int64_t due_ms)
{
    if (due_ms < conn->due_ms)
        conn->due_ms = due_ms;
}

void pl_rpc_conn_fail(struct pl_rpc_conn *conn, int err)
{
    PL_ASSERT(err < 0);
    if (conn->failed == PL_OK)
        conn->failed = err;
}

void pl_rpc_conn_grant(struct pl_rpc_conn *conn)
{
    struct pl_list *node;

    while ((node = pl_list_first(&conn->waiting)) != NULL) {
        struct pl_rpc_call *call = PL_CONTAINER(node, struct pl_rpc_call, waiting);

        if (conn->reserved_size + pl_rpc_reader_size(&call->reader) > PL_RPC_HELD_SIZE_MAX)
            return;
        pl_rpc_call_grant(call);
    }
}

/* The peer floods: says so, and gives it up. The result of a callback. */
static int calm(struct pl_rpc_conn *conn, const char *reason)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(conn->session);
    int rv =
        nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_ENHANCE_YOUR_CALM,
                              (const uint8_t *)reason, strlen(reason));

    pl_rpc_conn_fail(conn, rv < 0 ? pl_rpc_h2_err(rv) : PL_E_LIMIT);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *self)
{
    struct pl_rpc_conn *conn = self;
    bool ack = (hd->flags & NGHTTP2_FLAG_ACK) != 0;

    (void)session;
    switch (hd->type) {
    case NGHTTP2_DATA:
    case NGHTTP2_CONTINUATION:
        return 0;
    case NGHTTP2_HEADERS:
        conn->headers_since_ms = conn->now_ms;
        pl_rpc_conn_due_at(conn, conn->now_ms + PL_RPC_HEADERS_MS);
        return 0;
    case NGHTTP2_PING:
        if (!ack && !pl_rpc_budget_spend(&conn->pings, PL_RPC_BUDGET_PINGS, conn->now_ms))
            return calm(conn, "too_many_pings");
        return 0;
    case NGHTTP2_SETTINGS:
        if (!ack && !pl_rpc_budget_spend(&conn->settings, PL_RPC_BUDGET_SETTINGS, conn->now_ms))
            return calm(conn, "too_many_settings");
        return 0;
    case NGHTTP2_RST_STREAM:
        if (!pl_rpc_budget_spend(&conn->resets, PL_RPC_BUDGET_RESETS, conn->now_ms))
            return calm(conn, "too_many_resets");
        return 0;
    case NGHTTP2_WINDOW_UPDATE:
        if (!pl_rpc_budget_spend(&conn->window_updates, PL_RPC_BUDGET_WINDOW_UPDATES, conn->now_ms))
            return calm(conn, "too_many_window_updates");
        return 0;
    default:
        if (!pl_rpc_budget_spend(&conn->other, PL_RPC_BUDGET_OTHER, conn->now_ms))
            return calm(conn, "too_many_frames");
        return 0;
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_conn *conn = self;
    struct pl_rpc_call *call;
    int rv;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (pl_rpc_call_new(conn, frame->hd.stream_id, &call) < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    rv = nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
    PL_ASSERT(rv == 0); /* the stream has just been opened */
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *self)
{
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)self;
    if (call == NULL)
        return 0;
    if (pl_rpc_call_on_header(call, (struct pl_bytes){name, name_size},
                              (struct pl_bytes){value, value_size}) < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t size, void *self)
{
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    int rv = nghttp2_session_consume_connection(session, size);

    (void)flags;
    if (rv < 0)
        pl_rpc_conn_fail(self, pl_rpc_h2_err(rv));
    if (call != NULL)
        pl_rpc_call_on_data(call, (struct pl_bytes){data, size});
    return 0;
}

/* The second step of a drain: streams after the last one so far are refused. */
static void drain_last(struct pl_rpc_conn *conn)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(conn->session);
    int rv;

    if (conn->drain != PL_RPC_DRAIN_NOTICED)
        return;
    conn->drain = PL_RPC_DRAIN_LAST;
    rv = nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    if (rv < 0)
        pl_rpc_conn_fail(conn, pl_rpc_h2_err(rv));
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_conn *conn = self;
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        conn->settled = true;
        return 0;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
            memcmp(frame->ping.opaque_data, drain_ping, sizeof drain_ping) == 0)
            drain_last(conn);
        return 0;
    case NGHTTP2_HEADERS:
        conn->headers_since_ms = INT64_MAX;
        if (call != NULL)
            pl_rpc_call_on_headers(call);
        break;
    case NGHTTP2_DATA:
        if (!ends && frame->hd.length == frame->data.padlen &&
            !pl_rpc_budget_spend(&conn->empty, PL_RPC_BUDGET_EMPTY, conn->now_ms))
            return calm(conn, "too_many_empty_frames");
        break;
    default:
        return 0;
    }
    if (ends && call != NULL)
        pl_rpc_call_on_end(call);
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_conn *conn = self;
    int32_t stream_id = frame->hd.stream_id;
    int rv;

    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        /* Streams that the peer broke, to have them reset, count as resets. */
        if ((frame->rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR ||
             frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR ||
             frame->rst_stream.error_code == NGHTTP2_STREAM_CLOSED) &&
            !pl_rpc_budget_spend(&conn->resets, PL_RPC_BUDGET_RESETS, conn->now_ms))
            (void)calm(conn, "too_many_resets");
        return 0;
    }
    /* Trailers before the client's END_STREAM (PROTOCOL-HTTP2, "Responses"). */
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, stream_id) == 0) {
        rv = nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_NO_ERROR);
        if (rv < 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                           void *self)
{
    struct pl_rpc_conn *conn = self;
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)error_code;
    if (call == NULL)
        return 0;
    pl_rpc_call_set_state(call, PL_RPC_CALL_CLOSED);
    pl_list_remove(&call->node);
    pl_list_append(&conn->closed, &call->node);
    return 0;
}

int pl_rpc_conn_callbacks_new(nghttp2_session_callbacks **ret_callbacks)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return PL_E_NOMEM;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    *ret_callbacks = callbacks;
    return PL_OK;
}

int pl_rpc_conn_option_new(nghttp2_option **ret_option)
{
    nghttp2_option *option;

    if (nghttp2_option_new(&option) != 0)
        return PL_E_NOMEM;
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, PL_RPC_OUTBOUND_ACKS_MAX);
    nghttp2_option_set_max_settings(option, PL_RPC_SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_continuations(option, PL_RPC_CONTINUATIONS_MAX);
    /* Resets have a budget here, by the time that we are told: nghttp2's own looks
     * at a clock. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    *ret_option = option;
    return PL_OK;
}

static int submit_settings(struct pl_rpc_conn *conn)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, PL_RPC_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, PL_RPC_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, PL_RPC_HEADERS_SIZE_MAX},
    };
    int rv = nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings,
                                     sizeof settings / sizeof settings[0]);

    if (rv == 0)
        rv = nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0,
                                                   PL_RPC_CONN_WINDOW);
    return pl_rpc_h2_err(rv);
}

int pl_rpc_conn_new(struct pl_rpc_host *host, int64_t now_ms, struct pl_rpc_conn **ret_conn)
{
    struct pl_rpc_conn *conn = pl_zalloc(sizeof *conn);
    int rc;

    if (conn == NULL)
        return PL_E_NOMEM;
    conn->host_weak = host;
    conn->now_ms = now_ms;
    conn->made_ms = now_ms;
    conn->heard_ms = now_ms;
    conn->ping_ms = INT64_MAX;
    conn->headers_since_ms = INT64_MAX;
    conn->due_ms = now_ms + PL_RPC_PREFACE_MS;
    pl_list_init(&conn->calls);
    pl_list_init(&conn->closed);
    pl_list_init(&conn->waiting);
    host->conns_len++;

    rc = pl_rpc_h2_err(nghttp2_session_server_new3(&conn->session, host->callbacks, conn,
                                                   host->option, pl_rpc_h2_mem()));
    if (rc < 0)
        goto fail;
    rc = submit_settings(conn);
    if (rc < 0)
        goto fail;

    *ret_conn = conn;
    return PL_OK;

fail:
    pl_rpc_conn_free(conn);
    return rc;
}

static void reap(struct pl_rpc_conn *conn)
{
    struct pl_list *node;

    while ((node = pl_list_first(&conn->closed)) != NULL) {
        struct pl_rpc_call *call = PL_CONTAINER(node, struct pl_rpc_call, node);

        pl_rpc_call_over(call);
        pl_rpc_call_free(call);
    }
}

void pl_rpc_conn_free(struct pl_rpc_conn *conn)
{
    if (conn == NULL)
        return;
    PL_ASSERT(!conn->busy);
    conn->busy = true; /* nobody is told of anything more to send */
    PL_LIST_EACH (node, &conn->calls)
        pl_rpc_call_over(PL_CONTAINER(node, struct pl_rpc_call, node));
    nghttp2_session_del(conn->session);
    PL_LIST_EACH (node, &conn->calls)
        pl_rpc_call_free(PL_CONTAINER(node, struct pl_rpc_call, node));
    reap(conn);
    conn->host_weak->conns_len--;
    pl_free(conn);
}

/* nghttp2 has been left: what its callbacks could not do. */
static void settle(struct pl_rpc_conn *conn)
{
    reap(conn);
    pl_rpc_conn_grant(conn);
    conn->busy = false;
}

int pl_rpc_conn_recv(struct pl_rpc_conn *conn, struct pl_bytes data, int64_t now_ms)
{
    ssize_t rv;

    PL_ASSERT(!conn->busy);
    if (conn->failed < 0)
        return conn->failed;
    conn->now_ms = now_ms;
    conn->heard_ms = now_ms;
    conn->ping_ms = INT64_MAX;

    conn->busy = true;
    rv = nghttp2_session_mem_recv(conn->session, data.data, data.size);
    if (rv < 0 && conn->failed == PL_OK) {
        pl_rpc_conn_fail(conn, pl_rpc_h2_err((int)rv));
        (void)nghttp2_session_terminate_session(
            conn->session, rv == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM
                           : rv == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR
                                                     : NGHTTP2_PROTOCOL_ERROR);
    }
    if (conn->failed == PL_OK &&
        nghttp2_session_get_outbound_queue_size(conn->session) > PL_RPC_OUTBOUND_FRAMES_MAX)
        (void)calm(conn, "too_much_unread");
    settle(conn);
    pl_rpc_conn_want_send(conn);
    return conn->failed;
}

/* Copies what nghttp2 gives, until `to` is full or it gives no more. */
static ssize_t fill_once(struct pl_rpc_conn *conn, uint8_t *to, size_t size)
{
    size_t total = 0;

    while (total < size) {
        size_t part;

        if (conn->left_size == 0) {
            ssize_t given = nghttp2_session_mem_send(conn->session, &conn->left);

            if (given < 0) {
                pl_rpc_conn_fail(conn, pl_rpc_h2_err((int)given));
                return conn->failed;
            }
            if (given == 0)
                break;
            conn->left_size = (size_t)given;
        }
        part = conn->left_size < size - total ? conn->left_size : size - total;
        memcpy(to + total, conn->left, part);
        conn->left += part;
        conn->left_size -= part;
        total += part;
    }
    return (ssize_t)total;
}

ssize_t pl_rpc_conn_fill(struct pl_rpc_conn *conn, uint8_t *to, size_t size)
{
    size_t total = 0;

    PL_ASSERT(!conn->busy);
    for (;;) {
        ssize_t rc;

        conn->busy = true;
        rc = fill_once(conn, to + total, size - total);
        settle(conn); /* a handler may have queued more, on another call */
        if (rc < 0)
            return total > 0 ? (ssize_t)total : rc;
        total += (size_t)rc;
        if (rc == 0 || total == size)
            return (ssize_t)total;
    }
}

bool pl_rpc_conn_finished(const struct pl_rpc_conn *conn)
{
    return conn->left_size == 0 && nghttp2_session_want_write(conn->session) == 0 &&
           (conn->failed < 0 || nghttp2_session_want_read(conn->session) == 0);
}

/* When it falls due next. */
static int64_t next_due(const struct pl_rpc_conn *conn)
{
    int64_t due_ms = conn->ping_ms == INT64_MAX ? conn->heard_ms + PL_RPC_KEEPALIVE_MS
                                                : conn->ping_ms + PL_RPC_KEEPALIVE_TIMEOUT_MS;

    if (!conn->settled && conn->made_ms + PL_RPC_PREFACE_MS < due_ms)
        due_ms = conn->made_ms + PL_RPC_PREFACE_MS;
    if (conn->headers_since_ms != INT64_MAX && conn->headers_since_ms + PL_RPC_HEADERS_MS < due_ms)
        due_ms = conn->headers_since_ms + PL_RPC_HEADERS_MS;
    if (conn->drain == PL_RPC_DRAIN_NOTICED && conn->drain_ms + PL_RPC_DRAIN_MS < due_ms)
        due_ms = conn->drain_ms + PL_RPC_DRAIN_MS;
    PL_LIST_EACH (node, &conn->calls) {
        int64_t call_due_ms = pl_rpc_call_next_due(PL_CONTAINER(node, struct pl_rpc_call, node));

        if (call_due_ms < due_ms)
            due_ms = call_due_ms;
    }
    return due_ms;
}

int64_t pl_rpc_conn_due_ms(const struct pl_rpc_conn *conn)
{
    return conn->due_ms;
}

/* Whether the peer has taken too long for what it must do at once. */
static bool peer_is_late(const struct pl_rpc_conn *conn)
{
    int64_t now_ms = conn->now_ms;

    if (!conn->settled && now_ms >= conn->made_ms + PL_RPC_PREFACE_MS)
        return true;
    if (conn->headers_since_ms != INT64_MAX && now_ms >= conn->headers_since_ms + PL_RPC_HEADERS_MS)
        return true;
    return conn->ping_ms != INT64_MAX && now_ms >= conn->ping_ms + PL_RPC_KEEPALIVE_TIMEOUT_MS;
}

static void ask_for_a_sign(struct pl_rpc_conn *conn)
{
    int rv;

    if (conn->ping_ms != INT64_MAX || conn->now_ms < conn->heard_ms + PL_RPC_KEEPALIVE_MS)
        return;
    conn->ping_ms = conn->now_ms;
    rv = nghttp2_submit_ping(conn->session, NGHTTP2_FLAG_NONE, NULL);
    if (rv < 0)
        pl_rpc_conn_fail(conn, pl_rpc_h2_err(rv));
}

int pl_rpc_conn_tick(struct pl_rpc_conn *conn, int64_t now_ms)
{
    PL_ASSERT(!conn->busy);
    conn->now_ms = now_ms;
    if (conn->failed < 0 || now_ms < conn->due_ms)
        return conn->failed;
    if (peer_is_late(conn)) {
        pl_rpc_conn_fail(conn, PL_E_TIMEOUT);
        return conn->failed;
    }

    conn->busy = true;
    PL_LIST_EACH (node, &conn->calls)
        pl_rpc_call_tick(PL_CONTAINER(node, struct pl_rpc_call, node), now_ms);
    if (conn->drain == PL_RPC_DRAIN_NOTICED && now_ms >= conn->drain_ms + PL_RPC_DRAIN_MS)
        drain_last(conn);
    ask_for_a_sign(conn);
    settle(conn);
    conn->due_ms = next_due(conn);
    pl_rpc_conn_want_send(conn);
    return conn->failed;
}

void pl_rpc_conn_drain(struct pl_rpc_conn *conn)
{
    int rv;

    if (conn->drain != PL_RPC_DRAIN_NONE)
        return;
    conn->drain = PL_RPC_DRAIN_NOTICED;
    conn->drain_ms = conn->now_ms;
    pl_rpc_conn_due_at(conn, conn->drain_ms + PL_RPC_DRAIN_MS);
    rv = nghttp2_submit_shutdown_notice(conn->session);
    if (rv == 0)
        rv = nghttp2_submit_ping(conn->session, NGHTTP2_FLAG_NONE, drain_ping);
    if (rv < 0)
        pl_rpc_conn_fail(conn, pl_rpc_h2_err(rv));
    pl_rpc_conn_want_send(conn);
}

void pl_rpc_conn_set_data(struct pl_rpc_conn *conn, void *data)
{
    conn->data_weak = data;
}

void *pl_rpc_conn_data(const struct pl_rpc_conn *conn)
{
    return conn->data_weak;
}
