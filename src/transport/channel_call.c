/*
 * channel_call.c - the calls of a channel: those that wait, and their attempts.
 *
 * A call's messages are held until nothing can make it go out again: a response
 * message has come, or they have grown beyond what is held for a repeat. An attempt
 * that ends is judged at once; a next one begins in the flush.
 */
#include "transport/channel_inner.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/limits.h"
#include "rpc/timeout.h"

#include <stdio.h>
#include <string.h>

static void set_state(struct pl_channel_call *call, enum pl_channel_call_state state)
{
    struct pl_channel *channel = call->channel_weak;
    bool waited = call->state == PL_CHANNEL_CALL_WAITING || call->state == PL_CHANNEL_CALL_PAUSING;
    bool waits = state == PL_CHANNEL_CALL_WAITING || state == PL_CHANNEL_CALL_PAUSING;
    bool queued = state == PL_CHANNEL_CALL_WAITING || state == PL_CHANNEL_CALL_ENDING;

    PL_ASSERT(call->state != PL_CHANNEL_CALL_OVER);
    call->state = state;
    channel->waiting_len += (waits ? 1U : 0U) - (waited ? 1U : 0U);
    pl_list_remove(&call->node);
    if (state == PL_CHANNEL_CALL_OVER)
        return;
    pl_list_append(queued ? &channel->queue : &channel->calls, &call->node);
    if (queued)
        pl_channel_mark(channel);
}

static void commit(struct pl_channel_call *call)
{
    for (size_t i = 0; i < call->held_len; i++)
        pl_buf_unref(call->held[i]);
    pl_free((void *)call->held);
    call->channel_weak->held_size -= call->held_size;
    call->held = NULL;
    call->held_len = call->held_cap = call->held_size = 0;
    call->committed = true;
}

/* Keeps a message for the first attempt, or the next. */
static int hold(struct pl_channel_call *call, struct pl_bytes message)
{
    struct pl_buf *buf;

    if (call->held_len == call->held_cap) {
        size_t cap = call->held_cap > 0 ? call->held_cap * 2 : 1;
        struct pl_buf **held =
            (struct pl_buf **)pl_realloc((void *)call->held, cap * sizeof(struct pl_buf *));

        if (held == NULL)
            return PL_E_NOMEM;
        call->held = held;
        call->held_cap = cap;
    }
    buf = pl_buf_copy(message.data, message.size);
    if (buf == NULL)
        return message.size > PL_BUF_SIZE_MAX ? PL_E_LIMIT : PL_E_NOMEM;
    call->held[call->held_len++] = buf;
    call->held_size += message.size;
    call->channel_weak->held_size += message.size;
    return PL_OK;
}

static void call_free(struct pl_channel_call *call)
{
    commit(call);
    pl_timer_free(call->timer);
    pl_rpc_fields_done(&call->metadata);
    pl_free(call->path);
    pl_free(call);
}

/* Lets the attempt go, without listening to its end. */
static void drop_attempt(struct pl_channel_call *call)
{
    if (call->conn_weak == NULL)
        return;
    call->dropping = true;
    pl_rpc_client_cancel(call->attempt);
    call->dropping = false;
    PL_ASSERT(call->conn_weak == NULL);
    call->attempt = NULL;
}

/* The last of a call. `status` may lie in the call. */
static void finish(struct pl_channel_call *call, const struct pl_rpc_status *status, bool processed)
{
    struct pl_channel *channel = call->channel_weak;

    drop_attempt(call);
    set_state(call, PL_CHANNEL_CALL_OVER);
    commit(call);
    channel->calls_len--;
    channel->used_ms = pl_channel_now_ms(channel);
    if (status->code == PL_CODE_OK)
        pl_channel_is_well(channel);
    call->ops.on_close(call->ops.self, status, processed || call->seen);
    call_free(call);
}

static void finish_with(struct pl_channel_call *call, enum pl_code code, const char *text)
{
    const struct pl_rpc_status status = {.code = code, .message = text};
    bool processed = call->conn_weak != NULL;

    finish(call, &status, processed);
}

