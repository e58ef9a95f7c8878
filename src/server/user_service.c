/* user_service.c - finding users. */
#include "server/service.h"
#include "wire/services.h"

static const struct pl_rpc_method methods[] = {
    PL_QUERY_METHOD("GetUser"),
    PL_QUERY_METHOD("ListUsers"),
    PL_UNARY_METHOD("UpdateUser"),
};

static const struct pl_unary unary[] = {
    {.command = pl_wire_get_user}, {.query = pl_wire_list_users}, {0}, /* UpdateUser */
};

_Static_assert(sizeof methods / sizeof methods[0] == sizeof unary / sizeof unary[0], "a row each");

const struct pl_service_def pl_user_service = {
    .service = {.name = "parla.v1.UserService",
                .methods = methods,
                .methods_len = sizeof methods / sizeof methods[0],
                .descriptor = &parla__v1__user_service__descriptor},
    .unary = unary,
};
