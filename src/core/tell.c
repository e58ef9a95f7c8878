/* tell.c - effects, each with what it needs copied into the batch's arena. */
#include "core/tell.h"

#include "base/err.h"

#include <string.h>

const char *pl_tell_str(struct pl_engine *engine, const char *str)
{
    return pl_arena_copy(&engine->effects->arena, str, strlen(str));
}

int pl_tell_reply(struct pl_engine *engine, const struct pl_command *command,
                  struct pl_reply **ret_reply)
{
    struct pl_reply *reply = pl_arena_alloc(&engine->effects->arena, pl_reply_size(command->kind));
    struct pl_effect *effect;

    if (reply == NULL)
        return PL_E_NOMEM;
    effect = pl_effects_add(engine->effects, PL_EFFECT_REPLY);
    if (effect == NULL)
        return PL_E_NOMEM;
    effect->u.reply.to = command->reply_to;
    effect->u.reply.loop = command->reply_loop;
    effect->u.reply.command = command->kind;
    effect->u.reply.reply = reply;
    *ret_reply = reply;
    return PL_OK;
}

int pl_tell_event(struct pl_engine *engine, const struct pl_event *event, struct pl_buf *bytes)
{
    struct pl_effect *effect = pl_effects_add(engine->effects, PL_EFFECT_EVENT);

    if (effect == NULL) {
        pl_buf_unref(bytes);
        return PL_E_NOMEM;
    }
    effect->u.event.position = event->position;
    effect->u.event.room = event->room_id;
    effect->u.event.sequence = event->sequence;
    effect->u.event.kind = event->kind;
    effect->u.event.bytes = bytes;
    return PL_OK;
}

int pl_tell_membership(struct pl_engine *engine, const struct pl_room *room, pl_user_id user,
                       bool joined, pl_position position)
{
    struct pl_effect *effect = pl_effects_add(engine->effects, PL_EFFECT_MEMBERSHIP);
    const char *name = pl_tell_str(engine, room->name);

    if (effect == NULL || name == NULL)
        return PL_E_NOMEM;
    effect->u.membership.user = user;
    effect->u.membership.room = room->id;
    effect->u.membership.name = name;
    effect->u.membership.joined = joined;
    effect->u.membership.work = room->delivery == PL_ROOM_ONE;
    effect->u.membership.position = position;
    return PL_OK;
}

int pl_tell_marker(struct pl_engine *engine, const struct pl_room *room,
                   const struct pl_member *member)
{
    struct pl_effect *effect = pl_effects_add(engine->effects, PL_EFFECT_READ_MARKER);
    const char *name = pl_tell_str(engine, room->name);

    if (effect == NULL || name == NULL)
        return PL_E_NOMEM;
    effect->u.marker.user = member->user;
    effect->u.marker.room = room->id;
    effect->u.marker.name = name;
    effect->u.marker.sequence = member->read_sequence;
    return PL_OK;
}

int pl_tell_session_ended(struct pl_engine *engine, const struct pl_session *session)
{
    struct pl_effect *effect = pl_effects_add(engine->effects, PL_EFFECT_SESSION_ENDED);

    if (effect == NULL)
        return PL_E_NOMEM;
    effect->u.ended.session = session->id;
    effect->u.ended.user = session->user;
    return PL_OK;
}

int pl_tell_follow_up(struct pl_engine *engine)
{
    return pl_effects_add(engine->effects, PL_EFFECT_FOLLOW_UP) == NULL ? PL_E_NOMEM : PL_OK;
}

int pl_tell_leased(struct pl_engine *engine, const struct pl_taker *taker,
                   const struct pl_work *work, const struct pl_message_view *message)
{
    struct pl_effect *effect = pl_effects_add(engine->effects, PL_EFFECT_LEASED);

    if (effect == NULL) {
        pl_buf_unref(message->event);
        return PL_E_NOMEM;
    }
    effect->u.leased.taker = taker->id;
    effect->u.leased.loop = taker->loop;
    effect->u.leased.lease = work->lease;
    effect->u.leased.attempt = work->attempts;
    effect->u.leased.message = *message;
    return PL_OK;
}

int pl_tell_taker_ended(struct pl_effects *effects, const struct pl_taker *taker,
                        const struct pl_refusal *refusal)
{
    struct pl_effect *effect = pl_effects_add(effects, PL_EFFECT_TAKER_ENDED);

    if (effect == NULL)
        return PL_E_NOMEM;
    effect->u.taker_ended.taker = taker->id;
    effect->u.taker_ended.loop = taker->loop;
    effect->u.taker_ended.refusal = *refusal;
    return PL_OK;
}
