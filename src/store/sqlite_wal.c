/*
 * sqlite_wal.c - when what is in the WAL goes into the database, and by whom.
 *
 * A checkpoint takes long: it writes pages all over the database, and syncs. So
 * a server makes it on a connection and a thread of its own, while commits go on
 * (SQLite allows one checkpoint beside one writer). It never gets to the WAL's
 * end, as that moves on; but SQLite writes the WAL anew from its beginning only
 * when all of it is in the database and no reader uses it. So once the WAL is
 * long and nearly all is done, a commit does the little that is left, and the
 * WAL begins anew. Where that does not happen, because somebody reads on and
 * on, or since the disk is too slow, commits wait a little: see must_begin_anew().
 *
 * Without such a connection, in tests and tools, commits do it all.
 *
 * A sync of a file that has grown waits for two writes, one after the other: the
 * data, and then the file's new length and blocks. So the WAL's file is made as long
 * as it will be before the first commit.
 */
#include "store/sqlite.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/sqlite_store.h"

#include <stdio.h>
#include <string.h>

enum {
    ANEW_STEPS = 4,  /* the WAL is to begin anew at so many times checkpoint_pages, … */
    OVER_STEPS = 16, /* … and from so many on commits wait for it */
    LEFT_PARTS = 4,  /* what is left is little: this part of checkpoint_pages */
    FRAME_SIZE = 24 + 4096,
    PASSES_MAX = 4,
    READERS_WAIT_MS = 100,
    PURGE_STEP_MS = 10 * 1000,
    PURGE_RETRY_MS = 1000,
};

struct pl_sqlite_checkpointer {
    struct pl_db db;
    struct pl_sqlite_wal *wal_weak;
};

void pl_sqlite_wal_init(struct pl_sqlite_wal *wal, const struct pl_sqlite_config *config,
                        uint32_t step)
{
    *wal = (struct pl_sqlite_wal){
        .step = step, .on_due = config->on_checkpoint_due, .self = config->self};
    atomic_init(&wal->in_db, 0);
    atomic_init(&wal->running, false);
    atomic_init(&wal->failed, PL_OK);
}

/* Zeros are no frames, so whoever opens the database finds the WAL as empty as it was. */
static int write_zeros(sqlite3_file *file, sqlite3_int64 end)
{
    static const uint8_t zeros[64 * 1024];
    sqlite3_int64 at = 0;
    int rc = file->pMethods->xFileSize(file, &at);

    for (; rc == SQLITE_OK && at < end; at += (sqlite3_int64)sizeof zeros)
        rc = file->pMethods->xWrite(file, zeros, sizeof zeros, at);
    return rc;
}

int pl_sqlite_wal_lay(struct pl_sqlite_store *store)
{
    uint32_t pages = store->wal.step * ANEW_STEPS + store->wal.step / LEFT_PARTS;
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(store->db.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);

    if (rc == SQLITE_OK && write_zeros(file, (sqlite3_int64)pages * FRAME_SIZE) != SQLITE_OK)
        rc = file->pMethods->xTruncate(file, 0); /* it grows as it has to, while it can */
    if (rc == SQLITE_OK)
        rc = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
    return pl_db_failed(&store->db, rc, "lay out the WAL");
}

/* Pages that are not in the database, as far as is known. */
static uint32_t left(struct pl_sqlite_wal *wal)
{
    uint32_t in_db = atomic_load(&wal->in_db);

    return in_db < wal->pages ? wal->pages - in_db : wal->pages;
}

static void is_new(struct pl_sqlite_wal *wal)
{
    wal->asked = wal->tried = wal->forced = 0;
    atomic_store(&wal->in_db, 0);
}

/* Does what is left and has the WAL begin anew; a purge also empties its file.
 * Readers are waited for so long. PL_E_BUSY, told to nobody: not now. */
