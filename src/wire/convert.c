/* convert.c - field by field; enums have the same numbers on both sides. */
#include "wire/convert.h"

#include <stdio.h>

_Static_assert((int)PL_USER_GUEST == (int)PARLA__V1__USER_KIND__USER_KIND_GUEST, "same numbers");
_Static_assert((int)PL_USER_ADMIN == (int)PARLA__V1__USER_KIND__USER_KIND_ADMIN, "same numbers");
_Static_assert((int)PL_ROOM_DIRECT == (int)PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_DIRECT,
               "same numbers");
_Static_assert((int)PL_ROOM_ONE == (int)PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE,
               "same numbers");
_Static_assert((int)PL_MEMBER_BANNED == (int)PARLA__V1__MEMBER_STATE__MEMBER_STATE_BANNED,
               "same numbers");
_Static_assert((int)PL_ROLE_OWNER == (int)PARLA__V1__MEMBER_ROLE__MEMBER_ROLE_OWNER,
               "same numbers");

char *pl_wire_str(const char *str)
{
    union {
        const char *from;
        char *to;
    } cast = {.from = str};

    return cast.to;
}

Google__Protobuf__Timestamp *pl_wire_time(struct pl_arena *arena, int64_t time_ms)
{
    Google__Protobuf__Timestamp *time;

    if (time_ms <= 0)
        return NULL;
    time = pl_arena_alloc(arena, sizeof *time);
    if (time == NULL)
        return NULL;
    google__protobuf__timestamp__init(time);
    time->seconds = time_ms / 1000;
    time->nanos = (int32_t)(time_ms % 1000) * 1000000;
    return time;
}

/* Whether a time that should be there could not be made. */
static bool time_missing(const Google__Protobuf__Timestamp *time, int64_t time_ms)
{
    return time == NULL && time_ms > 0;
}

Parla__V1__User *pl_wire_user(struct pl_arena *arena, const struct pl_user *user, bool online)
{
    Parla__V1__User *to = pl_arena_alloc(arena, sizeof *to);

    if (to == NULL)
        return NULL;
    parla__v1__user__init(to);
    to->user = pl_wire_str(user->name);
    to->display_name = pl_wire_str(user->display_name);
    to->kind = (Parla__V1__UserKind)user->kind;
    to->online = online;
    to->last_seen_time = pl_wire_time(arena, user->last_seen_ms);
    to->status = pl_wire_str(user->status);
    to->user_id = user->id.v;
    return time_missing(to->last_seen_time, user->last_seen_ms) ? NULL : to;
}

Parla__V1__Room *pl_wire_room(struct pl_arena *arena, const struct pl_room *room)
{
    enum { ETAG_SIZE = 16 };
    Parla__V1__Room *to = pl_arena_alloc(arena, sizeof *to);
    char *etag = pl_arena_alloc(arena, ETAG_SIZE);

    if (to == NULL || etag == NULL)
        return NULL;
    snprintf(etag, ETAG_SIZE, "%u", room->settings_version);
    parla__v1__room__init(to);
    to->room = pl_wire_str(room->name);
    to->title = pl_wire_str(room->title);
    to->topic = pl_wire_str(room->topic);
    to->visibility = (Parla__V1__RoomVisibility)room->visibility;
    to->delivery = (Parla__V1__RoomDelivery)room->delivery;
    to->retention_seconds = room->retention_s;
    to->create_time = pl_wire_time(arena, room->create_ms);
    to->last_sequence = room->last_sequence;
    to->member_count = room->member_count;
    to->first_sequence = room->first_sequence;
    to->last_message_sequence = room->last_message_sequence;
    to->quiet_membership = room->quiet_membership;
    to->etag = etag;
    return time_missing(to->create_time, room->create_ms) ? NULL : to;
}

Parla__V1__Member *pl_wire_member(struct pl_arena *arena, const struct pl_member *member,
                                  const char *name)
{
    Parla__V1__Member *to = pl_arena_alloc(arena, sizeof *to);

    if (to == NULL)
        return NULL;
    parla__v1__member__init(to);
    to->user = pl_wire_str(name);
    to->state = (Parla__V1__MemberState)member->state;
    to->role = (Parla__V1__MemberRole)member->role;
    to->update_time = pl_wire_time(arena, member->update_ms);
    to->user_id = member->user.v;
    return time_missing(to->update_time, member->update_ms) ? NULL : to;
}