/* The same, but in the flush. */
static void end_later(struct pl_channel_call *call, enum pl_code code, const char *text)
{
    call->end_code = code;
    snprintf(call->text, sizeof call->text, "%s", text);
    set_state(call, PL_CHANNEL_CALL_ENDING);
}

/* The timer is for the deadline, or for the next attempt where that comes before. */
static void set_timer(struct pl_channel_call *call)
{
    int64_t now = pl_channel_now_ms(call->channel_weak);
    int64_t until = call->deadline_ms;

    if (call->state == PL_CHANNEL_CALL_PAUSING && call->again_ms < until)
        until = call->again_ms;
    if (until < INT64_MAX)
        pl_timer_start(call->timer, until > now ? (uint64_t)(until - now) : 0, 0);
}

static void deadline_passed(struct pl_channel_call *call)
{
    const struct pl_channel *channel = call->channel_weak;
    char text[PL_CHANNEL_TEXT_SIZE + 64];

    if (call->state == PL_CHANNEL_CALL_PAUSING)
        snprintf(text, sizeof text, "the deadline has passed; the last attempt: %s", call->text);
    else if (call->state == PL_CHANNEL_CALL_WAITING && channel->failure[0] != 0)
        snprintf(text, sizeof text, "the deadline has passed; %s", channel->failure);
    else if (call->state == PL_CHANNEL_CALL_WAITING)
        snprintf(text, sizeof text, "the deadline has passed; connecting to %s",
                 channel->authority);
    else
        snprintf(text, sizeof text, "the deadline has passed");
    finish_with(call, PL_CODE_DEADLINE_EXCEEDED, text);
}

static void on_timer(void *self)
{
    struct pl_channel_call *call = self;

    if (pl_channel_now_ms(call->channel_weak) >= call->deadline_ms) {
        deadline_passed(call);
        return;
    }
    if (call->state == PL_CHANNEL_CALL_PAUSING)
        set_state(call, PL_CHANNEL_CALL_WAITING);
    set_timer(call);
}

static int need_timer(struct pl_channel_call *call)
{
    if (call->timer != NULL)
        return PL_OK;
    return pl_timer_new(call->channel_weak->loop_weak, on_timer, call, &call->timer);
}

/* An attempt, or the wait for one, has failed: tries again, or ends the call. */
static void judge(struct pl_channel_call *call, const struct pl_rpc_status *status, bool processed,
                  const struct pl_retry_failure *failure)
{
    struct pl_channel *channel = call->channel_weak;
    int64_t pause_ms = 0;
    enum pl_retry_verdict verdict = PL_RETRY_NO;

    if (status->code != PL_CODE_OK && !call->committed)
        verdict = pl_retry_decide(&call->retry, failure, pl_channel_random(channel), &pause_ms);
    if (verdict == PL_RETRY_LATER && need_timer(call) < 0)
        verdict = PL_RETRY_NO;
    switch (verdict) {
    case PL_RETRY_NO:
        finish(call, status, processed);
        break;
    case PL_RETRY_NOW:
        call->attempt = NULL;
        set_state(call, PL_CHANNEL_CALL_WAITING);
        break;
    case PL_RETRY_LATER:
        if (status->message != call->text)
            snprintf(call->text, sizeof call->text, "%s",
                     status->message != NULL ? status->message : "");
        call->attempt = NULL;
        call->again_ms = pl_channel_now_ms(channel) + pause_ms;
        set_state(call, PL_CHANNEL_CALL_PAUSING);
        set_timer(call);
        break;
    }
}

static void on_message(void *self, struct pl_bytes message)
{
    struct pl_channel_call *call = self;

    commit(call);
    pl_channel_is_well(call->channel_weak);
    if (call->ops.on_message != NULL)
        call->ops.on_message(call->ops.self, message);
}

