/*
 * room.c - rooms come about and people come and go.
 *
 * All rooms begin with a room_changed event, so that a log alone tells what
 * the room is.
 */
#include "core/room.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/log.h"
#include "core/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char NAME_RULE[] = "1 to 64 of a-z, 0-9, '-', '_' and '.'";

int pl_room_make(struct pl_engine *engine, const struct pl_room *draft, const struct pl_user *actor,
                 struct pl_room **ret_room)
{
    struct pl_room room = *draft;
    int rc;

    room.id = (pl_room_id){++engine->meta.last_room};
    if (room.visibility == PL_ROOM_DIRECT)
        snprintf(room.name, sizeof room.name, "@%" PRIu64, room.id.v);
    PL_ASSERT(pl_room_ref_valid(room.name));
    room.create_ms = engine->now_ms;
    room.settings_version = 1;
    room.partition = pl_room_partition(room.id);
    room.first_sequence = 1;
    rc = pl_cache_room_add(&engine->cache, &room, ret_room);
    if (rc < 0)
        return rc;
    return pl_log_room_changed(engine, *ret_room, actor);
}

int pl_room_need_lobby(struct pl_engine *engine)
{
    struct pl_room draft = {.name = PL_LOBBY_NAME,
                            .visibility = PL_ROOM_PUBLIC,
                            .delivery = PL_ROOM_EVERYONE,
                            .quiet_membership = true};
    struct pl_room *lobby;
    int rc = pl_cache_room_named(&engine->cache, PL_LOBBY_NAME, &lobby);

    if (rc != PL_E_NOTFOUND)
        return rc;
    return pl_room_make(engine, &draft, NULL, &lobby);
}

/* The caller makes a room and becomes its owner; the limits have been
 * checked. */
static int make_own(struct pl_turn *turn, const struct pl_room *draft)
{
    struct pl_engine *engine = turn->engine;
    pl_position from = engine->meta.position;
    struct pl_room *room;
    int rc = pl_room_make(engine, draft, turn->user, &room);

    if (rc == PL_OK)
        rc = pl_member_enter(engine, room, turn->user, PL_ROLE_OWNER, from, turn->user);
    if (rc < 0)
        return rc;
    turn->reply->u.room.room = *room;
    return PL_OK;
}

/* FIELD_INVALID where a setting is not one. */
static int check_settings(struct pl_turn *turn)
{
    const struct pl_command *command = turn->command;
    enum pl_room_visibility visibility = command->u.create_room.visibility;
    enum pl_room_delivery delivery = command->u.create_room.delivery;

    if (!pl_room_name_valid(command->u.create_room.name))
        return pl_refuse_field(turn, "room.room", NAME_RULE);
    if (strlen(command->u.create_room.title) > PL_TITLE_SIZE_MAX)
        return pl_refuse_field(turn, "room.title", "at most 128 bytes");
    if (strlen(command->u.create_room.topic) > PL_TOPIC_SIZE_MAX)
        return pl_refuse_field(turn, "room.topic", "at most 1024 bytes");
    if (visibility != PL_ROOM_PUBLIC && visibility != PL_ROOM_PRIVATE)
        return pl_refuse_field(turn, "room.visibility", "PUBLIC or PRIVATE");
    if (delivery != PL_ROOM_EVERYONE && delivery != PL_ROOM_ONE)
        return pl_refuse_field(turn, "room.delivery", "EVERYONE or ONE");
    return PL_OK;
}

int pl_room_create(struct pl_turn *turn)
{
    const struct pl_command *command = turn->command;
    struct pl_room draft = {.visibility = command->u.create_room.visibility,
                            .delivery = command->u.create_room.delivery,
                            .quiet_membership = command->u.create_room.quiet_membership,
                            .retention_s = command->u.create_room.retention_s};
    struct pl_room *taken;
    int rc = check_settings(turn);

    if (rc != PL_OK)
        return rc;
    rc = pl_cache_room_named(&turn->engine->cache, command->u.create_room.name, &taken);
    if (rc == PL_OK)
        return pl_refuse(turn, PL_REASON_ROOM_EXISTS);
    if (rc != PL_E_NOTFOUND)
        return rc;
    rc = pl_member_may_have_more(turn);
    if (rc != PL_OK)
        return rc;
    snprintf(draft.name, sizeof draft.name, "%s", command->u.create_room.name);
    snprintf(draft.title, sizeof draft.title, "%s", command->u.create_room.title);
    snprintf(draft.topic, sizeof draft.topic, "%s", command->u.create_room.topic);
    return make_own(turn, &draft);
}

