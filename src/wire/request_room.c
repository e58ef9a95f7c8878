/* request_room.c - requests about rooms. */
#include "base/err.h"
#include "parla/v1/room_service.pb-c.h"
#include "wire/request_int.h"

static bool visibility_ok(Parla__V1__RoomVisibility from, enum pl_room_visibility *ret,
                          struct pl_refusal *ret_refusal)
{
    switch (from) {
    case PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_UNSPECIFIED:
    case PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_PUBLIC:
        *ret = PL_ROOM_PUBLIC;
        return true;
    case PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_PRIVATE:
        *ret = PL_ROOM_PRIVATE;
        return true;
    default:
        *ret_refusal = pl_refusal_field(
            "room.visibility", "must be PUBLIC or PRIVATE; a direct room is made by SendMessage");
        return false;
    }
}

static bool delivery_ok(Parla__V1__RoomDelivery from, enum pl_room_delivery *ret,
                        struct pl_refusal *ret_refusal)
{
    switch (from) {
    case PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_UNSPECIFIED:
    case PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_EVERYONE:
        *ret = PL_ROOM_EVERYONE;
        return true;
    case PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE:
        *ret = PL_ROOM_ONE;
        return true;
    default:
        *ret_refusal = pl_refusal_field("room.delivery", "must be EVERYONE or ONE");
        return false;
    }
}

int pl_wire_create_room(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                        struct pl_refusal *ret_refusal)
{
    const Parla__V1__CreateRoomRequest *from;
    const Parla__V1__Room *room;
    int rc = pl_request_unpack(&parla__v1__create_room_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL)
        return rc;
    room = from->room;
    if (room == NULL || !pl_room_name_valid(room->room)) {
        *ret_refusal =
            pl_refusal_field("room.room", "must be 1 to 64 of a-z, 0-9, '-', '_' and '.'");
        return PL_OK;
    }
    if (!pl_request_size_ok(room->title, PL_TITLE_SIZE_MAX, "room.title", ret_refusal) ||
        !pl_request_size_ok(room->topic, PL_TOPIC_SIZE_MAX, "room.topic", ret_refusal) ||
        !visibility_ok(room->visibility, &ret->u.create_room.visibility, ret_refusal) ||
        !delivery_ok(room->delivery, &ret->u.create_room.delivery, ret_refusal))
        return PL_OK;
    if (room->retention_seconds > INT64_MAX / 1000) {
        *ret_refusal = pl_refusal_field("room.retention_seconds", "is too large");
        return PL_OK;
    }
    ret->kind = PL_COMMAND_CREATE_ROOM;
    ret->u.create_room.name = room->room;
    ret->u.create_room.title = room->title;
    ret->u.create_room.topic = room->topic;
    ret->u.create_room.quiet_membership = room->quiet_membership;
    ret->u.create_room.retention_s = room->retention_seconds;
    return PL_OK;
}

int pl_wire_join_room(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                      struct pl_refusal *ret_refusal)
{
    const Parla__V1__JoinRoomRequest *from;
    int rc = pl_request_unpack(&parla__v1__join_room_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_COMMAND_JOIN_ROOM;
    ret->u.join_room.room = from->room;
    ret->u.join_room.create_if_missing = from->create_if_missing;
    return PL_OK;
}

int pl_wire_leave_room(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                       struct pl_refusal *ret_refusal)
{
    const Parla__V1__LeaveRoomRequest *from;
    int rc = pl_request_unpack(&parla__v1__leave_room_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_COMMAND_LEAVE_ROOM;
    ret->u.leave_room.room = from->room;
    return PL_OK;
}

int pl_wire_get_room(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                     struct pl_refusal *ret_refusal)
{
    const Parla__V1__GetRoomRequest *from;
    int rc = pl_request_unpack(&parla__v1__get_room_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_QUERY_GET_ROOM;
    ret->page_token = "";
    ret->page_len = 1;
    ret->u.room.room = from->room;
    return PL_OK;
}

int pl_wire_list_rooms(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                       struct pl_refusal *ret_refusal)
{
    const Parla__V1__ListRoomsRequest *from;
    int rc = pl_request_unpack(&parla__v1__list_rooms_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL)
        return rc;
    ret->kind = PL_QUERY_LIST_ROOMS;
    ret->page_token = from->page_token;
    ret->page_len = pl_request_page_len(from->page_size);
    ret->u.list_rooms.unjoined = from->include_unjoined;
    return PL_OK;
}

int pl_wire_list_members(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                         struct pl_refusal *ret_refusal)
{
    const Parla__V1__ListMembersRequest *from;
    int rc = pl_request_unpack(&parla__v1__list_members_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !pl_request_room_ok(from->room, ret_refusal))
        return rc;
    ret->kind = PL_QUERY_LIST_MEMBERS;
    ret->page_token = from->page_token;
    ret->page_len = pl_request_page_len(from->page_size);
    ret->u.room.room = from->room;
    return PL_OK;
}