static void on_headers(void *self)
{
    struct pl_channel_call *call = self;

    commit(call);
    if (call->ops.on_headers != NULL)
        call->ops.on_headers(call->ops.self);
}

static void on_drained(void *self)
{
    struct pl_channel_call *call = self;

    if (call->ops.on_drained != NULL)
        call->ops.on_drained(call->ops.self);
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct pl_channel_call *call = self;
    struct pl_channel_conn *conn = call->conn_weak;
    struct pl_rpc_status told = *status;
    struct pl_retry_failure failure = {.code = status->code, .processed = processed};

    PL_ASSERT(conn->calls_len > 0);
    conn->calls_len--;
    call->conn_weak = NULL;
    pl_channel_mark(call->channel_weak); /* the connection may have drained */
    if (call->dropping)
        return;
    call->seen = call->seen || processed;
    if (pl_rpc_client_call_answered(call->attempt))
        commit(call);
    failure.pushback = pl_rpc_client_call_pushback(call->attempt, &failure.pushback_ms);
    if (conn->tells_why && status->code == PL_CODE_UNAVAILABLE) {
        snprintf(call->text, sizeof call->text, "%s: %s",
                 status->message != NULL ? status->message : "", conn->why);
        told.message = call->text;
    }
    judge(call, &told, processed, &failure);
}

/* The metadata as rpc wants it. */
static size_t list_metadata(const struct pl_channel_call *call,
                            struct pl_rpc_metadata metadata[PL_RPC_FIELDS_LEN_MAX])
{
    struct pl_bytes name, value;
    size_t len = 0;

    for (size_t pos = 0; pl_rpc_fields_next(&call->metadata, &pos, &name, &value);)
        metadata[len++] = (struct pl_rpc_metadata){(const char *)name.data, value};
    return len;
}

/* Gives the attempt what is there. */
static int replay(struct pl_channel_call *call)
{
    for (size_t i = 0; i < call->held_len; i++) {
        const struct pl_buf *buf = call->held[i];
        int err = pl_rpc_client_send(call->attempt, (struct pl_bytes){buf->data, buf->size});

        if (err < 0)
            return err;
    }
    if (call->half_closed)
        pl_rpc_client_half_close(call->attempt);
    if (call->held_size > call->channel_weak->config.repeat_size_max)
        commit(call);
    return PL_OK;
}

static void begin_attempt(struct pl_channel_call *call, struct pl_channel_conn *conn)
{
    struct pl_rpc_client_call_ops ops = {.self = call,
                                         .on_message = on_message,
                                         .on_close = on_close,
                                         .on_headers = on_headers,
                                         .on_drained = on_drained};
    struct pl_rpc_metadata metadata[PL_RPC_FIELDS_LEN_MAX];
    struct pl_rpc_client_request request = {.path = call->path,
                                            .metadata = metadata,
                                            .metadata_len = list_metadata(call, metadata),
                                            .gzip = call->compress,
                                            .one_reply = call->one_reply,
                                            .attempts = call->retry.attempts_len};
    int err;

    if (call->deadline_ms < INT64_MAX)
        request.timeout_ms = call->deadline_ms - pl_channel_now_ms(call->channel_weak);
    if (call->deadline_ms < INT64_MAX && request.timeout_ms <= 0)
        request.timeout_ms = 1; /* the timer is about to end it */
    err = pl_rpc_client_begin(conn->client, &request, &ops, &call->attempt);
    if (err < 0 && err != PL_E_LIMIT && err != PL_E_NOMEM && err != PL_E_INVALID) {
        /* not the call's fault: it goes to the next connection */
        if (!pl_rpc_client_draining(conn->client))
            pl_channel_conn_break(conn, pl_rpc_client_why(conn->client));
        set_state(call, PL_CHANNEL_CALL_WAITING);
        return;
    }
    if (err == PL_OK) {
        call->conn_weak = conn;
        conn->calls_len++;
        set_state(call, PL_CHANNEL_CALL_ACTIVE);
        err = replay(call);
    }
    if (err < 0)
        finish_with(call, pl_err_code(err), pl_err_text(err));
}

