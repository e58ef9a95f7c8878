/*
 * snapshot.h - one committed state of a data folder's database, for reading.
 *
 * Where no server has the folder, its lock is taken, so that none starts
 * meanwhile; where one has it, the state is that of one moment, and the server
 * goes on. Nothing in the database is changed either way.
 *
 * Inside the store only. Threads: one at a time.
 */
#ifndef PL_STORE_SNAPSHOT_H
#define PL_STORE_SNAPSHOT_H

#include "store/lock.h"
#include "store/sqlite_db.h"
#include "store/wal_file.h"

struct pl_snapshot {
    struct pl_db db;
    struct pl_data_lock *lock; /* NULL: a server has it, or the folder cannot be written */
    bool beside;               /* a server has the lock */
    struct pl_wal_file wal;    /* as it was before SQLite read it; none, where a server has it */
};

/* Opens DIR/parla.db. `doing` is told to a server that starts meanwhile. On
 * failure close it, too. PL_E_NOTFOUND (there is no database), PL_E_IO,
 * PL_E_CORRUPT, PL_E_BUSY, PL_E_NOMEM; `problem` says it, and is told of the
 * connection's later errors, too. */
int pl_snapshot_open(struct pl_snapshot *snapshot, const char *dir, const char *vfs,
                     const char *doing, struct pl_store_problem *problem);

/* From here on everything that is read is of one state. */
int pl_snapshot_begin(struct pl_snapshot *snapshot);

/* A zeroed one is fine. */
void pl_snapshot_close(struct pl_snapshot *snapshot);

#endif
