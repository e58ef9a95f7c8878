/*
 * work.c - handing messages out, and what may come of it.
 *
 * The first message that waits goes to the first taker in turn that may have
 * it; when all of those sent it themselves, they are one user, and the first
 * message by another goes to the first of them. So work keeps its order and
 * takers get equal shares.
 *
 * One batch hands out so much; the rest follows with EXPIRE.
 */
#include "core/work.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/member.h"
#include "core/send.h"
#include "core/tell.h"

enum { PAGE_LEN = 64 };

/* The message that has just been sent, whose bytes need not be read again. */
struct fresh {
    pl_sequence sequence;
    struct pl_buf *bytes;
};

static int view(struct pl_engine *engine, const struct pl_work *work, const struct fresh *fresh,
                struct pl_message_view *ret)
{
    if (fresh == NULL || fresh->sequence != work->sequence)
        return pl_must_be(pl_send_view(engine, work->room, work->sequence, ret));
    *ret = (struct pl_message_view){.event = pl_buf_ref(fresh->bytes),
                                    .sequence = work->sequence,
                                    .last_change = work->sequence};
    return PL_OK;
}

static int lend(struct pl_engine *engine, struct pl_taker *taker, struct pl_work *work,
                const struct fresh *fresh)
{
    struct pl_message_view message;
    int rc = view(engine, work, fresh, &message);

    if (rc < 0)
        return rc;
    work->lease = ++engine->meta.last_lease;
    work->taker = taker->id;
    work->lease_until_ms = engine->age_ms + taker->lease_ms;
    work->not_before_ms = 0;
    work->attempts++;
    engine->work_moved = true;
    engine->handed_size += message.event->size;
    rc = pl_takers_lend(&engine->takers, taker, work, message.event->size);
    if (rc == PL_OK)
        rc = PL_ASK(engine, put_work, work);
    if (rc < 0) {
        pl_buf_unref(message.event);
        return rc;
    }
    return pl_tell_leased(engine, taker, work, &message);
}

/* The work that comes next and who gets it; NULL: nothing can be handed out. */
static int next(struct pl_engine *engine, const struct pl_work_room *room, struct pl_work *ret_work,
                struct pl_taker **ret_taker)
{
    int rc;

    *ret_taker = NULL;
    if (pl_list_empty(&room->free))
        return PL_OK;
    rc = PL_ASK(engine, next_work, room->id, (pl_user_id){0}, engine->age_ms, ret_work);
    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    *ret_taker = pl_work_room_next(room, ret_work->sender);
    if (*ret_taker != NULL)
        return PL_OK;
    rc = PL_ASK(engine, next_work, room->id, ret_work->sender, engine->age_ms, ret_work);
    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    *ret_taker = pl_work_room_next(room, ret_work->sender);
    PL_ASSERT(*ret_taker != NULL);
    return PL_OK;
}

