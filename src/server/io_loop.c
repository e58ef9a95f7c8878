/*
 * io_loop.c - a loop's letters, its heartbeats, its turn's end, and its drain.
 */
#include "server/io_loop.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/connection.h"
#include "server/descriptors.h"
#include "server/errand_post.h"

#include <stdio.h>

enum {
    INBOX_LEN_MAX = 1 << 20,
    PAGE_LEN_MAX = 512,
    PAGE_SIZE_MAX = 64 * 1024,
    DRAIN_GRACE_MS = 3000, /* for calls under way */
    DRAIN_LOOK_MS = 100,   /* whether that time is over */
};

static struct pl_msg *msg_of(struct pl_letter *letter)
{
    return PL_CONTAINER(letter, struct pl_msg, letter);
}

/* An errand has come back. */
static void on_errand(struct pl_io_loop *io, struct pl_errand *errand)
{
    struct pl_rpc_call *call = pl_rpc_host_call(io->host, errand->call);
    struct pl_stream_call *stream_call;
    bool streams = false;

    pl_errand_back(io, call, errand);
    if (call != NULL)
        streams = pl_rpc_call_method(call)->server_streaming;
    if (call != NULL && !streams) {
        pl_unary_answer(call, errand);
    } else if (call != NULL && (stream_call = pl_rpc_call_data(call)) != NULL) {
        if (errand->kind == PL_ERRAND_QUERY && errand->query.kind == PL_QUERY_READ_PAGE)
            pl_stream_page(stream_call, errand);
        else if (stream_call->taker)
            pl_take_answer(stream_call, errand);
        else
            pl_stream_answer(stream_call, errand);
    } /* else its caller has gone */
    if (streams)
        pl_errand_free(errand);
    else
        pl_errand_pool_give(&io->pool, errand);
}

/* Something was lost for want of memory: streams end, and resume by their cursors;
 * takers end, and what was leased to them is free. */
static void end_all(struct pl_io_loop *io, bool streams, bool takers)
{
    struct pl_refusal refusal = pl_refusal_of_err(PL_E_NOMEM);

    PL_LIST_EACH (node, &io->stream_calls) {
        struct pl_stream_call *stream_call = pl_stream_call_of(node);

        if (streams && stream_call->stream != NULL)
            pl_hub_end(io->hub, stream_call->stream, &refusal);
        else if (takers && stream_call->taker && stream_call->state == PL_STREAM_CALL_OPEN)
            pl_stream_call_end(stream_call, &refusal);
    }
}

static void on_feed(struct pl_io_loop *io, struct pl_feed_msg *msg)
{
    if (msg->feed_lost || msg->takers_lost)
        end_all(io, msg->feed_lost, msg->takers_lost);
    if (msg->feed != NULL && pl_hub_apply(io->hub, msg->feed, pl_loop_now_ms(io->loop)) < 0)
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "stream", "out of memory: streams are fed from the store");
    pl_msg_discard(&msg->msg);
}

static void on_taken(struct pl_io_loop *io, struct pl_taken_msg *taken)
{
    struct pl_rpc_call *call = pl_rpc_host_call(io->host, taken->call);
    struct pl_stream_call *stream_call = call != NULL ? pl_rpc_call_data(call) : NULL;

    if (stream_call != NULL) /* else it has gone, and the engine is being told */
        pl_take_message(stream_call, taken);
    pl_msg_discard(&taken->msg);
}

/* Streams first, so that their last frames go before the connections say goodbye. */
static void on_drain(struct pl_io_loop *io)
{
    io->draining = true;
    pl_timer_start(io->beats, DRAIN_LOOK_MS, DRAIN_LOOK_MS);
    io->drain_until_ms = pl_loop_now_ms(io->loop) + DRAIN_GRACE_MS;
    pl_rpc_health_drain(io->health);
    pl_hub_drain(io->hub, PL_RETRY_AFTER_MS, PL_RETRY_SPREAD_MS);
    PL_LIST_EACH (node, &io->stream_calls) {
        struct pl_stream_call *stream_call = pl_stream_call_of(node);

        if (stream_call->taker)
            pl_take_drain(stream_call, PL_RETRY_AFTER_MS);
    }
    pl_port_drain(io->port);
}

static void on_letter(void *self, struct pl_letter *letter)
{
    struct pl_io_loop *io = self;
    struct pl_msg *msg = msg_of(letter);

    switch (msg->kind) {
    case PL_MSG_ERRAND:
        on_errand(io, PL_CONTAINER(msg, struct pl_errand, msg));
        break;
    case PL_MSG_STREAM_GONE:
        pl_msg_discard(msg);
        break;
    case PL_MSG_FEED:
        on_feed(io, PL_CONTAINER(msg, struct pl_feed_msg, msg));
        break;
    case PL_MSG_TAKEN:
    case PL_MSG_TAKER_ENDED:
        on_taken(io, PL_CONTAINER(msg, struct pl_taken_msg, msg));
        break;
    case PL_MSG_TLS:
        pl_port_set_tls(io->port, PL_CONTAINER(msg, struct pl_tls_msg, msg)->context);
        pl_msg_discard(msg);
        break;
    case PL_MSG_DRAIN:
        on_drain(io);
        break;
    case PL_MSG_DRAINED:
        PL_UNREACHABLE();
    }
}

