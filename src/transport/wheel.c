/*
 * wheel.c - a slot of level n is 64^n widths long.
 *
 * On each level a node lies 1 to 63 slots ahead of the one in which the present turn
 * lies, so none is mistaken for one of another round; it comes up where its slot
 * begins.
 */
#include "transport/wheel.h"

#include "base/assert.h"

static int64_t slot_at(int64_t turn, int level)
{
    return turn >> (PL_WHEEL_BITS * level);
}

static int64_t begin_of(int64_t slot, int level)
{
    return slot << (PL_WHEEL_BITS * level);
}

static struct pl_list *list_of(struct pl_wheel *wheel, int level, int64_t slot)
{
    return &wheel->slots[level][slot % PL_WHEEL_SLOTS_LEN];
}

void pl_wheel_init(struct pl_wheel *wheel, int64_t width_ms, int64_t now_ms)
{
    PL_ASSERT(width_ms > 0 && now_ms >= 0);
    wheel->width_ms = width_ms;
    wheel->turn = now_ms / width_ms;
    pl_list_init(&wheel->up);
    for (int level = 0; level < PL_WHEEL_LEVELS_LEN; level++)
        for (int i = 0; i < PL_WHEEL_SLOTS_LEN; i++)
            pl_list_init(&wheel->slots[level][i]);
}

int64_t pl_wheel_add(struct pl_wheel *wheel, struct pl_list *node, int64_t due_ms)
{
    int64_t turn = due_ms / wheel->width_ms + (due_ms % wheel->width_ms > 0);
    int level = 0;
    int64_t slot;

    PL_ASSERT(due_ms >= 0);
    if (turn <= wheel->turn)
        turn = wheel->turn + 1;
    while (level < PL_WHEEL_LEVELS_LEN - 1 &&
           slot_at(turn, level) - slot_at(wheel->turn, level) >= PL_WHEEL_SLOTS_LEN)
        level++;
    slot = slot_at(turn, level);
    if (slot - slot_at(wheel->turn, level) >= PL_WHEEL_SLOTS_LEN) /* beyond the wheel: early */
        slot = slot_at(wheel->turn, level) + PL_WHEEL_SLOTS_LEN - 1;
    pl_list_append(list_of(wheel, level, slot), node);
    return begin_of(slot, level) * wheel->width_ms;
}

/* The turn in which the next node comes up; INT64_MAX. */
static int64_t next_turn(const struct pl_wheel *wheel)
{
    int64_t next = INT64_MAX;

    for (int level = 0; level < PL_WHEEL_LEVELS_LEN; level++) {
        int64_t slot = slot_at(wheel->turn, level);

        for (int i = 1; i < PL_WHEEL_SLOTS_LEN; i++) {
            if (pl_list_empty(&wheel->slots[level][(slot + i) % PL_WHEEL_SLOTS_LEN]))
                continue;
            if (begin_of(slot + i, level) < next)
                next = begin_of(slot + i, level);
            break;
        }
    }
    return next;
}

/* Brings up what lies in slots that begin at this turn. */
static void bring_up(struct pl_wheel *wheel)
{
    for (int level = 0; level < PL_WHEEL_LEVELS_LEN; level++) {
        struct pl_list *list = list_of(wheel, level, slot_at(wheel->turn, level));
        struct pl_list *node;

        while ((node = pl_list_first(list)) != NULL) {
            pl_list_remove(node);
            pl_list_append(&wheel->up, node);
        }
    }
}

struct pl_list *pl_wheel_next(struct pl_wheel *wheel, int64_t now_ms)
{
    int64_t turn = now_ms / wheel->width_ms, next;
    struct pl_list *node;

    if (turn > wheel->turn) {
        while ((next = next_turn(wheel)) <= turn) {
            wheel->turn = next;
            bring_up(wheel);
        }
        wheel->turn = turn;
    }
    node = pl_list_first(&wheel->up);
    if (node != NULL)
        pl_list_remove(node);
    return node;
}

int64_t pl_wheel_up_ms(const struct pl_wheel *wheel)
{
    int64_t next = pl_list_empty(&wheel->up) ? next_turn(wheel) : wheel->turn;

    return next == INT64_MAX ? INT64_MAX : next * wheel->width_ms;
}
