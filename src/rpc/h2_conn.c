/*
 * h2_conn.c - HTTP/2 of a server's connection, on nghttp2.
 *
 * nghttp2's callbacks run the handlers: submitting is allowed in them, sending and
 * receiving is not.
 */
#include "rpc/conn.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/call.h"
#include "rpc/h2.h"
#include "rpc/h2_conn.h"
#include "rpc/host_inner.h"
#include "rpc/timeout.h"

#include <string.h>
#include <strings.h>

/* SETTINGS_MAX_FRAME_SIZE as it is while nothing else is told. */
enum { FRAME_SIZE_MAX = 1 << 14 };

static const uint8_t drain_ping[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

/* Tells the peer why, and gives it up. The result of a callback. */
static int give_up(struct pl_rpc_conn *conn, uint32_t error_code, const char *reason)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(conn->h2->session);
    int rv = nghttp2_submit_goaway(conn->h2->session, NGHTTP2_FLAG_NONE, last, error_code,
                                   (const uint8_t *)reason, strlen(reason));
    int err = error_code == NGHTTP2_ENHANCE_YOUR_CALM ? PL_E_LIMIT : PL_E_PROTO;

    pl_rpc_conn_fail(conn, rv < 0 ? pl_rpc_h2_err(rv) : err);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* The peer floods. */
static int calm(struct pl_rpc_conn *conn, const char *reason)
{
    return give_up(conn, NGHTTP2_ENHANCE_YOUR_CALM, reason);
}

/* Whether the peer may ask for a sign now (gRFC A8): not much more often than every
 * ping_interval_min_ms, unless something was sent to it since. */
static bool may_ping(struct pl_rpc_conn *conn)
{
    const struct pl_rpc_limits *limits = pl_rpc_conn_limits(conn);
    struct pl_rpc_h2 *h2 = conn->h2;
    /* What left at the right time may come a little early. */
    int64_t least_ms = (int64_t)limits->ping_interval_min_ms * 9 / 10;
    bool early = h2->pinged_ms != INT64_MIN && conn->now_ms - h2->pinged_ms < least_ms;

    h2->pinged_ms = conn->now_ms;
    return !early || ++h2->ping_strikes <= limits->ping_strikes_max;
}

static size_t queue_len(const struct pl_rpc_h2 *h2)
{
    return nghttp2_session_get_outbound_queue_size(h2->session);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *self)
{
    struct pl_rpc_conn *conn = self;
    const struct pl_rpc_limits *limits = pl_rpc_conn_limits(conn);
    struct pl_rpc_h2 *h2 = conn->h2;
    bool ack = (hd->flags & NGHTTP2_FLAG_ACK) != 0;

    (void)session;
    h2->queue_len = queue_len(h2);
    switch (hd->type) {
    case NGHTTP2_DATA:
        return 0;
    case NGHTTP2_CONTINUATION:
        /* The one type whose size nghttp2 does not look at (RFC 9113, section 4.2). */
        if (hd->length > FRAME_SIZE_MAX)
            return give_up(conn, NGHTTP2_FRAME_SIZE_ERROR, "CONTINUATION is too large");
        return 0;
    case NGHTTP2_HEADERS:
        if (!pl_rpc_stream_ids_use(&h2->ids, hd->stream_id))
            return give_up(conn, NGHTTP2_PROTOCOL_ERROR, "the stream was passed over");
        h2->headers_size = 0;
        h2->heading_weak = NULL;
        return 0;
    case NGHTTP2_PING:
        if (!ack && !may_ping(conn))
            return calm(conn, "too_many_pings");
        return 0;
    case NGHTTP2_SETTINGS:
        if (!ack && !pl_rpc_budget_spend(&h2->settings, limits->settings_max, conn->now_ms))
            return calm(conn, "too_many_settings");
        return 0;
    case NGHTTP2_RST_STREAM:
        if (!pl_rpc_budget_spend(&h2->resets, limits->resets_max, conn->now_ms))
            return calm(conn, "too_many_resets");
        return 0;
    case NGHTTP2_WINDOW_UPDATE:
        if (!pl_rpc_budget_spend(&h2->window_updates, limits->window_updates_max, conn->now_ms))
            return calm(conn, "too_many_window_updates");
        return 0;
    default:
        if (!pl_rpc_budget_spend(&h2->other, limits->other_frames_max, conn->now_ms))
            return calm(conn, "too_many_frames");
        return 0;
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_conn *conn = self;
    struct pl_rpc_call *call;
    int rv;

    conn->h2->heading_weak = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (pl_rpc_call_new(conn, frame->hd.stream_id, &call) < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    rv = nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
    PL_ASSERT(rv == 0); /* the stream has just been opened */
    conn->h2->heading_weak = call;
    return 0;
}

/* Whether the field says well whom the request is for: nobody's name and password, and
 * in `host` the same as before (RFC 9113, section 8.3.1). nghttp2 looks at the rest. */
static bool authority_fits(const struct pl_rpc_call *call, struct pl_bytes name,
                           struct pl_bytes value)
{
    struct pl_bytes authority;

    if (pl_bytes_is(name, ":authority"))
        return value.size == 0 || memchr(value.data, '@', value.size) == NULL;
    if (!pl_bytes_is(name, "host") || call->state != PL_RPC_CALL_HEADERS ||
        !pl_rpc_call_field(call, ":authority", &authority))
        return true;
    return value.size == authority.size &&
           strncasecmp((const char *)value.data, (const char *)authority.data, value.size) == 0;
}

/* Why the field has its stream reset; NGHTTP2_NO_ERROR: it has not. */
static uint32_t field_error(struct pl_rpc_conn *conn, const struct pl_rpc_call *call,
                            struct pl_bytes name, struct pl_bytes value)
{
    struct pl_rpc_h2 *h2 = conn->h2;

    h2->headers_size += name.size + value.size + PL_RPC_FIELD_OVERHEAD;
    if (h2->headers_size / PL_RPC_HEADERS_CUT > pl_rpc_conn_limits(conn)->headers_size_max)
        return NGHTTP2_ENHANCE_YOUR_CALM;
    return authority_fits(call, name, value) ? NGHTTP2_NO_ERROR : NGHTTP2_PROTOCOL_ERROR;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *self)
{
    struct pl_bytes field_name = {name, name_size}, field_value = {value, value_size};
    struct pl_rpc_conn *conn = self;
    struct pl_rpc_call *call = conn->h2->heading_weak;
    uint32_t error_code;

    (void)flags;
    if (call == NULL)
        return 0;
    error_code = field_error(conn, call, field_name, field_value);
    if (error_code != NGHTTP2_NO_ERROR) {
        int rv =
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, error_code);

        if (rv < 0)
            pl_rpc_conn_fail(conn, pl_rpc_h2_err(rv));
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (pl_rpc_call_on_header(call, field_name, field_value) < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t size, void *self)
{
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    struct pl_rpc_conn *conn = self;

    (void)flags;
    conn->h2->consumed_size += size;
    if (call != NULL)
        pl_rpc_call_on_data(call, (struct pl_bytes){data, size});
    return 0;
}

/* The second step of a drain: streams after the last one so far are refused. */
static void drain_last(struct pl_rpc_conn *conn)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(conn->h2->session);
    int rv;

    if (conn->h2->drain != DRAIN_NOTICED)
        return;
    conn->h2->drain = DRAIN_LAST;
    rv = nghttp2_submit_goaway(conn->h2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL,
                               0);
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
        conn->h2->settled = true;
        /* Besides its acknowledgement nothing is due but resets, of the streams whose
         * windows overflow: an error of the connection (RFC 9113, section 6.9.2). */
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 &&
            queue_len(conn->h2) > conn->h2->queue_len + 1)
            return give_up(conn, NGHTTP2_FLOW_CONTROL_ERROR, "a window is too large");
        pl_rpc_h2_share_changed(conn, NULL);
        return 0;
    case NGHTTP2_WINDOW_UPDATE:
        pl_rpc_h2_share_changed(conn, call);
        return 0;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
            memcmp(frame->ping.opaque_data, drain_ping, sizeof drain_ping) == 0)
            drain_last(conn);
        return 0;
    case NGHTTP2_HEADERS:
        if (call != NULL)
            pl_rpc_call_on_headers(call);
        break;
    case NGHTTP2_DATA:
        if (!ends && frame->hd.length == frame->data.padlen &&
            !pl_rpc_budget_spend(&conn->h2->empty, pl_rpc_conn_limits(conn)->empty_frames_max,
                                 conn->now_ms))
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

    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        conn->h2->ping_strikes = 0; /* the peer may well measure how fast it came */
    if (frame->hd.type == NGHTTP2_DATA)
        pl_rpc_h2_data_sent(conn);
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        /* Streams that the peer broke, to have them reset, count as resets. */
        if ((frame->rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR ||
             frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR ||
             frame->rst_stream.error_code == NGHTTP2_ENHANCE_YOUR_CALM ||
             frame->rst_stream.error_code == NGHTTP2_STREAM_CLOSED) &&
            !pl_rpc_budget_spend(&conn->h2->resets, pl_rpc_conn_limits(conn)->resets_max,
                                 conn->now_ms))
            (void)calm(conn, "too_many_resets");
        return 0;
    }
    /* The response's end before the client's (PROTOCOL-HTTP2, "Responses"). */
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(session, stream_id) == 0) {
        struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

        if (call != NULL && pl_rpc_call_linger(call))
            return 0;
        rv = nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_NO_ERROR);
        if (rv < 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                           void *self)
{
    struct pl_rpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    struct pl_rpc_conn *conn = self;

    (void)error_code;
    if (call == NULL)
        return 0;
    if (conn->h2->heading_weak == call)
        conn->h2->heading_weak = NULL;
    if (conn->h2->leaving_weak == call)
        conn->h2->leaving_weak = NULL;
    pl_rpc_conn_closed(conn, call);
    return 0;
}

