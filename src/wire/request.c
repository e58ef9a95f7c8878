/* request.c - requests about sessions and users, and what all requests share. */
#include "wire/request.h"

#include "base/err.h"
#include "parla/v1/session_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"
#include "wire/request_int.h"

#include <stdio.h>
#include <string.h>

static struct pl_refusal refusal_of_fault(const struct pl_pb_fault *fault)
{
    struct pl_refusal refusal = pl_refusal_field(fault->field, fault->text);

    if (fault->malformed) {
        refusal.reason = PL_REASON_MALFORMED_REQUEST;
        snprintf(refusal.detail, sizeof refusal.detail,
                 "the request is not a valid protobuf message: %s", fault->text);
    }
    return refusal;
}

int pl_request_unpack(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes request,
                      struct pl_arena *arena, struct pl_refusal *ret_refusal,
                      const void **ret_message)
{
    struct pl_pb_fault fault = {.text = ""};
    ProtobufCMessage *message;
    int rc = pl_pb_unpack(descriptor, request, arena, &fault, &message);

    *ret_message = NULL;
    if (rc == PL_E_INVALID || rc == PL_E_LIMIT) {
        *ret_refusal = refusal_of_fault(&fault);
        return PL_OK;
    }
    if (rc < 0)
        return rc;
    ret_refusal->reason = PL_REASON_NONE;
    *ret_message = message;
    return PL_OK;
}

bool pl_request_check(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes request,
                      struct pl_refusal *ret_refusal)
{
    struct pl_pb_fault fault;

    if (pl_pb_check(descriptor, request, &fault) < 0) {
        *ret_refusal = refusal_of_fault(&fault);
        return false;
    }
    ret_refusal->reason = PL_REASON_NONE;
    return true;
}

bool pl_request_size_ok(const char *value, size_t size_max, const char *field,
                        struct pl_refusal *ret_refusal)
{
    char detail[64];

    if (strnlen(value, size_max + 1) <= size_max)
        return true;
    snprintf(detail, sizeof detail, "must be at most %zu bytes", size_max);
    *ret_refusal = pl_refusal_field(field, detail);
    return false;
}

bool pl_request_room_ok(const char *room, struct pl_refusal *ret_refusal)
{
    if (pl_room_ref_valid(room))
        return true;
    *ret_refusal =
        pl_refusal_field("room", "must be a room's id: 1 to 64 of a-z, 0-9, '-', '_' and '.'");
    return false;
}

uint32_t pl_request_page_len(uint32_t page_size)
{
    if (page_size == 0)
        return PL_PAGE_LEN_DEFAULT;
    return page_size < PL_PAGE_LEN_MAX ? page_size : PL_PAGE_LEN_MAX;
}

static bool user_ok(const char *user, struct pl_refusal *ret_refusal)
{
    if (pl_user_name_valid(user))
        return true;
    *ret_refusal =
        pl_refusal_field("user", "must be 1 to 32 of a-z, 0-9, '-', '_' and '.', a letter first");
    return false;
}

int pl_wire_sign_in_as_guest(struct pl_bytes request, struct pl_arena *arena,
                             struct pl_command *ret, struct pl_refusal *ret_refusal)
{
    const Parla__V1__SignInAsGuestRequest *from;
    int rc = pl_request_unpack(&parla__v1__sign_in_as_guest_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || !user_ok(from->user, ret_refusal))
        return rc;
    ret->kind = PL_COMMAND_SIGN_IN_GUEST;
    ret->u.sign_in_guest.name = from->user;
    ret->u.sign_in_guest.label = "";
    return PL_OK;
}

int pl_wire_sign_out(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                     struct pl_refusal *ret_refusal)
{
    const void *from;
    int rc = pl_request_unpack(&parla__v1__sign_out_request__descriptor, request, arena,
                               ret_refusal, &from);

    ret->kind = PL_COMMAND_SIGN_OUT;
    return rc;
}

int pl_wire_get_user(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                     struct pl_refusal *ret_refusal)
{
    const Parla__V1__GetUserRequest *from;
    int rc = pl_request_unpack(&parla__v1__get_user_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL || (from->user[0] != 0 && !user_ok(from->user, ret_refusal)))
        return rc;
    ret->kind = PL_QUERY_GET_USER;
    ret->u.get_user.name = from->user;
    return PL_OK;
}

int pl_wire_list_users(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                       struct pl_refusal *ret_refusal)
{
    const Parla__V1__ListUsersRequest *from;
    int rc = pl_request_unpack(&parla__v1__list_users_request__descriptor, request, arena,
                               ret_refusal, (const void **)&from);

    if (rc < 0 || from == NULL ||
        !pl_request_size_ok(from->prefix, PL_USER_NAME_SIZE_MAX, "prefix", ret_refusal))
        return rc;
    ret->kind = PL_QUERY_LIST_USERS;
    ret->page_token = from->page_token;
    ret->page_len = pl_request_page_len(from->page_size);
    ret->u.list_users.online_only = from->online_only;
    ret->u.list_users.prefix = from->prefix;
    return PL_OK;
}
