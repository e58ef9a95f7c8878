/*
 * follow.c - a stream with a memory.
 *
 * The cursor moves only when an item has been delivered, not when it has come:
 * so whatever waits here may be thrown away at any time, and comes again.
 */
#include "client/follow.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "client/message.h"
#include "parla/v1/room_service.pb-c.h"
#include "pb/message.h"

#include <stdio.h>
#include <string.h>

#define HELD_SIZE_MAX   ((size_t)16 << 20)
#define UNPACK_SIZE_MAX ((size_t)4 << 20)

enum { AGAIN_MS = 1000 };

struct direct {
    struct pl_list node;
    char room[PL_ROOM_NAME_SIZE_MAX + 2];
    char peer[PL_USER_NAME_SIZE_MAX + 1];
};

struct held {
    struct pl_list node;
    struct pl_buf *item; /* a StreamMessagesResponse */
};

struct pl_follow {
    struct pl_app *app_weak;
    const char *const *rooms_weak;
    size_t rooms_len;
    Parla__V1__StreamStart start;
    struct pl_follow_ops ops;
    struct pl_api_stream *stream; /* NULL: none is open */
    struct pl_timer *again;       /* to open one on a connection that still stands */
    char *cursor;                 /* NULL: none yet */
    struct pl_list held;
    size_t held_size;
    struct pl_list directs;
    unsigned holds; /* > 0: events wait */
    bool naming;    /* a look-up is under way; one of the holds */
    bool stale;     /* the stream overran, or is to be opened anew */
    char naming_room[PL_ROOM_NAME_SIZE_MAX + 2];
};

static void clear_held(struct pl_follow *follow)
{
    PL_LIST_EACH (node, &follow->held) {
        struct held *held = PL_CONTAINER(node, struct held, node);

        pl_list_remove(node);
        pl_buf_unref(held->item);
        pl_free(held);
    }
    follow->held_size = 0;
}

static struct direct *find_direct(const struct pl_follow *follow, const char *room)
{
    PL_LIST_EACH (node, &follow->directs) {
        struct direct *direct = PL_CONTAINER(node, struct direct, node);

        if (strcmp(direct->room, room) == 0)
            return direct;
    }
    return NULL;
}

const char *pl_follow_peer(const struct pl_follow *follow, const char *room)
{
    const struct direct *direct = find_direct(follow, room);

    return direct != NULL ? direct->peer : "";
}

const char *pl_follow_room(const struct pl_follow *follow, const char *peer)
{
    PL_LIST_EACH (node, &follow->directs) {
        const struct direct *direct = PL_CONTAINER(node, struct direct, node);

        if (strcmp(direct->peer, peer) == 0)
            return direct->room;
    }
    return NULL;
}

void pl_follow_know(struct pl_follow *follow, const char *room, const char *peer)
{
    struct direct *direct = find_direct(follow, room);

    if (!pl_message_is_direct(room) || strlen(room) >= sizeof direct->room ||
        strlen(peer) >= sizeof direct->peer)
        return;
    if (direct == NULL) {
        direct = pl_zalloc(sizeof *direct);
        if (direct == NULL)
            return; /* it is looked up again */
        snprintf(direct->room, sizeof direct->room, "%s", room);
        pl_list_prepend(&follow->directs, &direct->node);
    }
    snprintf(direct->peer, sizeof direct->peer, "%s", peer);
}

static void on_members(void *self, const struct pl_api_result *result)
{
    struct pl_follow *follow = self;
    const Parla__V1__ListMembersResponse *response =
        (const Parla__V1__ListMembersResponse *)result->response;
    const char *peer = "";

    if (!follow->naming)
        return; /* the stream has ended meanwhile */
    follow->naming = false;
    for (size_t i = 0; response != NULL && i < response->n_members; i++) {
        if (response->members[i]->user_id != follow->app_weak->user_id)
            peer = response->members[i]->user;
    }
    pl_follow_know(follow, follow->naming_room, peer);
    pl_follow_go_on(follow);
}

