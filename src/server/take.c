/*
 * take.c - TakeMessages: a taker is the engine's; here its messages are sent.
 *
 * What waits here for a slow taker is bounded by what the engine leases to it; and
 * one that does not read while its leases run out and are given to it anew is ended.
 */
#include "server/stream_call.h"

#include "base/clock.h"
#include "base/err.h"
#include "server/io_loop.h"
#include "wire/event.h"

/* What may wait for a taker that does not read: all that may be leased to it, and
 * as much again whose leases have run out. */
enum { QUEUE_SIZE_MAX = 2 * 1024 * 1024 }; /* of a connection */

static int decode(struct pl_bytes message, struct pl_errand *errand)
{
    int rc = pl_wire_take_messages(message, &errand->arena, &errand->command, &errand->refusal);

    errand->command.u.open_taker.taker = pl_taker_id(errand->loop, errand->call);
    return rc;
}

void pl_take_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    pl_stream_call_open(call, message, true, decode);
}

void pl_take_answer(struct pl_stream_call *stream_call, const struct pl_errand *errand)
{
    if (pl_stream_call_refused(stream_call, errand))
        return;
    stream_call->state = PL_STREAM_CALL_OPEN;
    pl_rpc_call_wake(stream_call->call_weak); /* its headers say that it is open */
    if (pl_stream_call_io(stream_call)->draining)
        pl_take_drain(stream_call, PL_RETRY_AFTER_MS);
}

static void send(struct pl_stream_call *stream_call, struct pl_buf *bytes)
{
    int rc = pl_rpc_call_send(stream_call->call_weak, bytes);

    if (rc < 0) {
        struct pl_refusal refusal = pl_refusal_of_err(rc);

        pl_stream_call_end(stream_call, &refusal);
        return;
    }
    stream_call->sent_ms = pl_loop_now_ms(pl_stream_call_io(stream_call)->loop);
}

void pl_take_message(struct pl_stream_call *stream_call, struct pl_taken_msg *taken)
{
    struct pl_rpc_call *call = stream_call->call_weak;
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_TAKER_TOO_SLOW);

    refusal.retry_ms = 1000;
    if (taken->msg.kind == PL_MSG_TAKER_ENDED)
        pl_stream_call_end(stream_call, &taken->refusal);
    else if (pl_rpc_call_queue_size(call) > 0 &&
             pl_rpc_conn_queue_size(pl_rpc_call_conn(call)) + taken->bytes->size > QUEUE_SIZE_MAX)
        pl_stream_call_end(stream_call, &refusal);
    else
        send(stream_call, taken->bytes);
}

void pl_take_beat(struct pl_stream_call *stream_call, int64_t now_ms)
{
    struct pl_io_loop *io = pl_stream_call_io(stream_call);
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
    pl_stream_call_end(stream_call, &refusal);
}
