/*
 * wal_file.h - whether all that was in the WAL is still there.
 *
 * SQLite takes a WAL for as long as its checksums are right, and a damaged page in its midst
 * for its end: what was committed after that is gone without a word. So the file is looked at
 * before SQLite opens it: against the index beside it (DB-shm), which knows the last commit
 * and lasts when the process is killed; and, where that is gone, for transactions that lie
 * behind the damage. As a transaction begins only when the one before it is on the disk,
 * neither is there after a crash or a power cut, unless commits are not synced
 * (PL_DURABILITY_WRITTEN).
 *
 * The formats: https://www.sqlite.org/fileformat2.html#walformat and
 * https://www.sqlite.org/walformat.html.
 */
#ifndef PL_STORE_WAL_FILE_H
#define PL_STORE_WAL_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct pl_wal_file {
    uint32_t readable; /* pages up to the last commit that can be read */
    bool damaged;      /* there was more */
};

/* Looks at the WAL of a database that nobody has open. PL_E_IO: see errno; PL_E_NOMEM. */
int pl_wal_file_look(const char *db_path, struct pl_wal_file *ret);

#endif
