/*
 * sqlite_db.c - the one place where SQLite's result codes are looked at.
 *
 * Integers in SQLite are signed: ids and counters are kept as the same 64 bits,
 * bounds of searches are clamped instead, so that "up to the greatest" works.
 */
#include "store/sqlite_db.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;

int pl_db_err(sqlite3 *handle, int rc)
{
    switch (rc) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PL_OK;
    case SQLITE_IOERR_NOMEM:
        return PL_E_NOMEM;
    case SQLITE_IOERR_SHMSIZE: /* the index of the WAL could not grow; it is no data */
        return PL_E_FULL;
    case SQLITE_IOERR_WRITE: /* a quota; SQLite itself knows only ENOSPC */
        return handle != NULL && sqlite3_system_errno(handle) == EDQUOT ? PL_E_FULL : PL_E_IO;
    }
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return PL_E_NOMEM;
    case SQLITE_FULL:
        return PL_E_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* two facts that exclude each other */
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* all SQL is ours: a table or column is missing */
        return PL_E_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return PL_E_BUSY;
    default:
        return PL_E_IO;
    }
}

void pl_db_tell(struct pl_db *db, const char *format, ...)
{
    struct pl_store_problem own = {{0}};
    struct pl_store_problem *problem = db->problem_weak != NULL ? db->problem_weak : &own;
    int at = snprintf(problem->text, sizeof problem->text, "%s: ", db->path);
    va_list args;

    if (at < 0 || (size_t)at >= sizeof problem->text)
        at = 0; /* so long a path leaves no room for what is wrong with it */
    va_start(args, format);
    vsnprintf(problem->text + at, sizeof problem->text - (size_t)at, format, args);
    va_end(args);
    if (problem == &own)
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "store", "%s", own.text);
}

/* What to do about it, where it shows while a server runs. */
static const char *advice(const struct pl_db *db, int err)
{
    return err == PL_E_CORRUPT && db->problem_weak == NULL
               ? "; 'parlad check' tells how far it goes, a backup restores it"
               : "";
}

int pl_db_failed(struct pl_db *db, int rc, const char *what)
{
    int err = pl_db_err(db->handle, rc);
    const char *why = sqlite3_errstr(rc);
    int sys_errno = 0;

    if (err == PL_OK)
        return PL_OK;
    if (db->handle != NULL && sqlite3_extended_errcode(db->handle) == rc)
        why = sqlite3_errmsg(db->handle);
    if (db->handle != NULL && (err == PL_E_IO || err == PL_E_FULL))
        sys_errno = sqlite3_system_errno(db->handle);
    if (sys_errno != 0)
        pl_db_tell(db, "%s: %s (%d): %s", what, why, rc, strerror(sys_errno));
    else
        pl_db_tell(db, "%s: %s (%d)%s", what, why, rc, advice(db, err));
    return err;
}

int pl_db_damaged(struct pl_db *db, const char *what)
{
    pl_db_tell(db, "%s: the database holds what cannot be%s", what, advice(db, PL_E_CORRUPT));
    return PL_E_CORRUPT;
}

/* Nobody asks SQLite how much memory it has, and counting takes a lock for each
 * block; pages are had as they come, rather than 20 for each connection at once. Where
 * it has begun its work already, as in tests, it goes on as it was. */
static void set_up(void)
{
    int rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

    PL_ASSERT(rc == SQLITE_OK || rc == SQLITE_MISUSE);
    rc = sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    PL_ASSERT(rc == SQLITE_OK || rc == SQLITE_MISUSE);
}

/* `name` is what SQLite is told, `path` what people are. */
static int open_name(struct pl_db *db, const char *name, const char *path, const char *vfs,
                     int flags, struct pl_store_problem *problem)
{
    int rc;

    pthread_once(&set_up_once, set_up);
    memset(db, 0, sizeof *db);
    db->problem_weak = problem;
    db->path = pl_strdup(path);
    if (db->path == NULL)
        return PL_E_NOMEM;
    rc = sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                         vfs);
    if (rc != SQLITE_OK)
        return pl_db_failed(db, rc, "open");
    rc = sqlite3_busy_timeout(db->handle, PL_DB_BUSY_MS);
    return pl_db_failed(db, rc, "open");
}

