/*
 * backup.h - copies a data folder's database, also while a server writes to it.
 *
 * The copy is of one committed state, whole, looked through and on the disk when
 * it gets its name; on any failure nothing of it stays. It is all that a server
 * needs to go on from that state: see docs.
 */
#ifndef PL_STORE_BACKUP_H
#define PL_STORE_BACKUP_H

#include "model/store.h"
#include "store/sqlite.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_backup_config {
    const char *dir;
    const char *vfs;  /* as in pl_sqlite_config */
    const char *file; /* where the copy goes */
    bool replace;     /* a file that is there gives way */
    const char *file_vfs;
    /* Called every megabyte or so, with bytes; false stops it. */
    bool (*on_progress)(void *self, uint64_t done, uint64_t total);
    void *self;
};

struct pl_backup_report {
    uint64_t size;
    bool beside; /* a server ran */
    struct pl_meta meta;
};

/* PL_E_NOTFOUND (there is no database), PL_E_EXISTS (there is a file, and it is not to
 * be replaced), PL_E_INVALID (no file can be made there), PL_E_BUSY (another makes it
 * just now), PL_E_CORRUPT (the database is damaged, or the copy was), PL_E_VERSION,
 * PL_E_CANCELLED, PL_E_IO, PL_E_FULL, PL_E_NOMEM. `problem` says it, and what to do. */
int pl_backup_run(const struct pl_backup_config *config, struct pl_backup_report *ret_report,
                  struct pl_store_problem *problem);

#endif
