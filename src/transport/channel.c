/*
 * channel.c - the states of a channel: when it connects, and what follows of a loss.
 *
 * All that changes a connection's fate is noted where it is found, and dealt with in
 * the flush, where nobody is inside rpc: connections first, then calls, then the
 * owner is told of the state, then bytes go out.
 */
#include "transport/channel_inner.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "rpc/limits.h"

#include <stdio.h>
#include <string.h>

enum { TICK_MS = 500, KEEPALIVE_MS_MAX = 60 * 60 * 1000 };

static void set_state(struct pl_channel *channel, enum pl_channel_state state)
{
    PL_ASSERT(channel->state != PL_CHANNEL_SHUTDOWN);
    channel->state = state;
    pl_channel_mark(channel);
}

void pl_channel_mark(struct pl_channel *channel)
{
    if (channel->dirty || channel->state == PL_CHANNEL_SHUTDOWN)
        return;
    channel->dirty = true;
    pl_timer_start(channel->soon, 0, 0);
}

uint32_t pl_channel_random(const struct pl_channel *channel)
{
    uint32_t random;

    if (channel->config.random != NULL)
        return channel->config.random(channel->config.random_self);
    pl_random(&random, sizeof random);
    return random;
}

int64_t pl_channel_now_ms(const struct pl_channel *channel)
{
    return pl_loop_now_ms(channel->loop_weak);
}

void pl_channel_is_well(struct pl_channel *channel)
{
    channel->given_up = false;
    pl_backoff_reset(&channel->backoff);
}

/* The state is TRANSIENT_FAILURE until then, which may be over already. */
static void fail_until(struct pl_channel *channel, int64_t again_ms, const char *why)
{
    int64_t now = pl_channel_now_ms(channel);

    if (channel->wait_ms_min > 0 && again_ms < now + channel->wait_ms_min)
        again_ms = now + channel->wait_ms_min;
    channel->wait_ms_min = 0;
    channel->again_ms = again_ms;
    snprintf(channel->why, sizeof channel->why, "%s", why);
    pl_timer_start(channel->pause, again_ms > now ? (uint64_t)(again_ms - now) : 0, 0);
    set_state(channel, PL_CHANNEL_TRANSIENT_FAILURE);
}

static void connect_now(struct pl_channel *channel)
{
    uint32_t bound = channel->backoff.step_ms;
    int err;

    PL_ASSERT(channel->conn == NULL);
    if (bound < channel->config.connect_ms)
        bound = channel->config.connect_ms;
    channel->begun_ms = pl_channel_now_ms(channel);
    set_state(channel, PL_CHANNEL_CONNECTING);
    pl_timer_start(channel->pause, bound, 0);
    err = pl_channel_conn_new(channel, &channel->conn);
    if (err < 0) {
        channel->answered = false;
        snprintf(channel->failure, sizeof channel->failure, "connecting to %s: %s",
                 channel->authority, pl_err_text(err));
        fail_until(channel,
                   channel->begun_ms +
                       pl_backoff_next(&channel->backoff, pl_channel_random(channel)),
                   pl_err_text(err));
        return;
    }
    pl_timer_start(channel->tick, TICK_MS, TICK_MS);
}

/* Whether there is a reason to be connected. */
static bool is_wanted(const struct pl_channel *channel)
{
    return channel->config.stay_connected || channel->waiting_len > 0;
}

static void connect_or_rest(struct pl_channel *channel)
{
    if (is_wanted(channel)) {
        connect_now(channel);
    } else {
        pl_timer_stop(channel->pause);
        set_state(channel, PL_CHANNEL_IDLE);
    }
}

void pl_channel_settled(struct pl_channel *channel)
{
    PL_ASSERT(channel->state == PL_CHANNEL_CONNECTING);
    pl_timer_stop(channel->pause);
    channel->used_ms = pl_channel_now_ms(channel);
    set_state(channel, PL_CHANNEL_READY);
}

/* A server that is asked for signs too often says so: the next connection asks half
 * as often (gRFC A8). */
static void heed_pings(struct pl_channel *channel, const struct pl_channel_conn *conn)
{
    if (conn->client != NULL && pl_rpc_client_pings_too_often(conn->client) &&
        channel->keepalive_ms < KEEPALIVE_MS_MAX)
        channel->keepalive_ms *= 2;
}

/* The connection for new calls is lost, or could not be made. A lost one is made
 * again after a pause from now on; a try that failed takes its own time for it. */
