/*
 * client.c - the client's connection.
 *
 * As on the server, on_close runs after nghttp2 has been left, so that it may do
 * anything but free the client.
 */
#include "rpc/client.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/client_inner.h"
#include "rpc/h2.h"
#include "rpc/limits.h"

#include <string.h>

void pl_rpc_client_want_send(struct pl_rpc_client *client)
{
    if (client->busy)
        return;
    if (client->failed < 0 || client->left_size > 0 || nghttp2_session_want_write(client->session))
        client->ops.on_want_send(client->ops.self);
}

void pl_rpc_client_fail(struct pl_rpc_client *client, int err)
{
    PL_ASSERT(err < 0);
    if (client->failed == PL_OK)
        client->failed = err;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *self)
{
    struct pl_rpc_client_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)self;
    if (call == NULL || call->over)
        return 0;
    if (pl_rpc_client_call_on_header(call, (struct pl_bytes){name, name_size},
                                     (struct pl_bytes){value, value_size},
                                     (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) < 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_client *client = self;
    struct pl_rpc_client_call *call;

    if (frame->hd.type == NGHTTP2_GOAWAY) {
        client->draining = true;
        return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL && !call->over)
        pl_rpc_client_call_on_headers(call, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t size, void *self)
{
    struct pl_rpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)self;
    if (call != NULL && !call->over)
        pl_rpc_client_call_on_data(call, (struct pl_bytes){data, size});
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_client_call *call;

    (void)self;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (call != NULL)
        call->sent = true;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                           void *self)
{
    struct pl_rpc_client *client = self;
    struct pl_rpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    if (call == NULL)
        return 0;
    call->error_code = error_code;
    call->stream_id = 0;
    pl_list_remove(&call->node);
    pl_list_append(&client->closed, &call->node);
    return 0;
}

static int callbacks_new(nghttp2_session_callbacks **ret_callbacks)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return PL_E_NOMEM;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    *ret_callbacks = callbacks;
    return PL_OK;
}

static int session_new(struct pl_rpc_client *client)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    int rc = callbacks_new(&callbacks);

    if (rc < 0)
        return rc;
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return PL_E_NOMEM;
    }
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, PL_RPC_OUTBOUND_ACKS_MAX);
    nghttp2_option_set_max_settings(option, PL_RPC_SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_continuations(option, PL_RPC_CONTINUATIONS_MAX);
    rc = pl_rpc_h2_err(
        nghttp2_session_client_new3(&client->session, callbacks, client, option, pl_rpc_h2_mem()));
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return rc;
}

static int submit_settings(struct pl_rpc_client *client)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, PL_RPC_CLIENT_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 2 * PL_RPC_FIELDS_SIZE_MAX},
    };
    int rv = nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings,
                                     sizeof settings / sizeof settings[0]);

    if (rv == 0)
        rv = nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0,
                                                   PL_RPC_CLIENT_CONN_WINDOW);
    return pl_rpc_h2_err(rv);
}

int pl_rpc_client_new(const struct pl_rpc_client_ops *ops, const char *authority, int64_t now_ms,
                      struct pl_rpc_client **ret_client)
{
    struct pl_rpc_client *client = pl_zalloc(sizeof *client);
    int rc;

    if (client == NULL)
        return PL_E_NOMEM;
    client->ops = *ops;
    client->now_ms = now_ms;
    client->heard_ms = now_ms;
    client->ping_ms = INT64_MAX;
    pl_list_init(&client->calls);
    pl_list_init(&client->closed);

    rc = PL_E_NOMEM;
    client->authority = pl_strdup(authority);
    if (client->authority == NULL)
        goto fail;
    rc = session_new(client);
    if (rc < 0)
        goto fail;
    rc = submit_settings(client);
    if (rc < 0)
        goto fail;

    *ret_client = client;
    return PL_OK;

fail:
    pl_rpc_client_free(client);
    return rc;
}

static void reap(struct pl_rpc_client *client)
{
    struct pl_list *node;

    while ((node = pl_list_first(&client->closed)) != NULL)
        pl_rpc_client_call_reap(PL_CONTAINER(node, struct pl_rpc_client_call, node));
}

