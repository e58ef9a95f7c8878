/*
 * sqlite_db.h - a connection to SQLite, its prepared statements, and what its
 * errors mean here.
 *
 * Inside the store only: nothing else in the program sees SQLite.
 *
 * Threads:   one at a time.
 * Ownership: a pl_db owns its handle and statements. What is bound is borrowed
 *   until the statement has run.
 */
#ifndef PL_STORE_SQLITE_DB_H
#define PL_STORE_SQLITE_DB_H

#include "store/sqlite.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_DB_BUSY_MS = 5000 }; /* how long a lock is waited for */

/* Statements are prepared once, from a table of their names and texts. */
struct pl_db_sql {
    const char *name; /* for diagnostics */
    const char *text;
};

struct pl_db {
    sqlite3 *handle;
    sqlite3_stmt **stmts; /* stmts_len of them, in the order of the table */
    const struct pl_db_sql *sql;
    uint32_t stmts_len;
    char *path;
    struct pl_store_problem *problem_weak; /* while opening: told there, else logged */
};

/* Opens `path`. `flags` are those of sqlite3_open_v2(). On failure close it,
 * too. A zeroed pl_db may be closed. */
int pl_db_open(struct pl_db *db, const char *path, const char *vfs, int flags,
               struct pl_store_problem *problem);
void pl_db_close(struct pl_db *db);

/* The same for reading a file that nobody changes, and that has no WAL: no lock is taken,
 * and no file is made beside it. */
int pl_db_open_still(struct pl_db *db, const char *path, const char *vfs,
                     struct pl_store_problem *problem);

/* Prepares all statements of a table, which must live as long as the db, or until they
 * are forgotten again. */
int pl_db_prepare(struct pl_db *db, const struct pl_db_sql *sql, uint32_t sql_len);
void pl_db_unprepare(struct pl_db *db);

/* Runs SQL that takes and returns nothing. `what` names it for diagnostics. */
int pl_db_exec(struct pl_db *db, const char *sql, const char *what);

/* Runs SQL that returns one integer. PL_E_NOTFOUND where it returns no row. */
int pl_db_int(struct pl_db *db, const char *sql, int64_t *ret);

/* Tells the operator: in the problem while opening, else as a diagnostic. */
void pl_db_tell(struct pl_db *db, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Maps SQLite's error, tells of it once, and returns what it means here. */
int pl_db_failed(struct pl_db *db, int rc, const char *what);

/* The error that a result code means here, without telling anyone. */
int pl_db_err(sqlite3 *handle, int rc);

/* Tells, like pl_db_failed(), that what was read back cannot be; PL_E_CORRUPT. */
int pl_db_damaged(struct pl_db *db, const char *what);

/* A statement to be run: values are bound in the order of its parameters. */
struct pl_run {
    struct pl_db *db;
    sqlite3_stmt *stmt;
    uint32_t index;
    int at;   /* the parameter or column that comes next, from 0 */
    bool bad; /* a column did not hold what it must */
};

struct pl_run pl_run_start(struct pl_db *db, uint32_t index);

void pl_run_u64(struct pl_run *run, uint64_t value); /* all 64 bits are kept */
void pl_run_i64(struct pl_run *run, int64_t value);
void pl_run_bound(struct pl_run *run, uint64_t value); /* at most INT64_MAX: compared, not kept */
void pl_run_null(struct pl_run *run);
void pl_run_text(struct pl_run *run, const char *text);
void pl_run_blob(struct pl_run *run, const void *data, size_t size);

/* The least string that is greater than `text`, so that ">=" leaves it out. */
void pl_run_text_after(struct pl_run *run, const char *text);

/* Fetches the next row: PL_OK, PL_E_NOTFOUND when there is none left, or an
 * error that was told of. After anything but PL_OK the statement is reset. */
int pl_run_step(struct pl_run *run);

/* Runs a statement that returns no rows. */
int pl_run_done(struct pl_run *run);

/* Ends a run of which rows may be left. */
void pl_run_reset(struct pl_run *run);

/* Ends a run after its one row was read: PL_OK, or PL_E_CORRUPT where a column
 * was bad. */
int pl_run_end(struct pl_run *run);

/* The columns of a row, in their order. Numbers that are out of range and texts
 * that are too long set `bad`. */
uint64_t pl_run_get_u64(struct pl_run *run);
/* False, and *ret untouched, for NULL. */
bool pl_run_get_maybe_i64(struct pl_run *run, int64_t *ret);
int64_t pl_run_get_i64(struct pl_run *run);
uint32_t pl_run_get_u32(struct pl_run *run);
int pl_run_get_enum(struct pl_run *run, int max);
bool pl_run_get_bool(struct pl_run *run);
void pl_run_get_text(struct pl_run *run, char *ret, size_t size);
void pl_run_get_exact(struct pl_run *run, void *ret, size_t size);
struct pl_bytes pl_run_get_bytes(struct pl_run *run); /* valid until the next step or reset */

#endif
