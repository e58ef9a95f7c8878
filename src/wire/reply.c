/* reply.c - the engine's answers, one function a response. */
#include "wire/reply.h"

#include "base/assert.h"
#include "base/err.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"
#include "pb/message.h"
#include "wire/convert.h"
#include "wire/field.h"
#include "wire/message.h"

#include <stdio.h>

/* Field numbers of SendMessageResponse. */
enum { SEND_MESSAGE = 1, SEND_DEDUPLICATED, SEND_DURABILITY };

static int reply_sign_in(const struct pl_reply *reply, const struct pl_reply_context *context,
                         struct pl_arena *arena, struct pl_buf **ret_buf)
{
    Parla__V1__SignInAsGuestResponse response = PARLA__V1__SIGN_IN_AS_GUEST_RESPONSE__INIT;
    Parla__V1__Session session = PARLA__V1__SESSION__INIT;
    const struct pl_session *from = &reply->u.sign_in.session;
    char id[24];

    snprintf(id, sizeof id, "s%llu", (unsigned long long)from->id.v);
    session.token = pl_wire_str(context->token);
    session.user = pl_wire_user(arena, &reply->u.sign_in.user, context->online);
    session.session = id;
    session.label = pl_wire_str(from->label);
    session.create_time = pl_wire_time(arena, from->create_ms);
    session.expire_time = pl_wire_time(arena, context->expire_ms);
    if (session.user == NULL || session.create_time == NULL ||
        (session.expire_time == NULL && context->expire_ms > 0))
        return PL_E_NOMEM;
    response.session = &session;
    return pl_pb_pack(&response.base, ret_buf);
}

static int reply_get_user(const struct pl_reply *reply, const struct pl_reply_context *context,
                          struct pl_arena *arena, struct pl_buf **ret_buf)
{
    Parla__V1__GetUserResponse response = PARLA__V1__GET_USER_RESPONSE__INIT;

    response.user = pl_wire_user(arena, &reply->u.user.user, context->online);
    return response.user == NULL ? PL_E_NOMEM : pl_pb_pack(&response.base, ret_buf);
}

static int reply_room(enum pl_command_kind kind, const struct pl_reply *reply,
                      struct pl_arena *arena, struct pl_buf **ret_buf)
{
    Parla__V1__CreateRoomResponse created = PARLA__V1__CREATE_ROOM_RESPONSE__INIT;
    Parla__V1__JoinRoomResponse joined = PARLA__V1__JOIN_ROOM_RESPONSE__INIT;
    Parla__V1__Room *room = pl_wire_room(arena, &reply->u.room.room);

    if (room == NULL)
        return PL_E_NOMEM;
    created.room = room;
    joined.room = room;
    return pl_pb_pack(kind == PL_COMMAND_CREATE_ROOM ? &created.base : &joined.base, ret_buf);
}

/* The answer to every send, by hand. */
static int reply_send(const struct pl_reply *reply, const struct pl_reply_context *context,
                      struct pl_buf **ret_buf)
{
    const struct pl_message_view *view = &reply->u.send.message;
    struct pl_wire_message message;
    int rc = pl_wire_message_read((struct pl_bytes){view->event->data, view->event->size},
                                  view->thread_size, view->last_change, &message);
    struct pl_buf *buf;
    uint8_t *to;

    if (rc < 0)
        return rc;
    buf = pl_buf_new(pl_field_message_size(message.size) +
                     pl_field_number_size(reply->u.send.deduplicated) +
                     pl_field_number_size(context->durability));
    if (buf == NULL)
        return PL_E_NOMEM;
    to = pl_field_put_head(buf->data, SEND_MESSAGE, message.size);
    to = pl_wire_message_put(&message, to);
    to = pl_field_put_number(to, SEND_DEDUPLICATED, reply->u.send.deduplicated);
    to = pl_field_put_number(to, SEND_DURABILITY, context->durability);
    PL_ASSERT((size_t)(to - buf->data) == buf->size);
    *ret_buf = buf;
    return PL_OK;
}

/* The responses without a field are all the same: no bytes. */
static int reply_empty(struct pl_buf **ret_buf)
{
    struct pl_buf *buf = pl_buf_new(0);

    if (buf == NULL)
        return PL_E_NOMEM;
    *ret_buf = buf;
    return PL_OK;
}

int pl_wire_reply(enum pl_command_kind kind, const struct pl_reply *reply,
                  const struct pl_reply_context *context, struct pl_arena *arena,
                  struct pl_buf **ret_buf)
{
    switch (kind) {
    case PL_COMMAND_SIGN_IN_GUEST:
        return reply_sign_in(reply, context, arena, ret_buf);
    case PL_QUERY_GET_USER:
        return reply_get_user(reply, context, arena, ret_buf);
    case PL_COMMAND_CREATE_ROOM:
    case PL_COMMAND_JOIN_ROOM:
        return reply_room(kind, reply, arena, ret_buf);
    case PL_COMMAND_SEND_MESSAGE:
        return reply_send(reply, context, ret_buf);
    case PL_COMMAND_SIGN_OUT:
    case PL_COMMAND_LEAVE_ROOM:
    case PL_COMMAND_MARK_READ:
    case PL_COMMAND_ACK_MESSAGE:
    case PL_COMMAND_RELEASE_MESSAGE:
        return reply_empty(ret_buf);
    default:
        return PL_E_INVALID;
    }
}

int pl_wire_get_room_response(const struct pl_room *room, struct pl_arena *arena,
                              struct pl_buf **ret_buf)
{
    Parla__V1__GetRoomResponse response = PARLA__V1__GET_ROOM_RESPONSE__INIT;

    response.room = pl_wire_room(arena, room);
    return response.room == NULL ? PL_E_NOMEM : pl_pb_pack(&response.base, ret_buf);
}