void pl_rpc_client_free(struct pl_rpc_client *client)
{
    if (client == NULL)
        return;
    PL_ASSERT(!client->busy);
    client->busy = true; /* the owner is told of nothing more to send */
    pl_rpc_client_fail(client, PL_E_CLOSED);
    reap(client);
    PL_LIST_EACH (node, &client->calls) {
        struct pl_rpc_client_call *call = PL_CONTAINER(node, struct pl_rpc_client_call, node);

        pl_rpc_client_call_over(call, PL_CODE_UNAVAILABLE, "the connection is lost", call->sent);
    }
    nghttp2_session_del(client->session);
    PL_LIST_EACH (node, &client->calls)
        pl_rpc_client_call_free(PL_CONTAINER(node, struct pl_rpc_client_call, node));
    pl_free(client->authority);
    pl_free(client);
}

int pl_rpc_client_recv(struct pl_rpc_client *client, struct pl_bytes data, int64_t now_ms)
{
    ssize_t rv;

    PL_ASSERT(!client->busy);
    if (client->failed < 0)
        return client->failed;
    client->now_ms = now_ms;
    client->heard_ms = now_ms;
    client->ping_ms = INT64_MAX;

    client->busy = true;
    rv = nghttp2_session_mem_recv(client->session, data.data, data.size);
    if (rv < 0)
        pl_rpc_client_fail(client, pl_rpc_h2_err((int)rv));
    reap(client);
    client->busy = false;
    pl_rpc_client_want_send(client);
    return client->failed;
}

/* Copies what nghttp2 gives, until `to` is full or it gives no more. */
static ssize_t fill_once(struct pl_rpc_client *client, uint8_t *to, size_t size)
{
    size_t total = 0;

    while (total < size) {
        size_t part;

        if (client->left_size == 0) {
            ssize_t given = nghttp2_session_mem_send(client->session, &client->left);

            if (given < 0) {
                pl_rpc_client_fail(client, pl_rpc_h2_err((int)given));
                return client->failed;
            }
            if (given == 0)
                break;
            client->left_size = (size_t)given;
        }
        part = client->left_size < size - total ? client->left_size : size - total;
        memcpy(to + total, client->left, part);
        client->left += part;
        client->left_size -= part;
        total += part;
    }
    return (ssize_t)total;
}

ssize_t pl_rpc_client_fill(struct pl_rpc_client *client, uint8_t *to, size_t size)
{
    size_t total = 0;

    PL_ASSERT(!client->busy);
    for (;;) {
        ssize_t rc;

        client->busy = true;
        rc = fill_once(client, to + total, size - total);
        reap(client); /* on_close may have started another call */
        client->busy = false;
        if (rc < 0)
            return total > 0 ? (ssize_t)total : rc;
        total += (size_t)rc;
        if (rc == 0 || total == size)
            return (ssize_t)total;
    }
}

static void ask_for_a_sign(struct pl_rpc_client *client)
{
    int rv;

    if (client->ping_ms != INT64_MAX || pl_list_empty(&client->calls) ||
        client->now_ms < client->heard_ms + PL_RPC_CLIENT_KEEPALIVE_MS)
        return;
    client->ping_ms = client->now_ms;
    rv = nghttp2_submit_ping(client->session, NGHTTP2_FLAG_NONE, NULL);
    if (rv < 0)
        pl_rpc_client_fail(client, pl_rpc_h2_err(rv));
}

int pl_rpc_client_tick(struct pl_rpc_client *client, int64_t now_ms)
{
    PL_ASSERT(!client->busy);
    client->now_ms = now_ms;
    if (client->failed < 0)
        return client->failed;
    if (client->ping_ms != INT64_MAX && now_ms >= client->ping_ms + PL_RPC_KEEPALIVE_TIMEOUT_MS) {
        pl_rpc_client_fail(client, PL_E_TIMEOUT);
        return client->failed;
    }

    client->busy = true;
    PL_LIST_EACH (node, &client->calls) {
        struct pl_rpc_client_call *call = PL_CONTAINER(node, struct pl_rpc_client_call, node);

        if (!call->over && now_ms >= call->deadline_ms)
            pl_rpc_client_call_abort(call, PL_CODE_DEADLINE_EXCEEDED, "the deadline has passed");
    }
    ask_for_a_sign(client);
    reap(client);
    client->busy = false;
    pl_rpc_client_want_send(client);
    return client->failed;
}

bool pl_rpc_client_draining(const struct pl_rpc_client *client)
{
    return client->draining;
}
