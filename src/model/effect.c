/* effect.c - a list in an arena, and the references that it holds. */
#include "model/effect.h"

#include <stddef.h>

void pl_effects_init(struct pl_effects *effects, size_t size_max)
{
    pl_arena_init(&effects->arena, size_max);
    pl_list_init(&effects->list);
}

static void release(struct pl_effect *effect)
{
    switch (effect->kind) {
    case PL_EFFECT_REPLY:
        if (effect->u.reply.command == PL_COMMAND_SEND_MESSAGE && effect->u.reply.reply != NULL)
            pl_buf_unref(effect->u.reply.reply->u.send.message.event);
        break;
    case PL_EFFECT_EVENT:
        pl_buf_unref(effect->u.event.bytes);
        break;
    case PL_EFFECT_LEASED:
        pl_buf_unref(effect->u.leased.message.event);
        break;
    case PL_EFFECT_MEMBERSHIP:
    case PL_EFFECT_READ_MARKER:
    case PL_EFFECT_SESSION_ENDED:
    case PL_EFFECT_TAKER_ENDED:
    case PL_EFFECT_FOLLOW_UP:
        break;
    }
}

static void release_all(struct pl_effects *effects)
{
    PL_LIST_EACH (node, &effects->list)
        release(PL_CONTAINER(node, struct pl_effect, node));
    pl_list_init(&effects->list);
}

void pl_effects_done(struct pl_effects *effects)
{
    release_all(effects);
    pl_arena_done(&effects->arena);
}

void pl_effects_clear(struct pl_effects *effects)
{
    release_all(effects);
    pl_arena_clear(&effects->arena);
}

/* What it takes: the largest kind would be three times as large as the usual ones. */
static size_t effect_size(enum pl_effect_kind kind)
{
    const struct pl_effect *effect = NULL;
    size_t size = 0;

    switch (kind) {
    case PL_EFFECT_REPLY:
        size = sizeof effect->u.reply;
        break;
    case PL_EFFECT_EVENT:
        size = sizeof effect->u.event;
        break;
    case PL_EFFECT_MEMBERSHIP:
        size = sizeof effect->u.membership;
        break;
    case PL_EFFECT_READ_MARKER:
        size = sizeof effect->u.marker;
        break;
    case PL_EFFECT_SESSION_ENDED:
        size = sizeof effect->u.ended;
        break;
    case PL_EFFECT_LEASED:
        size = sizeof effect->u.leased;
        break;
    case PL_EFFECT_TAKER_ENDED:
        size = sizeof effect->u.taker_ended;
        break;
    case PL_EFFECT_FOLLOW_UP:
        break;
    }
    return offsetof(struct pl_effect, u) + size;
}

struct pl_effect *pl_effects_add(struct pl_effects *effects, enum pl_effect_kind kind)
{
    struct pl_effect *effect = pl_arena_alloc(&effects->arena, effect_size(kind));

    if (effect == NULL)
        return NULL;
    effect->kind = kind;
    pl_list_append(&effects->list, &effect->node);
    return effect;
}

size_t pl_reply_size(enum pl_command_kind kind)
{
    const struct pl_reply *reply = NULL;

    switch (kind) {
    case PL_COMMAND_SEND_MESSAGE:
        return offsetof(struct pl_reply, u) + sizeof reply->u.send;
    case PL_COMMAND_MARK_READ:
    case PL_COMMAND_ACK_MESSAGE:
    case PL_COMMAND_RELEASE_MESSAGE:
        return offsetof(struct pl_reply, u);
    default:
        return sizeof *reply;
    }
}