int pl_db_open(struct pl_db *db, const char *path, const char *vfs, int flags,
               struct pl_store_problem *problem)
{
    return open_name(db, path, path, vfs, flags, problem);
}

/* As in RFC 3986, section 2.1: what is not a letter, a digit or one of these could mean
 * something else in a URI. */
static void put_uri_path(char *to, const char *path)
{
    static const char plain[] = "-._~/";

    for (const unsigned char *at = (const unsigned char *)path; *at != 0; at++) {
        bool alnum =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');

        if (alnum || strchr(plain, *at) != NULL)
            *to++ = (char)*at;
        else
            to += snprintf(to, 4, "%%%02X", *at);
    }
    *to = 0;
}

int pl_db_open_still(struct pl_db *db, const char *path, const char *vfs,
                     struct pl_store_problem *problem)
{
    size_t size = sizeof "file://?immutable=1" + 3 * strlen(path);
    char *escaped = pl_alloc(size), *uri = pl_alloc(size);
    int rc = PL_E_NOMEM;

    memset(db, 0, sizeof *db);
    if (escaped != NULL && uri != NULL) {
        put_uri_path(escaped, path);
        snprintf(uri, size, "file:%s%s?immutable=1", path[0] == '/' ? "//" : "", escaped);
        rc = open_name(db, uri, path, vfs, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, problem);
    }
    pl_free(escaped);
    pl_free(uri);
    return rc;
}

void pl_db_unprepare(struct pl_db *db)
{
    for (uint32_t i = 0; i < db->stmts_len; i++)
        sqlite3_finalize(db->stmts[i]);
    pl_free(db->stmts);
    db->stmts = NULL;
    db->stmts_len = 0;
}

void pl_db_close(struct pl_db *db)
{
    pl_db_unprepare(db);
    if (db->handle != NULL) {
        int rc = sqlite3_close(db->handle);

        PL_ASSERT(rc == SQLITE_OK); /* no statement is left */
    }
    pl_free(db->path);
    memset(db, 0, sizeof *db);
}

int pl_db_prepare(struct pl_db *db, const struct pl_db_sql *sql, uint32_t sql_len)
{
    PL_ASSERT(db->stmts == NULL);
    db->stmts = pl_calloc(sql_len, sizeof(sqlite3_stmt *));
    if (db->stmts == NULL)
        return PL_E_NOMEM;
    db->sql = sql;
    for (; db->stmts_len < sql_len; db->stmts_len++) {
        const struct pl_db_sql *one = &sql[db->stmts_len];
        int rc = sqlite3_prepare_v3(db->handle, one->text, -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->stmts[db->stmts_len], NULL);

        if (rc != SQLITE_OK)
            return pl_db_failed(db, rc, one->name);
    }
    return PL_OK;
}

int pl_db_exec(struct pl_db *db, const char *sql, const char *what)
{
    return pl_db_failed(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL), what);
}

int pl_db_int(struct pl_db *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    int err;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *ret = sqlite3_column_int64(stmt, 0);
        err = PL_OK;
    } else if (rc == SQLITE_DONE) {
        err = PL_E_NOTFOUND;
    } else {
        err = pl_db_failed(db, rc, sql);
    }
    sqlite3_finalize(stmt);
    return err;
}

struct pl_run pl_run_start(struct pl_db *db, uint32_t index)
{
    PL_ASSERT(index < db->stmts_len);
    PL_ASSERT(!sqlite3_stmt_busy(db->stmts[index]));
    return (struct pl_run){.db = db, .stmt = db->stmts[index], .index = index};
}

void pl_run_i64(struct pl_run *run, int64_t value)
{
    int rc = sqlite3_bind_int64(run->stmt, ++run->at, value);

    PL_ASSERT(rc == SQLITE_OK);
}

void pl_run_u64(struct pl_run *run, uint64_t value)
{
    pl_run_i64(run, (int64_t)value);
}

