/*
 * wheel.h - what to look at when: lists of nodes by the time at which they are due.
 *
 * So a moment costs what is due then, not what waits. Each level of the wheel takes
 * times further ahead than the one below, and more coarsely. The wheel does not keep
 * a node's time: a node may come up early, and whoever has it up looks whether it is
 * really time, else adds it again. So a time that moves away needs no word to the
 * wheel; one that comes nearer does. A node comes up late by less than the width.
 *
 * Ownership: links never own; a node is taken out with pl_list_remove().
 * Threads: none of its own.
 */
#ifndef PL_TRANSPORT_WHEEL_H
#define PL_TRANSPORT_WHEEL_H

#include "base/list.h"

#include <stdint.h>

enum {
    PL_WHEEL_BITS = 6,
    PL_WHEEL_SLOTS_LEN = 1 << PL_WHEEL_BITS,
    PL_WHEEL_LEVELS_LEN = 4,
};

struct pl_wheel {
    int64_t width_ms;
    int64_t turn;      /* the time last told, in widths; counted without end */
    struct pl_list up; /* what has come up by then */
    struct pl_list slots[PL_WHEEL_LEVELS_LEN][PL_WHEEL_SLOTS_LEN];
};

/* Times are >= 0. */
void pl_wheel_init(struct pl_wheel *wheel, int64_t width_ms, int64_t now_ms);

/* Adds a node that is in no list. Returns when it comes up. */
int64_t pl_wheel_add(struct pl_wheel *wheel, struct pl_list *node, int64_t due_ms);

/* Takes out a node that may be due at now_ms; NULL when there is none. Adding it again
 * does not bring it up in this round. */
struct pl_list *pl_wheel_next(struct pl_wheel *wheel, int64_t now_ms);

/* When the next node comes up; INT64_MAX: there is none. */
int64_t pl_wheel_up_ms(const struct pl_wheel *wheel);

#endif
