/*
 * cache.h - the rows that the engine has in memory.
 *
 * Rooms, users, sessions and members by their ids and names, as they are after
 * the commands so far: the truth, as nobody else writes. What makes a row or
 * changes who is who (a new room, a user's state, a member's state) is written
 * to the store at once, so that the store's own searches find it; figures that
 * move with every message (`_changed`) are written once, at the batch's end.
 *
 * A pointer that a look-up gives holds until the next pl_cache_trim(), which
 * is called between commands; `peek` copies instead, and keeps nothing.
 *
 * Errors: those of the store; PL_E_NOTFOUND from look-ups where there is none;
 *   PL_E_NOMEM. After any but NOTFOUND the batch is lost: pl_cache_drop().
 * Ownership: the cache owns its rows. Threads: the engine's.
 */
#ifndef PL_CORE_CACHE_H
#define PL_CORE_CACHE_H

#include "base/list.h"
#include "base/map.h"
#include "model/store.h"

#include <stdbool.h>

enum pl_slot_kind {
    PL_SLOT_ROOM,
    PL_SLOT_USER,
    PL_SLOT_SESSION,
    PL_SLOT_MEMBER,
    PL_SLOTS_LEN,
};

/* What every cached row has. */
struct pl_slot {
    struct pl_list lru;
    struct pl_list dirty; /* in a list while the store has an older row */
    enum pl_slot_kind kind;
};

/* All rows of a kind, most recently used first. */
struct pl_slots {
    struct pl_list lru;
    size_t len;
    size_t len_max; /* after a trim */
};

struct pl_cache {
    struct pl_store store; /* borrowed */
    struct pl_slots slots[PL_SLOTS_LEN];
    struct pl_list dirty; /* of pl_slot, oldest change first */
    struct pl_map rooms;
    struct pl_map rooms_by_name;
    struct pl_map rooms_by_direct;
    struct pl_map users;
    struct pl_map users_by_name; /* ACTIVE ones */
    struct pl_map sessions;      /* by token hash */
    struct pl_map members;
};

void pl_cache_init(struct pl_cache *cache, struct pl_store store);
void pl_cache_done(struct pl_cache *cache);

/* Forgets everything, unwritten changes too: after a rollback. */
void pl_cache_drop(struct pl_cache *cache);

/* Writes what has changed. */
int pl_cache_flush(struct pl_cache *cache);

/* Forgets the least recently used beyond len_max; what of it has changed is
 * written first. */
int pl_cache_trim(struct pl_cache *cache);

/* Rooms. */
int pl_cache_room(struct pl_cache *cache, pl_room_id id, struct pl_room **ret);
int pl_cache_room_named(struct pl_cache *cache, const char *name, struct pl_room **ret);
int pl_cache_room_direct(struct pl_cache *cache, pl_user_id a, pl_user_id b, struct pl_room **ret);
/* A new one, written at once. */
int pl_cache_room_add(struct pl_cache *cache, const struct pl_room *room, struct pl_room **ret);
void pl_cache_room_changed(struct pl_cache *cache, struct pl_room *room);
int pl_cache_peek_room(struct pl_cache *cache, pl_room_id id, struct pl_room *ret);
int pl_cache_peek_room_named(struct pl_cache *cache, const char *name, struct pl_room *ret);

/* Members. Who never was in a room is found with state NONE. */
int pl_cache_member(struct pl_cache *cache, pl_room_id room, pl_user_id user,
                    struct pl_member **ret);
/* Written at once: a change of state or role. */
int pl_cache_member_put(struct pl_cache *cache, struct pl_member *member);
void pl_cache_member_changed(struct pl_cache *cache, struct pl_member *member);
/* Deletes it and its spans; `member` is then of state NONE. */
int pl_cache_member_delete(struct pl_cache *cache, struct pl_member *member);
int pl_cache_peek_member(struct pl_cache *cache, pl_room_id room, pl_user_id user,
                         struct pl_member *ret);
/* What the cache knows better of a row that the store listed. */
void pl_cache_member_overlay(struct pl_cache *cache, struct pl_member *member);

/* Users. */
int pl_cache_user(struct pl_cache *cache, pl_user_id id, struct pl_user **ret);
/* ACTIVE ones. */
int pl_cache_user_named(struct pl_cache *cache, const char *name, struct pl_user **ret);
int pl_cache_user_add(struct pl_cache *cache, const struct pl_user *user, struct pl_user **ret);
/* Written at once: a change of state. */
int pl_cache_user_put(struct pl_cache *cache, struct pl_user *user);
void pl_cache_user_changed(struct pl_cache *cache, struct pl_user *user);
int pl_cache_peek_user(struct pl_cache *cache, pl_user_id id, struct pl_user *ret);

/* Sessions; their changes are rare and written at once. */
int pl_cache_session(struct pl_cache *cache, const struct pl_hash *token_hash,
                     struct pl_session **ret);
int pl_cache_session_add(struct pl_cache *cache, const struct pl_session *session);
int pl_cache_session_put(struct pl_cache *cache, struct pl_session *session);
/* The cached row, if any, is gone after it. */
int pl_cache_session_delete(struct pl_cache *cache, const struct pl_session *session);

#endif
