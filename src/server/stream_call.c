/* stream_call.c - what both kinds of stream have in common: how they end. */
#include "server/stream_call.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/engine.h"
#include "server/errand_post.h"
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

struct pl_io_loop *pl_stream_call_io(const struct pl_stream_call *stream_call)
{
    const struct pl_service_ctx *ctx = pl_rpc_call_ctx(stream_call->call_weak);

    return ctx->io_weak;
}

/* It is in the loop's list until the call is over. NULL when memory is short. */
static struct pl_stream_call *stream_call_new(struct pl_io_loop *io, struct pl_rpc_call *call,
                                              bool taker, const struct pl_hash *token_hash)
{
    struct pl_stream_call *stream_call = pl_zalloc(sizeof *stream_call);
    int64_t now_ms = pl_loop_now_ms(io->loop);

    if (stream_call == NULL)
        return NULL;
    stream_call->session = pl_live_session_ref(&io->live_sessions, token_hash, now_ms);
    if (stream_call->session == NULL) {
        pl_free(stream_call);
        return NULL;
    }
    stream_call->gone.kind = PL_MSG_STREAM_GONE;
    stream_call->id = pl_rpc_call_id(call);
    stream_call->loop = io->config.number;
    stream_call->taker = taker;
    stream_call->state = PL_STREAM_CALL_ASKING;
    stream_call->call_weak = call;
    stream_call->sent_ms = now_ms;
    pl_list_append(&io->stream_calls, &stream_call->gone.letter.node);
    pl_io_loop_beat(io);
    pl_rpc_call_set_data(call, stream_call);
    return stream_call;
}

/* It leaves the loop, and goes to the engine to be forgotten there too. */
static void leave(struct pl_stream_call *stream_call)
{
    struct pl_io_loop *io = pl_stream_call_io(stream_call);

    if (stream_call->stream != NULL)
        pl_hub_close(io->hub, stream_call->stream);
    pl_live_session_unref(&io->live_sessions, stream_call->session);
    pl_list_remove(&stream_call->gone.letter.node);
    stream_call->state = PL_STREAM_CALL_GONE;
    stream_call->user = (pl_user_id){0};
    if (pl_engine_thread_post_always(io->config.engine_weak, &stream_call->gone) < 0)
        pl_free(stream_call); /* the engine has ended */
}

void pl_stream_call_end(struct pl_stream_call *stream_call, const struct pl_refusal *refusal)
{
    struct pl_rpc_call *call = stream_call->call_weak;

    pl_rpc_call_set_source(call, &(struct pl_rpc_source){.pull = NULL});
    pl_rpc_call_set_data(call, NULL);
    leave(stream_call);
    pl_call_refuse(call, refusal);
}

static void refuse(struct pl_rpc_call *call, struct pl_errand *errand,
                   const struct pl_refusal *refusal)
{
    pl_errand_free(errand);
    pl_call_refuse(call, refusal);
}

void pl_stream_call_open(struct pl_rpc_call *call, struct pl_bytes message, bool taker,
                         int (*decode)(struct pl_bytes message, struct pl_errand *errand))
{
    const struct pl_service_ctx *ctx = pl_rpc_call_ctx(call);
    struct pl_io_loop *io = ctx->io_weak;
    struct pl_refusal draining = pl_refusal_of(PL_REASON_DRAINING);
    struct pl_refusal nomem = pl_refusal_of_err(PL_E_NOMEM);
    struct pl_errand *errand;

    if (io->draining) {
        pl_call_refuse(call, &draining);
        return;
    }
    errand = pl_errand_new(PL_ERRAND_COMMAND, io->config.number, pl_rpc_call_id(call));
    if (errand == NULL || decode(message, errand) < 0) {
        refuse(call, errand, &nomem);
        return;
    }
    if (!pl_call_token(call, &errand->command.token_hash)) {
        pl_errand_free(errand);
        return;
    }
    if ((errand->refusal.reason != PL_REASON_NONE && pl_errand_only_token(errand) < 0) ||
        stream_call_new(io, call, taker, &errand->command.token_hash) == NULL) {
        refuse(call, errand, &nomem);
        return;
    }
    pl_rpc_call_forget_request(call);
    pl_errand_to_engine(io, call, errand);
}

bool pl_stream_call_refused(struct pl_stream_call *stream_call, const struct pl_errand *errand)
{
    if (errand->refusal.reason != PL_REASON_NONE)
        pl_stream_call_end(stream_call, &errand->refusal);
    else if (errand->pending != NULL)
        pl_stream_call_end(stream_call, errand->pending);
    else
        return false;
    return true;
}

void pl_stream_call_on_close(struct pl_rpc_call *call)
{
    struct pl_stream_call *stream_call = pl_rpc_call_data(call);

    if (stream_call != NULL) /* else it was ended here, or refused before it was one */
        leave(stream_call);
}

static void touch(struct pl_io_loop *io, struct pl_live_session *session, int64_t now_ms)
{
    struct pl_session used = {.used_ms = session->touched_ms}; /* only ages are compared */
    struct pl_errand *errand;

    if (!pl_session_touch_due(&used, io->config.config->guest_idle_ms, now_ms))
        return;
    errand = pl_errand_new(PL_ERRAND_COMMAND, io->config.number, 0);
    if (errand == NULL)
        return; /* the next beat tries again */
    errand->silent = true;
    errand->command.kind = PL_COMMAND_TOUCH_SESSION;
    errand->command.token_hash = session->token_hash;
    if (pl_engine_thread_put(io->config.engine_weak, errand) < 0) {
        pl_errand_free(errand);
        return;
    }
    session->touched_ms = now_ms;
}

void pl_stream_sessions_touch(struct pl_io_loop *io, int64_t now_ms)
{
    struct pl_live_session *session = NULL;

    while ((session = pl_live_session_next(&io->live_sessions, session)) != NULL)
        touch(io, session, now_ms);
}