/* Nothing is under way any more, or the time for it has passed. */
static void check_drained(struct pl_io_loop *io)
{
    if (!io->draining || io->drained)
        return;
    if (pl_port_connections_len(io->port) > 0 && pl_loop_now_ms(io->loop) < io->drain_until_ms)
        return;
    io->drained = true;
    io->drain.kind = PL_MSG_DRAINED;
    io->config.on_drained(io->config.self, &io->drain);
}

/* All that the turn has made goes out: pages are asked for, streams that ended end,
 * connections are flushed; which may make more, so until nothing is left. */
static void on_turn_end(void *self)
{
    struct pl_io_loop *io = self;
    bool again;

    if (io->port == NULL)
        return; /* half-built, or being freed */
    do { /* rings each time: HTTP/1.1 has a request taken once the answer before it has left */
        pl_engine_thread_ring(io->config.engine_weak);
        pl_stream_end_failed(io);
        again = pl_hub_turn(io->hub);
        again = pl_port_flush(io->port) || again;
    } while (again || io->pages_failed);
    check_drained(io);
}

static void on_beat(void *self)
{
    struct pl_io_loop *io = self;
    int64_t now_ms = pl_loop_now_ms(io->loop);

    pl_hub_tick(io->hub, now_ms);
    pl_stream_sessions_touch(io, now_ms);
    PL_LIST_EACH (node, &io->stream_calls) {
        struct pl_stream_call *stream_call = pl_stream_call_of(node);

        if (stream_call->taker)
            pl_take_beat(stream_call, now_ms);
    }
    if (pl_list_empty(&io->stream_calls) && !io->draining) {
        pl_timer_stop(io->beats);
        io->beating = false;
    }
}

/* Heartbeats tell the time of day; the rest of the hub knows no clock. */
static void frame_heartbeat(void *self, int64_t now_ms, pl_position position,
                            const struct pl_backlog *backlog, struct pl_bytebuf *out)
{
    struct pl_framer framer = pl_wire_framer_iface(self);

    (void)now_ms;
    framer.heartbeat(self, pl_clock_wall_ms(), position, backlog, out);
}

static int make_host(struct pl_io_loop *io)
{
    const struct pl_config *config = io->config.config;
    int rc = pl_rpc_host_new(&pl_port_host_ops, &io->host);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < config->cors_origins_len; i++)
        io->origins[i] = config->cors_origins[i];
    pl_rpc_host_set_origins(io->host, io->origins, config->cors_origins_len);
    pl_rpc_host_set_limits(io->host, &config->rpc);
    return PL_OK;
}

static int add_services(struct pl_io_loop *io)
{
    static const struct pl_service_def *const defs[PL_SERVICES_LEN] = {
        &pl_session_service,
        &pl_user_service,
        &pl_room_service,
        &pl_chat_service,
    };
    int rc = pl_rpc_health_new(io->host, &io->health);

    if (rc == PL_OK)
        rc = pl_rpc_reflection_new(io->host, pl_descriptors(), &io->reflection);
    if (rc == PL_OK)
        rc = pl_rpc_health_set(io->health, "", true);
    for (size_t i = 0; rc == PL_OK && i < PL_SERVICES_LEN; i++) {
        io->services[i] = (struct pl_service_ctx){io, defs[i]};
        rc = pl_rpc_host_add(io->host, &defs[i]->service, &io->services[i]);
        if (rc == PL_OK)
            rc = pl_rpc_health_set(io->health, defs[i]->service.name, true);
    }
    return rc;
}

static int make_hub(struct pl_io_loop *io)
{
    const struct pl_config *config = io->config.config;
    struct pl_hub_config hub = {
        .ops = pl_stream_hub_ops(io),
        .framer = pl_wire_framer_iface(&io->framer),
        .tails_size_max = config->tails_size_max,
        .pages_size_max = config->pages_size_max,
        .page_len_max = PAGE_LEN_MAX,
        .page_size_max = PAGE_SIZE_MAX,
        .heartbeat_ms = config->heartbeat_ms,
    };

    hub.framer.heartbeat = frame_heartbeat;
    io->framer.log = io->config.log;
    return pl_hub_new(&hub, &io->hub);
}