int pl_rpc_h2_callbacks_new(nghttp2_session_callbacks **ret_callbacks)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return PL_E_NOMEM;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    pl_rpc_h2_callbacks_see_unknown(callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    pl_rpc_h2_share_watch(callbacks);
    *ret_callbacks = callbacks;
    return PL_OK;
}

int pl_rpc_h2_option_new(nghttp2_option **ret_option)
{
    nghttp2_option *option;

    if (nghttp2_option_new(&option) != 0)
        return PL_E_NOMEM;
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1);
    /* 1.5 KB for each connection, against some 40 bytes for each response. */
    nghttp2_option_set_max_deflate_dynamic_table_size(option, 0);
    pl_rpc_h2_option_see_unknown(option);
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
    const struct pl_rpc_limits *limits = pl_rpc_conn_limits(conn);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, PL_RPC_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->headers_size_max},
    };
    int rv = nghttp2_submit_settings(conn->h2->session, NGHTTP2_FLAG_NONE, settings,
                                     sizeof settings / sizeof settings[0]);

    if (rv == 0)
        rv = nghttp2_session_set_local_window_size(conn->h2->session, NGHTTP2_FLAG_NONE, 0,
                                                   PL_RPC_CONN_WINDOW);
    return pl_rpc_h2_err(rv);
}

