/*
 * taker.h - who takes work of which room, and which leases they have.
 *
 * In memory only: takers end with the process, and with a failed batch. The
 * store has each lease too, so that what is leased is known to be so.
 *
 * A room's takers are in two lists: `free` ones may be handed more and take
 * turns, head first; `full` ones may not.
 *
 * Ownership: pl_takers owns all of them. Threads: the engine's.
 */
#ifndef PL_CORE_TAKER_H
#define PL_CORE_TAKER_H

#include "base/list.h"
#include "base/map.h"
#include "model/command.h"
#include "model/effect.h"
#include "model/store.h"

#include <stdbool.h>
#include <stdint.h>

/* The bytes of messages that one taker may have unacknowledged, or one
 * message. */
#define PL_TAKER_SIZE_MAX ((size_t)1024 * 1024)

/* A room that has takers. */
struct pl_work_room {
    struct pl_list node; /* in pl_takers.rooms */
    struct pl_map_node by_id;
    pl_room_id id;
    struct pl_list free;
    struct pl_list full;
};

struct pl_taker {
    struct pl_list node;    /* in pl_takers.all, .gone or .lost */
    struct pl_list in_room; /* in the room's `free` or `full` */
    struct pl_map_node by_id;
    struct pl_map_node by_session;
    struct pl_work_room *room_weak;
    struct pl_list leases;
    uint64_t id;
    uint64_t order; /* rises with each that is opened */
    uint32_t loop;
    pl_session_id session;
    pl_user_id user;
    uint32_t unacked_len_max;
    int64_t lease_ms;
    bool include_own;
    bool known;  /* of an earlier batch, so that somebody knows it */
    bool closed; /* by who opened it, who asks no more */
    bool ending; /* gets nothing more */
    uint32_t unacked_len;
    size_t unacked_size;
};

struct pl_lease {
    struct pl_list node; /* in the taker's */
    struct pl_map_node by_id;
    struct pl_taker *taker_weak;
    uint64_t id;
    pl_sequence sequence;
    int64_t until_ms;
    size_t size;
};

struct pl_takers {
    struct pl_list all;   /* oldest first */
    struct pl_list gone;  /* those of a batch that is not durable yet */
    struct pl_list lost;  /* ended by a failure, which nobody has been told yet */
    struct pl_list rooms; /* of pl_work_room, oldest first */
    struct pl_map by_id;
    struct pl_map by_session;
    struct pl_map rooms_by_id;
    struct pl_map leases;
    uint64_t last_order;
};

void pl_takers_init(struct pl_takers *takers);
void pl_takers_done(struct pl_takers *takers);

/* A new one, as OPEN_TAKER asks, at the end of its room's turn. PL_E_NOMEM. */
int pl_takers_add(struct pl_takers *takers, const struct pl_command *command, pl_room_id room,
                  const struct pl_session *session, struct pl_taker **ret_taker);

/* NULL where there is none. */
struct pl_taker *pl_takers_find(const struct pl_takers *takers, uint64_t id);
struct pl_work_room *pl_takers_room(const struct pl_takers *takers, pl_room_id room);
struct pl_lease *pl_takers_lease(const struct pl_takers *takers, uint64_t lease);
/* The oldest of the session; the oldest of the user in the room. */
struct pl_taker *pl_takers_of_session(const struct pl_takers *takers, pl_session_id session);
struct pl_taker *pl_takers_of_member(const struct pl_takers *takers, pl_room_id room,
                                     pl_user_id user);

/* None of the session's, or of the user's in the room, gets anything more: they
 * are about to be removed. */
void pl_takers_retire_session(struct pl_takers *takers, pl_session_id session);
void pl_takers_retire_member(struct pl_takers *takers, pl_room_id room, pl_user_id user);

/* Takes it out, leases and all. It stays readable until the batch's end. */
void pl_takers_remove(struct pl_takers *takers, struct pl_taker *taker);

/* The taker gets the work that was leased to it, and goes to the end of the
 * turn. PL_E_NOMEM. */
int pl_takers_lend(struct pl_takers *takers, struct pl_taker *taker, const struct pl_work *work,
                   size_t size);

/* The lease has ended; the taker may get more. `last`: after all others that
 * are free; else it keeps its place if it has one. */
void pl_takers_take_back(struct pl_takers *takers, struct pl_lease *lease, bool last);

/* The next in turn that may have what `sender` sent, or NULL. */
struct pl_taker *pl_work_room_next(const struct pl_work_room *room, pl_user_id sender);

/* The batch is durable. */
void pl_takers_settle(struct pl_takers *takers);

/* The batch is lost, and every taker with it; those who are known are to be
 * told. Needs no memory. */
void pl_takers_lose(struct pl_takers *takers);

/* Adds TAKER_ENDED for all that were lost. PL_E_NOMEM. */
int pl_takers_tell_lost(const struct pl_takers *takers, struct pl_effects *effects);

/* They have been told. */
void pl_takers_forget_lost(struct pl_takers *takers);

#endif
