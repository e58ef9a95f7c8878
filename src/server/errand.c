/* errand.c - making and freeing what threads post to each other. */
#include "server/errand.h"

#include "base/mem.h"
#include "fanout/feed.h"
#include "server/stream_call.h"

struct pl_errand *pl_errand_new(enum pl_errand_kind kind, uint32_t loop, uint64_t call)
{
    struct pl_errand *errand = pl_zalloc(sizeof *errand);

    if (errand == NULL)
        return NULL;
    errand->msg.kind = PL_MSG_ERRAND;
    errand->kind = kind;
    errand->loop = loop;
    errand->call = call;
    errand->command.reply_to = call;
    errand->command.reply_loop = loop;
    pl_arena_init(&errand->arena, PL_ERRAND_SIZE_MAX);
    return errand;
}

void pl_errand_free(struct pl_errand *errand)
{
    if (errand == NULL)
        return;
    pl_arena_done(&errand->arena);
    pl_buf_unref(errand->response);
    pl_free(errand);
}

void pl_errand_only_token(struct pl_errand *errand)
{
    errand->kind = PL_ERRAND_COMMAND;
    errand->pending = errand->refusal;
    errand->refusal = pl_refusal_of(PL_REASON_NONE);
    errand->command.kind = PL_QUERY_GET_USER;
    errand->command.u.get_user.name = "";
    pl_arena_clear(&errand->arena); /* the request may be large, and is done with */
}

void pl_msg_discard(struct pl_msg *msg)
{
    switch (msg->kind) {
    case PL_MSG_ERRAND:
        pl_errand_free(PL_CONTAINER(msg, struct pl_errand, msg));
        break;
    case PL_MSG_FEED: {
        struct pl_feed_msg *feed = PL_CONTAINER(msg, struct pl_feed_msg, msg);

        pl_feed_unref(feed->feed);
        pl_free(feed);
        break;
    }
    case PL_MSG_TAKEN:
    case PL_MSG_TAKER_ENDED: {
        struct pl_taken_msg *taken = PL_CONTAINER(msg, struct pl_taken_msg, msg);

        pl_buf_unref(taken->bytes);
        pl_free(taken);
        break;
    }
    case PL_MSG_TLS: {
        struct pl_tls_msg *tls = PL_CONTAINER(msg, struct pl_tls_msg, msg);

        pl_tls_context_unref(tls->context);
        pl_free(tls);
        break;
    }
    case PL_MSG_STREAM_GONE:
        pl_free(PL_CONTAINER(msg, struct pl_stream_call, gone));
        break;
    case PL_MSG_DRAIN:
    case PL_MSG_DRAINED:
        break; /* part of the loop */
    }
}