static int h2_start(struct pl_rpc_conn *conn)
{
    struct pl_rpc_host *host = conn->host_weak;
    struct pl_rpc_h2 *h2 = pl_zalloc(sizeof *h2);
    int rc;

    if (h2 == NULL)
        return PL_E_NOMEM;
    conn->h2 = h2;
    pl_rpc_h2_blocks_init(&h2->blocks);
    h2->headers_since_ms = INT64_MAX;
    h2->ping_ms = INT64_MAX;
    h2->pinged_ms = INT64_MIN;
    rc = pl_rpc_h2_err(
        pl_rpc_h2_lender_session(&host->lender, host->callbacks, conn, host->option, &h2->session));
    return rc < 0 ? rc : submit_settings(conn);
}

static void h2_free(struct pl_rpc_conn *conn)
{
    if (conn->h2 == NULL)
        return;
    nghttp2_session_del(conn->h2->session);
    pl_free(conn->h2->kept);
    pl_rpc_stream_ids_done(&conn->h2->ids);
    pl_free(conn->h2);
    conn->h2 = NULL;
}

/* Notes since when a field block has been unfinished. */
static void time_blocks(struct pl_rpc_conn *conn, struct pl_bytes data)
{
    struct pl_rpc_h2 *h2 = conn->h2;

    if (pl_rpc_h2_blocks_feed(&h2->blocks, data)) {
        h2->headers_since_ms = conn->now_ms;
        pl_rpc_conn_due_at(conn, conn->now_ms + pl_rpc_conn_limits(conn)->headers_ms);
    }
    if (!h2->blocks.open)
        h2->headers_since_ms = INT64_MAX;
}

