/*
 * backup.c - SQLite's online backup, page by page, within one read transaction.
 *
 * The transaction is what makes it one state: without it each write by the server would
 * have SQLite begin the copy anew, and under load it would never end. It costs the
 * server nothing but the length of its WAL, which cannot begin anew meanwhile.
 *
 * What has been written is brought to the disk bit by bit, with pauses, so that the server's
 * commits never wait behind a whole database at once.
 */
#include "store/backup.h"

#include "base/clock.h"
#include "base/err.h"
#include "store/new_file.h"
#include "store/schema.h"
#include "store/snapshot.h"
#include "store/sqlite_row.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    STEP_PAGES = 256,   /* a megabyte, … */
    PAUSE_MS_MAX = 100, /* … after which a server that runs has the disk for as long again */
};

struct backup {
    const struct pl_backup_config *config;
    struct pl_store_problem *problem;
    struct pl_snapshot snapshot;
    struct pl_new_file *file;
    struct pl_db copy;
    uint64_t page_size;
};

static int fail(struct backup *backup, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct backup *backup, int rc, const char *format, ...)
{
    struct pl_store_problem *problem = backup->problem;
    int at = snprintf(problem->text, sizeof problem->text, "%s: ", backup->config->file);
    va_list args;

    if (at < 0 || (size_t)at >= sizeof problem->text)
        at = 0;
    va_start(args, format);
    vsnprintf(problem->text + at, sizeof problem->text - (size_t)at, format, args);
    va_end(args);
    return rc;
}

/* Tells why the file cannot be. */
static int file_failed(struct backup *backup, int rc)
{
    switch (rc) {
    case PL_OK:
        return PL_OK;
    case PL_E_EXISTS:
        return fail(backup, rc, "there is such a file; name another, or give --replace");
    case PL_E_INVALID:
        return fail(backup, rc, "there is something that is no file; name another");
    case PL_E_BUSY:
        return fail(backup, rc, "another backup writes to it just now");
    case PL_E_IO:
        return fail(backup, rc, "%s", strerror(errno));
    default:
        return fail(backup, rc, "%s", pl_err_text(rc));
    }
}

/* The folder's own files are not to be replaced. */
static int check_not_own(struct backup *backup)
{
    static const char *const own[] = {PL_SQLITE_FILE, PL_SQLITE_FILE "-wal", PL_SQLITE_FILE "-shm",
                                      PL_SQLITE_FILE "-journal", PL_DATA_LOCK_FILE};
    const char *file = backup->config->file, *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;
    char folder[4096] = ".";
    struct stat data, place;

    if (slash != NULL && (size_t)(slash - file) + 2 > sizeof folder)
        return fail(backup, PL_E_INVALID, "the name is too long");
    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - file) + 1, file);
    if (name[0] == 0)
        return fail(backup, PL_E_INVALID, "this is no file's name");
    if (stat(backup->config->dir, &data) < 0 || stat(folder, &place) < 0 ||
        data.st_dev != place.st_dev || data.st_ino != place.st_ino)
        return PL_OK;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(name, own[i]) == 0)
            return fail(backup, PL_E_INVALID, "this is a file of the data folder; name another");
    return PL_OK;
}

static int get_meta(struct pl_db *db, struct pl_meta *ret)
{
    static const struct pl_db_sql sql[] = {{"meta", PL_SQL_GET_META}};
    struct pl_run run;
    int rc = pl_db_prepare(db, sql, 1);

    if (rc < 0)
        return rc;
    run = pl_run_start(db, 0);
    rc = pl_row_get_meta(&run, ret);
    return rc == PL_E_NOTFOUND ? pl_db_damaged(db, "meta") : rc;
}

/* What is to be copied is a database of ours. */
static int open_source(struct backup *backup, struct pl_backup_report *report)
{
    const struct pl_backup_config *config = backup->config;
    struct pl_snapshot *snapshot = &backup->snapshot;
    int64_t page_size = 0;
    uint32_t version = 0;
    int rc =
        pl_snapshot_open(snapshot, config->dir, config->vfs, "making a backup", backup->problem);

    report->beside = snapshot->beside;
    if (rc == PL_OK)
        rc = pl_snapshot_begin(snapshot);
    if (rc == PL_OK)
        rc = pl_schema_check(&snapshot->db, &pl_schema_now, &version);
    if (rc == PL_OK && version == 0) {
        pl_db_tell(&snapshot->db, "it is empty; there is nothing to copy");
        return PL_E_CORRUPT;
    }
    if (rc == PL_OK)
        rc = pl_db_int(&snapshot->db, "PRAGMA page_size", &page_size);
    backup->page_size = (uint64_t)page_size;
    return rc == PL_OK ? get_meta(&snapshot->db, &report->meta) : rc;
}

