/*
 * client.c - the client's connection.
 *
 * A call that its stream's end has ended is told so after nghttp2 has been left;
 * one that is aborted, at once, perhaps inside nghttp2. In both cases on_close may
 * do anything but free the client.
 *
 * A server is trusted no more than a client is: frames that bring nothing have a
 * budget, and what nghttp2 queues to answer them has a limit.
 */
#include "rpc/client.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/client_inner.h"
#include "rpc/h2.h"
#include "rpc/limits.h"
#include "rpc/timeout.h"

#include <stdio.h>
#include <string.h>

enum { REASON_SIZE = 64 };

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
    if (client->why[0] == 0)
        snprintf(client->why, sizeof client->why, "%s", pl_err_text(err));
}

/* Notes a GOAWAY of either side: `who`, its error, and its text as far as a line
 * may show it. */
static void set_why(struct pl_rpc_client *client, const char *who, const nghttp2_goaway *goaway)
{
    char reason[REASON_SIZE];
    size_t size = goaway->opaque_data_len;

    if (size > sizeof reason - 1)
        size = sizeof reason - 1;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = goaway->opaque_data[i];

        reason[i] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
    }
    reason[size] = 0;
    snprintf(client->why, sizeof client->why, "%s: %s%s%s%s", who,
             nghttp2_http2_strerror(goaway->error_code), size > 0 ? " (" : "", reason,
             size > 0 ? ")" : "");
}

/* Gives the server up: says why, and fails. The result of a callback. */
static int give_up(struct pl_rpc_client *client, uint32_t error_code, int err, const char *reason)
{
    int rv = nghttp2_submit_goaway(client->session, NGHTTP2_FLAG_NONE, 0, error_code,
                                   (const uint8_t *)reason, strlen(reason));

    snprintf(client->why, sizeof client->why, "the server is given up: %s (%s)",
             nghttp2_http2_strerror(error_code), reason);
    pl_rpc_client_fail(client, rv < 0 ? pl_rpc_h2_err(rv) : err);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Counts a frame that brings nothing. The result of a callback. */
static int on_nothing(struct pl_rpc_client *client)
{
    if (pl_rpc_budget_spend(&client->nothings, PL_RPC_CLIENT_BUDGET_NOTHINGS, client->now_ms))
        return 0;
    return give_up(client, NGHTTP2_ENHANCE_YOUR_CALM, PL_E_LIMIT, "too_many_frames");
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *self)
{
    struct pl_rpc_client *client = self;

    switch (hd->type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_WINDOW_UPDATE:
        return 0;
    case NGHTTP2_PUSH_PROMISE: /* even before our SETTINGS, which forbid it, are acknowledged */
        return give_up(client, NGHTTP2_PROTOCOL_ERROR, PL_E_PROTO, "push is disabled");
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
        return (hd->flags & NGHTTP2_FLAG_ACK) != 0 ? 0 : on_nothing(client);
    case NGHTTP2_RST_STREAM:
        if (nghttp2_session_get_stream_user_data(session, hd->stream_id) != NULL)
            return 0;
        return on_nothing(client);
    default:
        return on_nothing(client);
    }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *self)
{
    struct pl_rpc_client_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)self;
    if (call != NULL && !call->over)
        pl_rpc_client_call_on_header(call, (struct pl_bytes){name, name_size},
                                     (struct pl_bytes){value, value_size},
                                     (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    return 0;
}

static void on_goaway(struct pl_rpc_client *client, const nghttp2_goaway *goaway)
{
    static const char too_many_pings[] = "too_many_pings";

    client->draining = true;
    set_why(client, "the server says GOAWAY", goaway);
    if (goaway->error_code == NGHTTP2_ENHANCE_YOUR_CALM &&
        goaway->opaque_data_len == sizeof too_many_pings - 1 &&
        memcmp(goaway->opaque_data, too_many_pings, sizeof too_many_pings - 1) == 0)
        client->pings_too_often = true;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_client *client = self;
    struct pl_rpc_client_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
            client->settled = true;
        return 0;
    case NGHTTP2_GOAWAY:
        on_goaway(client, &frame->goaway);
        return 0;
    case NGHTTP2_HEADERS:
        if (call != NULL && !call->over)
            pl_rpc_client_call_on_headers(call, last);
        /* Not the response's headers: informational, or for a call that is over. */
        return last || (call != NULL && call->answered) ? 0 : on_nothing(client);
    case NGHTTP2_DATA:
        if (last && call != NULL && !call->over)
            pl_rpc_client_call_on_end(call);
        return last || frame->hd.length > frame->data.padlen ? 0 : on_nothing(client);
    default:
        return 0;
    }
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                         const uint8_t *data, size_t size, void *self)
{
    struct pl_rpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    int rv = nghttp2_session_consume_connection(session, size);

    (void)flags;
    if (rv < 0)
        pl_rpc_client_fail(self, pl_rpc_h2_err(rv));
    if (call == NULL || call->over)
        return 0;
    call->unconsumed += size;
    pl_rpc_client_call_on_data(call, (struct pl_bytes){data, size});
    pl_rpc_client_call_consume(call);
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct pl_rpc_client *client = self;
    struct pl_rpc_client_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    switch (frame->hd.type) {
    case NGHTTP2_GOAWAY: /* nghttp2's own: the server has broken HTTP/2, or memory is short */
        if (client->failed == PL_OK && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
            set_why(client, "the server is given up", &frame->goaway);
            pl_rpc_client_fail(client, frame->goaway.error_code == NGHTTP2_INTERNAL_ERROR
                                           ? PL_E_NOMEM
                                           : PL_E_PROTO);
        }
        break;
    case NGHTTP2_HEADERS:
        if (call != NULL)
            call->sent = true;
        break;
    case NGHTTP2_DATA:
        if (call != NULL)
            pl_rpc_client_call_on_sent(call);
        break;
    default:
        break;
    }
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
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    pl_rpc_h2_callbacks_see_unknown(callbacks);
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
    nghttp2_option_set_no_auto_window_update(option, 1);
    pl_rpc_h2_option_see_unknown(option);
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
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, PL_RPC_CLIENT_HEADERS_SIZE_MAX},
    };
    int rv = nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings,
                                     sizeof settings / sizeof settings[0]);

    if (rv == 0)
        rv = nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0,
                                                   PL_RPC_CLIENT_CONN_WINDOW);
    return pl_rpc_h2_err(rv);
}