/* Renews the connection's window, once for all DATA of these bytes. */
static void consume(struct pl_rpc_conn *conn)
{
    int rv;

    if (conn->h2->consumed_size == 0)
        return;
    rv = nghttp2_session_consume_connection(conn->h2->session, conn->h2->consumed_size);
    conn->h2->consumed_size = 0;
    if (rv < 0)
        pl_rpc_conn_fail(conn, pl_rpc_h2_err(rv));
}

static void h2_recv(struct pl_rpc_conn *conn, struct pl_bytes data)
{
    nghttp2_session *session = conn->h2->session;
    ssize_t rv;

    conn->h2->ping_ms = INT64_MAX;
    time_blocks(conn, data);
    conn->h2->queue_len = queue_len(conn->h2);
    rv = nghttp2_session_mem_recv(session, data.data, data.size);
    if (rv < 0 && conn->failed == PL_OK) {
        pl_rpc_conn_fail(conn, pl_rpc_h2_err((int)rv));
        (void)nghttp2_session_terminate_session(
            session, rv == NGHTTP2_ERR_FLOODED || rv == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS
                         ? NGHTTP2_ENHANCE_YOUR_CALM
                     : rv == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR
                                               : NGHTTP2_PROTOCOL_ERROR);
    }
    if (conn->failed == PL_OK)
        consume(conn);
    if (conn->failed == PL_OK &&
        nghttp2_session_get_outbound_queue_size(session) > PL_RPC_OUTBOUND_FRAMES_MAX)
        (void)calm(conn, "too_much_unread");
}

/* Streams that are half closed could still be answered, but a client that means to
 * hear more does not close: it is gone. */
static void h2_recv_end(struct pl_rpc_conn *conn)
{
    pl_rpc_conn_fail(conn, PL_E_CLOSED);
}

static bool h2_wants_recv(const struct pl_rpc_conn *conn)
{
    (void)conn;
    return true; /* flow control holds the peer back */
}

/* Copies what nghttp2 gives, until `to` is full or it gives no more. */
static int copy_out(struct pl_rpc_h2 *h2, uint8_t *to, size_t size, size_t *ret_total)
{
    size_t total = 0;

    while (total < size) {
        size_t part;

        if (h2->left_size == 0) {
            ssize_t given = nghttp2_session_mem_send(h2->session, &h2->left);

            if (given < 0)
                return pl_rpc_h2_err((int)given);
            if (given == 0)
                break;
            h2->left_size = (size_t)given;
        }
        part = h2->left_size < size - total ? h2->left_size : size - total;
        memcpy(to + total, h2->left, part);
        h2->left += part;
        h2->left_size -= part;
        total += part;
        if (h2->left_size == 0) {
            pl_free(h2->kept);
            h2->kept = NULL;
        }
    }
    *ret_total = total;
    return PL_OK;
}

/* What is left lies in a buffer that other sessions write to: see h2_lender.h. */
static int keep_left(struct pl_rpc_h2 *h2)
{
    if (h2->left_size == 0 || h2->kept != NULL)
        return PL_OK;
    h2->kept = pl_memdup(h2->left, h2->left_size);
    h2->left = h2->kept;
    return h2->kept != NULL ? PL_OK : PL_E_NOMEM;
}

static ssize_t h2_fill(struct pl_rpc_conn *conn, uint8_t *to, size_t size)
{
    struct pl_rpc_h2_lender *lender = &conn->host_weak->lender;
    size_t total = 0;
    int rc;

    pl_rpc_h2_lender_open(lender);
    rc = copy_out(conn->h2, to, size, &total);
    if (rc == PL_OK)
        rc = keep_left(conn->h2);
    pl_rpc_h2_lender_close(lender);
    if (rc < 0) {
        conn->h2->left_size = 0; /* nothing more is sent */
        pl_rpc_conn_fail(conn, rc);
        return conn->failed;
    }
    return (ssize_t)total;
}