static int open_copy(struct backup *backup)
{
    int rc = pl_new_file_open(backup->config->file, backup->config->replace, &backup->file);

    if (rc < 0)
        return file_failed(backup, rc);
    rc = pl_db_open(&backup->copy, pl_new_file_temp(backup->file), backup->config->file_vfs,
                    SQLITE_OPEN_READWRITE, backup->problem);
    if (rc == PL_OK) /* until it is whole it is nothing: there is nothing to roll back to */
        rc = pl_db_exec(&backup->copy,
                        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                        "PRAGMA cache_size = -2048",
                        "configure");
    return rc;
}

/* Whose error it is: what reads is the database, what writes is the copy. */
static int copy_failed(struct backup *backup, int rc)
{
    bool reading = rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ ||
                   (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;

    return pl_db_failed(reading ? &backup->snapshot.db : &backup->copy, rc, "copy");
}

/* What a step has written goes to the disk before the next one. */
static int settle(struct backup *backup, int64_t step_start_ms)
{
    int err = pl_new_file_sync(backup->file);
    int64_t took_ms = pl_clock_mono_ms() - step_start_ms;

    if (err < 0)
        return file_failed(backup, err);
    if (backup->snapshot.beside)
        sqlite3_sleep((int)(took_ms < PAUSE_MS_MAX ? took_ms : PAUSE_MS_MAX));
    return PL_OK;
}

static int copy_pages(struct backup *backup, sqlite3_backup *pages)
{
    const struct pl_backup_config *config = backup->config;
    int64_t start_ms = pl_clock_mono_ms();
    int rc;

    while ((rc = sqlite3_backup_step(pages, STEP_PAGES)) == SQLITE_OK) {
        uint64_t total = (uint64_t)sqlite3_backup_pagecount(pages);
        uint64_t left = (uint64_t)sqlite3_backup_remaining(pages);
        int err = settle(backup, start_ms);

        if (err < 0)
            return err;
        if (!config->on_progress(config->self, (total - left) * backup->page_size,
                                 total * backup->page_size))
            return fail(backup, PL_E_CANCELLED, "stopped; nothing was left behind");
        start_ms = pl_clock_mono_ms();
    }
    return rc == SQLITE_DONE ? PL_OK : copy_failed(backup, rc);
}

static int copy(struct backup *backup)
{
    sqlite3_backup *pages =
        sqlite3_backup_init(backup->copy.handle, "main", backup->snapshot.db.handle, "main");
    int rc, finish;

    if (pages == NULL)
        return pl_db_failed(&backup->copy, sqlite3_extended_errcode(backup->copy.handle), "copy");
    rc = copy_pages(backup, pages);
    finish = sqlite3_backup_finish(pages);
    if (rc == PL_OK && finish != SQLITE_OK)
        rc = copy_failed(backup, finish);
    return rc;
}

static int look_through(struct backup *backup, struct pl_db *db, const struct pl_meta *meta)
{
    struct pl_meta found = {.batch = 0};
    int64_t sound = 0;
    int rc = pl_db_open_still(db, pl_new_file_temp(backup->file), backup->config->file_vfs,
                              backup->problem);

    if (rc == PL_OK)
        rc = get_meta(db, &found);
    if (rc == PL_OK)
        rc = pl_db_int(db, "SELECT quick_check = 'ok' FROM pragma_quick_check(1)", &sound);
    if (rc == PL_OK && (sound != 1 || memcmp(&found, meta, sizeof found) != 0))
        return fail(backup, PL_E_CORRUPT,
                    "the copy is not sound, and was not kept; see parlad check --data %s, and "
                    "keep your earlier backups",
                    backup->config->dir);
    return rc;
}

/* Once more from the file, before it counts. */
static int verify(struct backup *backup, const struct pl_meta *meta)
{
    struct pl_db db = {0};
    int rc;

    pl_db_close(&backup->copy);
    pl_snapshot_close(&backup->snapshot); /* the WAL may begin anew */
    rc = look_through(backup, &db, meta);
    pl_db_close(&db);
    return rc;
}

static int run(struct backup *backup, struct pl_backup_report *report)
{
    struct stat st;
    int rc = check_not_own(backup);

    if (rc == PL_OK)
        rc = open_source(backup, report);
    if (rc == PL_OK)
        rc = open_copy(backup);
    if (rc == PL_OK)
        rc = copy(backup);
    if (rc == PL_OK)
        rc = verify(backup, &report->meta);
    if (rc == PL_OK && stat(pl_new_file_temp(backup->file), &st) == 0)
        report->size = (uint64_t)st.st_size;
    return rc == PL_OK ? file_failed(backup, pl_new_file_publish(backup->file)) : rc;
}

int pl_backup_run(const struct pl_backup_config *config, struct pl_backup_report *ret_report,
                  struct pl_store_problem *problem)
{
    struct backup backup = {.config = config, .problem = problem};
    int rc;

    *ret_report = (struct pl_backup_report){0};
    problem->text[0] = 0;
    rc = run(&backup, ret_report);
    if (rc < 0 && problem->text[0] == 0)
        (void)fail(&backup, rc, "%s", pl_err_text(rc));
    pl_db_close(&backup.copy);
    pl_new_file_close(backup.file);
    pl_snapshot_close(&backup.snapshot);
    return rc;
}
