/*
 * taker.c - takers, their turn and their leases.
 *
 * A taker that is full when a message comes costs nothing: only `free` ones
 * are looked at. Whether there is place for one more is judged by the largest
 * event there may be, so that it is known before the event is read.
 */
#include "core/taker.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/tell.h"

void pl_takers_init(struct pl_takers *takers)
{
    pl_list_init(&takers->all);
    pl_list_init(&takers->gone);
    pl_list_init(&takers->lost);
    pl_list_init(&takers->rooms);
    pl_map_init(&takers->by_id);
    pl_map_init(&takers->by_session);
    pl_map_init(&takers->rooms_by_id);
    pl_map_init(&takers->leases);
    takers->last_order = 0;
}

static void free_all(struct pl_list *list)
{
    PL_LIST_EACH (node, list)
        pl_free(PL_CONTAINER(node, struct pl_taker, node));
    pl_list_init(list);
}

void pl_takers_done(struct pl_takers *takers)
{
    PL_LIST_EACH (node, &takers->all)
        pl_takers_remove(takers, PL_CONTAINER(node, struct pl_taker, node));
    free_all(&takers->gone);
    free_all(&takers->lost);
    pl_map_done(&takers->by_id);
    pl_map_done(&takers->by_session);
    pl_map_done(&takers->rooms_by_id);
    pl_map_done(&takers->leases);
}

struct pl_work_room *pl_takers_room(const struct pl_takers *takers, pl_room_id room)
{
    PL_MAP_EACH (node, &takers->rooms_by_id, pl_hash_u64(room.v)) {
        struct pl_work_room *work_room = PL_CONTAINER(node, struct pl_work_room, by_id);

        if (work_room->id.v == room.v)
            return work_room;
    }
    return NULL;
}

static struct pl_work_room *add_room(struct pl_takers *takers, pl_room_id room)
{
    struct pl_work_room *work_room = pl_takers_room(takers, room);

    if (work_room != NULL)
        return work_room;
    work_room = pl_alloc(sizeof *work_room);
    if (work_room == NULL)
        return NULL;
    work_room->id = room;
    pl_list_init(&work_room->free);
    pl_list_init(&work_room->full);
    pl_list_append(&takers->rooms, &work_room->node);
    pl_map_put(&takers->rooms_by_id, &work_room->by_id, pl_hash_u64(room.v));
    return work_room;
}

static void remove_room_if_empty(struct pl_takers *takers, struct pl_work_room *room)
{
    if (!pl_list_empty(&room->free) || !pl_list_empty(&room->full))
        return;
    pl_list_remove(&room->node);
    pl_map_remove(&takers->rooms_by_id, &room->by_id);
    pl_free(room);
}

int pl_takers_add(struct pl_takers *takers, const struct pl_command *command, pl_room_id room,
                  const struct pl_session *session, struct pl_taker **ret_taker)
{
    struct pl_taker *taker = pl_zalloc(sizeof *taker);

    if (taker == NULL)
        return PL_E_NOMEM;
    taker->room_weak = add_room(takers, room);
    if (taker->room_weak == NULL) {
        pl_free(taker);
        return PL_E_NOMEM;
    }
    taker->id = command->u.open_taker.taker;
    taker->order = ++takers->last_order;
    taker->loop = command->reply_loop;
    taker->session = session->id;
    taker->user = session->user;
    taker->unacked_len_max = command->u.open_taker.unacked_len_max;
    taker->lease_ms = (int64_t)command->u.open_taker.lease_s * 1000;
    taker->include_own = command->u.open_taker.include_own;
    pl_list_init(&taker->leases);
    pl_list_append(&takers->all, &taker->node);
    pl_list_append(&taker->room_weak->free, &taker->in_room);
    pl_map_put(&takers->by_id, &taker->by_id, pl_hash_u64(taker->id));
    pl_map_put(&takers->by_session, &taker->by_session, pl_hash_u64(taker->session.v));
    *ret_taker = taker;
    return PL_OK;
}

struct pl_taker *pl_takers_find(const struct pl_takers *takers, uint64_t id)
{
    PL_MAP_EACH (node, &takers->by_id, pl_hash_u64(id)) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, by_id);

        if (taker->id == id)
            return taker;
    }
    return NULL;
}

struct pl_lease *pl_takers_lease(const struct pl_takers *takers, uint64_t lease_id)
{
    PL_MAP_EACH (node, &takers->leases, pl_hash_u64(lease_id)) {
        struct pl_lease *lease = PL_CONTAINER(node, struct pl_lease, by_id);

        if (lease->id == lease_id)
            return lease;
    }
    return NULL;
}

struct pl_taker *pl_takers_of_session(const struct pl_takers *takers, pl_session_id session)
{
    struct pl_taker *oldest = NULL;

    PL_MAP_EACH (node, &takers->by_session, pl_hash_u64(session.v)) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, by_session);

        if (taker->session.v == session.v && (oldest == NULL || taker->order < oldest->order))
            oldest = taker;
    }
    return oldest;
}

static struct pl_taker *oldest_of(const struct pl_list *list, pl_user_id user,
                                  struct pl_taker *oldest)
{
    PL_LIST_EACH (node, list) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, in_room);

        if (taker->user.v == user.v && (oldest == NULL || taker->order < oldest->order))
            oldest = taker;
    }
    return oldest;
}

