/* stream_call.c - what both kinds of stream have in common: how they end. */
#include "server/stream_call.h"

#include "base/assert.h"
#include "base/mem.h"
#include "core/engine.h"
#include "server/io_loop.h"

enum { TAKER_CALL_BITS = 56 }; /* with 64 loops, still a positive 64-bit integer */

uint64_t pl_taker_id(uint32_t loop, uint64_t call)
{
    PL_ASSERT(call >> TAKER_CALL_BITS == 0 && loop < PL_LOOPS_LEN_MAX);
    return (uint64_t)loop << TAKER_CALL_BITS | call;
}

uint64_t pl_taker_call(uint64_t taker)
{
    return taker & ((UINT64_C(1) << TAKER_CALL_BITS) - 1);
}

struct pl_stream_call *pl_stream_call_new(struct pl_io_loop *io, struct pl_rpc_call *call,
                                          bool taker, const struct pl_hash *token_hash)
{
    struct pl_stream_call *stream_call = pl_zalloc(sizeof *stream_call);

    if (stream_call == NULL)
        return NULL;
    stream_call->gone.kind = PL_MSG_STREAM_GONE;
    stream_call->id = pl_rpc_call_id(call);
    stream_call->loop = io->config.number;
    stream_call->taker = taker;
    stream_call->io_weak = io;
    stream_call->state = PL_STREAM_CALL_ASKING;
    stream_call->call_weak = call;
    stream_call->token_hash = *token_hash;
    stream_call->touched_ms = pl_loop_now_ms(io->loop);
    stream_call->sent_ms = stream_call->touched_ms;
    pl_list_append(&io->stream_calls, &stream_call->node);
    pl_rpc_call_set_data(call, stream_call);
    return stream_call;
}

void pl_stream_call_on_close(struct pl_rpc_call *call)
{
    struct pl_stream_call *stream_call = pl_rpc_call_data(call);
    struct pl_io_loop *io;

    if (stream_call == NULL)
        return; /* refused before it was one */
    io = stream_call->io_weak;
    if (stream_call->stream != NULL)
        pl_hub_close(io->hub, stream_call->stream);
    stream_call->stream = NULL;
    stream_call->call_weak = NULL;
    stream_call->state = PL_STREAM_CALL_GONE;
    pl_list_remove(&stream_call->node);
    if (pl_engine_thread_post_always(io->config.engine_weak, &stream_call->gone) < 0)
        pl_free(stream_call); /* the engine has ended */
}

void pl_stream_call_touch(struct pl_stream_call *stream_call, int64_t now_ms)
{
    struct pl_io_loop *io = stream_call->io_weak;
    struct pl_session used = {.used_ms = stream_call->touched_ms};
    struct pl_errand *errand;

    if (!pl_session_touch_due(&used, io->config.config->guest_idle_ms, now_ms))
        return;
    errand = pl_errand_new(PL_ERRAND_COMMAND, io->config.number, 0);
    if (errand == NULL)
        return; /* the next beat tries again */
    errand->silent = true;
    errand->command.kind = PL_COMMAND_TOUCH_SESSION;
    errand->command.token_hash = stream_call->token_hash;
    if (pl_engine_thread_post(io->config.engine_weak, errand) < 0) {
        pl_errand_free(errand);
        return;
    }
    stream_call->touched_ms = now_ms;
}
