/* session_service.c - who one is: guests, and the tokens that prove it. */
#include "server/service.h"
#include "wire/services.h"

static const struct pl_rpc_method methods[] = {
    PL_UNARY_METHOD("SignUp"),         PL_UNARY_METHOD("SignIn"),
    PL_UNARY_METHOD("SignInAsGuest"),  PL_UNARY_METHOD("SignOut"),
    PL_QUERY_METHOD("ListSessions"),   PL_UNARY_METHOD("EndSession"),
    PL_UNARY_METHOD("ChangePassword"),
};

static const struct pl_unary unary[] = {
    {0}, /* SignUp */
    {0}, /* SignIn */
    {.command = pl_wire_sign_in_as_guest, .anonymous = true},
    {.command = pl_wire_sign_out},
    {0}, /* ListSessions */
    {0}, /* EndSession */
    {0}, /* ChangePassword */
};

_Static_assert(sizeof methods / sizeof methods[0] == sizeof unary / sizeof unary[0], "a row each");

const struct pl_service_def pl_session_service = {
    .service = {.name = "parla.v1.SessionService",
                .methods = methods,
                .methods_len = sizeof methods / sizeof methods[0],
                .descriptor = &parla__v1__session_service__descriptor},
    .unary = unary,
};
