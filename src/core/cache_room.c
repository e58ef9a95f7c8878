/* cache_room.c - rooms and members in the cache. */
#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/cache_state.h"

#include <string.h>

static uint64_t hash_pair(uint64_t a, uint64_t b)
{
    uint64_t pair[2] = {a, b};

    return pl_hash_bytes(pair, sizeof pair);
}

static struct pl_cached_room *room_by_id(struct pl_cache *cache, pl_room_id id)
{
    PL_MAP_EACH (node, &cache->rooms, pl_hash_u64(id.v)) {
        struct pl_cached_room *row = PL_CONTAINER(node, struct pl_cached_room, by_id);

        if (row->room.id.v == id.v)
            return row;
    }
    return NULL;
}

static struct pl_cached_room *room_by_name(struct pl_cache *cache, const char *name)
{
    PL_MAP_EACH (node, &cache->rooms_by_name, pl_hash_str(name)) {
        struct pl_cached_room *row = PL_CONTAINER(node, struct pl_cached_room, by_name);

        if (strcmp(row->room.name, name) == 0)
            return row;
    }
    return NULL;
}

static struct pl_cached_room *room_by_direct(struct pl_cache *cache, pl_user_id low,
                                             pl_user_id high)
{
    PL_MAP_EACH (node, &cache->rooms_by_direct, hash_pair(low.v, high.v)) {
        struct pl_cached_room *row = PL_CONTAINER(node, struct pl_cached_room, by_direct);

        if (row->room.direct[0].v == low.v && row->room.direct[1].v == high.v)
            return row;
    }
    return NULL;
}

static struct pl_room *use_room(struct pl_cache *cache, struct pl_cached_room *row)
{
    pl_slot_used(cache, &row->slot);
    return &row->room;
}

static int insert_room(struct pl_cache *cache, const struct pl_room *room, struct pl_room **ret)
{
    struct pl_cached_room *row = pl_alloc(sizeof *row);

    if (row == NULL)
        return PL_E_NOMEM;
    row->room = *room;
    pl_slot_add(cache, &row->slot, PL_SLOT_ROOM);
    pl_map_put(&cache->rooms, &row->by_id, pl_hash_u64(room->id.v));
    pl_map_put(&cache->rooms_by_name, &row->by_name, pl_hash_str(room->name));
    if (room->visibility == PL_ROOM_DIRECT)
        pl_map_put(&cache->rooms_by_direct, &row->by_direct,
                   hash_pair(room->direct[0].v, room->direct[1].v));
    *ret = &row->room;
    return PL_OK;
}

void pl_cached_room_free(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_room *row = PL_CONTAINER(slot, struct pl_cached_room, slot);

    pl_slot_remove(cache, slot);
    pl_map_remove(&cache->rooms, &row->by_id);
    pl_map_remove(&cache->rooms_by_name, &row->by_name);
    if (row->room.visibility == PL_ROOM_DIRECT)
        pl_map_remove(&cache->rooms_by_direct, &row->by_direct);
    pl_free(row);
}

int pl_cached_room_write(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_room *row = PL_CONTAINER(slot, struct pl_cached_room, slot);

    return PL_STORE_OP(cache, put_room, &row->room);
}

int pl_cache_room(struct pl_cache *cache, pl_room_id id, struct pl_room **ret)
{
    struct pl_cached_room *row = room_by_id(cache, id);
    struct pl_room room;
    int rc;

    if (row != NULL) {
        *ret = use_room(cache, row);
        return PL_OK;
    }
    rc = PL_STORE_OP(cache, get_room, id, &room);
    if (rc < 0)
        return rc;
    return insert_room(cache, &room, ret);
}

int pl_cache_room_named(struct pl_cache *cache, const char *name, struct pl_room **ret)
{
    struct pl_cached_room *row = room_by_name(cache, name);
    struct pl_room room;
    int rc;

    if (row != NULL) {
        *ret = use_room(cache, row);
        return PL_OK;
    }
    rc = PL_STORE_OP(cache, find_room, name, &room);
    if (rc < 0)
        return rc;
    return insert_room(cache, &room, ret);
}

int pl_cache_room_direct(struct pl_cache *cache, pl_user_id a, pl_user_id b, struct pl_room **ret)
{
    pl_user_id low = a.v < b.v ? a : b;
    pl_user_id high = a.v < b.v ? b : a;
    struct pl_cached_room *row = room_by_direct(cache, low, high);
    struct pl_room room;
    int rc;

    PL_ASSERT(low.v != high.v);
    if (row != NULL) {
        *ret = use_room(cache, row);
        return PL_OK;
    }
    rc = PL_STORE_OP(cache, find_direct, low, high, &room);
    if (rc < 0)
        return rc;
    return insert_room(cache, &room, ret);
}