/* A call that waits for a connection. */
static void look_at(struct pl_channel_call *call)
{
    struct pl_channel *channel = call->channel_weak;
    const struct pl_rpc_status status = {.code = PL_CODE_UNAVAILABLE, .message = channel->failure};
    const struct pl_retry_failure failure = {
        .code = PL_CODE_UNAVAILABLE, .processed = true, .pushback = PL_E_NOTFOUND};

    if (channel->state == PL_CHANNEL_READY && !channel->conn->broken)
        begin_attempt(call, channel->conn);
    else if (channel->state == PL_CHANNEL_TRANSIENT_FAILURE && !call->wait_for_ready)
        judge(call, &status, false, &failure);
    else
        pl_list_append(&channel->queue, &call->node);
}

void pl_channel_calls_go_on(struct pl_channel *channel)
{
    struct pl_list now, *node;

    pl_list_init(&now);
    while ((node = pl_list_first(&channel->queue)) != NULL) {
        pl_list_remove(node);
        pl_list_append(&now, node);
    }
    while ((node = pl_list_first(&now)) != NULL) { /* callbacks may take others out */
        struct pl_channel_call *call = PL_CONTAINER(node, struct pl_channel_call, node);

        pl_list_remove(node);
        if (call->state == PL_CHANNEL_CALL_ENDING)
            finish_with(call, call->end_code, call->text);
        else
            look_at(call);
    }
}

void pl_channel_calls_end(struct pl_channel *channel, enum pl_code code, const char *text)
{
    struct pl_list *lists[] = {&channel->queue, &channel->calls};
    struct pl_list *node;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        while ((node = pl_list_first(lists[i])) != NULL)
            finish_with(PL_CONTAINER(node, struct pl_channel_call, node), code, text);
}

/* Copies metadata, as far as it may be sent. */
static int copy_metadata(struct pl_rpc_fields *to, const struct pl_rpc_metadata *metadata,
                         size_t metadata_len)
{
    struct pl_rpc_fields checked;
    int err = PL_OK;

    pl_rpc_fields_init(&checked, PL_RPC_FIELDS_SIZE_MAX);
    for (size_t i = 0; i < metadata_len && err == PL_OK; i++) {
        struct pl_bytes name = pl_bytes_str(metadata[i].name);

        err = pl_rpc_fields_add_custom(&checked, metadata[i].name, metadata[i].value);
        name.size++; /* its NUL */
        if (err == PL_OK)
            err = pl_rpc_fields_add(to, name, metadata[i].value);
    }
    pl_rpc_fields_done(&checked);
    return err;
}

static void set_options(struct pl_channel_call *call, const struct pl_channel_call_options *options)
{
    const struct pl_channel_config *config = &call->channel_weak->config;
    uint32_t attempts = options->max_attempts;

    call->wait_for_ready = options->wait_for_ready;
    call->compress = options->compress;
    call->one_reply = options->one_reply;
    call->deadline_ms = INT64_MAX;
    if (options->timeout_ms > 0)
        call->deadline_ms =
            pl_rpc_timeout_after(pl_channel_now_ms(call->channel_weak), options->timeout_ms);
    call->retry.repeatable = options->repeatable;
    call->retry.attempts_max =
        attempts > 0 && attempts < PL_RETRY_ATTEMPTS_MAX ? attempts : PL_RETRY_ATTEMPTS_MAX;
    call->retry.backoff.base_ms = config->retry_base_ms;
    call->retry.backoff.max_ms = config->retry_max_ms;
}

