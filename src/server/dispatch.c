/*
 * dispatch.c - who asked gets the answer in the letter that asked.
 *
 * Effects hold the replies in the order of the commands, so one walk over both
 * matches them.
 */
#include "server/dispatch.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/stream_call.h"
#include "wire/event.h"
#include "wire/page_token.h"
#include "wire/reply.h"

#include <stdio.h>
#include <string.h>

void pl_dispatch_init(struct pl_dispatch *dispatch)
{
    *dispatch = (struct pl_dispatch){.router = NULL};
    pl_list_init(&dispatch->touches);
}

int pl_dispatch_reserve(struct pl_dispatch *dispatch)
{
    for (uint32_t i = 0; i < dispatch->loops_len; i++) {
        if (dispatch->spare[i] != NULL)
            continue;
        dispatch->spare[i] = pl_zalloc(sizeof *dispatch->spare[i]);
        if (dispatch->spare[i] == NULL)
            return PL_E_NOMEM;
        dispatch->spare[i]->msg.kind = PL_MSG_FEED;
    }
    return PL_OK;
}

static struct pl_errand *errand_of(struct pl_list *node)
{
    struct pl_letter *letter = PL_CONTAINER(node, struct pl_letter, node);
    struct pl_msg *msg = PL_CONTAINER(letter, struct pl_msg, letter);

    return PL_CONTAINER(msg, struct pl_errand, msg);
}

void pl_dispatch_done(struct pl_dispatch *dispatch)
{
    for (uint32_t i = 0; i < dispatch->loops_len; i++) {
        pl_free(dispatch->spare[i]);
        dispatch->spare[i] = NULL;
    }
    PL_LIST_EACH (node, &dispatch->touches)
        pl_errand_free(errand_of(node));
    pl_list_init(&dispatch->touches);
}

static void send_back(struct pl_dispatch *dispatch, struct pl_errand *errand)
{
    pl_list_remove(&errand->msg.letter.node);
    if (errand->silent) {
        pl_errand_free(errand);
        return;
    }
    errand->work_us += dispatch->work_us;
    dispatch->to_loop(dispatch->self, errand->loop, &errand->msg);
}

/* What a stream needs of the engine's answer, copied out of the batch's arena. */
static int keep_subscribe(struct pl_errand *errand, const struct pl_reply *reply)
{
    struct pl_granted *granted = &errand->granted;
    uint32_t len = reply->u.subscribe.rooms_len;
    struct pl_subscribed_room *rooms = pl_arena_alloc(&errand->arena, len * sizeof *rooms);

    if (rooms == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < len; i++) {
        const struct pl_subscribed_room *from = &reply->u.subscribe.rooms[i];
        char *name = pl_arena_copy(&errand->arena, from->name, strlen(from->name));

        if (name == NULL)
            return PL_E_NOMEM;
        rooms[i] = *from;
        rooms[i].name = name;
    }
    *granted = (struct pl_granted){
        .user = reply->u.subscribe.user.id,
        .session = reply->u.subscribe.session.id,
        .shown = reply->u.subscribe.shown,
        .all = reply->u.subscribe.all,
        .rooms = rooms,
        .rooms_len = len,
    };
    return PL_OK;
}

static int list_online(struct pl_dispatch *dispatch, struct pl_errand *errand,
                       const struct pl_user *users, uint32_t users_len)
{
    struct pl_wire_list list;
    int rc = pl_wire_list_init(&list, users_len, &errand->arena);

    for (uint32_t i = 0; rc == PL_OK && i < users_len; i++)
        rc = pl_wire_list_add_user(&list, &users[i],
                                   pl_router_online(dispatch->router, users[i].id));
    if (rc == PL_OK)
        rc = pl_wire_list_users_response(&list, errand->next, &errand->response);
    return rc;
}

/* The next page begins beyond the last user told. */
static int list_users_online(struct pl_dispatch *dispatch, struct pl_errand *errand,
                             const struct pl_user *users, uint32_t users_len)
{
    char list[64];

    errand->next = "";
    if (errand->more && users_len > 0) {
        snprintf(list, sizeof list, "online:%s", errand->query.u.list_users.prefix);
        errand->next = pl_page_token_make(list, users[users_len - 1].name, &errand->arena);
        if (errand->next == NULL)
            return PL_E_NOMEM;
    }
    return list_online(dispatch, errand, users, users_len);
}