static void lost(struct pl_channel *channel, const struct pl_channel_conn *conn)
{
    bool was_ready = channel->state == PL_CHANNEL_READY;
    int64_t from_ms = was_ready ? pl_channel_now_ms(channel) : channel->begun_ms;

    channel->conn = NULL;
    heed_pings(channel, conn);
    channel->answered = conn->state > PL_CHANNEL_CONN_CONNECTING;
    snprintf(channel->failure, sizeof channel->failure,
             was_ready ? "the connection to %s was lost: %s" : "connecting to %s: %s",
             channel->authority, conn->why);
    if (was_ready && !channel->given_up)
        pl_backoff_reset(&channel->backoff);
    channel->given_up = false;
    fail_until(channel, from_ms + pl_backoff_next(&channel->backoff, pl_channel_random(channel)),
               conn->why);
}

/* The server takes no new calls: they get another connection, at once, unless this
 * one was so short that a server which says so each time would be asked for ever. */
static void drain(struct pl_channel *channel, struct pl_channel_conn *conn)
{
    int64_t now = pl_channel_now_ms(channel);
    int64_t again_ms;

    channel->conn = NULL;
    conn->state = PL_CHANNEL_CONN_DRAINING;
    heed_pings(channel, conn);
    pl_backoff_reset(&channel->backoff);
    again_ms = channel->begun_ms + pl_backoff_next(&channel->backoff, pl_channel_random(channel));
    if (again_ms <= now && channel->wait_ms_min == 0) {
        pl_backoff_reset(&channel->backoff);
        connect_or_rest(channel);
        return;
    }
    channel->answered = true;
    snprintf(channel->failure, sizeof channel->failure, "%s: the server is stopping",
             channel->authority);
    fail_until(channel, again_ms, "the server is stopping");
}

/* What has become of a connection since the last look. */
static void look_at(struct pl_channel *channel, struct pl_channel_conn *conn)
{
    if (conn->broken && conn == channel->conn)
        lost(channel, conn);
    else if (!conn->broken && conn->state == PL_CHANNEL_CONN_READY &&
             pl_rpc_client_draining(conn->client))
        drain(channel, conn);
    if (conn->broken || (conn->state == PL_CHANNEL_CONN_DRAINING && conn->calls_len == 0))
        pl_channel_conn_free(conn);
}

/* READY for long without a call. */
static void rest_if_idle(struct pl_channel *channel)
{
    struct pl_channel_conn *conn = channel->conn;
    int64_t now = pl_channel_now_ms(channel);

    if (channel->calls_len > 0)
        channel->used_ms = now;
    if (channel->state != PL_CHANNEL_READY || channel->config.stay_connected ||
        channel->config.idle_ms == 0 || now - channel->used_ms < channel->config.idle_ms)
        return;
    channel->conn = NULL;
    pl_channel_conn_free(conn);
    set_state(channel, PL_CHANNEL_IDLE);
}

static void tell_state(struct pl_channel *channel)
{
    if (channel->told_state == channel->state)
        return;
    channel->told_state = channel->state;
    if (channel->ops.on_state != NULL)
        channel->ops.on_state(channel->ops.self, channel->state);
}

void pl_channel_flush(struct pl_channel *channel)
{
    if (!channel->dirty || channel->inside || channel->state == PL_CHANNEL_SHUTDOWN)
        return;
    channel->inside = true;
    channel->dirty = false;
    pl_timer_stop(channel->soon);
    PL_LIST_EACH (node, &channel->conns)
        look_at(channel, PL_CONTAINER(node, struct pl_channel_conn, node));
    if (channel->state == PL_CHANNEL_IDLE && channel->waiting_len > 0)
        connect_now(channel);
    pl_channel_calls_go_on(channel);
    tell_state(channel);
    PL_LIST_EACH (node, &channel->conns)
        pl_channel_conn_send(PL_CONTAINER(node, struct pl_channel_conn, node));
    channel->inside = false;
}

static void on_soon(void *self)
{
    pl_channel_flush(self);
}

static void on_pause(void *self)
{
    struct pl_channel *channel = self;

    if (channel->state == PL_CHANNEL_CONNECTING)
        pl_channel_conn_break(channel->conn, "no answer");
    else if (channel->state == PL_CHANNEL_TRANSIENT_FAILURE)
        connect_or_rest(channel);
}

