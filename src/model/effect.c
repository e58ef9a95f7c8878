/* effect.c - a list in an arena, and the references that it holds. */
#include "model/effect.h"

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

struct pl_effect *pl_effects_add(struct pl_effects *effects, enum pl_effect_kind kind)
{
    struct pl_effect *effect = pl_arena_alloc(&effects->arena, sizeof *effect);

    if (effect == NULL)
        return NULL;
    effect->kind = kind;
    pl_list_append(&effects->list, &effect->node);
    return effect;
}
