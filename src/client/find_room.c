/*
 * find_room.c - which direct room is with whom.
 *
 * The ids of all direct rooms are listed first, then each one's members are
 * asked for, until the user is found.
 */
#include "client/find_room.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "client/message.h"
#include "parla/v1/room_service.pb-c.h"

#include <stdio.h>
#include <string.h>

struct candidate {
    struct pl_list node;
    char room[];
};

struct pl_find_room {
    struct pl_app *app_weak;
    struct pl_find_room_ops ops;
    char user[PL_USER_NAME_SIZE_MAX + 1];
    struct pl_list candidates; /* the first one is being asked about */
};

static void find_free(void *self)
{
    struct pl_find_room *find = self;
    struct pl_list *first;

    while ((first = pl_list_first(&find->candidates)) != NULL) {
        pl_list_remove(first);
        pl_free(PL_CONTAINER(first, struct candidate, node));
    }
    pl_free(find);
}

static void found(struct pl_find_room *find, const char *room)
{
    find->ops.on_found(find->ops.self, room);
    find_free(find);
}

static void refused(struct pl_find_room *find, const struct pl_api_result *result)
{
    find->ops.on_refused(find->ops.self, result);
    find_free(find);
}

static void on_members(void *self, const struct pl_api_result *result);

static void ask_next(struct pl_find_room *find)
{
    Parla__V1__ListMembersRequest request = PARLA__V1__LIST_MEMBERS_REQUEST__INIT;
    struct pl_list *first = pl_list_first(&find->candidates);

    if (first == NULL) {
        found(find, NULL);
        return;
    }
    request.room = PL_CONTAINER(first, struct candidate, node)->room;
    pl_app_call_owned(find->app_weak, &parla__v1__room_service__descriptor, "ListMembers",
                      &request.base, on_members, find_free, find);
}

static void on_members(void *self, const struct pl_api_result *result)
{
    struct pl_find_room *find = self;
    struct candidate *first =
        PL_CONTAINER(pl_list_first(&find->candidates), struct candidate, node);
    const Parla__V1__ListMembersResponse *response =
        (const Parla__V1__ListMembersResponse *)result->response;

    if (response == NULL) {
        refused(find, result);
        return;
    }
    for (size_t i = 0; i < response->n_members; i++) {
        const Parla__V1__Member *member = response->members[i];

        if (member->user_id != find->app_weak->user_id && strcmp(member->user, find->user) == 0) {
            found(find, first->room);
            return;
        }
    }
    pl_list_remove(&first->node);
    pl_free(first);
    ask_next(find);
}

static void on_rooms(void *self, const struct pl_api_result *result);

static void ask_rooms(struct pl_find_room *find, char *page_token)
{
    Parla__V1__ListRoomsRequest request = PARLA__V1__LIST_ROOMS_REQUEST__INIT;

    request.page_size = PL_API_ROOMS_LEN;
    if (page_token != NULL)
        request.page_token = page_token;
    pl_app_call_owned(find->app_weak, &parla__v1__room_service__descriptor, "ListRooms",
                      &request.base, on_rooms, find_free, find);
}

static void on_rooms(void *self, const struct pl_api_result *result)
{
    static const struct pl_api_result no_memory = {.code = PL_CODE_RESOURCE_EXHAUSTED,
                                                   .text = "out of memory"};
    struct pl_find_room *find = self;
    const Parla__V1__ListRoomsResponse *response =
        (const Parla__V1__ListRoomsResponse *)result->response;

    if (response == NULL) {
        refused(find, result);
        return;
    }
    for (size_t i = 0; i < response->n_rooms; i++) {
        const Parla__V1__Room *room = response->rooms[i]->room;
        size_t size = room != NULL ? strlen(room->room) + 1 : 0;
        struct candidate *candidate;

        if (room == NULL || !pl_message_is_direct(room->room))
            continue;
        candidate = pl_alloc(sizeof *candidate + size);
        if (candidate == NULL) {
            refused(find, &no_memory);
            return;
        }
        memcpy(candidate->room, room->room, size);
        pl_list_append(&find->candidates, &candidate->node);
    }
    if (response->next_page_token[0] != 0)
        ask_rooms(find, response->next_page_token);
    else
        ask_next(find);
}

int pl_find_room(struct pl_app *app, const struct pl_room_ref *ref,
                 const struct pl_find_room_ops *ops)
{
    struct pl_find_room *find;

    if (!ref->is_user) {
        ops->on_found(ops->self, ref->name);
        return PL_OK;
    }
    find = pl_zalloc(sizeof *find);
    if (find == NULL)
        return PL_E_NOMEM;
    find->app_weak = app;
    find->ops = *ops;
    snprintf(find->user, sizeof find->user, "%s", ref->name);
    pl_list_init(&find->candidates);
    ask_rooms(find, NULL);
    return PL_OK;
}
