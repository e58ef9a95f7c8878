/*
 * sqlite.h - the store that lasts: one SQLite database in the data folder.
 *
 * WAL mode. A batch is one transaction; after its commit has returned PL_OK it
 * is on the disk (SYNCED) or with the operating system (WRITTEN).
 *
 * Threads: a store belongs to one thread at a time, each reader and a
 *   checkpointer to its own.
 */
#ifndef PL_STORE_SQLITE_H
#define PL_STORE_SQLITE_H

#include "model/durability.h"
#include "model/reader.h"
#include "model/store.h"

#include <stddef.h>
#include <stdint.h>

/* The database's name in the data folder. */
#define PL_SQLITE_FILE "parla.db"

/* Why opening failed, said to the operator: one line. */
struct pl_store_problem {
    char text[512];
};

struct pl_sqlite_config {
    const char *dir;               /* the data folder; made if it is missing, mode 0700 */
    enum pl_durability durability; /* all but WRITTEN sync each commit */
    const char *vfs;               /* the name of an SQLite VFS; NULL: the usual one */
    size_t cache_size;             /* of pages kept in memory, in bytes; 0: a default */
    uint32_t checkpoint_pages; /* the WAL may grow by so many between checkpoints; 0: a default */
    /* Called by a commit when it is time for pl_sqlite_checkpointer_run(), perhaps
     * more than once. NULL: commits make the checkpoints themselves. */
    void (*on_checkpoint_due)(void *self);
    void *self;
    bool lay_wal; /* opening writes the WAL's file, some 4 times checkpoint_pages, so that
                     commits need not make it longer */
    uint32_t request_chunk_len; /* see request_index.h; 0: a default. For tests: a database
                                   keeps to one. */
};

struct pl_sqlite_store;

/* Opens or makes the database. Whatever an unclean end left in the WAL is in
 * the database, and synced, when this returns. A database of an older version
 * is copied to parla.db.vN.bak, then brought up to date in one transaction.
 *
 * Fails with PL_E_VERSION (made by a newer program; nothing was changed),
 * PL_E_CORRUPT (damaged, or not parla's), PL_E_BUSY, PL_E_IO, PL_E_FULL,
 * PL_E_NOMEM. `problem` may be NULL. */
int pl_sqlite_store_open(const struct pl_sqlite_config *config, struct pl_sqlite_store **ret_store,
                         struct pl_store_problem *problem);

/* Rolls back what is under way, checkpoints unless the store has failed, closes.
 * NULL is fine. */
void pl_sqlite_store_close(struct pl_sqlite_store *store);

/* The store as the engine knows it; valid until it is closed. After PL_E_IO and
 * PL_E_CORRUPT every further begin fails likewise. */
struct pl_store pl_sqlite_store_iface(struct pl_sqlite_store *store);

/* Brings what is in the WAL into the database file, as far as readers let it.
 * Commits do it by themselves; not inside a transaction. PL_E_IO, PL_E_FULL,
 * PL_E_NOMEM, PL_E_CORRUPT: what was committed stays safe in the WAL. */
int pl_sqlite_store_checkpoint(struct pl_sqlite_store *store);

/* A connection that makes checkpoints while the store commits, so that no commit
 * waits for one. For a thread of its own; closed before its store.
 *
 * The WAL stays below some 16 times checkpoint_pages, which commits wait for if
 * need be; but where another program reads the database all the time, it grows. */
struct pl_sqlite_checkpointer;

/* `config` is the store's. Errors: PL_E_IO, PL_E_BUSY, PL_E_CORRUPT, PL_E_FULL,
 * PL_E_NOMEM. `problem` may be NULL. */
int pl_sqlite_checkpointer_open(struct pl_sqlite_store *store,
                                const struct pl_sqlite_config *config,
                                struct pl_sqlite_checkpointer **ret_checkpointer,
                                struct pl_store_problem *problem);

/* Brings into the database what is in the WAL. PL_E_IO and PL_E_CORRUPT have the
 * store's next begin fail likewise; PL_E_FULL and PL_E_NOMEM may be over later.
 * All of them were told; what was committed stays safe in the WAL. */
int pl_sqlite_checkpointer_run(struct pl_sqlite_checkpointer *checkpointer);

/* NULL is fine. */
void pl_sqlite_checkpointer_close(struct pl_sqlite_checkpointer *checkpointer);

/* Opens a reader of a database that a store has open in this process. Of
 * `config`, durability and checkpoint_pages are not used. Errors are
 * those of pl_sqlite_store_open() but PL_E_VERSION. */
int pl_sqlite_reader_open(const struct pl_sqlite_config *config, struct pl_reader *ret_reader,
                          struct pl_store_problem *problem);

/* Closes a reader that was opened so. One with self NULL is fine. */
void pl_sqlite_reader_close(struct pl_reader *reader);

#endif
