/*
 * check_thread.c - threads, mentions and work: what is kept beside the messages.
 *
 * Threads are compared with what their messages come to, both in the order of room
 * and thread, as two sorted lists are merged.
 */
#include "store/check_inner.h"

#include "base/err.h"

#include <inttypes.h>

struct thread {
    uint64_t room, first, last_message, size;
    bool more; /* else there are none left */
};

static int next_thread(struct pl_run *run, struct thread *ret)
{
    int rc = pl_run_step(run);

    *ret = (struct thread){.more = rc == PL_OK};
    if (rc == PL_OK) {
        ret->room = pl_run_get_u64(run);
        ret->first = pl_run_get_u64(run);
        ret->last_message = pl_run_get_u64(run);
        ret->size = pl_run_get_u64(run);
    }
    return pl_check_end(rc);
}

static int compare(const struct thread *a, const struct thread *b)
{
    if (!a->more || !b->more)
        return b->more - a->more;
    if (a->room != b->room)
        return a->room < b->room ? -1 : 1;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return 0;
}

/* Messages of a thread that is not kept: its first one must have been trimmed. */
static int check_gone(struct pl_check *check, const struct thread *found)
{
    int rc = pl_check_room(check, (pl_room_id){found->room});

    if (rc == PL_OK && (!check->room_known || found->first >= check->room.first_sequence))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s: thread %" PRIu64 " has %" PRIu64 " messages and is not kept",
                      pl_check_room_name(check), found->first, found->size);
    return rc;
}

int pl_check_threads(struct pl_check *check)
{
    struct pl_run kept_run = pl_check_run_start(check, CHECK_THREADS);
    struct pl_run found_run = pl_check_run_start(check, CHECK_THREADED);
    struct thread kept, found;
    int rc = next_thread(&kept_run, &kept);

    if (rc == PL_OK)
        rc = next_thread(&found_run, &found);
    while (rc == PL_OK && (kept.more || found.more)) {
        int order = compare(&kept, &found);

        if (order == 0 && (kept.size != found.size || kept.last_message != found.last_message))
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "room %" PRIu64 ": thread %" PRIu64 " has %" PRIu64
                          " messages, the last one %" PRIu64 ", and is said to have %" PRIu64
                          ", the last one %" PRIu64,
                          kept.room, kept.first, found.size, found.last_message, kept.size,
                          kept.last_message);
        if (order < 0)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "room %" PRIu64 ": thread %" PRIu64 " is kept and has no messages",
                          kept.room, kept.first);
        if (order > 0)
            rc = check_gone(check, &found);
        if (rc == PL_OK && order >= 0)
            rc = next_thread(&found_run, &found);
        if (rc == PL_OK && order <= 0)
            rc = next_thread(&kept_run, &kept);
        pl_check_next(check);
    }
    pl_run_reset(&kept_run);
    pl_run_reset(&found_run);
    return rc;
}

int pl_check_mentions(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_MENTIONS);
    uint64_t last_user = 0, last_room = 0, last_number = 0;
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        uint64_t user = pl_run_get_u64(&run), room = pl_run_get_u64(&run);
        uint64_t sequence = pl_run_get_u64(&run), number = pl_run_get_u64(&run);
        uint32_t kind = pl_run_get_u32(&run);

        if (kind != PL_EVENT_MESSAGE_SENT)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "mention of user %" PRIu64 " in room %" PRIu64 ": %" PRIu64
                          " is no message that is kept",
                          user, room, sequence);
        if (user == 0 || user > check->meta.last_user)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "mention in room %" PRIu64 ": user %" PRIu64 " never was", room, user);
        if (number == 0 || (user == last_user && room == last_room && number != last_number + 1))
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "mentions of user %" PRIu64 " in room %" PRIu64 ": after number %" PRIu64
                          " comes %" PRIu64 "; unread ones are counted by them",
                          user, room, last_number, number);
        last_user = user;
        last_room = room;
        last_number = number;
        pl_check_next(check);
    }
    if (rc == PL_E_NOTFOUND && check->done != check->mentions_told)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "mentions: %" PRIu64 " are remembered, and the messages have %" PRIu64,
                      check->done, check->mentions_told);
    return pl_check_end(rc);
}

/* Of its message: the kind of event, its author, and how its room is delivered. */
static void check_work(struct pl_check *check, const struct pl_work *work, uint32_t kind,
                       uint64_t actor, uint32_t delivery)
{
    if (kind != PL_EVENT_MESSAGE_SENT || delivery != PL_ROOM_ONE)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "work: sequence %" PRIu64 " of room %" PRIu64
                      " is no message that is kept, or its room deals out none",
                      work->sequence, work->room.v);
    else if (actor != work->sender.v)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "work: sequence %" PRIu64 " of room %" PRIu64 " was sent by user %" PRIu64
                      ", not by %" PRIu64,
                      work->sequence, work->room.v, actor, work->sender.v);
    if (work->lease == 0 ? work->taker != 0 || work->lease_until_ms != 0
                         : work->lease > check->meta.last_lease || work->attempts == 0 ||
                               work->lease_until_ms <= 0)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "work: sequence %" PRIu64 " of room %" PRIu64 ": its lease cannot be",
                      work->sequence, work->room.v);
}

int pl_check_work(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_WORK);
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_work work = {.room = {pl_run_get_u64(&run)}};
        uint32_t kind, delivery;
        uint64_t actor;

        work.sequence = pl_run_get_u64(&run);
        work.sender.v = pl_run_get_u64(&run);
        work.attempts = pl_run_get_u32(&run);
        work.not_before_ms = pl_run_get_i64(&run);
        work.lease = pl_run_get_u64(&run);
        work.taker = pl_run_get_u64(&run);
        work.lease_until_ms = pl_run_get_i64(&run);
        kind = pl_run_get_u32(&run);
        actor = pl_run_get_u64(&run);
        delivery = pl_run_get_u32(&run);
        if (pl_check_columns(check, &run, "work of room %" PRIu64, work.room.v))
            check_work(check, &work, kind, actor, delivery);
        pl_check_next(check);
    }
    return pl_check_end(rc);
}