/* Often enough for heartbeats, and for the session of an open stream not to lapse. */
static uint64_t beat_ms_of(const struct pl_config *config)
{
    int64_t beat_ms = config->heartbeat_ms / 4;

    if (beat_ms > config->guest_idle_ms / 4)
        beat_ms = config->guest_idle_ms / 4;
    if (beat_ms > 1000)
        beat_ms = 1000;
    return beat_ms > 0 ? (uint64_t)beat_ms : 1;
}

void pl_io_loop_beat(struct pl_io_loop *io)
{
    uint64_t beat_ms = beat_ms_of(io->config.config);

    if (io->beating || io->draining)
        return;
    io->beating = true;
    pl_timer_start(io->beats, beat_ms, beat_ms);
}

static int make_port(struct pl_io_loop *io)
{
    struct pl_port_config port = {
        .limits = io->config.config->port,
        .tls = io->config.tls,
        .company = io->config.company,
        .extra_size = sizeof(struct pl_connection),
    };

    return pl_port_new(io->loop, io->host, &port, &io->port);
}

int pl_io_loop_new(const struct pl_io_loop_config *config, struct pl_io_loop **ret_io)
{
    struct pl_io_loop *io = pl_zalloc(sizeof *io);
    struct pl_loop_ops loop_ops = {io, on_letter, on_turn_end};
    int rc;

    if (io == NULL)
        return PL_E_NOMEM;
    io->config = *config;
    io->drain.kind = PL_MSG_DRAIN;
    pl_list_init(&io->stream_calls);
    pl_live_sessions_init(&io->live_sessions);
    pl_errand_pool_init(&io->pool);
    pl_newcomers_init(&io->newcomers);
    rc = pl_loop_new(&loop_ops, INBOX_LEN_MAX, &io->loop);
    if (rc == PL_OK)
        rc = make_host(io);
    if (rc == PL_OK)
        rc = add_services(io);
    if (rc == PL_OK)
        rc = make_hub(io);
    if (rc == PL_OK)
        rc = make_port(io);
    pl_lanes_init(&io->lanes, io->port, pl_errand_on_turn, io);
    if (rc == PL_OK)
        rc = pl_timer_new(io->loop, on_beat, io, &io->beats);
    if (rc < 0) {
        pl_io_loop_free(io);
        return rc;
    }
    *ret_io = io;
    return PL_OK;
}

int pl_io_loop_listen(struct pl_io_loop *io, struct pl_bound *bound)
{
    return pl_port_listen(io->port, bound);
}

static void thread_main(void *self)
{
    struct pl_io_loop *io = self;

    pl_loop_run(io->loop);
}

int pl_io_loop_start(struct pl_io_loop *io)
{
    char name[16];

    snprintf(name, sizeof name, "loop-%u", io->config.number);
    return pl_thread_start(name, thread_main, io, &io->thread);
}

void pl_io_loop_post(struct pl_io_loop *io, struct pl_msg *msg)
{
    if (pl_loop_post_always(io->loop, &msg->letter) < 0)
        pl_msg_discard(msg);
}

void pl_io_loop_put(struct pl_io_loop *io, struct pl_msg *msg)
{
    if (pl_loop_put_always(io->loop, &msg->letter) < 0)
        pl_msg_discard(msg);
}

void pl_io_loop_ring(struct pl_io_loop *io)
{
    pl_loop_ring(io->loop);
}

int pl_io_loop_set_tls(struct pl_io_loop *io, struct pl_tls_context *context)
{
    struct pl_tls_msg *tls = pl_zalloc(sizeof *tls);

    if (tls == NULL)
        return PL_E_NOMEM;
    tls->msg.kind = PL_MSG_TLS;
    tls->context = pl_tls_context_ref(context);
    pl_io_loop_post(io, &tls->msg);
    return PL_OK;
}

void pl_io_loop_drain(struct pl_io_loop *io)
{
    pl_io_loop_post(io, &io->drain);
}

void pl_io_loop_stop(struct pl_io_loop *io)
{
    if (io->thread == NULL)
        return;
    pl_loop_stop(io->loop);
    pl_thread_join(io->thread);
    io->thread = NULL;
}

void pl_io_loop_free(struct pl_io_loop *io)
{
    if (io == NULL)
        return;
    PL_ASSERT(io->thread == NULL);
    pl_port_free(io->port);
    io->port = NULL;
    pl_timer_free(io->beats);
    pl_loop_free(io->loop);
    pl_rpc_reflection_free(io->reflection);
    pl_rpc_health_free(io->health);
    pl_hub_free(io->hub);
    pl_rpc_host_free(io->host);
    pl_live_sessions_done(&io->live_sessions);
    pl_lanes_done(&io->lanes);
    pl_newcomers_done(&io->newcomers);
    pl_errand_pool_done(&io->pool);
    pl_free(io);
}
