/*
 * judge_work.c - who may be handed which message.
 *
 * Of whom the engine chooses the judge only says whether that was allowed; and
 * that nothing that could be handed out is left lying. A lease whose time is over
 * may be taken for ended, or not yet: EXPIRE says so when it comes.
 */
#include "judge.h"

#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct judge_taker *taker_of(const struct judge *judge, uint64_t id)
{
    for (size_t i = judge->takers_len; i-- > 0;)
        if (judge->takers[i].id == id && judge->takers[i].open)
            return &judge->takers[i];
    return NULL;
}

static void end_leases(struct judge *judge, uint64_t taker)
{
    for (size_t i = 0; i < judge->log_len; i++)
        if (judge->log[i].work.lease != 0 && judge->log[i].work.taker == taker)
            judge->log[i].work.lease = 0;
}

static void end_taker(struct judge *judge, struct judge_taker *taker)
{
    end_leases(judge, taker->id);
    taker->open = false;
}

static enum pl_reason may_take(const struct judge *judge, const char *name, uint64_t user,
                               uint32_t *ret_room)
{
    uint32_t index = judge_room_named(judge, name);

    if (index == UINT32_MAX)
        return PL_REASON_ROOM_NOT_FOUND;
    if (!judge_joined(judge, index, user))
        return judge->rooms[index].is_private ? PL_REASON_ROOM_NOT_FOUND : PL_REASON_NOT_A_MEMBER;
    *ret_room = index;
    return judge->rooms[index].work ? PL_REASON_NONE : PL_REASON_NOT_A_WORK_ROOM;
}

enum pl_reason judge_open_taker(struct judge *judge, const struct pl_command *command,
                                uint64_t user)
{
    uint32_t room = 0;
    enum pl_reason reason = may_take(judge, command->u.open_taker.room, user, &room);

    if (reason != PL_REASON_NONE)
        return reason;
    if (judge->takers_len == judge->takers_cap) {
        judge->takers_cap = judge->takers_cap * 2 + 32;
        judge->takers = realloc(judge->takers, judge->takers_cap * sizeof *judge->takers);
        JUDGE(judge->takers != NULL, "out of memory");
    }
    judge->takers[judge->takers_len++] =
        (struct judge_taker){.id = command->u.open_taker.taker,
                             .user = user,
                             .room = room,
                             .len_max = command->u.open_taker.unacked_len_max,
                             .lease_ms = (int64_t)command->u.open_taker.lease_s * 1000,
                             .include_own = command->u.open_taker.include_own,
                             .open = true};
    return PL_REASON_NONE;
}

void judge_close_taker(struct judge *judge, uint64_t id)
{
    struct judge_taker *taker = taker_of(judge, id);

    if (taker == NULL)
        return;
    end_leases(judge, id);
    taker->closed = true;
}

void judge_stop_takers(struct judge *judge, uint64_t user, uint32_t room)
{
    for (size_t i = 0; i < judge->takers_len; i++) {
        struct judge_taker *taker = &judge->takers[i];

        if (taker->open && !taker->closed && taker->user == user &&
            (room == UINT32_MAX || taker->room == room))
            taker->stopped = true;
    }
}

enum pl_reason judge_lease(struct judge *judge, const struct pl_command *command, uint64_t user)
{
    uint32_t room = 0;
    enum pl_reason reason = may_take(judge, command->u.lease.room, user, &room);
    pl_sequence sequence = command->u.lease.sequence;
    const struct judge_taker *taker;
    struct judge_work *work;

    if (reason != PL_REASON_NONE)
        return reason;
    if (sequence == 0 || sequence > judge->rooms[room].log_len)
        return PL_REASON_LEASE_LOST;
    work = &judge->log[judge->rooms[room].log[sequence - 1]].work;
    if (work->lease == 0 || work->lease != command->u.lease.lease ||
        work->until_ms <= judge->age_ms)
        return PL_REASON_LEASE_LOST;
    taker = taker_of(judge, work->taker);
    if (taker == NULL || taker->user != user)
        return PL_REASON_LEASE_LOST;
    work->lease = 0;
    if (command->kind == PL_COMMAND_ACK_MESSAGE) {
        work->waits = false;
        judge->acked++;
    } else {
        uint32_t delay_s = command->u.lease.delay_s;

        work->not_before_ms = delay_s > 0 ? judge->age_ms + (int64_t)delay_s * 1000 : 0;
    }
    return PL_REASON_NONE;
}

static uint32_t held(const struct judge *judge, const struct judge_taker *taker, int64_t now_ms)
{
    const struct judge_room *room = &judge->rooms[taker->room];
    uint32_t len = 0;

    for (size_t i = 0; i < room->log_len; i++) {
        const struct judge_work *work = &judge->log[room->log[i]].work;

        len += work->lease != 0 && work->taker == taker->id && work->until_ms > now_ms;
    }
    return len;
}