static bool h2_wants_send(const struct pl_rpc_conn *conn)
{
    return conn->h2->left_size > 0 || nghttp2_session_want_write(conn->h2->session) != 0;
}

static bool h2_finished(const struct pl_rpc_conn *conn)
{
    return !h2_wants_send(conn) &&
           (conn->failed < 0 || nghttp2_session_want_read(conn->h2->session) == 0);
}

static int64_t h2_next_due(const struct pl_rpc_conn *conn)
{
    const struct pl_rpc_limits *limits = pl_rpc_conn_limits(conn);
    const struct pl_rpc_h2 *h2 = conn->h2;
    int64_t due_ms = h2->ping_ms == INT64_MAX ? conn->heard_ms + limits->keepalive_ms
                                              : h2->ping_ms + limits->keepalive_timeout_ms;

    if (!h2->settled && conn->made_ms + limits->preface_ms < due_ms)
        due_ms = conn->made_ms + limits->preface_ms;
    if (h2->headers_since_ms != INT64_MAX && h2->headers_since_ms + limits->headers_ms < due_ms)
        due_ms = h2->headers_since_ms + limits->headers_ms;
    if (h2->drain == DRAIN_NOTICED && h2->drain_ms + PL_RPC_DRAIN_MS < due_ms)
        due_ms = h2->drain_ms + PL_RPC_DRAIN_MS;
    return due_ms;
}

/* Whether the peer has taken too long for what it must do at once. */
static bool peer_is_late(const struct pl_rpc_conn *conn)
{
    const struct pl_rpc_limits *limits = pl_rpc_conn_limits(conn);
    const struct pl_rpc_h2 *h2 = conn->h2;
    int64_t now_ms = conn->now_ms;

    if (!h2->settled && now_ms >= conn->made_ms + limits->preface_ms)
        return true;
    if (h2->headers_since_ms != INT64_MAX && now_ms >= h2->headers_since_ms + limits->headers_ms)
        return true;
    return h2->ping_ms != INT64_MAX && now_ms >= h2->ping_ms + limits->keepalive_timeout_ms;
}

static int ask_for_a_sign(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h2 *h2 = conn->h2;

    if (h2->ping_ms != INT64_MAX ||
        conn->now_ms < conn->heard_ms + pl_rpc_conn_limits(conn)->keepalive_ms)
        return PL_OK;
    h2->ping_ms = conn->now_ms;
    return pl_rpc_h2_err(nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL));
}

static int h2_tick(struct pl_rpc_conn *conn)
{
    if (peer_is_late(conn))
        return PL_E_TIMEOUT;
    if (conn->h2->drain == DRAIN_NOTICED && conn->now_ms >= conn->h2->drain_ms + PL_RPC_DRAIN_MS)
        drain_last(conn);
    return ask_for_a_sign(conn);
}

static void h2_drain(struct pl_rpc_conn *conn)
{
    struct pl_rpc_h2 *h2 = conn->h2;
    int rv;

    h2->drain = DRAIN_NOTICED;
    h2->drain_ms = conn->now_ms;
    rv = nghttp2_submit_shutdown_notice(h2->session);
    if (rv == 0)
        rv = nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, drain_ping);
    if (rv < 0)
        pl_rpc_conn_fail(conn, pl_rpc_h2_err(rv));
}

/* Its calls are told, one by one, so that their callers hear why. */
static void h2_turn_away(struct pl_rpc_conn *conn, const char *text)
{
    (void)conn;
    (void)text;
}

const struct pl_rpc_http pl_rpc_http2 = {
    .start = h2_start,
    .free = h2_free,
    .recv = h2_recv,
    .recv_end = h2_recv_end,
    .wants_recv = h2_wants_recv,
    .fill = h2_fill,
    .wants_send = h2_wants_send,
    .finished = h2_finished,
    .tick = h2_tick,
    .next_due = h2_next_due,
    .drain = h2_drain,
    .turn_away = h2_turn_away,
    .respond = pl_rpc_h2_respond,
    .trail = pl_rpc_h2_trail,
    .resume = pl_rpc_h2_resume,
    .reset = pl_rpc_h2_reset,
    .consume = pl_rpc_h2_consume,
    .set_window = pl_rpc_h2_set_window,
};
