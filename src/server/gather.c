/* gather.c - a room's pace and its readers tell whether the next message is worth waiting for. */
#include "server/gather.h"

#include "base/map.h"

enum {
    GAP_US_MAX = 10 * 1000, /* a longer silence counts as this one */
    GAP_PARTS = 4,          /* a new gap is this part of the mean */
    LARGE_LEN = 32,         /* commands in a batch from which on more are let come after it */
    MANY_US_PER_COMMAND = 10,
    MANY_WITHIN_US = 10 * 1000, /* what comes later after a batch is a new load */
    SKIP_MAX = 256,
};

void pl_gather_init(struct pl_gather *gather)
{
    *gather = (struct pl_gather){.many_us = 0};
    gather->next.next = 1;
    gather->many.next = 1;
    for (uint32_t i = 0; i < PL_GATHER_ROOMS_LEN; i++)
        gather->rooms[i].gap_us = GAP_US_MAX;
}

static struct pl_gather_room *room_of(struct pl_gather *gather, uint64_t name_hash)
{
    return &gather->rooms[name_hash % PL_GATHER_ROOMS_LEN];
}

bool pl_gather_sent(struct pl_gather *gather, const char *name, int64_t now_us)
{
    uint64_t hash = pl_hash_str(name);
    struct pl_gather_room *room = room_of(gather, hash);
    int64_t gap_us = now_us - room->sent_us;

    if (room->name_hash != hash) {
        *room = (struct pl_gather_room){.name_hash = hash, .gap_us = GAP_US_MAX};
    } else {
        if (gap_us > GAP_US_MAX)
            gap_us = GAP_US_MAX;
        room->gap_us += (gap_us - room->gap_us) / GAP_PARTS;
    }
    room->sent_us = now_us;
    return room->gap_us <= (room->followed ? PL_GATHER_BUSY_US : PL_GATHER_RUSH_US);
}

void pl_gather_shown(struct pl_gather *gather, const char *name, size_t streams_len)
{
    uint64_t hash = pl_hash_str(name);
    struct pl_gather_room *room = room_of(gather, hash);

    if (room->name_hash == hash)
        room->followed = streams_len >= PL_GATHER_STREAMS_LEN;
}

/* Whether this batch is not one of those that are let pass. */
static bool passes(struct pl_gather_skip *skip)
{
    if (skip->left == 0)
        return true;
    skip->left--;
    return false;
}

static void note(struct pl_gather_skip *skip, bool came)
{
    if (came) {
        skip->next = 1;
        return;
    }
    skip->left = skip->next;
    if (skip->next < SKIP_MAX)
        skip->next *= 2;
}

enum pl_gather_wait pl_gather_begin(struct pl_gather *gather, bool busy, int64_t now_us,
                                    int64_t *ret_wait_us)
{
    if (gather->many_us > 0 && now_us - gather->batch_end_us < MANY_WITHIN_US) {
        *ret_wait_us = gather->many_us;
        return passes(&gather->many) ? PL_GATHER_MANY : PL_GATHER_NONE;
    }
    *ret_wait_us = PL_GATHER_NEXT_US;
    return busy && passes(&gather->next) ? PL_GATHER_NEXT : PL_GATHER_NONE;
}

void pl_gather_end(struct pl_gather *gather, enum pl_gather_wait wait, bool came)
{
    if (wait == PL_GATHER_NEXT)
        note(&gather->next, came);
    else if (wait == PL_GATHER_MANY)
        note(&gather->many, came);
}

void pl_gather_batch(struct pl_gather *gather, uint32_t commands_len, int64_t now_us)
{
    gather->batch_end_us = now_us;
    gather->many_us = 0;
    if (commands_len >= LARGE_LEN)
        gather->many_us = (int64_t)commands_len * MANY_US_PER_COMMAND;
    if (gather->many_us > PL_GATHER_MANY_US)
        gather->many_us = PL_GATHER_MANY_US;
}