struct pl_taker *pl_takers_of_member(const struct pl_takers *takers, pl_room_id room,
                                     pl_user_id user)
{
    const struct pl_work_room *work_room = pl_takers_room(takers, room);

    if (work_room == NULL)
        return NULL;
    return oldest_of(&work_room->full, user, oldest_of(&work_room->free, user, NULL));
}

static bool has_place(const struct pl_taker *taker)
{
    if (taker->ending)
        return false;
    if (taker->unacked_len == 0)
        return true;
    return taker->unacked_len < taker->unacked_len_max &&
           taker->unacked_size + PL_EVENT_SIZE_MAX <= PL_TAKER_SIZE_MAX;
}

static void queue(struct pl_taker *taker)
{
    struct pl_work_room *room = taker->room_weak;

    pl_list_remove(&taker->in_room);
    pl_list_append(has_place(taker) ? &room->free : &room->full, &taker->in_room);
}

static void retire(struct pl_taker *taker)
{
    taker->ending = true;
    queue(taker);
}

void pl_takers_retire_session(struct pl_takers *takers, pl_session_id session)
{
    PL_MAP_EACH (node, &takers->by_session, pl_hash_u64(session.v)) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, by_session);

        if (taker->session.v == session.v)
            retire(taker);
    }
}

void pl_takers_retire_member(struct pl_takers *takers, pl_room_id room, pl_user_id user)
{
    struct pl_work_room *work_room = pl_takers_room(takers, room);

    if (work_room == NULL)
        return;
    PL_LIST_EACH (node, &work_room->free) { /* full ones get none until they are removed */
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, in_room);

        if (taker->user.v == user.v)
            retire(taker);
    }
}

static void remove_lease(struct pl_takers *takers, struct pl_lease *lease)
{
    pl_list_remove(&lease->node);
    pl_map_remove(&takers->leases, &lease->by_id);
    pl_free(lease);
}

void pl_takers_remove(struct pl_takers *takers, struct pl_taker *taker)
{
    PL_LIST_EACH (node, &taker->leases)
        remove_lease(takers, PL_CONTAINER(node, struct pl_lease, node));
    pl_map_remove(&takers->by_id, &taker->by_id);
    pl_map_remove(&takers->by_session, &taker->by_session);
    pl_list_remove(&taker->in_room);
    remove_room_if_empty(takers, taker->room_weak);
    taker->room_weak = NULL;
    pl_list_remove(&taker->node);
    pl_list_append(&takers->gone, &taker->node);
}

int pl_takers_lend(struct pl_takers *takers, struct pl_taker *taker, const struct pl_work *work,
                   size_t size)
{
    struct pl_lease *lease = pl_zalloc(sizeof *lease);

    if (lease == NULL)
        return PL_E_NOMEM;
    PL_ASSERT(has_place(taker));
    lease->taker_weak = taker;
    lease->id = work->lease;
    lease->sequence = work->sequence;
    lease->until_ms = work->lease_until_ms;
    lease->size = size;
    pl_list_append(&taker->leases, &lease->node);
    pl_map_put(&takers->leases, &lease->by_id, pl_hash_u64(lease->id));
    taker->unacked_len++;
    taker->unacked_size += size;
    queue(taker);
    return PL_OK;
}

void pl_takers_take_back(struct pl_takers *takers, struct pl_lease *lease, bool last)
{
    struct pl_taker *taker = lease->taker_weak;
    bool was_full = !has_place(taker);

    PL_ASSERT(taker->unacked_len > 0 && taker->unacked_size >= lease->size);
    taker->unacked_len--;
    taker->unacked_size -= lease->size;
    remove_lease(takers, lease);
    if (was_full || last)
        queue(taker);
}

struct pl_taker *pl_work_room_next(const struct pl_work_room *room, pl_user_id sender)
{
    PL_LIST_EACH (node, &room->free) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, in_room);

        if (taker->include_own || taker->user.v != sender.v)
            return taker;
    }
    return NULL;
}

void pl_takers_settle(struct pl_takers *takers)
{
    /* new ones stand at the end */
    for (struct pl_list *node = takers->all.prev; node != &takers->all; node = node->prev) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, node);

        if (taker->known)
            break;
        taker->known = true;
    }
    free_all(&takers->gone);
}

void pl_takers_lose(struct pl_takers *takers)
{
    PL_LIST_EACH (node, &takers->all)
        pl_takers_remove(takers, PL_CONTAINER(node, struct pl_taker, node));
    PL_LIST_EACH (node, &takers->gone) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, node);

        pl_list_remove(node);
        if (taker->known && !taker->closed)
            pl_list_append(&takers->lost, node);
        else
            pl_free(taker);
    }
}

int pl_takers_tell_lost(const struct pl_takers *takers, struct pl_effects *effects)
{
    struct pl_refusal refusal = pl_refusal_of_err(PL_E_IO);

    PL_LIST_EACH (node, &takers->lost) {
        const struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, node);
        int rc = pl_tell_taker_ended(effects, taker, &refusal);

        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

void pl_takers_forget_lost(struct pl_takers *takers)
{
    free_all(&takers->lost);
}