/* Takes the configuration, with its defaults. */
static int configure(struct pl_rpc_client *client, const struct pl_rpc_client_config *config)
{
    static const char own[] = "grpc-c-parla/" PL_RPC_VERSION;
    size_t size = sizeof own;

    client->https = config->scheme != NULL && strcmp(config->scheme, "https") == 0;
    client->message_size_max =
        config->message_size_max > 0 ? config->message_size_max : PL_RPC_MESSAGE_SIZE_MAX;
    client->keepalive_ms =
        config->keepalive_ms > 0 ? config->keepalive_ms : PL_RPC_CLIENT_KEEPALIVE_MS;
    client->keepalive_timeout_ms = config->keepalive_timeout_ms > 0 ? config->keepalive_timeout_ms
                                                                    : PL_RPC_KEEPALIVE_TIMEOUT_MS;
    if (config->user_agent != NULL)
        size += strlen(config->user_agent) + 1;
    client->authority = pl_strdup(config->authority);
    client->user_agent = pl_alloc(size);
    if (client->authority == NULL || client->user_agent == NULL)
        return PL_E_NOMEM;
    snprintf(client->user_agent, size, "%s%s%s",
             config->user_agent != NULL ? config->user_agent : "",
             config->user_agent != NULL ? " " : "", own);
    return PL_OK;
}

int pl_rpc_client_new_with(const struct pl_rpc_client_ops *ops,
                           const struct pl_rpc_client_config *config, int64_t now_ms,
                           struct pl_rpc_client **ret_client)
{
    struct pl_rpc_client *client = pl_zalloc(sizeof *client);
    int rc;

