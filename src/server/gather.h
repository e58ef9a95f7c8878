/*
 * gather.h - whether a batch goes at once, or a moment later with more in it.
 *
 * A commit costs the same for one message and for many, and so does the write
 * that takes them to a reader. So under load a batch waits, for one of two reasons:
 * - It is for busy rooms: it waits for the next message, PL_GATHER_NEXT_US at most. A
 *   room is busy where a message follows the other in less time than a commit takes,
 *   or, if many streams follow the room, within a millisecond or so.
 * - The last batch was large, a moment ago: those whom it answered are about to
 *   send again. More are let come for as long as so many take to decide.
 * What is not to a busy room never waits for the next. Only of many that are about
 * to come, a millisecond after a large batch, it may be one. Where waiting brings
 * nothing, it is given up for a while: those who send may be waiting for what they
 * have sent.
 *
 * Knows no mailbox and no clock. Threads: the engine's.
 */
#ifndef PL_SERVER_GATHER_H
#define PL_SERVER_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PL_GATHER_NEXT_US = 2000,   /* how long the next message is waited for, at most */
    PL_GATHER_MANY_US = 1000,   /* how long many are let come, at most */
    PL_GATHER_BUSY_US = 1300,   /* the mean distance of a busy room's messages, at most, … */
    PL_GATHER_RUSH_US = 200,    /* … and where few follow it */
    PL_GATHER_STREAMS_LEN = 32, /* from so many on, writing to all costs more than a commit */
    PL_GATHER_ROOMS_LEN = 64,   /* rooms whose messages are looked at; a power of two */
};

enum pl_gather_wait {
    PL_GATHER_NONE, /* the batch goes */
    PL_GATHER_NEXT, /* until anything comes */
    PL_GATHER_MANY, /* for the whole time: nobody needs to tell what comes */
};

/* Batches to let pass before one waits again, … */
struct pl_gather_skip {
    uint32_t left;
    uint32_t next; /* … and how many, the next time that waiting brings nothing */
};

/* When a room's messages came; another room may take the place. */
struct pl_gather_room {
    uint64_t name_hash;
    int64_t sent_us;
    int64_t gap_us; /* between two messages, a running mean */
    bool followed;  /* by many, when a message was last shown */
};

struct pl_gather {
    int64_t batch_end_us; /* of the last batch */
    int64_t many_us;      /* how long more are let come after it; 0: it was small */
    struct pl_gather_skip next;
    struct pl_gather_skip many;
    struct pl_gather_room rooms[PL_GATHER_ROOMS_LEN];
};

void pl_gather_init(struct pl_gather *gather);

/* A message for the room, by its name, has come; returns whether the room is busy.
 * Times are microseconds of a clock that never runs back. */
bool pl_gather_sent(struct pl_gather *gather, const char *name, int64_t now_us);

/* A message of the room has been shown to so many streams. */
void pl_gather_shown(struct pl_gather *gather, const char *name, size_t streams_len);

/* What a batch is to wait for, and how long at most. busy: all that it has so far
 * are messages to busy rooms. */
enum pl_gather_wait pl_gather_begin(struct pl_gather *gather, bool busy, int64_t now_us,
                                    int64_t *ret_wait_us);

/* The wait is over, and has brought something or not. */
void pl_gather_end(struct pl_gather *gather, enum pl_gather_wait wait, bool came);

/* A batch of so many commands is done. */
void pl_gather_batch(struct pl_gather *gather, uint32_t commands_len, int64_t now_us);

#endif
