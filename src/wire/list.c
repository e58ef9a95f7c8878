/* list.c - responses that list: items are made in an arena, then packed at once. */
#include "base/assert.h"
#include "base/err.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"
#include "pb/message.h"
#include "wire/convert.h"
#include "wire/field.h"
#include "wire/message.h"
#include "wire/reply.h"

#include <string.h>

/* Field numbers of ListMessagesResponse. */
enum { MESSAGES_MESSAGES = 1, MESSAGES_NEXT, MESSAGES_AS_OF };

int pl_wire_list_init(struct pl_wire_list *list, uint32_t cap, struct pl_arena *arena)
{
    *list = (struct pl_wire_list){.arena = arena, .cap = cap};
    list->items = pl_arena_alloc(arena, cap * sizeof *list->items);
    return list->items == NULL ? PL_E_NOMEM : PL_OK;
}

static int add(struct pl_wire_list *list, void *item)
{
    if (item == NULL)
        return PL_E_NOMEM;
    PL_ASSERT(list->len < list->cap);
    list->items[list->len++] = item;
    return PL_OK;
}

int pl_wire_list_add_user(struct pl_wire_list *list, const struct pl_user *user, bool online)
{
    struct pl_user *copy = pl_arena_alloc(list->arena, sizeof *copy);

    if (copy == NULL)
        return PL_E_NOMEM;
    *copy = *user;
    return add(list, pl_wire_user(list->arena, copy, online));
}

static uint32_t clamp_u32(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

int pl_wire_list_add_room(struct pl_wire_list *list, const struct pl_room *room,
                          const struct pl_member *member, const char *caller, uint64_t mentions)
{
    Parla__V1__JoinedRoom *to = pl_arena_alloc(list->arena, sizeof *to);
    struct pl_room *copy = pl_arena_alloc(list->arena, sizeof *copy);
    char *name = pl_arena_copy(list->arena, caller, strlen(caller));

    if (to == NULL || copy == NULL || name == NULL)
        return PL_E_NOMEM;
    *copy = *room;
    parla__v1__joined_room__init(to);
    to->room = pl_wire_room(list->arena, copy);
    if (to->room == NULL)
        return PL_E_NOMEM;
    if (member->state != PL_MEMBER_NONE) {
        to->member = pl_wire_member(list->arena, member, name);
        if (to->member == NULL)
            return PL_E_NOMEM;
        to->read_sequence = member->read_sequence;
    }
    if (member->state == PL_MEMBER_JOINED) {
        to->unread_count = clamp_u32(pl_room_unread(room, member));
        to->unread_mentions = clamp_u32(mentions);
    }
    return add(list, to);
}

int pl_wire_list_add_member(struct pl_wire_list *list, const struct pl_member *member,
                            const char *name)
{
    char *copy = pl_arena_copy(list->arena, name, strlen(name));

    return copy == NULL ? PL_E_NOMEM : add(list, pl_wire_member(list->arena, member, copy));
}

int pl_wire_list_add_message(struct pl_wire_list *list, const struct pl_message_row *row)
{
    struct pl_wire_message message;
    int rc = pl_wire_message_read(row->event, row->thread_size, row->sequence, &message);
    struct pl_bytes *bytes;
    uint8_t *to;

    if (rc < 0)
        return rc;
    bytes = pl_arena_alloc(list->arena, sizeof *bytes + message.size);
    if (bytes == NULL)
        return PL_E_NOMEM;
    to = (uint8_t *)(bytes + 1);
    *bytes = (struct pl_bytes){to, message.size};
    pl_wire_message_put(&message, to);
    return add(list, bytes);
}

int pl_wire_list_users_response(const struct pl_wire_list *list, const char *next,
                                struct pl_buf **ret_buf)
{
    Parla__V1__ListUsersResponse response = PARLA__V1__LIST_USERS_RESPONSE__INIT;

    response.n_users = list->len;
    response.users = (Parla__V1__User **)list->items;
    response.next_page_token = pl_wire_str(next);
    return pl_pb_pack(&response.base, ret_buf);
}

int pl_wire_list_rooms_response(const struct pl_wire_list *list, const char *next,
                                struct pl_buf **ret_buf)
{
    Parla__V1__ListRoomsResponse response = PARLA__V1__LIST_ROOMS_RESPONSE__INIT;

    response.n_rooms = list->len;
    response.rooms = (Parla__V1__JoinedRoom **)list->items;
    response.next_page_token = pl_wire_str(next);
    return pl_pb_pack(&response.base, ret_buf);
}

int pl_wire_list_members_response(const struct pl_wire_list *list, const char *next,
                                  pl_sequence as_of, struct pl_buf **ret_buf)
{
    Parla__V1__ListMembersResponse response = PARLA__V1__LIST_MEMBERS_RESPONSE__INIT;

    response.n_members = list->len;
    response.members = (Parla__V1__Member **)list->items;
    response.next_page_token = pl_wire_str(next);
    response.as_of_sequence = as_of;
    return pl_pb_pack(&response.base, ret_buf);
}

/* The messages are bytes already. */
int pl_wire_list_messages_response(const struct pl_wire_list *list, const char *next,
                                   pl_sequence as_of, struct pl_buf **ret_buf)
{
    struct pl_bytes token = pl_bytes_str(next);
    size_t size = pl_field_bytes_size(token) + pl_field_number_size(as_of);
    struct pl_buf *buf;
    uint8_t *to;

    for (uint32_t i = 0; i < list->len; i++)
        size += pl_field_message_size(((const struct pl_bytes *)list->items[i])->size);
    if (size > PL_BUF_SIZE_MAX)
        return PL_E_LIMIT;
    buf = pl_buf_new(size);
    if (buf == NULL)
        return PL_E_NOMEM;
    to = buf->data;
    for (uint32_t i = 0; i < list->len; i++)
        to = pl_field_put_message(to, MESSAGES_MESSAGES, *(const struct pl_bytes *)list->items[i]);
    to = pl_field_put_bytes(to, MESSAGES_NEXT, token);
    to = pl_field_put_number(to, MESSAGES_AS_OF, as_of);
    PL_ASSERT((size_t)(to - buf->data) == size);
    *ret_buf = buf;
    return PL_OK;
}