static void leased(struct judge *judge, const struct pl_effect *effect)
{
    const struct judge_taker *taker = taker_of(judge, effect->u.leased.taker);
    pl_sequence sequence = effect->u.leased.message.sequence;
    struct judge_event *event;
    struct judge_work *work;

    JUDGE(taker != NULL, "taker %" PRIx64 " is not there, and was handed something",
          effect->u.leased.taker);
    JUDGE(sequence > 0 && sequence <= judge->rooms[taker->room].log_len,
          "%" PRIu64 " was handed out, which is not in the log", sequence);
    event = &judge->log[judge->rooms[taker->room].log[sequence - 1]];
    work = &event->work;
    JUDGE(work->waits || event->gone_work, "%" PRIu64 " was handed out, which is no work",
          sequence);
    JUDGE(work->lease == 0 || work->until_ms <= judge->age_ms,
          "%" PRIu64 " of %s is with taker %" PRIx64 " and was handed to %" PRIx64, sequence,
          judge->rooms[taker->room].name, work->taker, taker->id);
    JUDGE(work->not_before_ms <= judge->age_ms, "%" PRIu64 " was handed out too early", sequence);
    JUDGE(taker->include_own || event->actor != taker->user,
          "%" PRIu64 " was handed to its own sender", sequence);
    JUDGE(effect->u.leased.attempt == work->attempts + 1 ||
              (work->attempts_unsure && effect->u.leased.attempt > work->attempts),
          "%" PRIu64 " is at attempt %u after %u", sequence, effect->u.leased.attempt,
          work->attempts);
    JUDGE(held(judge, taker, judge->age_ms) < taker->len_max,
          "taker %" PRIx64 " has more than it may", taker->id);
    judge->handed++;
    judge->handed_again += effect->u.leased.attempt > 1;
    work->attempts = effect->u.leased.attempt;
    work->attempts_unsure = false;
    work->lease = taker->closed || event->gone_work ? 0 : effect->u.leased.lease;
    work->taker = taker->id;
    work->until_ms = judge->age_ms + taker->lease_ms;
}

void judge_work_effect(struct judge *judge, const struct pl_effect *effect)
{
    struct judge_taker *taker;

    if (effect->kind == PL_EFFECT_LEASED)
        leased(judge, effect);
    if (effect->kind != PL_EFFECT_TAKER_ENDED)
        return;
    taker = taker_of(judge, effect->u.taker_ended.taker);
    if (taker == NULL && judge->lost)
        return; /* for the batch that failed there was no memory to tell it */
    JUDGE(taker != NULL && taker->stopped, "taker %" PRIx64 " was ended without need",
          effect->u.taker_ended.taker);
    end_taker(judge, taker);
}

void judge_work_settle(struct judge *judge)
{
    judge->lost = false;
    for (size_t i = 0; i < judge->log_len; i++)
        judge->log[i].gone_work = false;
    for (size_t i = 0; i < judge->takers_len; i++) {
        struct judge_taker *taker = &judge->takers[i];

        JUDGE(!taker->open || !taker->stopped, "taker %" PRIx64 " should have ended", taker->id);
        if (taker->open && taker->closed)
            end_taker(judge, taker);
    }
    while (judge->takers_len > 0 && !judge->takers[judge->takers_len - 1].open)
        judge->takers_len--;
}

void judge_work_unseen(struct judge *judge)
{
    for (size_t i = 0; i < judge->log_len; i++) {
        judge->log[i].work.attempts_unsure = true;
        judge->log[i].gone_work = false;
    }
}

void judge_void_leases(struct judge *judge)
{
    for (size_t i = 0; i < judge->log_len; i++)
        judge->log[i].work.lease = 0;
    judge->takers_len = 0;
}

static bool could_be_handed(const struct judge *judge, const struct judge_event *event,
                            int64_t now_ms)
{
    const struct judge_work *work = &event->work;

    if (!work->waits || (work->lease != 0 && work->until_ms > now_ms) ||
        work->not_before_ms > now_ms)
        return false;
    for (size_t i = 0; i < judge->takers_len; i++) {
        const struct judge_taker *taker = &judge->takers[i];

        if (taker->open && taker->room == event->room &&
            (taker->include_own || event->actor != taker->user) &&
            held(judge, taker, now_ms) < taker->len_max)
            return true;
    }
    return false;
}

void judge_nothing_forgotten(const struct judge *judge, int64_t now_ms)
{
    for (size_t i = 0; judge->takers_len > 0 && i < judge->log_len; i++)
        JUDGE(!could_be_handed(judge, &judge->log[i], now_ms),
              "%" PRIu64 " of %s could be handed out, and is not", judge->log[i].sequence,
              judge->rooms[judge->log[i].room].name);
}

size_t judge_work_left(const struct judge *judge, uint32_t index)
{
    const struct judge_room *room = &judge->rooms[index];
    size_t left = 0;

    for (size_t i = 0; i < room->log_len; i++)
        left += judge->log[room->log[i]].work.waits;
    return left;
}
