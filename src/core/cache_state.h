/*
 * cache_state.h - the cache's rows; of its own files only.
 */
#ifndef PL_CORE_CACHE_STATE_H
#define PL_CORE_CACHE_STATE_H

#include "core/cache.h"

struct pl_cached_room {
    struct pl_slot slot;
    struct pl_map_node by_id;
    struct pl_map_node by_name;
    struct pl_map_node by_direct; /* of direct rooms */
    struct pl_room room;
};

struct pl_cached_user {
    struct pl_slot slot;
    struct pl_map_node by_id;
    struct pl_map_node by_name; /* while `named` */
    bool named;
    struct pl_user user;
};

struct pl_cached_session {
    struct pl_slot slot;
    struct pl_map_node by_token;
    struct pl_session session;
};

struct pl_cached_member {
    struct pl_slot slot;
    struct pl_map_node by_id;
    struct pl_member member;
};

#define PL_STORE_OP(cache, op, ...) ((cache)->store.ops->op((cache)->store.self, __VA_ARGS__))

/* Enters a new row's slot. */
void pl_slot_add(struct pl_cache *cache, struct pl_slot *slot, enum pl_slot_kind kind);
void pl_slot_used(struct pl_cache *cache, struct pl_slot *slot);
void pl_slot_changed(struct pl_cache *cache, struct pl_slot *slot);
/* The store has the row as it is. */
void pl_slot_written(struct pl_slot *slot);
/* Takes the slot out of everything. */
void pl_slot_remove(struct pl_cache *cache, struct pl_slot *slot);

/* Write a row, and take it out of its maps and free it, by the slot's kind. */
int pl_cached_room_write(struct pl_cache *cache, struct pl_slot *slot);
void pl_cached_room_free(struct pl_cache *cache, struct pl_slot *slot);
int pl_cached_member_write(struct pl_cache *cache, struct pl_slot *slot);
void pl_cached_member_free(struct pl_cache *cache, struct pl_slot *slot);
int pl_cached_user_write(struct pl_cache *cache, struct pl_slot *slot);
void pl_cached_user_free(struct pl_cache *cache, struct pl_slot *slot);
int pl_cached_session_write(struct pl_cache *cache, struct pl_slot *slot);
void pl_cached_session_free(struct pl_cache *cache, struct pl_slot *slot);

#endif
