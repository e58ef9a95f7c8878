/*
 * beats.h - whose silence to look at when: a wheel of lists.
 *
 * So a tick costs what is due, not what is open. Nodes come up late by at most
 * a sixteenth of the span, and never lost; who has them up decides whether it
 * is really time, else adds them again.
 *
 * Ownership: links never own. Threads: the loop's.
 */
#ifndef PL_FANOUT_BEATS_H
#define PL_FANOUT_BEATS_H

#include "base/list.h"

#include <stdint.h>

enum { PL_BEATS_SLOTS_LEN = 32 };

struct pl_beats {
    struct pl_list slots[PL_BEATS_SLOTS_LEN];
    int64_t width_ms;
    int64_t turn; /* the slot that is up, counted without end */
};

/* span_ms: how far ahead of now a node is due at most. */
void pl_beats_init(struct pl_beats *beats, int64_t span_ms);

/* Adds a node that is in no list. */
void pl_beats_add(struct pl_beats *beats, struct pl_list *node, int64_t due_ms);

/* Takes out a node that may be due at now_ms; NULL when there is none. Adding it
 * again does not bring it up in this round. */
struct pl_list *pl_beats_next(struct pl_beats *beats, int64_t now_ms);

#endif
