/* gather.c - time is looked at in slots: the last one tells how much comes. */
#include "fanout/gather.h"

enum { SLOT_MS = 4, SKIP_MAX = 256 };

void pl_gather_init(struct pl_gather *gather, uint32_t wakes_min)
{
    *gather = (struct pl_gather){.until_ms = INT64_MAX, .skip_next = 1, .wakes_min = wakes_min};
}

static void enter_slot(struct pl_gather *gather, int64_t slot)
{
    bool next = slot == gather->slot + 1;

    if (slot == gather->slot)
        return;
    gather->wakes_last = next ? gather->wakes : 0;
    gather->feeds_last = next ? gather->feeds : 0;
    gather->wakes = 0;
    gather->feeds = 0;
    gather->slot = slot;
}

void pl_gather_feed(struct pl_gather *gather, int64_t time_ms)
{
    enter_slot(gather, time_ms / SLOT_MS);
    gather->feeds++;
    if (gather->until_ms != INT64_MAX) {
        gather->gathered++;
        if (gather->gathered >= gather->feeds_last / SLOT_MS)
            gather->until_ms = time_ms;
        return;
    }
    gather->may_wait =
        gather->wakes_min > 0 && gather->wakes + gather->wakes_last >= gather->wakes_min;
    if (gather->may_wait && gather->skip > 0) {
        gather->skip--;
        gather->may_wait = false;
    }
}

bool pl_gather_waits(struct pl_gather *gather, int64_t pulled_ms, int64_t time_ms)
{
    gather->wakes++;
    if (!gather->may_wait || time_ms - pulled_ms > PL_GATHER_MS)
        return false;
    if (gather->until_ms == INT64_MAX) {
        gather->until_ms = time_ms + PL_GATHER_MS;
        gather->gathered = 0;
    }
    return true;
}

bool pl_gather_is_over(struct pl_gather *gather, int64_t time_ms)
{
    if (time_ms < gather->until_ms)
        return false;
    gather->until_ms = INT64_MAX;
    gather->may_wait = false;
    if (gather->gathered > 0) {
        gather->skip_next = 1;
        return true;
    }
    gather->skip = gather->skip_next;
    if (gather->skip_next < SKIP_MAX)
        gather->skip_next *= 2;
    return true;
}