static int begin_anew(struct pl_sqlite_store *store, bool purge, int wait_ms)
{
    struct pl_sqlite_wal *wal = &store->wal;
    int mode = purge ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
    int rc;

    sqlite3_busy_timeout(store->db.handle, wait_ms);
    rc = sqlite3_wal_checkpoint_v2(store->db.handle, NULL, mode, NULL, NULL);
    sqlite3_busy_timeout(store->db.handle, PL_DB_BUSY_MS);
    wal->tried = wal->pages;
    if (rc == SQLITE_BUSY)
        return PL_E_BUSY;
    rc = pl_sqlite_store_check(store, pl_db_failed(&store->db, rc, "checkpoint"));
    if (rc == PL_OK) {
        wal->pages = 0;
        is_new(wal);
    }
    return rc;
}

/* What was trimmed is overwritten in the database by a checkpoint, and leaves
 * the WAL when that is emptied, which no reader is waited for. */
static void purge(struct pl_sqlite_store *store)
{
    bool done = begin_anew(store, true, 0) == PL_OK;

    store->wal.purge_due = !done;
    store->wal.purge_ms = store->time_ms + (done ? PURGE_STEP_MS : PURGE_RETRY_MS);
}

/* The WAL is far over its length. The checkpoint under way is waited for, so that
 * a disk that is too slow slows those who write; and readers for a moment only,
 * as it may be a program beside us that reads for hours: then the WAL grows. */
static void must_begin_anew(struct pl_sqlite_store *store)
{
    struct pl_sqlite_wal *wal = &store->wal;
    int64_t until_ms = pl_clock_mono_ms() + PL_DB_BUSY_MS;

    while (atomic_load(&wal->running) && pl_clock_mono_ms() < until_ms)
        sqlite3_sleep(1);
    if (begin_anew(store, false, READERS_WAIT_MS) != PL_E_BUSY)
        return;
    if (wal->forced == 0)
        pl_diag(PL_DIAG_WARNING, "store",
                "%s-wal has %u pages and grows: does another program, a backup or a check, read "
                "the database?",
                store->db.path, wal->pages);
    wal->forced = wal->pages;
}

/* Where commits have waited in vain, for who reads on and on, they do so again only when
 * the WAL is twice as long: what there is to do meanwhile is done beside. */
static bool must_wait(const struct pl_sqlite_wal *wal)
{
    if (wal->forced > 0)
        return wal->pages / 2 >= wal->forced;
    return wal->pages >= wal->step * OVER_STEPS && wal->pages - wal->tried >= wal->step;
}

/* After a commit, where somebody else makes the checkpoints. */
static void tend_beside(struct pl_sqlite_store *store)
{
    struct pl_sqlite_wal *wal = &store->wal;
    bool purges = wal->purge_due && store->time_ms >= wal->purge_ms;
    bool anew = wal->pages >= wal->step * ANEW_STEPS || purges;
    bool little = left(wal) <= wal->step / LEFT_PARTS;
    bool running = atomic_load(&wal->running);

    if (must_wait(wal)) {
        must_begin_anew(store);
    } else if (anew && little && !running) {
        if (purges)
            purge(store);
        else if (wal->pages - wal->tried >= wal->step / LEFT_PARTS)
            (void)begin_anew(store, false, 0); /* a failure is remembered */
    } else if (wal->pages - wal->asked >= wal->step || (anew && !running)) {
        wal->asked = wal->pages;
        wal->on_due(wal->self);
    }
}

void pl_sqlite_wal_tend(struct pl_sqlite_store *store)
{
    struct pl_sqlite_wal *wal = &store->wal;

    if (atomic_load(&wal->failed) < 0)
        return; /* the WAL is all there is to trust: the next start looks at it */
    if (wal->pages < wal->asked || wal->pages < wal->tried)
        is_new(wal); /* it was all in the database */
    if (wal->on_due != NULL) {
        tend_beside(store);
        return;
    }
    if (wal->pages - wal->asked >= wal->step)
        (void)pl_sqlite_store_checkpoint(store); /* told there; this batch is safe */
    if (wal->purge_due && store->time_ms >= wal->purge_ms)
        purge(store); /* likewise */
}