void pl_run_bound(struct pl_run *run, uint64_t value)
{
    pl_run_i64(run, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void pl_run_null(struct pl_run *run)
{
    int rc = sqlite3_bind_null(run->stmt, ++run->at);

    PL_ASSERT(rc == SQLITE_OK);
}

static void bind_text(struct pl_run *run, const char *text, size_t size)
{
    int rc = sqlite3_bind_text64(run->stmt, ++run->at, text, size, SQLITE_STATIC, SQLITE_UTF8);

    PL_ASSERT(rc == SQLITE_OK);
}

void pl_run_text(struct pl_run *run, const char *text)
{
    bind_text(run, text, strlen(text));
}

void pl_run_text_after(struct pl_run *run, const char *text)
{
    /* Texts are compared byte by byte: with its NUL it is the next greater one. */
    bind_text(run, text, strlen(text) + 1);
}

void pl_run_blob(struct pl_run *run, const void *data, size_t size)
{
    int rc = sqlite3_bind_blob64(run->stmt, ++run->at, data, size, SQLITE_STATIC);

    PL_ASSERT(rc == SQLITE_OK);
}

int pl_run_step(struct pl_run *run)
{
    int rc = sqlite3_step(run->stmt);
    int err;

    run->at = 0;
    if (rc == SQLITE_ROW)
        return PL_OK;
    err = rc == SQLITE_DONE ? PL_E_NOTFOUND
                            : pl_db_failed(run->db, rc, run->db->sql[run->index].name);
    sqlite3_reset(run->stmt); /* repeats the step's error */
    return err;
}

int pl_run_done(struct pl_run *run)
{
    int rc = pl_run_step(run);

    PL_ASSERT(rc != PL_OK);
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

void pl_run_reset(struct pl_run *run)
{
    sqlite3_reset(run->stmt);
}

int pl_run_end(struct pl_run *run)
{
    sqlite3_reset(run->stmt);
    return run->bad ? pl_db_damaged(run->db, run->db->sql[run->index].name) : PL_OK;
}

int64_t pl_run_get_i64(struct pl_run *run)
{
    int at = run->at++;

    if (sqlite3_column_type(run->stmt, at) != SQLITE_INTEGER)
        run->bad = true;
    return sqlite3_column_int64(run->stmt, at);
}

bool pl_run_get_maybe_i64(struct pl_run *run, int64_t *ret)
{
    if (sqlite3_column_type(run->stmt, run->at) == SQLITE_NULL) {
        run->at++;
        return false;
    }
    *ret = pl_run_get_i64(run);
    return true;
}

uint64_t pl_run_get_u64(struct pl_run *run)
{
    return (uint64_t)pl_run_get_i64(run);
}

uint32_t pl_run_get_u32(struct pl_run *run)
{
    int64_t value = pl_run_get_i64(run);

    if (value < 0 || value > UINT32_MAX) {
        run->bad = true;
        return 0;
    }
    return (uint32_t)value;
}

int pl_run_get_enum(struct pl_run *run, int max)
{
    int64_t value = pl_run_get_i64(run);

    if (value < 0 || value > max) {
        run->bad = true;
        return 0;
    }
    return (int)value;
}

bool pl_run_get_bool(struct pl_run *run)
{
    return pl_run_get_enum(run, 1) != 0;
}

struct pl_bytes pl_run_get_bytes(struct pl_run *run)
{
    int at = run->at++;
    const uint8_t *data = sqlite3_column_blob(run->stmt, at);

    return (struct pl_bytes){.data = data, .size = (size_t)sqlite3_column_bytes(run->stmt, at)};
}

void pl_run_get_text(struct pl_run *run, char *ret, size_t size)
{
    struct pl_bytes text = pl_run_get_bytes(run);

    if (text.size >= size) {
        run->bad = true;
        text.size = 0;
    }
    if (text.size > 0)
        memcpy(ret, text.data, text.size);
    ret[text.size] = 0;
}

void pl_run_get_exact(struct pl_run *run, void *ret, size_t size)
{
    struct pl_bytes data = pl_run_get_bytes(run);

    if (data.size != size)
        run->bad = true;
    else
        memcpy(ret, data.data, size);
}
