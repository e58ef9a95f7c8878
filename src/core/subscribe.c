/*
 * subscribe.c - may this stream be, and where does it begin.
 *
 * A stream may name 1,000 rooms; they are looked at where they are, in the
 * cache or the store, and not brought into the cache.
 */
#include "core/subscribe.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOMS_PAGE_LEN = 64 };

/* CURSOR_LOST unless the cursor is of a log that led to this one, and of a place that
 * it had. Pages give its cursors to events from before it began, too: what it began
 * with is its own. */
static int check_cursor(struct pl_turn *turn)
{
    const struct pl_subscribe *subscribe = &turn->command->u.subscribe;
    pl_position until;
    int rc;

    if (!subscribe->has_cursor)
        return PL_OK;
    rc = PL_ASK(turn->engine, find_log, subscribe->cursor_log, &until);
    if (rc == PL_E_NOTFOUND)
        return pl_refuse(turn, PL_REASON_CURSOR_LOST);
    if (rc < 0)
        return rc;
    if (until > turn->engine->meta.position)
        until = turn->engine->meta.position;
    if (subscribe->cursor_position > until)
        return pl_refuse(turn, PL_REASON_CURSOR_LOST);
    return PL_OK;
}

static int add_room(struct pl_turn *turn, const struct pl_room *room,
                    const struct pl_member *member)
{
    struct pl_reply *reply = turn->reply;
    struct pl_subscribed_room *row = &reply->u.subscribe.rooms[reply->u.subscribe.rooms_len];

    row->id = room->id;
    row->name = pl_tell_str(turn->engine, room->name);
    row->last_sequence = room->last_sequence;
    row->last_position = room->last_position;
    row->read_sequence = member->read_sequence;
    if (row->name == NULL)
        return PL_E_NOMEM;
    reply->u.subscribe.rooms_len++;
    return PL_OK;
}

static int refuse_room(struct pl_turn *turn, enum pl_reason reason, const char *name)
{
    char detail[160] = "";

    if (pl_room_ref_valid(name)) /* else it is not repeated */
        snprintf(detail, sizeof detail, "%s: %s", name, pl_reason_text(reason));
    pl_turn_refuse(turn, reason, "rooms", detail);
    return PL_REFUSED;
}

static int add_named(struct pl_turn *turn, const char *name)
{
    struct pl_cache *cache = &turn->engine->cache;
    struct pl_room room;
    struct pl_member member;
    int rc = pl_cache_peek_room_named(cache, name, &room);

    if (rc == PL_E_NOTFOUND)
        return refuse_room(turn, PL_REASON_ROOM_NOT_FOUND, name);
    if (rc == PL_OK)
        rc = pl_cache_peek_member(cache, room.id, turn->user->id, &member);
    if (rc != PL_OK)
        return rc;
    if (member.state == PL_MEMBER_JOINED)
        return add_room(turn, &room, &member);
    if (room.visibility == PL_ROOM_PUBLIC || member.state == PL_MEMBER_INVITED)
        return refuse_room(turn, PL_REASON_NOT_A_MEMBER, name);
    return refuse_room(turn, PL_REASON_ROOM_NOT_FOUND, name);
}

static int by_id(const void *a, const void *b)
{
    const struct pl_subscribed_room *x = a;
    const struct pl_subscribed_room *y = b;

    return x->id.v < y->id.v ? -1 : x->id.v > y->id.v;
}

/* By room id, each once. */
static void sort_rooms(struct pl_reply *reply)
{
    struct pl_subscribed_room *rooms = reply->u.subscribe.rooms;
    uint32_t len = reply->u.subscribe.rooms_len;
    uint32_t kept = 0;

    if (len == 0)
        return;
    qsort(rooms, len, sizeof *rooms, by_id);
    for (uint32_t i = 1; i < len; i++)
        if (rooms[i].id.v != rooms[kept].id.v)
            rooms[++kept] = rooms[i];
    reply->u.subscribe.rooms_len = kept + 1;
}