/* JOIN_ROOM of a room that is not there. Names of direct rooms are the
 * server's to give, and whether one is taken is nobody's business. */
static int join_missing(struct pl_turn *turn)
{
    const char *name = turn->command->u.join_room.room;
    struct pl_room draft = {.visibility = PL_ROOM_PUBLIC, .delivery = PL_ROOM_EVERYONE};
    int rc;

    if (!turn->command->u.join_room.create_if_missing || name[0] == '@')
        return pl_refuse(turn, PL_REASON_ROOM_NOT_FOUND);
    if (!pl_room_name_valid(name))
        return pl_refuse_field(turn, "room", NAME_RULE);
    rc = pl_member_may_have_more(turn);
    if (rc != PL_OK)
        return rc;
    snprintf(draft.name, sizeof draft.name, "%s", name);
    return make_own(turn, &draft);
}

/* What one may do on entering. Who could only read still can only read after
 * leaving and coming back; other roles are lost by leaving. */
static enum pl_member_role role_of(const struct pl_member *member)
{
    if (member->state == PL_MEMBER_INVITED && member->role != 0)
        return member->role;
    return member->role == PL_ROLE_READER ? PL_ROLE_READER : PL_ROLE_MEMBER;
}

static int check_join(struct pl_turn *turn, const struct pl_room *room,
                      const struct pl_member *member)
{
    if (room->visibility != PL_ROOM_PUBLIC && member->state != PL_MEMBER_INVITED)
        return pl_refuse(turn, PL_REASON_ROOM_NOT_FOUND);
    if (member->state == PL_MEMBER_BANNED)
        return pl_refuse(turn, PL_REASON_BANNED);
    if (room->member_count >= PL_ROOM_MEMBERS_LEN_MAX)
        return pl_refuse(turn, PL_REASON_ROOM_FULL);
    return pl_member_may_have_more(turn);
}

int pl_room_join(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    struct pl_room *room;
    struct pl_member *member;
    int rc = pl_cache_room_named(&engine->cache, turn->command->u.join_room.room, &room);

    if (rc == PL_E_NOTFOUND)
        return join_missing(turn);
    if (rc == PL_OK)
        rc = pl_cache_member(&engine->cache, room->id, turn->user->id, &member);
    if (rc != PL_OK)
        return rc;
    if (member->state == PL_MEMBER_JOINED && room->visibility == PL_ROOM_DIRECT)
        return pl_refuse(turn, PL_REASON_ROOM_IS_DIRECT);
    if (member->state != PL_MEMBER_JOINED) {
        rc = check_join(turn, room, member);
        if (rc == PL_OK)
            rc = pl_member_enter(engine, room, turn->user, role_of(member), engine->meta.position,
                                 turn->user);
        if (rc != PL_OK)
            return rc;
    }
    turn->reply->u.room.room = *room;
    return PL_OK;
}

int pl_room_leave(struct pl_turn *turn)
{
    struct pl_room *room;
    struct pl_member *member;
    int rc = pl_member_joined(turn, turn->command->u.leave_room.room, &room, &member);

    if (rc != PL_OK)
        return rc;
    if (room->visibility == PL_ROOM_DIRECT)
        return pl_refuse(turn, PL_REASON_ROOM_IS_DIRECT);
    if (strcmp(room->name, PL_LOBBY_NAME) == 0)
        return pl_refuse(turn, PL_REASON_ROOM_IS_LOBBY);
    return pl_member_leave(turn->engine, room, turn->user, false);
}
