/*
 * snapshot.c - a reader keeps its state because SQLite's WAL does not begin anew
 * under it. A server that starts would have to wait for that, which is why the
 * lock is taken where it is free.
 *
 * A folder that nobody uses and whose WAL is empty is read as it lies: then no
 * file is made beside the database either.
 */
#include "store/snapshot.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Fails unless there is a file; a folder is not made by looking at it. */
static int find(const char *path, struct pl_store_problem *problem)
{
    struct stat st;

    if (stat(path, &st) == 0) {
        if (S_ISREG(st.st_mode))
            return PL_OK;
        errno = EINVAL;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        snprintf(problem->text, sizeof problem->text,
                 "%s: there is no database; name the data folder with --data", path);
        return PL_E_NOTFOUND;
    }
    snprintf(problem->text, sizeof problem->text, "%s: %s", path,
             errno == EINVAL ? "this is no file" : strerror(errno));
    return PL_E_IO;
}

/* Whether there is nothing in it that is not in the database. */
static bool wal_empty(const char *path)
{
    size_t size = strlen(path) + sizeof "-wal";
    char *wal = pl_alloc(size);
    struct stat st;
    bool empty;

    if (wal == NULL)
        return false;
    snprintf(wal, size, "%s-wal", path);
    empty = stat(wal, &st) == 0 ? st.st_size == 0 : errno == ENOENT;
    pl_free(wal);
    return empty;
}

static int take_lock(struct pl_snapshot *snapshot, const char *dir, const char *doing,
                     bool *ret_still, struct pl_store_problem *problem)
{
    int rc = pl_data_lock_open(dir, &snapshot->lock, NULL);

    *ret_still = rc == PL_OK;
    if (rc == PL_E_BUSY) {
        snapshot->beside = true;
        return PL_OK;
    }
    if (rc == PL_E_IO && errno == EROFS) {
        *ret_still = true; /* nobody can change it */
        return PL_OK;
    }
    if (rc == PL_E_FULL) /* what holds the lock could not be said: SQLite's locks are enough */
        return PL_OK;
    if (rc == PL_OK)
        rc = pl_data_lock_describe(snapshot->lock, doing);
    if (rc == PL_E_FULL)
        return PL_OK;
    if (rc < 0)
        snprintf(problem->text, sizeof problem->text, "%s/" PL_DATA_LOCK_FILE ": %s", dir,
                 rc == PL_E_IO ? strerror(errno) : pl_err_text(rc));
    return rc;
}

int pl_snapshot_open(struct pl_snapshot *snapshot, const char *dir, const char *vfs,
                     const char *doing, struct pl_store_problem *problem)
{
    size_t size = strlen(dir) + sizeof "/" PL_SQLITE_FILE;
    char *path = pl_alloc(size);
    bool still = false;
    int rc;

    *snapshot = (struct pl_snapshot){0};
    problem->text[0] = 0;
    if (path == NULL)
        return PL_E_NOMEM;
    snprintf(path, size, "%s/%s", dir, PL_SQLITE_FILE);
    rc = find(path, problem);
    if (rc == PL_OK)
        rc = take_lock(snapshot, dir, doing, &still, problem);
    if (rc == PL_OK && !snapshot->beside && vfs == NULL) {
        rc = pl_wal_file_look(path, &snapshot->wal);
        if (rc == PL_E_IO)
            snprintf(problem->text, sizeof problem->text, "%s-wal: %s", path, strerror(errno));
    }
    if (rc == PL_OK && still && wal_empty(path))
        rc = pl_db_open_still(&snapshot->db, path, vfs, problem);
    else if (rc == PL_OK)
        rc = pl_db_open(&snapshot->db, path, vfs, SQLITE_OPEN_READONLY, problem);
    if (rc == PL_OK)
        rc = pl_db_exec(&snapshot->db,
                        "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;"
                        "PRAGMA trusted_schema = 0",
                        "configure");
    pl_free(path);
    return rc;
}

int pl_snapshot_begin(struct pl_snapshot *snapshot)
{
    int64_t tables;
    int rc = pl_db_exec(&snapshot->db, "BEGIN", "begin");

    /* SQLite takes it at the first read. */
    return rc < 0 ? rc : pl_db_int(&snapshot->db, "SELECT count(*) FROM sqlite_schema", &tables);
}

void pl_snapshot_close(struct pl_snapshot *snapshot)
{
    pl_db_close(&snapshot->db);
    pl_data_lock_close(snapshot->lock);
    *snapshot = (struct pl_snapshot){0};
}
