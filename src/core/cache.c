/*
 * cache.c - what all cached rows have in common: use, change, eviction.
 *
 * A row that has changed stays on the dirty list until the store has it, so a
 * row that is evicted is never newer than the store's.
 */
#include "core/cache.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/cache_state.h"

/* What is kept between commands: some 6 MB of rooms, 6 MB of users, 4 MB of
 * sessions and 8 MB of members, where there are so many. */
static const size_t len_max[PL_SLOTS_LEN] = {
    [PL_SLOT_ROOM] = 4096,
    [PL_SLOT_USER] = 16384,
    [PL_SLOT_SESSION] = 16384,
    [PL_SLOT_MEMBER] = 65536,
};

static const struct {
    int (*write)(struct pl_cache *cache, struct pl_slot *slot);
    void (*free)(struct pl_cache *cache, struct pl_slot *slot);
} kinds[PL_SLOTS_LEN] = {
    [PL_SLOT_ROOM] = {pl_cached_room_write, pl_cached_room_free},
    [PL_SLOT_USER] = {pl_cached_user_write, pl_cached_user_free},
    [PL_SLOT_SESSION] = {pl_cached_session_write, pl_cached_session_free},
    [PL_SLOT_MEMBER] = {pl_cached_member_write, pl_cached_member_free},
};

void pl_cache_init(struct pl_cache *cache, struct pl_store store)
{
    cache->store = store;
    pl_list_init(&cache->dirty);
    for (size_t i = 0; i < PL_SLOTS_LEN; i++) {
        pl_list_init(&cache->slots[i].lru);
        cache->slots[i].len = 0;
        cache->slots[i].len_max = len_max[i];
    }
    pl_map_init(&cache->rooms);
    pl_map_init(&cache->rooms_by_name);
    pl_map_init(&cache->rooms_by_direct);
    pl_map_init(&cache->users);
    pl_map_init(&cache->users_by_name);
    pl_map_init(&cache->sessions);
    pl_map_init(&cache->members);
}

void pl_cache_done(struct pl_cache *cache)
{
    pl_cache_drop(cache);
    pl_map_done(&cache->rooms);
    pl_map_done(&cache->rooms_by_name);
    pl_map_done(&cache->rooms_by_direct);
    pl_map_done(&cache->users);
    pl_map_done(&cache->users_by_name);
    pl_map_done(&cache->sessions);
    pl_map_done(&cache->members);
}

void pl_cache_drop(struct pl_cache *cache)
{
    for (size_t i = 0; i < PL_SLOTS_LEN; i++) {
        PL_LIST_EACH (node, &cache->slots[i].lru)
            kinds[i].free(cache, PL_CONTAINER(node, struct pl_slot, lru));
        PL_ASSERT(cache->slots[i].len == 0);
    }
    PL_ASSERT(pl_list_empty(&cache->dirty));
}

int pl_cache_flush(struct pl_cache *cache)
{
    PL_LIST_EACH (node, &cache->dirty) {
        struct pl_slot *slot = PL_CONTAINER(node, struct pl_slot, dirty);
        int rc = kinds[slot->kind].write(cache, slot);

        if (rc < 0)
            return rc;
        pl_slot_written(slot);
    }
    return PL_OK;
}

static int trim(struct pl_cache *cache, enum pl_slot_kind kind)
{
    struct pl_slots *slots = &cache->slots[kind];

    while (slots->len > slots->len_max) {
        struct pl_slot *slot = PL_CONTAINER(slots->lru.prev, struct pl_slot, lru);

        if (!pl_list_empty(&slot->dirty)) {
            int rc = kinds[kind].write(cache, slot);

            if (rc < 0)
                return rc;
        }
        kinds[kind].free(cache, slot);
    }
    return PL_OK;
}

int pl_cache_trim(struct pl_cache *cache)
{
    int rc = PL_OK;

    for (size_t i = 0; i < PL_SLOTS_LEN && rc == PL_OK; i++)
        rc = trim(cache, (enum pl_slot_kind)i);
    return rc;
}

void pl_slot_add(struct pl_cache *cache, struct pl_slot *slot, enum pl_slot_kind kind)
{
    slot->kind = kind;
    pl_list_init(&slot->dirty);
    pl_list_prepend(&cache->slots[kind].lru, &slot->lru);
    cache->slots[kind].len++;
}

void pl_slot_used(struct pl_cache *cache, struct pl_slot *slot)
{
    pl_list_remove(&slot->lru);
    pl_list_prepend(&cache->slots[slot->kind].lru, &slot->lru);
}

void pl_slot_changed(struct pl_cache *cache, struct pl_slot *slot)
{
    if (pl_list_empty(&slot->dirty))
        pl_list_append(&cache->dirty, &slot->dirty);
}

void pl_slot_written(struct pl_slot *slot)
{
    pl_list_remove(&slot->dirty);
}

void pl_slot_remove(struct pl_cache *cache, struct pl_slot *slot)
{
    pl_list_remove(&slot->dirty);
    pl_list_remove(&slot->lru);
    cache->slots[slot->kind].len--;
}