/* `room` may be NULL: it has no takers. */
static int hand_out(struct pl_engine *engine, struct pl_work_room *room, const struct fresh *fresh)
{
    while (room != NULL) {
        struct pl_taker *taker;
        struct pl_work work;
        int rc = next(engine, room, &work, &taker);

        if (rc < 0 || taker == NULL)
            return rc;
        if (engine->handed_size >= PL_BATCH_SIZE_MAX) {
            engine->follow_up = true;
            return PL_OK;
        }
        rc = lend(engine, taker, &work, fresh);
        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

int pl_work_add(struct pl_engine *engine, const struct pl_room *room, pl_user_id sender,
                struct pl_buf *bytes)
{
    struct pl_work work = {.room = room->id, .sequence = room->last_sequence, .sender = sender};
    struct fresh fresh = {.sequence = room->last_sequence, .bytes = bytes};
    int rc = PL_ASK(engine, put_work, &work);

    if (rc < 0)
        return rc;
    return hand_out(engine, pl_takers_room(&engine->takers, room->id), &fresh);
}

/* The lease is over: the work waits again, until not_before_ms at least. */
static int put_back(struct pl_engine *engine, struct pl_work *work, int64_t not_before_ms)
{
    work->lease = 0;
    work->taker = 0;
    work->lease_until_ms = 0;
    work->not_before_ms = not_before_ms;
    engine->work_moved = true;
    return PL_ASK(engine, put_work, work);
}

/* Its work goes to the others. */
static int end_taker(struct pl_engine *engine, struct pl_taker *taker)
{
    pl_room_id room = taker->room_weak->id;
    struct pl_work page[PAGE_LEN];
    uint32_t len = PAGE_LEN;
    int rc = PL_OK;

    while (taker->unacked_len > 0 && len == PAGE_LEN) {
        rc = PL_ASK(engine, list_work_of, taker->id, PAGE_LEN, page, &len);
        for (uint32_t i = 0; rc == PL_OK && i < len; i++)
            rc = put_back(engine, &page[i], 0);
        if (rc < 0)
            return rc;
    }
    pl_takers_remove(&engine->takers, taker);
    return hand_out(engine, pl_takers_room(&engine->takers, room), NULL);
}

static int end_and_tell(struct pl_engine *engine, struct pl_taker *taker, enum pl_reason reason)
{
    struct pl_refusal refusal = pl_refusal_of(reason);
    int rc = pl_tell_taker_ended(engine->effects, taker, &refusal);

    if (rc < 0)
        return rc;
    return end_taker(engine, taker);
}

int pl_work_member_left(struct pl_engine *engine, pl_room_id room, pl_user_id user)
{
    struct pl_taker *taker;
    int rc = PL_OK;

    pl_takers_retire_member(&engine->takers, room, user);
    while (rc == PL_OK && (taker = pl_takers_of_member(&engine->takers, room, user)) != NULL)
        rc = end_and_tell(engine, taker, PL_REASON_NOT_A_MEMBER);
    return rc;
}

int pl_work_session_ended(struct pl_engine *engine, pl_session_id session)
{
    struct pl_taker *taker;
    int rc = PL_OK;

    pl_takers_retire_session(&engine->takers, session);
    while (rc == PL_OK && (taker = pl_takers_of_session(&engine->takers, session)) != NULL)
        rc = end_and_tell(engine, taker, PL_REASON_SESSION_ENDED);
    return rc;
}

int pl_work_start(struct pl_engine *engine)
{
    struct pl_refusal refusal = pl_refusal_of_err(PL_E_IO);

    engine->work_moved = true;
    PL_LIST_EACH (node, &engine->takers.all) {
        struct pl_taker *taker = PL_CONTAINER(node, struct pl_taker, node);
        int rc = pl_tell_taker_ended(engine->effects, taker, &refusal);

        if (rc < 0)
            return rc;
        pl_takers_remove(&engine->takers, taker);
    }
    return engine->config.store.ops->clear_leases(engine->config.store.self);
}

static int check_taker(struct pl_turn *turn)
{
    uint32_t len = turn->command->u.open_taker.unacked_len_max;
    uint32_t lease_s = turn->command->u.open_taker.lease_s;

    if (len < 1 || len > PL_TAKE_LEN_MAX)
        return pl_refuse_field(turn, "max_unacknowledged", "at most 1,000");
    if (lease_s < 1 || lease_s > PL_LEASE_S_MAX)
        return pl_refuse_field(turn, "lease_seconds", "at most 86,400");
    return PL_OK;
}

/* A room of the caller's whose messages are work. */
static int find_work_room(struct pl_turn *turn, const char *name, struct pl_room **ret_room)
{
    struct pl_member *member;
    int rc = pl_member_joined(turn, name, ret_room, &member);

    if (rc != PL_OK)
        return rc;
    return (*ret_room)->delivery == PL_ROOM_ONE ? PL_OK
                                                : pl_refuse(turn, PL_REASON_NOT_A_WORK_ROOM);
}

int pl_work_open_taker(struct pl_turn *turn)
{
    struct pl_takers *takers = &turn->engine->takers;
    struct pl_taker *taker;
    struct pl_room *room;
    int rc = check_taker(turn);

    if (rc == PL_OK)
        rc = find_work_room(turn, turn->command->u.open_taker.room, &room);
    if (rc != PL_OK)
        return rc;
    PL_ASSERT(pl_takers_find(takers, turn->command->u.open_taker.taker) == NULL);
    rc = pl_takers_add(takers, turn->command, room->id, turn->session, &taker);
    if (rc < 0)
        return rc;
    turn->reply->u.taker.session = turn->session->id;
    turn->reply->u.taker.user = turn->user->id;
    return hand_out(turn->engine, taker->room_weak, NULL);
}

int pl_work_close_taker(struct pl_turn *turn)
{
    struct pl_taker *taker =
        pl_takers_find(&turn->engine->takers, turn->command->u.close_taker.taker);

    if (taker == NULL)
        return PL_OK; /* it was ended before */
    taker->closed = true;
    return end_taker(turn->engine, taker);
}

/* The lease that the command names. LEASE_LOST unless it is the caller's, of
 * that message, and has not run out, even if EXPIRE has not come yet. */
static int find_lease(struct pl_turn *turn, struct pl_room **ret_room, struct pl_lease **ret_lease)
{
    const struct pl_command *command = turn->command;
    struct pl_lease *lease;
    int rc = find_work_room(turn, command->u.lease.room, ret_room);

    if (rc != PL_OK)
        return rc;
    lease = pl_takers_lease(&turn->engine->takers, command->u.lease.lease);
    if (lease == NULL || lease->sequence != command->u.lease.sequence ||
        lease->taker_weak->room_weak->id.v != (*ret_room)->id.v ||
        lease->taker_weak->user.v != turn->user->id.v || lease->until_ms <= turn->engine->age_ms)
        return pl_refuse(turn, PL_REASON_LEASE_LOST);
    *ret_lease = lease;
    return PL_OK;
}

int pl_work_ack(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    struct pl_lease *lease;
    struct pl_room *room;
    int rc = find_lease(turn, &room, &lease);

    if (rc != PL_OK)
        return rc;
    rc = PL_ASK(engine, delete_work, room->id, lease->sequence);
    if (rc < 0)
        return rc;
    engine->work_moved = true;
    pl_takers_take_back(&engine->takers, lease, false);
    return hand_out(engine, pl_takers_room(&engine->takers, room->id), NULL);
}

int pl_work_release(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    uint32_t delay_s = turn->command->u.lease.delay_s;
    struct pl_lease *lease;
    struct pl_room *room;
    struct pl_work work;
    int rc;

    if (delay_s > PL_RELEASE_DELAY_MAX)
        return pl_refuse_field(turn, "delay_seconds", "at most 86,400");
    rc = find_lease(turn, &room, &lease);
    if (rc != PL_OK)
        return rc;
    rc = pl_must_be(PL_ASK(engine, get_work, room->id, lease->sequence, &work));
    if (rc == PL_OK)
        rc = put_back(engine, &work, delay_s > 0 ? engine->age_ms + (int64_t)delay_s * 1000 : 0);
    if (rc < 0)
        return rc;
    pl_takers_take_back(&engine->takers, lease, true);
    return hand_out(engine, pl_takers_room(&engine->takers, room->id), NULL);
}

static int end_leases(struct pl_engine *engine)
{
    struct pl_work page[PAGE_LEN];
    uint32_t len = 0;
    int rc = PL_ASK(engine, list_work_expired, engine->age_ms, PAGE_LEN, page, &len);

    for (uint32_t i = 0; rc == PL_OK && i < len; i++) {
        struct pl_lease *lease = pl_takers_lease(&engine->takers, page[i].lease);

        if (lease != NULL)
            pl_takers_take_back(&engine->takers, lease, true);
        rc = put_back(engine, &page[i], 0);
    }
    if (rc < 0)
        return rc;
    if (len < PAGE_LEN)
        engine->progress.expired_ms = engine->age_ms;
    else
        engine->follow_up = true;
    return PL_OK;
}

int pl_work_expire(struct pl_engine *engine)
{
    int rc = end_leases(engine);

    PL_LIST_EACH (node, &engine->takers.rooms) {
        if (rc < 0)
            break;
        rc = hand_out(engine, PL_CONTAINER(node, struct pl_work_room, node), NULL);
    }
    engine->work_moved = true;
    return rc;
}

int pl_work_trimmed(struct pl_engine *engine, const struct pl_room *room)
{
    struct pl_work page[PAGE_LEN];
    uint32_t len = PAGE_LEN;
    int rc = PL_OK;

    while (rc == PL_OK && len == PAGE_LEN) {
        rc = PL_ASK(engine, list_work_before, room->id, room->first_sequence, PAGE_LEN, page, &len);
        for (uint32_t i = 0; rc == PL_OK && i < len; i++) {
            struct pl_lease *lease = pl_takers_lease(&engine->takers, page[i].lease);

            if (lease != NULL)
                pl_takers_take_back(&engine->takers, lease, true);
            engine->work_moved = true;
            rc = PL_ASK(engine, delete_work, room->id, page[i].sequence);
        }
    }
    return rc;
}

int pl_work_plan(struct pl_engine *engine)
{
    int64_t due_ms = INT64_MAX;
    int rc;

    if (!engine->work_moved)
        return PL_OK;
    rc = PL_ASK(engine, next_work_due, engine->progress.expired_ms, &due_ms);
    if (rc < 0 && rc != PL_E_NOTFOUND)
        return rc;
    engine->progress.work_due_ms = due_ms;
    return PL_OK;
}
