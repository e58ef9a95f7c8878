/*
 * disk.h - what the server keeps its state on: a store whose disk is slow, full,
 * fails, or dies with everything that was not committed lost.
 *
 * Mostly it is the in-memory twin, whose open transaction is what was not synced;
 * for some seeds SQLite's, with files that lose what was not synced. Some of its
 * operations pass through here.
 *
 * One at a time in a process.
 */
#ifndef PL_TESTS_SIM_DISK_H
#define PL_TESTS_SIM_DISK_H

#include "chance.h"
#include "disk_sqlite.h"
#include "fault.h"
#include "model/store.h"
#include "server/page_cache.h"

/* What becomes of the next commit. */
enum disk_commit {
    DISK_COMMITS,
    DISK_FAILS,     /* it is rolled back, PL_E_NOMEM or PL_E_FULL */
    DISK_DIES,      /* before it lasts */
    DISK_DIES_LATE, /* when it lasts, before anybody is told */
};

struct disk {
    struct disk_sqlite *sqlite; /* NULL: the in-memory twin */
    struct pl_store inner;
    struct pl_store store; /* what the engine is given */
    struct pl_store_ops ops;
    enum fault fault;
    enum disk_commit next;
    int next_err;
    bool full;     /* nothing can be written */
    bool dead;     /* nothing works until disk_revive() */
    bool open;     /* a transaction is */
    bool in_doubt; /* the last commit was refused when it may have been on the disk */
    /* While a commit waits for the disk, others go on. */
    void (*on_wait)(void *arg);
    void *arg;
    /* the events of the last transaction, until the next */
    struct pl_event_row *rows;
    uint32_t rows_len;
    uint32_t rows_cap;
    /* of the deliberate faults */
    int64_t started_ms;
    bool held;             /* a commit that was said to be done is not */
    bool skip;             /* the next room that is looked for goes on one too far */
    struct pl_work leased; /* the last that was handed out */
    bool (*is_full)(void *arg, uint64_t taker); /* so that another one asks */
};

/* kind: any number, of what SQLite's disk does beside. */
void disk_init(struct disk *disk, bool on_sqlite, uint32_t kind, enum fault fault);
void disk_done(struct disk *disk);

/* The operation that is the nth from now fails with that error; 0: none does. On
 * SQLite's disk: the power goes at the nth write. */
void disk_fail_op(struct disk *disk, uint32_t nth, int err);

/* Nothing more can be written; on SQLite's disk: no file can grow, but by so many bytes. */
void disk_fill(struct disk *disk, uint32_t room);

/* No fault is under way any more. */
void disk_mend(struct disk *disk);

/* It died: all that was not committed is gone (or, on SQLite's, by the mix, some of
 * it). It works again; a server starts at now_ms. */
void disk_revive(struct disk *disk, int64_t now_ms, uint64_t mix);

/* Makes a page of a stream, as src/server does. Errors: it could not be read. */
int disk_page(struct disk *disk, const struct pl_page_query *query, const struct pl_framer *framer,
              struct pl_cached_page *ret);

/* Gives all events, in the journal's order. */
void disk_events(struct disk *disk, void (*on_event)(void *arg, const struct pl_event_row *row),
                 void *arg);

#endif
