/* user_service.c - finding users. */
#include "server/service.h"

static const struct pl_rpc_method methods[] = {
    PL_UNARY_METHOD("GetUser"),
    PL_UNARY_METHOD("ListUsers"),
    PL_UNARY_METHOD("UpdateUser"),
};

static const struct pl_unary unary[] = {
    {.command = pl_wire_get_user}, {.query = pl_wire_list_users}, {0}, /* UpdateUser */
};

_Static_assert(sizeof methods / sizeof methods[0] == sizeof unary / sizeof unary[0], "a row each");

const struct pl_service_def pl_user_service = {
    .service = {.name = "parla.v1.UserService",
                .methods = methods,
                .methods_len = sizeof methods / sizeof methods[0]},
    .unary = unary,
};
