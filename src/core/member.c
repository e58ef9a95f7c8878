/*
 * member.c - how one's standing in a room changes, and what one then may see.
 *
 * A span opens just before the event of entering and closes with that of
 * leaving, so that a stream shows both. In a quiet room there is no event, and
 * the span begins and ends at the journal's position then.
 */
#include "core/member.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/log.h"
#include "core/tell.h"
#include "core/work.h"

static bool may_see(const struct pl_room *room, const struct pl_member *member)
{
    return room->visibility == PL_ROOM_PUBLIC || member->state == PL_MEMBER_JOINED ||
           member->state == PL_MEMBER_INVITED;
}

int pl_member_see(struct pl_turn *turn, const char *name, struct pl_room **ret_room,
                  struct pl_member **ret_member)
{
    struct pl_cache *cache = &turn->engine->cache;
    int rc = pl_cache_room_named(cache, name, ret_room);

    if (rc == PL_E_NOTFOUND)
        return pl_refuse(turn, PL_REASON_ROOM_NOT_FOUND);
    if (rc < 0)
        return rc;
    rc = pl_cache_member(cache, (*ret_room)->id, turn->user->id, ret_member);
    if (rc < 0)
        return rc;
    return may_see(*ret_room, *ret_member) ? PL_OK : pl_refuse(turn, PL_REASON_ROOM_NOT_FOUND);
}

int pl_member_joined(struct pl_turn *turn, const char *name, struct pl_room **ret_room,
                     struct pl_member **ret_member)
{
    int rc = pl_member_see(turn, name, ret_room, ret_member);

    if (rc != PL_OK)
        return rc;
    return (*ret_member)->state == PL_MEMBER_JOINED ? PL_OK
                                                    : pl_refuse(turn, PL_REASON_NOT_A_MEMBER);
}

int pl_member_may_have_more(struct pl_turn *turn)
{
    return turn->user->room_count < PL_USER_ROOMS_LEN_MAX
               ? PL_OK
               : pl_refuse(turn, PL_REASON_TOO_MANY_ROOMS);
}

/* Whether the marker moved. */
static bool move_marker(struct pl_member *member, const struct pl_room *room)
{
    if (member->read_sequence >= room->last_sequence)
        return false;
    member->read_sequence = room->last_sequence;
    member->read_count = room->message_count;
    return true;
}

int pl_member_enter(struct pl_engine *engine, struct pl_room *room, struct pl_user *user,
                    enum pl_member_role role, pl_position from, const struct pl_user *actor)
{
    struct pl_member *member;
    bool marker_moved;
    int rc = pl_cache_member(&engine->cache, room->id, user->id, &member);

    if (rc < 0)
        return rc;
    PL_ASSERT(member->state != PL_MEMBER_JOINED);
    member->state = PL_MEMBER_JOINED;
    member->role = role;
    member->update_ms = engine->now_ms;
    marker_moved = move_marker(member, room);
    room->member_count++;
    user->room_count++;
    pl_cache_room_changed(&engine->cache, room);
    pl_cache_user_changed(&engine->cache, user);

    rc = pl_cache_member_put(&engine->cache, member);
    if (rc == PL_OK)
        rc = PL_ASK(engine, open_span, room->id, user->id, from);
    if (rc == PL_OK && !room->quiet_membership)
        rc = pl_log_member_changed(engine, room, actor, member, user->name);
    if (rc == PL_OK)
        rc = pl_tell_membership(engine, room, user->id, true, from);
    if (rc == PL_OK && marker_moved)
        rc = pl_tell_marker(engine, room, member);
    return rc;
}

int pl_member_leave(struct pl_engine *engine, struct pl_room *room, struct pl_user *user,
                    bool for_good)
{
    struct pl_member *member;
    pl_position until;
    int rc = pl_cache_member(&engine->cache, room->id, user->id, &member);

    if (rc < 0)
        return rc;
    PL_ASSERT(member->state == PL_MEMBER_JOINED);
    PL_ASSERT(room->member_count > 0 && user->room_count > 0);
    member->state = PL_MEMBER_LEFT;
    member->update_ms = engine->now_ms;
    room->member_count--;
    user->room_count--;
    pl_cache_room_changed(&engine->cache, room);
    pl_cache_user_changed(&engine->cache, user);

    if (!room->quiet_membership)
        rc = pl_log_member_changed(engine, room, user, member, user->name);
    until = engine->meta.position;
    if (rc == PL_OK && for_good)
        rc = pl_cache_member_delete(&engine->cache, member);
    else if (rc == PL_OK)
        rc = pl_cache_member_put(&engine->cache, member);
    if (rc == PL_OK && !for_good)
        rc = PL_ASK(engine, close_span, room->id, user->id, until);
    if (rc == PL_OK)
        rc = pl_tell_membership(engine, room, user->id, false, until);
    if (rc == PL_OK)
        rc = pl_work_member_left(engine, room->id, user->id);
    return rc;
}