int pl_sqlite_store_checkpoint(struct pl_sqlite_store *store)
{
    int rc;

    store->wal.asked = store->wal.pages;
    rc = sqlite3_wal_checkpoint_v2(store->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_BUSY) /* readers hold some of it: the next one gets further */
        return PL_OK;
    return pl_sqlite_store_check(store, pl_db_failed(&store->db, rc, "checkpoint"));
}

static int configure(struct pl_sqlite_checkpointer *checkpointer)
{
    /* It prepares next to nothing: no 48 KB for what lives briefly. */
    sqlite3_db_config(checkpointer->db.handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_db_config(checkpointer->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_wal_autocheckpoint(checkpointer->db.handle, 0);
    return pl_db_exec(&checkpointer->db,
                      "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1;"
                      "PRAGMA checkpoint_fullfsync = 1; PRAGMA cache_size = 0;"
                      "PRAGMA trusted_schema = 0",
                      "configure");
}

int pl_sqlite_checkpointer_open(struct pl_sqlite_store *store,
                                const struct pl_sqlite_config *config,
                                struct pl_sqlite_checkpointer **ret_checkpointer,
                                struct pl_store_problem *problem)
{
    struct pl_store_problem own = {{0}};
    struct pl_sqlite_checkpointer *checkpointer = pl_zalloc(sizeof *checkpointer);
    int64_t wal = 0;
    int rc;

    if (checkpointer == NULL)
        return PL_E_NOMEM;
    checkpointer->wal_weak = &store->wal;
    rc = pl_db_open(&checkpointer->db, store->db.path, config->vfs, SQLITE_OPEN_READWRITE,
                    problem != NULL ? problem : &own);
    if (rc == PL_OK)
        rc = configure(checkpointer);
    if (rc == PL_OK) /* which is also when SQLite looks at the file */
        rc = pl_db_int(&checkpointer->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
                       &wal);
    if (rc < 0) {
        pl_sqlite_checkpointer_close(checkpointer);
        return rc;
    }
    PL_ASSERT(wal == 1); /* the store has seen to it */
    checkpointer->db.problem_weak = NULL;
    *ret_checkpointer = checkpointer;
    return PL_OK;
}

/* One pass; what was in the WAL when it began is in the database. */
static int pass(struct pl_sqlite_checkpointer *checkpointer, uint32_t *ret_pages)
{
    int in_wal = 0, in_db = 0;
    int rc = sqlite3_wal_checkpoint_v2(checkpointer->db.handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       &in_wal, &in_db);

    if (rc == SQLITE_BUSY) /* a commit does it just now */
        return PL_E_BUSY;
    if (rc != SQLITE_OK)
        return pl_db_failed(&checkpointer->db, rc, "checkpoint");
    if (in_db > 0)
        atomic_store(&checkpointer->wal_weak->in_db, (uint32_t)in_db);
    *ret_pages = in_wal > 0 ? (uint32_t)in_wal : 0;
    return PL_OK;
}

int pl_sqlite_checkpointer_run(struct pl_sqlite_checkpointer *checkpointer)
{
    struct pl_sqlite_wal *wal = checkpointer->wal_weak;
    uint32_t before = atomic_load(&wal->in_db), pages = 0;
    int rc = PL_OK;

    atomic_store(&wal->running, true);
    for (int i = 0; i < PASSES_MAX && rc == PL_OK; i++) {
        rc = pass(checkpointer, &pages);
        if (pages < wal->step * ANEW_STEPS || pages - before <= wal->step / LEFT_PARTS)
            break; /* it took so few that few have come meanwhile */
        before = pages;
    }
    if (rc == PL_E_IO || rc == PL_E_CORRUPT)
        atomic_store(&wal->failed, rc);
    atomic_store(&wal->running, false);
    return rc == PL_E_BUSY ? PL_OK : rc;
}

void pl_sqlite_checkpointer_close(struct pl_sqlite_checkpointer *checkpointer)
{
    if (checkpointer == NULL)
        return;
    pl_db_close(&checkpointer->db);
    pl_free(checkpointer);
}
