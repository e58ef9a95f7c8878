/* errand.c - making and freeing what threads post to each other. */
#include "server/errand.h"

#include "base/err.h"
#include "base/mem.h"
#include "fanout/feed.h"
#include "server/stream_call.h"

#include <string.h>

enum { POOL_ARENA_SIZE_MAX = 1024 }; /* of one that is worth keeping */

/* It has an arena, and is zero else. */
static struct pl_errand *begin(struct pl_errand *errand, enum pl_errand_kind kind, uint32_t loop,
                               uint64_t call)
{
    errand->msg.kind = PL_MSG_ERRAND;
    errand->kind = kind;
    errand->loop = loop;
    errand->call = call;
    errand->command.reply_to = call;
    errand->command.reply_loop = loop;
    return errand;
}

struct pl_errand *pl_errand_new(enum pl_errand_kind kind, uint32_t loop, uint64_t call)
{
    struct pl_errand *errand = pl_zalloc(sizeof *errand);

    if (errand == NULL)
        return NULL;
    pl_arena_init(&errand->arena, PL_ERRAND_SIZE_MAX);
    return begin(errand, kind, loop, call);
}

void pl_errand_free(struct pl_errand *errand)
{
    if (errand == NULL)
        return;
    pl_arena_done(&errand->arena);
    pl_buf_unref(errand->response);
    pl_free(errand);
}

void pl_errand_pool_init(struct pl_errand_pool *pool)
{
    pl_list_init(&pool->errands);
    pool->len = 0;
}

static struct pl_errand *pool_take(struct pl_errand_pool *pool)
{
    struct pl_list *node = pl_list_first(&pool->errands);
    struct pl_letter *letter;

    if (node == NULL)
        return NULL;
    pl_list_remove(node);
    pool->len--;
    letter = PL_CONTAINER(node, struct pl_letter, node);
    return PL_CONTAINER(PL_CONTAINER(letter, struct pl_msg, letter), struct pl_errand, msg);
}

void pl_errand_pool_done(struct pl_errand_pool *pool)
{
    struct pl_errand *errand;

    while ((errand = pool_take(pool)) != NULL)
        pl_errand_free(errand);
}

struct pl_errand *pl_errand_pool_take(struct pl_errand_pool *pool, enum pl_errand_kind kind,
                                      uint32_t loop, uint64_t call)
{
    struct pl_errand *errand = pool_take(pool);
    struct pl_arena arena;

    if (errand == NULL)
        return pl_errand_new(kind, loop, call);
    arena = errand->arena;
    memset(errand, 0, sizeof *errand);
    errand->arena = arena;
    return begin(errand, kind, loop, call);
}

void pl_errand_pool_give(struct pl_errand_pool *pool, struct pl_errand *errand)
{
    if (errand == NULL || pool->len >= PL_ERRAND_POOL_LEN_MAX ||
        errand->arena.size > POOL_ARENA_SIZE_MAX) {
        pl_errand_free(errand);
        return;
    }
    pl_arena_clear(&errand->arena);
    pl_buf_unref(errand->response);
    errand->response = NULL;
    pl_list_prepend(&pool->errands, &errand->msg.letter.node);
    pool->len++;
}

int pl_errand_only_token(struct pl_errand *errand)
{
    pl_arena_clear(&errand->arena); /* the request may be large, and is done with */
    errand->pending = pl_arena_alloc(&errand->arena, sizeof *errand->pending);
    if (errand->pending == NULL)
        return PL_E_NOMEM;
    *errand->pending = errand->refusal;
    errand->kind = PL_ERRAND_COMMAND;
    errand->refusal = pl_refusal_of(PL_REASON_NONE);
    errand->command.kind = PL_QUERY_GET_USER;
    errand->command.u.get_user.name = "";
    return PL_OK;
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