static void on_tick(void *self)
{
    struct pl_channel *channel = self;

    channel->inside = true;
    PL_LIST_EACH (node, &channel->conns)
        pl_channel_conn_tick(PL_CONTAINER(node, struct pl_channel_conn, node));
    channel->inside = false;
    rest_if_idle(channel);
    if (pl_list_empty(&channel->conns))
        pl_timer_stop(channel->tick);
}

static int open_parts(struct pl_channel *channel)
{
    const char *name = channel->config.server_name;
    int err = pl_timer_new(channel->loop_weak, on_pause, channel, &channel->pause);

    if (err == PL_OK)
        err = pl_timer_new(channel->loop_weak, on_tick, channel, &channel->tick);
    if (err == PL_OK)
        err = pl_timer_new(channel->loop_weak, on_soon, channel, &channel->soon);
    if (err < 0)
        return err;
    channel->server_name = pl_strdup(name != NULL ? name : channel->config.target.address.host);
    return channel->server_name != NULL ? PL_OK : PL_E_NOMEM;
}

int pl_channel_new(struct pl_loop *loop, const struct pl_channel_config *config,
                   const struct pl_channel_ops *ops, struct pl_channel **ret_channel)
{
    struct pl_channel *channel;
    int err;

    PL_ASSERT(!config->target.tls || config->tls != NULL);
    if (config->random == NULL && pl_secret_init() < 0)
        return PL_E_IO;
    channel = pl_zalloc(sizeof *channel);
    if (channel == NULL)
        return PL_E_NOMEM;
    channel->loop_weak = loop;
    channel->config = *config;
    channel->ops = *ops;
    channel->keepalive_ms =
        config->keepalive_ms > 0 ? config->keepalive_ms : PL_RPC_CLIENT_KEEPALIVE_MS;
    channel->backoff.base_ms = config->backoff_base_ms;
    channel->backoff.max_ms = config->backoff_max_ms;
    pl_list_init(&channel->conns);
    pl_list_init(&channel->queue);
    pl_list_init(&channel->calls);
    pl_address_format(&config->target.address, channel->authority, sizeof channel->authority);
    if (config->target.tls)
        pl_tls_context_ref(config->tls);
    err = open_parts(channel);
    if (err < 0) {
        pl_channel_free(channel);
        return err;
    }
    *ret_channel = channel;
    return PL_OK;
}

void pl_channel_free(struct pl_channel *channel)
{
    if (channel == NULL)
        return;
    PL_ASSERT(!channel->inside);
    channel->state = PL_CHANNEL_SHUTDOWN;
    pl_channel_calls_end(channel, PL_CODE_CANCELLED, "the channel is closed");
    PL_LIST_EACH (node, &channel->conns)
        pl_channel_conn_free(PL_CONTAINER(node, struct pl_channel_conn, node));
    PL_ASSERT(channel->calls_len == 0);
    PL_ASSERT(channel->held_size == 0);
    pl_timer_free(channel->pause);
    pl_timer_free(channel->tick);
    pl_timer_free(channel->soon);
    if (channel->config.target.tls)
        pl_tls_context_unref(channel->config.tls);
    pl_free(channel->server_name);
    pl_free(channel);
}

void pl_channel_connect(struct pl_channel *channel)
{
    if (channel->state == PL_CHANNEL_IDLE)
        connect_now(channel);
}

enum pl_channel_state pl_channel_state(const struct pl_channel *channel)
{
    return channel->state;
}

const char *pl_channel_why(const struct pl_channel *channel)
{
    return channel->why;
}

bool pl_channel_was_answered(const struct pl_channel *channel)
{
    return channel->answered;
}

uint32_t pl_channel_retry_ms(const struct pl_channel *channel)
{
    int64_t left = channel->again_ms - pl_channel_now_ms(channel);

    if (channel->state != PL_CHANNEL_TRANSIENT_FAILURE || left <= 0)
        return 0;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

size_t pl_channel_calls_len(const struct pl_channel *channel)
{
    return channel->calls_len;
}

void pl_channel_wait_at_least(struct pl_channel *channel, uint32_t delay_ms)
{
    channel->wait_ms_min =
        delay_ms < channel->config.backoff_max_ms ? delay_ms : channel->config.backoff_max_ms;
}

void pl_channel_break(struct pl_channel *channel, const char *why)
{
    PL_LIST_EACH (node, &channel->conns)
        pl_channel_conn_break(PL_CONTAINER(node, struct pl_channel_conn, node), why);
    channel->given_up = channel->state == PL_CHANNEL_READY;
}
