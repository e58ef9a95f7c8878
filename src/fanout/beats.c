/* beats.c - a slot is a stretch of time; the span takes up half of the wheel. */
#include "fanout/beats.h"

#include "base/assert.h"

void pl_beats_init(struct pl_beats *beats, int64_t span_ms)
{
    PL_ASSERT(span_ms > 0);
    beats->width_ms = (span_ms + PL_BEATS_SLOTS_LEN / 2 - 1) / (PL_BEATS_SLOTS_LEN / 2);
    beats->turn = 0;
    for (int i = 0; i < PL_BEATS_SLOTS_LEN; i++)
        pl_list_init(&beats->slots[i]);
}

void pl_beats_add(struct pl_beats *beats, struct pl_list *node, int64_t due_ms)
{
    int64_t turn = due_ms / beats->width_ms;

    if (turn <= beats->turn)
        turn = beats->turn + 1;
    if (turn >= beats->turn + PL_BEATS_SLOTS_LEN)
        turn = beats->turn + PL_BEATS_SLOTS_LEN - 1;
    pl_list_append(&beats->slots[turn % PL_BEATS_SLOTS_LEN], node);
}

struct pl_list *pl_beats_next(struct pl_beats *beats, int64_t now_ms)
{
    for (;;) {
        struct pl_list *slot = &beats->slots[beats->turn % PL_BEATS_SLOTS_LEN];
        struct pl_list *node = pl_list_first(slot);

        if (node != NULL) {
            pl_list_remove(node);
            return node;
        }
        if (beats->turn >= now_ms / beats->width_ms)
            return NULL;
        beats->turn++;
    }
}
