/*
 * take.c - TakeMessages: a taker is the engine's; here its messages are sent.
 *
 * What waits here for a slow taker is bounded by what the engine leases to it.
 */
#include "server/stream_call.h"

#include "base/clock.h"
#include "base/err.h"
#include "server/io_loop.h"
#include "wire/event.h"

static void refuse_err(struct pl_rpc_call *call, int err)
{
    struct pl_refusal refusal = pl_refusal_of_err(err);

    pl_call_refuse(call, &refusal);
}

void pl_take_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    const struct pl_service_ctx *ctx = pl_rpc_call_ctx(call);
    struct pl_io_loop *io = ctx->io_weak;
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_DRAINING);
    struct pl_errand *errand;
    int rc;

    if (io->draining) {
        pl_call_refuse(call, &refusal);
        return;
    }
    errand = pl_errand_new(PL_ERRAND_COMMAND, io->config.number, pl_rpc_call_id(call));
    if (errand == NULL) {
        refuse_err(call, PL_E_NOMEM);
        return;
    }
    rc = pl_wire_take_messages(message, &errand->arena, &errand->command, &errand->refusal);
    if (rc < 0) {
        pl_errand_free(errand);
        refuse_err(call, rc);
        return;
    }
    if (!pl_call_token(call, &errand->command.token_hash)) {
        pl_errand_free(errand);
        return;
    }
    if (pl_stream_call_new(io, call, true, &errand->command.token_hash) == NULL) {
        pl_errand_free(errand);
        refuse_err(call, PL_E_NOMEM);
        return;
    }
    if (errand->refusal.reason != PL_REASON_NONE)
        pl_errand_only_token(errand);
    else
        errand->command.u.open_taker.taker = pl_taker_id(io->config.number, pl_rpc_call_id(call));
    pl_errand_to_engine(io, call, errand);
}

void pl_take_answer(struct pl_stream_call *stream_call, const struct pl_errand *errand)
{
    if (errand->refusal.reason != PL_REASON_NONE) {
        pl_call_refuse(stream_call->call_weak, &errand->refusal);
        return;
    }
    if (errand->pending.reason != PL_REASON_NONE) {
        pl_call_refuse(stream_call->call_weak, &errand->pending);
        return;
    }
    stream_call->state = PL_STREAM_CALL_OPEN;
    pl_rpc_call_wake(stream_call->call_weak); /* its headers say that it is open */
    if (stream_call->io_weak->draining)
        pl_take_drain(stream_call, PL_RETRY_AFTER_MS);
}

static void send(struct pl_stream_call *stream_call, struct pl_buf *bytes)
{
    int rc = pl_rpc_call_send(stream_call->call_weak, bytes);

    if (rc < 0)
        refuse_err(stream_call->call_weak, rc);
    else
        stream_call->sent_ms = pl_loop_now_ms(stream_call->io_weak->loop);
}

void pl_take_message(struct pl_stream_call *stream_call, struct pl_taken_msg *taken)
{
    if (taken->msg.kind == PL_MSG_TAKER_ENDED)
        pl_call_refuse(stream_call->call_weak, &taken->refusal);
    else
        send(stream_call, taken->bytes);
}

void pl_take_beat(struct pl_stream_call *stream_call, int64_t now_ms)
{
    struct pl_io_loop *io = stream_call->io_weak;
    struct pl_buf *buf;

    if (stream_call->state != PL_STREAM_CALL_OPEN ||
        now_ms - stream_call->sent_ms < io->config.config->heartbeat_ms ||
        pl_rpc_call_queue_size(stream_call->call_weak) > 0)
        return;
    if (pl_wire_take_heartbeat(pl_clock_wall_ms(), &buf) < 0)
        return; /* the next beat tries again */
    send(stream_call, buf);
    pl_buf_unref(buf);
}

void pl_take_drain(struct pl_stream_call *stream_call, uint32_t retry_after_ms)
{
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_DRAINING);
    struct pl_buf *buf;

    refusal.retry_ms = retry_after_ms;
    if (stream_call->state != PL_STREAM_CALL_OPEN)
        return; /* the engine's answer finds it draining */
    if (pl_wire_take_draining(retry_after_ms, &buf) == PL_OK) {
        /* short of memory, the status says the same */
        (void)pl_rpc_call_send(stream_call->call_weak, buf);
        pl_buf_unref(buf);
    }
    pl_call_refuse(stream_call->call_weak, &refusal);
}
