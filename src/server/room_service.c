/* room_service.c - making, finding, entering and leaving rooms. */
#include "server/service.h"

static const struct pl_rpc_method methods[] = {
    {.name = "CreateRoom", .on_message = pl_unary_on_message},
    {.name = "GetRoom", .on_message = pl_unary_on_message},
    {.name = "ListRooms", .on_message = pl_unary_on_message},
    {.name = "UpdateRoom", .on_message = pl_unary_on_message},
    {.name = "DeleteRoom", .on_message = pl_unary_on_message},
    {.name = "JoinRoom", .on_message = pl_unary_on_message},
    {.name = "LeaveRoom", .on_message = pl_unary_on_message},
    {.name = "ListMembers", .on_message = pl_unary_on_message},
    {.name = "InviteMember", .on_message = pl_unary_on_message},
    {.name = "RemoveMember", .on_message = pl_unary_on_message},
    {.name = "BanMember", .on_message = pl_unary_on_message},
    {.name = "SetMemberRole", .on_message = pl_unary_on_message},
};

static const struct pl_unary unary[] = {
    {.command = pl_wire_create_room},
    {.query = pl_wire_get_room},
    {.query = pl_wire_list_rooms},
    {0}, /* UpdateRoom */
    {0}, /* DeleteRoom */
    {.command = pl_wire_join_room},
    {.command = pl_wire_leave_room},
    {.query = pl_wire_list_members},
    {0}, /* InviteMember */
    {0}, /* RemoveMember */
    {0}, /* BanMember */
    {0}, /* SetMemberRole */
};

_Static_assert(sizeof methods / sizeof methods[0] == sizeof unary / sizeof unary[0], "a row each");

const struct pl_service_def pl_room_service = {
    .service = {.name = "parla.v1.RoomService",
                .methods = methods,
                .methods_len = sizeof methods / sizeof methods[0]},
    .unary = unary,
};