static int make_list(struct pl_turn *turn, size_t len)
{
    struct pl_reply *reply = turn->reply;

    reply->u.subscribe.rooms =
        pl_arena_alloc(&turn->engine->effects->arena, len * sizeof *reply->u.subscribe.rooms);
    return reply->u.subscribe.rooms != NULL ? PL_OK : PL_E_NOMEM;
}

static int list_named(struct pl_turn *turn)
{
    const struct pl_subscribe *subscribe = &turn->command->u.subscribe;
    int rc;

    if (subscribe->rooms_len > PL_STREAM_ROOMS_LEN_MAX)
        return pl_refuse_field(turn, "rooms", "at most 1,000 rooms");
    rc = make_list(turn, subscribe->rooms_len);
    for (uint32_t i = 0; i < subscribe->rooms_len && rc == PL_OK; i++)
        rc = add_named(turn, subscribe->rooms[i]);
    if (rc == PL_OK)
        sort_rooms(turn->reply);
    return rc;
}

/* All that the user is in, but those whose messages are work. */
static int list_all(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    struct pl_member page[ROOMS_PAGE_LEN];
    uint32_t len = ROOMS_PAGE_LEN;
    pl_room_id after = {0};
    int rc = make_list(turn, turn->user->room_count);

    while (rc == PL_OK && len == ROOMS_PAGE_LEN) {
        rc = PL_ASK(engine, list_rooms_of, turn->user->id, after, ROOMS_PAGE_LEN, page, &len);
        for (uint32_t i = 0; rc == PL_OK && i < len; i++) {
            struct pl_room room;

            pl_cache_member_overlay(&engine->cache, &page[i]);
            rc = pl_must_be(pl_cache_peek_room(&engine->cache, page[i].room, &room));
            if (rc < 0 || room.delivery == PL_ROOM_ONE)
                continue;
            if (turn->reply->u.subscribe.rooms_len == turn->user->room_count)
                return PL_E_CORRUPT;
            rc = add_room(turn, &room, &page[i]);
        }
        if (len > 0)
            after = page[len - 1].room;
    }
    return rc;
}

int pl_subscribe(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    struct pl_reply *reply = turn->reply;
    int rc = check_cursor(turn);

    if (rc != PL_OK)
        return rc;
    reply->u.subscribe.all = turn->command->u.subscribe.rooms_len == 0;
    rc = reply->u.subscribe.all ? list_all(turn) : list_named(turn);
    if (rc != PL_OK)
        return rc;
    reply->u.subscribe.user = *turn->user;
    reply->u.subscribe.session = *turn->session;
    reply->u.subscribe.shown = engine->meta.position;
    reply->u.subscribe.log = engine->meta.log;
    return PL_OK;
}

int pl_subscribe_get_user(struct pl_turn *turn)
{
    const char *name = turn->command->u.get_user.name;
    struct pl_user *user = turn->user;
    int rc = PL_OK;

    if (name[0] != 0)
        rc = pl_cache_user_named(&turn->engine->cache, name, &user);
    if (rc == PL_E_NOTFOUND)
        return pl_refuse(turn, PL_REASON_USER_NOT_FOUND);
    if (rc < 0)
        return rc;
    turn->reply->u.user.user = *user;
    return PL_OK;
}

int pl_subscribe_get_users(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    const pl_user_id *ids = turn->command->u.get_users.ids;
    uint32_t ids_len = turn->command->u.get_users.ids_len;
    struct pl_user *users = pl_arena_alloc(&engine->effects->arena, ids_len * sizeof *users);
    uint32_t len = 0;

    if (users == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < ids_len; i++) {
        int rc = pl_cache_peek_user(&engine->cache, ids[i], &users[len]);

        if (rc < 0 && rc != PL_E_NOTFOUND)
            return rc;
        if (rc == PL_OK && users[len].state == PL_USER_ACTIVE)
            len++;
    }
    turn->reply->u.users.users = users;
    turn->reply->u.users.users_len = len;
    return PL_OK;
}