    PL_ASSERT(config->authority != NULL);
    if (client == NULL)
        return PL_E_NOMEM;
    client->ops = *ops;
    client->now_ms = now_ms;
    client->heard_ms = now_ms;
    client->ping_ms = INT64_MAX;
    client->nothings.since_ms = now_ms;
    pl_list_init(&client->calls);
    pl_list_init(&client->closed);
    rc = configure(client, config);
    if (rc < 0)
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

int pl_rpc_client_new(const struct pl_rpc_client_ops *ops, const char *authority, int64_t now_ms,
                      struct pl_rpc_client **ret_client)
{
    const struct pl_rpc_client_config config = {.authority = authority};

    return pl_rpc_client_new_with(ops, &config, now_ms, ret_client);
}

static void reap(struct pl_rpc_client *client)
{
    struct pl_list *node;

    while ((node = pl_list_first(&client->closed)) != NULL)
        pl_rpc_client_call_reap(PL_CONTAINER(node, struct pl_rpc_client_call, node));
}

void pl_rpc_client_free(struct pl_rpc_client *client)
{
    char text[PL_RPC_CLIENT_WHY_SIZE + 32];

    if (client == NULL)
        return;
    PL_ASSERT(!client->busy);
    client->busy = true; /* the owner is told of nothing more to send */
    snprintf(text, sizeof text, "the connection is lost%s%s", client->why[0] != 0 ? ": " : "",
             client->why);
    pl_rpc_client_fail(client, PL_E_CLOSED);
    reap(client);
    PL_LIST_EACH (node, &client->calls) {
        struct pl_rpc_client_call *call = PL_CONTAINER(node, struct pl_rpc_client_call, node);

        pl_rpc_client_call_over(call, PL_CODE_UNAVAILABLE, text, call->sent);
    }
    nghttp2_session_del(client->session);
    PL_LIST_EACH (node, &client->calls)
        pl_rpc_client_call_free(PL_CONTAINER(node, struct pl_rpc_client_call, node));
    PL_ASSERT(client->calls_len == 0);
    pl_free(client->authority);
    pl_free(client->user_agent);
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
    else if (nghttp2_session_get_outbound_queue_size(client->session) >
             PL_RPC_OUTBOUND_FRAMES_MAX + 2 * client->calls_len)
        (void)give_up(client, NGHTTP2_ENHANCE_YOUR_CALM, PL_E_LIMIT, "too_many_answers_wait");
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
        if (total == 0 && client->failed < 0)
            return client->failed;
        if (rc == 0 || total == size)
            return (ssize_t)total;
    }
}

/* When the server is asked for a sign, or must have given one. */
static int64_t keepalive_due_ms(const struct pl_rpc_client *client)
{
    if (client->ping_ms != INT64_MAX)
        return pl_rpc_timeout_after(client->ping_ms, client->keepalive_timeout_ms);
    if (pl_list_empty(&client->calls))
        return INT64_MAX;
    return pl_rpc_timeout_after(client->heard_ms, client->keepalive_ms);
}

static void ask_for_a_sign(struct pl_rpc_client *client)
{
    int rv;

    if (client->ping_ms != INT64_MAX || client->now_ms < keepalive_due_ms(client))
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
    if (client->ping_ms != INT64_MAX && now_ms >= keepalive_due_ms(client)) {
        snprintf(client->why, sizeof client->why, "the server does not answer");
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

int64_t pl_rpc_client_due_ms(const struct pl_rpc_client *client)
{
    int64_t due_ms = keepalive_due_ms(client);

    PL_LIST_EACH (node, &client->calls) {
        const struct pl_rpc_client_call *call = PL_CONTAINER(node, struct pl_rpc_client_call, node);

        if (!call->over && call->deadline_ms < due_ms)
            due_ms = call->deadline_ms;
    }
    return due_ms;
}

bool pl_rpc_client_settled(const struct pl_rpc_client *client)
{
    return client->settled;
}

bool pl_rpc_client_pings_too_often(const struct pl_rpc_client *client)
{
    return client->pings_too_often;
}

const char *pl_rpc_client_why(const struct pl_rpc_client *client)
{
    return client->why;
}