static int make_response(struct pl_dispatch *dispatch, struct pl_errand *errand,
                         const struct pl_reply *reply)
{
    struct pl_reply_context context = {
        .durability = dispatch->durability,
        .token = errand->token,
    };

    switch (errand->command.kind) {
    case PL_QUERY_SUBSCRIBE:
        return keep_subscribe(errand, reply);
    case PL_COMMAND_OPEN_TAKER:
        errand->granted.user = reply->u.taker.user;
        errand->granted.session = reply->u.taker.session;
        return PL_OK;
    case PL_QUERY_GET_USERS:
        return list_users_online(dispatch, errand, reply->u.users.users, reply->u.users.users_len);
    case PL_COMMAND_SIGN_IN_GUEST:
        context.online = pl_router_online(dispatch->router, reply->u.sign_in.user.id);
        context.expire_ms = reply->u.sign_in.session.used_ms + dispatch->session_idle_ms;
        break;
    case PL_QUERY_GET_USER:
        context.online = pl_router_online(dispatch->router, reply->u.user.user.id);
        break;
    default:
        break;
    }
    return pl_wire_reply(errand->command.kind, reply, &context, &errand->arena, &errand->response);
}

/* Who only asks is there too. If that fails, the next call tells it. */
static void touch(struct pl_dispatch *dispatch, const struct pl_errand *errand)
{
    struct pl_errand *touching = pl_errand_new(PL_ERRAND_COMMAND, errand->loop, 0);

    if (touching == NULL)
        return;
    touching->silent = true;
    touching->command.kind = PL_COMMAND_TOUCH_SESSION;
    touching->command.token_hash = errand->command.token_hash;
    pl_list_append(&dispatch->touches, &touching->msg.letter.node);
}

static void answer(struct pl_dispatch *dispatch, struct pl_errand *errand,
                   const struct pl_reply *reply)
{
    if (reply->touch_due)
        touch(dispatch, errand);
    errand->answered = true;
    errand->refusal = reply->refusal;
    if (reply->refusal.reason == PL_REASON_NONE) {
        int rc = make_response(dispatch, errand, reply);

        if (rc < 0) {
            PL_DIAG_SELDOM(PL_DIAG_ERROR, "engine", "an answer could not be made: %s",
                           pl_err_text(rc));
            errand->refusal = pl_refusal_of_err(rc);
        }
    }
}

/* Sends the errands before the one that the reply answers (they have no reply), and
 * that one with its answer. */
static void send_reply(struct pl_dispatch *dispatch, const struct pl_effect *effect,
                       struct pl_list *errands)
{
    for (;;) {
        struct pl_list *node = pl_list_first(errands);
        struct pl_errand *errand;

        PL_ASSERT(node != NULL);
        errand = errand_of(node);
        if (errand->call == effect->u.reply.to && errand->loop == effect->u.reply.loop &&
            errand->command.kind == effect->u.reply.command && !errand->silent) {
            answer(dispatch, errand, effect->u.reply.reply);
            send_back(dispatch, errand);
            return;
        }
        PL_ASSERT(errand->silent);
        send_back(dispatch, errand);
    }
}

static void send_taken(struct pl_dispatch *dispatch, const struct pl_effect *effect)
{
    struct pl_taken_msg *taken = pl_zalloc(sizeof *taken);
    int rc = taken == NULL ? PL_E_NOMEM
                           : pl_wire_taken(&effect->u.leased.message, effect->u.leased.lease,
                                           effect->u.leased.attempt, &taken->bytes);

    if (rc < 0) {
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "engine", "a leased message was not sent: %s",
                       pl_err_text(rc));
        dispatch->takers_lost |= UINT64_C(1) << effect->u.leased.loop;
        pl_free(taken);
        return;
    }
    taken->msg.kind = PL_MSG_TAKEN;
    taken->call = pl_taker_call(effect->u.leased.taker);
    dispatch->to_loop(dispatch->self, effect->u.leased.loop, &taken->msg);
}

