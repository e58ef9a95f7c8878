/*
 * chat_rooms.c - the rooms that one is in.
 *
 * A room's last messages are asked for while the stream is already open. What
 * the stream brings meanwhile is held back, and of it only that is shown which
 * is not in the page: the page says up to which event it holds.
 */
#include "client/chat.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/rooms_text.h"
#include "model/room.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { FILL_LEN = 20, TAKE_AGAIN_MS = 1000 };

struct pl_chat_room *pl_chat_room_find(struct pl_chat *chat, const char *id)
{
    PL_LIST_EACH (node, &chat->rooms) {
        struct pl_chat_room *room = PL_CONTAINER(node, struct pl_chat_room, node);

        if (strcmp(room->id, id) == 0)
            return room;
    }
    return NULL;
}

static void take_start(struct pl_chat_room *room);

static void on_acknowledged(void *self, const struct pl_api_result *result)
{
    struct pl_chat *chat = self;

    /* a lost lease or connection: it comes again, here or to another */
    if (result->code != PL_CODE_OK && result->code != PL_CODE_FAILED_PRECONDITION &&
        !pl_api_may_retry(result))
        pl_chat_say_refused(chat, result);
}

static void on_take_item(void *self, const ProtobufCMessage *raw)
{
    struct pl_chat_room *room = self;
    struct pl_chat *chat = room->chat_weak;
    const Parla__V1__TakeMessagesResponse *item = (const Parla__V1__TakeMessagesResponse *)raw;
    Parla__V1__AckMessageRequest request = PARLA__V1__ACK_MESSAGE_REQUEST__INIT;
    struct pl_message message;

    if (item->item_case != PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_TAKEN ||
        item->taken->message == NULL)
        return;
    message = pl_message_of_chat(item->taken->message, "");
    if (message.sequence != room->taken) { /* else its acknowledgement was lost */
        pl_chat_show_message(chat, &message);
        room->taken = message.sequence;
    }
    request.room = room->id;
    request.sequence = message.sequence;
    request.lease = item->taken->lease;
    pl_app_call(&chat->app, &parla__v1__chat_service__descriptor, "AckMessage", &request.base,
                on_acknowledged, chat);
}

static void on_take_end(void *self, const struct pl_api_result *result)
{
    struct pl_chat_room *room = self;
    struct pl_chat *chat = room->chat_weak;

    room->take = NULL;
    if (result->code == PL_CODE_OK || pl_api_may_retry(result))
        pl_timer_start(chat->take_again, TAKE_AGAIN_MS, 0);
    else if (result->code == PL_CODE_UNAUTHENTICATED)
        pl_chat_token_lost(chat);
    else
        pl_chat_say_refused(chat, result);
}

static void take_start(struct pl_chat_room *room)
{
    struct pl_chat *chat = room->chat_weak;
    Parla__V1__TakeMessagesRequest request = PARLA__V1__TAKE_MESSAGES_REQUEST__INIT;
    struct pl_api_stream_ops ops = {
        .self = room, .on_message = on_take_item, .on_end = on_take_end};

    if (!room->is_one || room->take != NULL || chat->app.phase != PL_APP_READY)
        return;
    request.room = room->id;
    request.max_unacknowledged = 1;
    if (pl_api_stream_start(chat->app.channel, &parla__v1__chat_service__descriptor, "TakeMessages",
                            chat->app.token, &request.base, &ops, &room->take) < 0)
        pl_timer_start(chat->take_again, TAKE_AGAIN_MS, 0);
}

struct pl_chat_room *pl_chat_room_enter(struct pl_chat *chat, const char *id, bool is_one)
{
    struct pl_chat_room *room = pl_chat_room_find(chat, id);

    if (room == NULL && strlen(id) < sizeof room->id) {
        room = pl_zalloc(sizeof *room);
        if (room == NULL)
            return NULL;
        room->chat_weak = chat;
        snprintf(room->id, sizeof room->id, "%s", id);
        pl_list_append(&chat->rooms, &room->node);
    }
    if (room == NULL)
        return NULL;
    room->is_one = room->is_one || is_one;
    take_start(room);
    return room;
}

static void room_free(struct pl_chat_room *room)
{
    struct pl_chat *chat = room->chat_weak;

    pl_list_remove(&room->node);
    if (room->wants_fill && chat->phase != PL_CHAT_ENDING)
        pl_follow_go_on(chat->follow);
    pl_free(room);
}