static void look_up(struct pl_follow *follow, const char *room)
{
    Parla__V1__ListMembersRequest request = PARLA__V1__LIST_MEMBERS_REQUEST__INIT;

    snprintf(follow->naming_room, sizeof follow->naming_room, "%s", room);
    request.room = follow->naming_room;
    follow->naming = true;
    pl_follow_hold(follow);
    pl_app_call(follow->app_weak, &parla__v1__room_service__descriptor, "ListMembers",
                &request.base, on_members, follow);
}

static void keep_cursor(struct pl_follow *follow, const char *cursor)
{
    char *copy;

    if (cursor[0] == 0)
        return;
    copy = pl_strdup(cursor);
    if (copy == NULL)
        return; /* an older one repeats a little; rooms know what they have shown */
    pl_free(follow->cursor);
    follow->cursor = copy;
}

/* Whether the item has to wait for the name of its direct room. */
static bool must_wait(struct pl_follow *follow, const Parla__V1__StreamMessagesResponse *item)
{
    const Parla__V1__Event *event = item->event;

    if (item->item_case != PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_EVENT ||
        !pl_message_is_direct(event->room) || find_direct(follow, event->room) != NULL)
        return false;
    if (event->actor_id != follow->app_weak->user_id && event->actor_id != 0) {
        pl_follow_know(follow, event->room, event->actor);
        return false;
    }
    look_up(follow, event->room);
    return true;
}

static void deliver(struct pl_follow *follow, const Parla__V1__StreamMessagesResponse *item)
{
    switch (item->item_case) {
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_EVENT:
        follow->ops.on_event(follow->ops.self, item->event,
                             pl_follow_peer(follow, item->event->room));
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_ROOM_STATE:
        if (item->room_state->room != NULL && !item->room_state->more_members)
            follow->ops.on_trimmed(follow->ops.self, item->room_state,
                                   pl_follow_peer(follow, item->room_state->room->room));
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_CAUGHT_UP:
        if (follow->ops.on_caught_up != NULL)
            follow->ops.on_caught_up(follow->ops.self);
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_DRAINING:
        pl_channel_wait_at_least(follow->app_weak->channel, item->draining->retry_after_ms);
        break;
    default:
        break; /* typing, presence and markers are not shown */
    }
    keep_cursor(follow, item->cursor);
}

static void hold_item(struct pl_follow *follow, const Parla__V1__StreamMessagesResponse *item)
{
    struct held *held = pl_zalloc(sizeof *held);

    if (held == NULL || pl_pb_pack(&item->base, &held->item) < 0 ||
        follow->held_size + held->item->size > HELD_SIZE_MAX) {
        if (held != NULL)
            pl_buf_unref(held->item);
        pl_free(held);
        clear_held(follow);
        follow->stale = true;
        return;
    }
    follow->held_size += held->item->size;
    pl_list_append(&follow->held, &held->node);
}

static void on_item(void *self, const ProtobufCMessage *message)
{
    struct pl_follow *follow = self;
    const Parla__V1__StreamMessagesResponse *item =
        (const Parla__V1__StreamMessagesResponse *)message;

    if (follow->stale)
        return;
    if (follow->holds > 0 || must_wait(follow, item))
        hold_item(follow, item);
    else
        deliver(follow, item);
}

static void on_end(void *self, const struct pl_api_result *result)
{
    struct pl_follow *follow = self;

    follow->stream = NULL;
    clear_held(follow);
    if (follow->naming) {
        follow->naming = false;
        follow->holds--;
    }
    if (result->code == PL_CODE_OUT_OF_RANGE && follow->cursor != NULL) {
        pl_follow_forget(follow);
        follow->ops.on_reset(follow->ops.self);
        pl_follow_start(follow);
    } else if (result->code == PL_CODE_OK || pl_api_may_retry(result)) {
        pl_timer_start(follow->again, result->retry_ms > 0 ? result->retry_ms : AGAIN_MS, 0);
    } else {
        follow->ops.on_refused(follow->ops.self, result);
    }
}

