/* gather.c - see gather.h. A hold pays if another feed comes before it ends. */
#include "fanout/gather.h"

enum { SLOT_MS = 4, SKIP_MAX = 256 };

void pl_gather_init(struct pl_gather *gather)
{
    *gather = (struct pl_gather){.until_ms = INT64_MAX, .skip_next = 1};
}

/* Whether many streams were woken in the last milliseconds. */
static bool is_loaded(struct pl_gather *gather, int64_t time_ms)
{
    int64_t slot = time_ms / SLOT_MS;

    if (slot != gather->slot) {
        gather->wakes_last = slot == gather->slot + 1 ? gather->wakes : 0;
        gather->wakes = 0;
        gather->slot = slot;
    }
    return gather->wakes + gather->wakes_last >= PL_GATHER_WAKES_MIN;
}

void pl_gather_feed(struct pl_gather *gather, int64_t time_ms)
{
    bool loaded = is_loaded(gather, time_ms);

    if (gather->until_ms != INT64_MAX) {
        gather->feeds++;
        return;
    }
    gather->may_hold = loaded && gather->skip == 0;
    if (loaded && gather->skip > 0)
        gather->skip--;
}

bool pl_gather_waits(struct pl_gather *gather, int64_t pulled_ms, int64_t time_ms)
{
    gather->wakes++;
    if (!gather->may_hold || time_ms - pulled_ms > PL_GATHER_MS)
        return false;
    if (gather->until_ms == INT64_MAX) {
        gather->until_ms = time_ms + PL_GATHER_MS;
        gather->feeds = 0;
    }
    return true;
}

bool pl_gather_is_over(struct pl_gather *gather, int64_t time_ms)
{
    if (time_ms < gather->until_ms)
        return false;
    gather->until_ms = INT64_MAX;
    gather->may_hold = false;
    if (gather->feeds > 0) {
        gather->skip_next = 1;
        return true;
    }
    gather->skip = gather->skip_next;
    if (gather->skip_next < SKIP_MAX)
        gather->skip_next *= 2;
    return true;
}