void pl_chat_room_leave(struct pl_chat *chat, const char *id)
{
    struct pl_chat_room *room = pl_chat_room_find(chat, id);

    if (!chat->target.is_user && strcmp(chat->target.name, id) == 0)
        pl_chat_set_target(chat, false, PL_LOBBY_NAME);
    if (room == NULL || room->filling)
        return; /* the answer finds that one is not in it any more */
    pl_api_stream_cancel(room->take);
    room_free(room);
}

void pl_chat_rooms_clear(struct pl_chat *chat)
{
    PL_LIST_EACH (node, &chat->rooms)
        room_free(PL_CONTAINER(node, struct pl_chat_room, node));
}

static void fill_next(struct pl_chat *chat);

static void on_page(void *self, const struct pl_api_result *result)
{
    struct pl_chat_room *room = self;
    struct pl_chat *chat = room->chat_weak;
    const Parla__V1__ListMessagesResponse *response =
        (const Parla__V1__ListMessagesResponse *)result->response;

    room->filling = false;
    if (response == NULL && pl_api_may_retry(result))
        return; /* asked for again on the next connection */
    if (response == NULL)
        pl_chat_say_refused(chat, result);
    for (size_t i = response != NULL ? response->n_messages : 0; i-- > 0;) {
        struct pl_message message =
            pl_message_of_chat(response->messages[i], pl_follow_peer(chat->follow, room->id));

        pl_chat_show_message(chat, &message);
    }
    if (response != NULL)
        pl_marker_shown(chat->marker, room->id, response->as_of_sequence);
    room->wants_fill = false;
    pl_follow_go_on(chat->follow);
    fill_next(chat);
}

static void fill_next(struct pl_chat *chat)
{
    Parla__V1__ListMessagesRequest request = PARLA__V1__LIST_MESSAGES_REQUEST__INIT;

    if (chat->app.phase != PL_APP_READY)
        return;
    PL_LIST_EACH (node, &chat->rooms) {
        struct pl_chat_room *room = PL_CONTAINER(node, struct pl_chat_room, node);

        if (room->filling)
            return; /* one after the other */
        if (!room->wants_fill)
            continue;
        room->filling = true;
        request.room = room->id;
        request.page_size = FILL_LEN;
        pl_app_call(&chat->app, &parla__v1__chat_service__descriptor, "ListMessages", &request.base,
                    on_page, room);
        return;
    }
}

void pl_chat_room_fill(struct pl_chat *chat, struct pl_chat_room *room)
{
    if (room->wants_fill)
        return;
    room->wants_fill = true;
    pl_follow_hold(chat->follow);
    fill_next(chat);
}

void pl_chat_rooms_go_on(struct pl_chat *chat)
{
    fill_next(chat);
    PL_LIST_EACH (node, &chat->rooms)
        take_start(PL_CONTAINER(node, struct pl_chat_room, node));
}

static void on_rooms(void *self, const struct pl_api_result *result);

static void ask(struct pl_chat *chat, char *page_token)
{
    Parla__V1__ListRoomsRequest request = PARLA__V1__LIST_ROOMS_REQUEST__INIT;

    request.page_size = PL_API_ROOMS_LEN;
    if (page_token != NULL)
        request.page_token = page_token;
    pl_app_call(&chat->app, &parla__v1__room_service__descriptor, "ListRooms", &request.base,
                on_rooms, chat);
}

static void on_rooms(void *self, const struct pl_api_result *result)
{
    struct pl_chat *chat = self;
    const Parla__V1__ListRoomsResponse *response =
        (const Parla__V1__ListRoomsResponse *)result->response;

    if (response == NULL && pl_api_may_retry(result))
        return; /* the next connection asks again */
    if (response == NULL)
        pl_chat_say_refused(chat, result);
    for (size_t i = 0; response != NULL && i < response->n_rooms; i++) {
        const Parla__V1__JoinedRoom *joined = response->rooms[i];

        if (joined->room == NULL || !pl_rooms_is_joined(joined))
            continue;
        if (pl_chat_room_enter(chat, joined->room->room, pl_rooms_is_one(joined->room)) == NULL)
            pl_chat_say(chat, "out of memory");
    }
    if (response != NULL && response->next_page_token[0] != 0) {
        ask(chat, response->next_page_token);
        return;
    }
    chat->rooms_known = true;
    pl_chat_take_early(chat);
}

void pl_chat_rooms_ask(struct pl_chat *chat)
{
    ask(chat, NULL);
}

void pl_chat_set_target(struct pl_chat *chat, bool is_user, const char *name)
{
    PL_ASSERT(strlen(name) < sizeof chat->target.name);
    chat->target.is_user = is_user;
    snprintf(chat->target.name, sizeof chat->target.name, "%s", name);
}