static void send_taker_ended(struct pl_dispatch *dispatch, const struct pl_effect *effect)
{
    struct pl_taken_msg *ended = pl_zalloc(sizeof *ended);

    if (ended == NULL) {
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "engine", "the end of a taker was not told: out of memory");
        dispatch->takers_lost |= UINT64_C(1) << effect->u.taker_ended.loop;
        return;
    }
    ended->msg.kind = PL_MSG_TAKER_ENDED;
    ended->call = pl_taker_call(effect->u.taker_ended.taker);
    ended->refusal = effect->u.taker_ended.refusal;
    dispatch->to_loop(dispatch->self, effect->u.taker_ended.loop, &ended->msg);
}

/* Where a taker could not be told something, all of its loop's end: their leases
 * are free at once, rather than when they run out. */
static void end_lost_takers(struct pl_dispatch *dispatch)
{
    for (uint32_t i = 0; i < dispatch->loops_len; i++) {
        struct pl_feed_msg *msg = dispatch->spare[i];

        if ((dispatch->takers_lost >> i & 1) == 0)
            continue;
        PL_ASSERT(msg != NULL);
        msg->takers_lost = true;
        dispatch->spare[i] = NULL;
        dispatch->to_loop(dispatch->self, i, &msg->msg);
    }
    dispatch->takers_lost = 0;
}

static void send_feed(struct pl_dispatch *dispatch, const struct pl_effects *effects,
                      pl_position through)
{
    struct pl_feed *feed = NULL;
    uint64_t loops = 0;
    int rc = pl_router_route(dispatch->router, effects, through, &feed, &loops);

    if (rc < 0) {
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "engine", "out of memory for a feed: all streams resume");
        loops = UINT64_MAX;
    }
    for (uint32_t i = 0; i < dispatch->loops_len; i++) {
        struct pl_feed_msg *msg = dispatch->spare[i];

        if ((loops >> i & 1) == 0 || (feed == NULL && rc == PL_OK))
            continue;
        msg->feed = feed != NULL ? pl_feed_ref(feed) : NULL;
        msg->feed_lost = feed == NULL;
        msg->takers_lost = (dispatch->takers_lost >> i & 1) != 0;
        dispatch->takers_lost &= ~(UINT64_C(1) << i);
        dispatch->spare[i] = NULL;
        dispatch->to_loop(dispatch->self, i, &msg->msg);
    }
    pl_feed_unref(feed);
}

void pl_dispatch_effects(struct pl_dispatch *dispatch, const struct pl_effects *effects,
                         pl_position through, struct pl_list *errands)
{
    PL_LIST_EACH (node, &effects->list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_REPLY)
            send_reply(dispatch, effect, errands);
        else if (effect->kind == PL_EFFECT_LEASED)
            send_taken(dispatch, effect);
        else if (effect->kind == PL_EFFECT_TAKER_ENDED)
            send_taker_ended(dispatch, effect);
    }
    PL_LIST_EACH (node, errands) {
        PL_ASSERT(errand_of(node)->silent);
        send_back(dispatch, errand_of(node));
    }
    send_feed(dispatch, effects, through);
    end_lost_takers(dispatch);
}

void pl_dispatch_failure(struct pl_dispatch *dispatch, const struct pl_effects *effects, int err,
                         struct pl_list *errands)
{
    PL_LIST_EACH (node, errands) {
        struct pl_errand *errand = errand_of(node);

        errand->answered = true;
        errand->refusal = pl_refusal_of_err(err);
        send_back(dispatch, errand);
    }
    PL_LIST_EACH (node, &effects->list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        PL_ASSERT(effect->kind == PL_EFFECT_TAKER_ENDED);
        send_taker_ended(dispatch, effect);
    }
    end_lost_takers(dispatch);
}

void pl_dispatch_users(struct pl_dispatch *dispatch, struct pl_errand *errand)
{
    if (errand->refusal.reason == PL_REASON_NONE) {
        int rc = list_online(dispatch, errand, errand->users, errand->users_len);

        if (rc < 0) {
            PL_DIAG_SELDOM(PL_DIAG_ERROR, "engine", "a list of users could not be made: %s",
                           pl_err_text(rc));
            errand->refusal = pl_refusal_of_err(rc);
        }
    }
    errand->answered = true;
    dispatch->to_loop(dispatch->self, errand->loop, &errand->msg);
}
