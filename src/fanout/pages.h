/*
 * pages.h - the pages that streams are being given, and what they may take together.
 *
 * A stream that catches up holds a page until its peer has read it. Many hold the same
 * one, which counts once. Two things bound them all:
 *
 * - Only so many pages are asked for at a time; who wants one then waits in turn.
 * - When held pages are over the budget, the ones that came longest ago are let go: their
 *   streams finish the frame that they are in the midst of, which they get a copy of, and
 *   ask again from there when their peers read on. A peer that has stopped so costs a
 *   frame at most.
 *
 * A page that comes is never let go before its streams were woken and could be pulled:
 * those asked for at a time are half of the budget at most, and the newest stays.
 *
 * Threads:   the loop's.
 * Ownership: chunks own the bytes; this counts them.
 */
#ifndef PL_FANOUT_PAGES_H
#define PL_FANOUT_PAGES_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "model/framer.h"

struct pl_stream;
struct pl_held_page;

/* A stream's part in it; it has one from when it first asks until it is live. */
struct pl_page_hold {
    struct pl_stream *stream_weak;
    struct pl_list node;            /* in page->streams or pages->waiting, or in no list */
    struct pl_held_page *page_weak; /* NULL: it holds none */
};

struct pl_pages {
    struct pl_map map;      /* of held pages, by their bytes' address */
    struct pl_list held;    /* the same; came last, comes last */
    struct pl_list waiting; /* of streams, for their turn to ask */
    size_t size;            /* of held pages, in bytes */
    size_t size_max;
    uint32_t wanted; /* asked for, not come yet */
    uint32_t wanted_max;
    uint64_t let_go; /* times that a stream's page was */
};

void pl_pages_init(struct pl_pages *pages, size_t size_max, size_t page_size_max);
void pl_pages_done(struct pl_pages *pages); /* nothing is held any more */

/* That of a stream which holds nothing yet. NULL when memory is short. */
struct pl_page_hold *pl_page_hold_new(struct pl_stream *stream);

/* After pl_pages_drop(). NULL is fine. */
void pl_page_hold_free(struct pl_page_hold *hold);

/* A stream without a page: whether it may ask for one now; else it waits. */
bool pl_pages_may_ask(struct pl_pages *pages, struct pl_page_hold *hold);

/* What was asked for has come, or will not. */
void pl_pages_answered(struct pl_pages *pages);

/* The stream whose turn it is to ask, which then waits no more; NULL where none may. */
struct pl_stream *pl_pages_next(struct pl_pages *pages);

/* The stream holds a page of these bytes, as its one chunk with a `through`.
 * PL_E_NOMEM. */
int pl_pages_hold(struct pl_pages *pages, struct pl_page_hold *hold, struct pl_buf *frames);

/* It holds none any more, nor waits; harmless where that is so. NULL is fine. */
void pl_pages_drop(struct pl_pages *pages, struct pl_page_hold *hold);

/* Lets go of what is over the budget. */
void pl_pages_trim(struct pl_pages *pages, const struct pl_framer *framer);

#endif