int pl_cache_room_add(struct pl_cache *cache, const struct pl_room *room, struct pl_room **ret)
{
    int rc = PL_STORE_OP(cache, put_room, room);

    if (rc < 0)
        return rc;
    return insert_room(cache, room, ret);
}

void pl_cache_room_changed(struct pl_cache *cache, struct pl_room *room)
{
    pl_slot_changed(cache, &PL_CONTAINER(room, struct pl_cached_room, room)->slot);
}

int pl_cache_peek_room(struct pl_cache *cache, pl_room_id id, struct pl_room *ret)
{
    const struct pl_cached_room *row = room_by_id(cache, id);

    if (row == NULL)
        return PL_STORE_OP(cache, get_room, id, ret);
    *ret = row->room;
    return PL_OK;
}

int pl_cache_peek_room_named(struct pl_cache *cache, const char *name, struct pl_room *ret)
{
    const struct pl_cached_room *row = room_by_name(cache, name);

    if (row == NULL)
        return PL_STORE_OP(cache, find_room, name, ret);
    *ret = row->room;
    return PL_OK;
}

static struct pl_cached_member *member_by_id(struct pl_cache *cache, pl_room_id room,
                                             pl_user_id user)
{
    PL_MAP_EACH (node, &cache->members, hash_pair(room.v, user.v)) {
        struct pl_cached_member *row = PL_CONTAINER(node, struct pl_cached_member, by_id);

        if (row->member.room.v == room.v && row->member.user.v == user.v)
            return row;
    }
    return NULL;
}

void pl_cached_member_free(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_member *row = PL_CONTAINER(slot, struct pl_cached_member, slot);

    pl_slot_remove(cache, slot);
    pl_map_remove(&cache->members, &row->by_id);
    pl_free(row);
}

int pl_cached_member_write(struct pl_cache *cache, struct pl_slot *slot)
{
    struct pl_cached_member *row = PL_CONTAINER(slot, struct pl_cached_member, slot);

    return PL_STORE_OP(cache, put_member, &row->member);
}

/* The store's row, or one of state NONE. */
static int read_member(struct pl_cache *cache, pl_room_id room, pl_user_id user,
                       struct pl_member *ret)
{
    int rc = PL_STORE_OP(cache, get_member, room, user, ret);

    if (rc != PL_E_NOTFOUND)
        return rc;
    *ret = (struct pl_member){.room = room, .user = user, .state = PL_MEMBER_NONE};
    return PL_OK;
}

int pl_cache_member(struct pl_cache *cache, pl_room_id room, pl_user_id user,
                    struct pl_member **ret)
{
    struct pl_cached_member *row = member_by_id(cache, room, user);
    int rc;

    if (row != NULL) {
        pl_slot_used(cache, &row->slot);
        *ret = &row->member;
        return PL_OK;
    }
    row = pl_alloc(sizeof *row);
    if (row == NULL)
        return PL_E_NOMEM;
    rc = read_member(cache, room, user, &row->member);
    if (rc < 0) {
        pl_free(row);
        return rc;
    }
    pl_slot_add(cache, &row->slot, PL_SLOT_MEMBER);
    pl_map_put(&cache->members, &row->by_id, hash_pair(room.v, user.v));
    *ret = &row->member;
    return PL_OK;
}

int pl_cache_member_put(struct pl_cache *cache, struct pl_member *member)
{
    struct pl_slot *slot = &PL_CONTAINER(member, struct pl_cached_member, member)->slot;
    int rc = pl_cached_member_write(cache, slot);

    if (rc < 0)
        return rc;
    pl_slot_written(slot);
    return PL_OK;
}

void pl_cache_member_changed(struct pl_cache *cache, struct pl_member *member)
{
    pl_slot_changed(cache, &PL_CONTAINER(member, struct pl_cached_member, member)->slot);
}

int pl_cache_member_delete(struct pl_cache *cache, struct pl_member *member)
{
    struct pl_slot *slot = &PL_CONTAINER(member, struct pl_cached_member, member)->slot;
    int rc = PL_STORE_OP(cache, delete_member, member->room, member->user);

    if (rc < 0)
        return rc;
    pl_slot_written(slot);
    *member =
        (struct pl_member){.room = member->room, .user = member->user, .state = PL_MEMBER_NONE};
    return PL_OK;
}

int pl_cache_peek_member(struct pl_cache *cache, pl_room_id room, pl_user_id user,
                         struct pl_member *ret)
{
    const struct pl_cached_member *row = member_by_id(cache, room, user);

    if (row == NULL)
        return read_member(cache, room, user, ret);
    *ret = row->member;
    return PL_OK;
}

void pl_cache_member_overlay(struct pl_cache *cache, struct pl_member *member)
{
    const struct pl_cached_member *row = member_by_id(cache, member->room, member->user);

    if (row != NULL)
        *member = row->member;
}