static void on_again(void *self)
{
    struct pl_follow *follow = self;

    if (follow->stale && follow->stream != NULL) {
        pl_api_stream_cancel(follow->stream);
        follow->stream = NULL;
        clear_held(follow);
    }
    if (follow->app_weak->phase == PL_APP_READY)
        pl_follow_start(follow);
}

void pl_follow_start(struct pl_follow *follow)
{
    Parla__V1__StreamMessagesRequest request = PARLA__V1__STREAM_MESSAGES_REQUEST__INIT;
    struct pl_api_stream_ops ops = {.self = follow, .on_message = on_item, .on_end = on_end};
    int err;

    if (follow->stream != NULL)
        return;
    pl_timer_stop(follow->again);
    follow->stale = false;
    request.n_rooms = follow->rooms_len;
    request.rooms = (char **)(uintptr_t)follow->rooms_weak;
    request.cursor = follow->cursor != NULL ? follow->cursor : request.cursor;
    request.start = follow->start;
    request.durable_only = true;
    err = pl_api_stream_start(follow->app_weak->channel, &parla__v1__chat_service__descriptor,
                              "StreamMessages", follow->app_weak->token, &request.base, &ops,
                              &follow->stream);
    if (err < 0)
        pl_timer_start(follow->again, AGAIN_MS, 0);
}

void pl_follow_hold(struct pl_follow *follow)
{
    follow->holds++;
}

static void deliver_held(struct pl_follow *follow, struct held *held)
{
    struct pl_arena arena;
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;
    const Parla__V1__StreamMessagesResponse *item;

    pl_arena_init(&arena, UNPACK_SIZE_MAX);
    if (pl_pb_unpack(&parla__v1__stream_messages_response__descriptor,
                     (struct pl_bytes){held->item->data, held->item->size}, &arena, &fault,
                     &message) < 0) {
        follow->stale = true; /* memory is short: it comes again */
    } else {
        item = (const Parla__V1__StreamMessagesResponse *)message;
        if (!must_wait(follow, item)) {
            pl_list_remove(&held->node);
            follow->held_size -= held->item->size;
            deliver(follow, item);
            pl_buf_unref(held->item);
            pl_free(held);
        }
    }
    pl_arena_done(&arena);
}

void pl_follow_go_on(struct pl_follow *follow)
{
    struct pl_list *first;

    PL_ASSERT(follow->holds > 0);
    follow->holds--;
    while (follow->holds == 0 && !follow->stale && (first = pl_list_first(&follow->held)) != NULL)
        deliver_held(follow, PL_CONTAINER(first, struct held, node));
    if (follow->stale && follow->holds == 0)
        pl_timer_start(follow->again, 0, 0); /* not from here: a call's callback may be above us */
}

void pl_follow_forget(struct pl_follow *follow)
{
    pl_free(follow->cursor);
    follow->cursor = NULL;
}

int pl_follow_new(struct pl_app *app, const char *const *rooms, size_t rooms_len,
                  Parla__V1__StreamStart start, const struct pl_follow_ops *ops,
                  struct pl_follow **ret_follow)
{
    struct pl_follow *follow = pl_zalloc(sizeof *follow);
    int err;

    if (follow == NULL)
        return PL_E_NOMEM;
    follow->app_weak = app;
    follow->rooms_weak = rooms;
    follow->rooms_len = rooms_len;
    follow->start = start;
    follow->ops = *ops;
    pl_list_init(&follow->held);
    pl_list_init(&follow->directs);
    err = pl_timer_new(app->loop, on_again, follow, &follow->again);
    if (err < 0) {
        pl_free(follow);
        return err;
    }
    *ret_follow = follow;
    return PL_OK;
}

void pl_follow_free(struct pl_follow *follow)
{
    if (follow == NULL)
        return;
    clear_held(follow);
    PL_LIST_EACH (node, &follow->directs) {
        struct direct *direct = PL_CONTAINER(node, struct direct, node);

        pl_list_remove(node);
        pl_free(direct);
    }
    pl_timer_free(follow->again);
    pl_free(follow->cursor);
    pl_free(follow);
}
