/* room_service.c - making, finding, entering and leaving rooms. */
#include "server/service.h"
#include "wire/services.h"

static const struct pl_rpc_method methods[] = {
    PL_UNARY_METHOD("CreateRoom"),   PL_QUERY_METHOD("GetRoom"),
    PL_QUERY_METHOD("ListRooms"),    PL_UNARY_METHOD("UpdateRoom"),
    PL_UNARY_METHOD("DeleteRoom"),   PL_UNARY_METHOD("JoinRoom"),
    PL_UNARY_METHOD("LeaveRoom"),    PL_QUERY_METHOD("ListMembers"),
    PL_UNARY_METHOD("InviteMember"), PL_UNARY_METHOD("RemoveMember"),
    PL_UNARY_METHOD("BanMember"),    PL_UNARY_METHOD("SetMemberRole"),
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
                .methods_len = sizeof methods / sizeof methods[0],
                .descriptor = &parla__v1__room_service__descriptor},
    .unary = unary,
};