int pl_channel_start(struct pl_channel *channel, const char *path,
                     const struct pl_rpc_metadata *metadata, size_t metadata_len,
                     const struct pl_channel_call_options *options,
                     const struct pl_rpc_client_call_ops *ops, struct pl_channel_call **ret_call)
{
    static const struct pl_channel_call_options no_options;
    struct pl_channel_call *call;
    int err = PL_E_NOMEM;

    PL_ASSERT(path[0] == '/');
    if (channel->state == PL_CHANNEL_SHUTDOWN)
        return PL_E_CLOSED;
    call = pl_zalloc(sizeof *call);
    if (call == NULL)
        return PL_E_NOMEM;
    pl_list_init(&call->node);
    call->channel_weak = channel;
    call->ops = *ops;
    set_options(call, options != NULL ? options : &no_options);
    pl_rpc_fields_init(&call->metadata, 2 * PL_RPC_FIELDS_SIZE_MAX);
    call->path = pl_strdup(path);
    if (call->path != NULL)
        err = copy_metadata(&call->metadata, metadata, metadata_len);
    if (err == PL_OK && call->deadline_ms < INT64_MAX)
        err = need_timer(call);
    if (err < 0) {
        call_free(call);
        return err;
    }
    channel->calls_len++;
    if (channel->waiting_len < channel->config.waiting_len_max)
        set_state(call, PL_CHANNEL_CALL_WAITING);
    else
        end_later(call, PL_CODE_RESOURCE_EXHAUSTED, "too many calls wait for a connection");
    set_timer(call);
    *ret_call = call;
    return PL_OK;
}

/* Whether one more message may be held. */
static bool may_hold(const struct pl_channel_call *call, size_t size)
{
    const struct pl_channel *channel = call->channel_weak;
    size_t left = channel->config.held_size_max - channel->held_size;

    if (channel->held_size > channel->config.held_size_max || size > left)
        return false;
    return call->state != PL_CHANNEL_CALL_ACTIVE ||
           (!call->committed && size <= channel->config.repeat_size_max &&
            call->held_size <= channel->config.repeat_size_max - size);
}

int pl_channel_send(struct pl_channel_call *call, struct pl_bytes message)
{
    bool is_active = call->state == PL_CHANNEL_CALL_ACTIVE;
    int err;

    if (call->half_closed || call->state == PL_CHANNEL_CALL_ENDING ||
        call->state == PL_CHANNEL_CALL_OVER)
        return PL_E_CLOSED;
    if (!is_active && !may_hold(call, message.size)) {
        end_later(call, PL_CODE_RESOURCE_EXHAUSTED, "too much waits for a connection");
        return PL_E_LIMIT;
    }
    if (!is_active)
        return hold(call, message);

    err = pl_rpc_client_send(call->attempt, message);
    if (err < 0)
        return err;
    if (!call->committed && (!may_hold(call, message.size) || hold(call, message) < 0))
        commit(call); /* it cannot be repeated, that is all */
    return PL_OK;
}

void pl_channel_half_close(struct pl_channel_call *call)
{
    call->half_closed = true;
    if (call->state == PL_CHANNEL_CALL_ACTIVE)
        pl_rpc_client_half_close(call->attempt);
}

struct pl_rpc_client_call *pl_channel_call_attempt(const struct pl_channel_call *call)
{
    return call->attempt;
}

void pl_channel_cancel(struct pl_channel_call *call)
{
    if (call->state != PL_CHANNEL_CALL_OVER)
        finish_with(call, PL_CODE_CANCELLED, "cancelled");
}

int pl_channel_call(struct pl_channel *channel, const char *path, struct pl_bytes request,
                    const struct pl_rpc_metadata *metadata, size_t metadata_len,
                    const struct pl_channel_call_options *options,
                    const struct pl_rpc_client_call_ops *ops, struct pl_channel_call **ret_call)
{
    struct pl_channel_call *call;
    int err = pl_channel_start(channel, path, metadata, metadata_len, options, ops, &call);

    if (err < 0)
        return err;
    err = pl_channel_send(call, request);
    pl_channel_half_close(call);
    if (err < 0 && call->state != PL_CHANNEL_CALL_ENDING)
        end_later(call, pl_err_code(err), pl_err_text(err));
    if (ret_call != NULL)
        *ret_call = call;
    return PL_OK;
}
