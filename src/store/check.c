/*
 * check.c - the order of things: first what SQLite knows of its file, then whether
 * the tables are ours, then what is in them.
 *
 * A part that cannot be read to its end is a finding, and the next part is looked
 * at all the same, so that one sees how far the damage goes. Only what says
 * nothing of the data (no memory, a disk that fails to read) ends the check.
 */
#include "store/check.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/check_inner.h"
#include "store/schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    TOLD_MAX = 20,            /* findings of a part that are told one by one */
    PROGRESS_STEPS = 1000000, /* of SQLite's machine: some 20 ms */
    DONE_STEP = 4096,
    SQLITE_FINDINGS_MAX = 1000,
};

static const struct pl_db_sql check_sql[CHECK_STMT_LEN] = {
#define PL_STMT_SQL(name, sql) {#name, sql},
    PL_CHECK_STMT_MAP(PL_STMT_SQL)
#undef PL_STMT_SQL
};

static const char *const advices[] = {
    [PL_ADVICE_RESTORE] = "restore a backup",
    [PL_ADVICE_REINDEX] = "stop parlad, run: sqlite3 parla.db REINDEX, and check again",
};

static void tell(struct pl_check *check, enum pl_check_advice advice, const char *text)
{
    check->found++;
    check->report_weak->findings++;
    if (check->found <= TOLD_MAX)
        check->config->ops->on_finding(check->config->self, text, advices[advice]);
}

void pl_check_find(struct pl_check *check, enum pl_check_advice advice, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(check, advice, text);
}

void pl_check_next(struct pl_check *check)
{
    if (++check->done % DONE_STEP == 0)
        check->config->ops->on_progress(check->config->self, check->done);
}

struct pl_run pl_check_run_start(struct pl_check *check, enum pl_check_stmt stmt)
{
    return pl_run_start(&check->snapshot.db, stmt);
}

bool pl_check_columns(struct pl_check *check, struct pl_run *run, const char *format, ...)
{
    char name[128];
    va_list args;

    if (!run->bad)
        return true;
    run->bad = false;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    pl_check_find(check, PL_ADVICE_RESTORE, "%s: a value is not one that can be there", name);
    return false;
}

int pl_check_end(int rc)
{
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

int pl_check_room(struct pl_check *check, pl_room_id id)
{
    struct pl_run run;
    int rc;

    if (check->room.id.v == id.v && id.v != 0)
        return PL_OK;
    run = pl_check_run_start(check, CHECK_GET_ROOM);
    pl_run_u64(&run, id.v);
    rc = pl_run_step(&run);
    check->room_known = rc == PL_OK;
    if (rc < 0 && rc != PL_E_NOTFOUND)
        return rc;
    memset(&check->room, 0, sizeof check->room);
    if (rc == PL_OK) {
        pl_row_room(&run, &check->room);
        pl_run_reset(&run); /* a column that was bad is told with the rooms */
    }
    check->room.id = id;
    return PL_OK;
}

const char *pl_check_room_name(const struct pl_check *check)
{
    return check->room_known ? check->room.name : "(none)";
}

/* A part, from its beginning to its end. PL_E_CORRUPT becomes a finding. */
static int part(struct pl_check *check, const char *name, uint64_t total,
                int (*run)(struct pl_check *check))
{
    const struct pl_check_ops *ops = check->config->ops;
    int rc;

    check->done = check->found = 0;
    check->problem.text[0] = 0;
    ops->on_part(check->config->self, name, total);
    rc = run(check);
    if (rc == PL_E_CORRUPT) {
        pl_check_find(check, PL_ADVICE_RESTORE, "%s: cannot be read to the end: %s", name,
                      check->problem.text);
        rc = PL_OK;
    }
    if (check->found > TOLD_MAX) {
        char text[64];

        snprintf(text, sizeof text, "%s: %" PRIu64 " findings more", name, check->found - TOLD_MAX);
        ops->on_finding(check->config->self, text, advices[PL_ADVICE_RESTORE]);
    }
    if (rc == PL_OK)
        ops->on_part_done(check->config->self, name, check->done, check->found);
    return rc;
}

static int on_sqlite_steps(void *self)
{
    struct pl_check *check = self;

    check->config->ops->on_progress(check->config->self, check->done);
    return 0;
}

/* One row of what SQLite found, which may be of several lines. */
static void tell_sqlite_row(struct pl_check *check, const char *row)
{
    while (*row != 0) {
        size_t size = strcspn(row, "\n");
        char line[400];
        size_t len = size < sizeof line ? size : sizeof line - 1;

        memcpy(line, row, len);
        line[len] = 0;
        if (size > 0 && strncmp(line, "***", 3) != 0)
            pl_check_find(check,
                          strstr(line, " index ") != NULL ? PL_ADVICE_REINDEX : PL_ADVICE_RESTORE,
                          "pages: %s", line);
        row += size;
        row += strspn(row, "\n");
    }
}

static int check_pages(struct pl_check *check)
{
    struct pl_db *db = &check->snapshot.db;
    sqlite3_stmt *stmt = NULL;
    char sql[64];
    int64_t pages = 0;
    int rc, err = pl_db_int(db, "PRAGMA page_count", &pages);

    if (err < 0)
        return err;
    if (check->snapshot.wal.damaged)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "pages: the WAL is damaged behind page %u; what was said last cannot be read",
                      check->snapshot.wal.readable);
    check->done = (uint64_t)pages;
    snprintf(sql, sizeof sql, "PRAGMA %s_check(%d)", check->config->quick ? "quick" : "integrity",
             SQLITE_FINDINGS_MAX);
    rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        const char *row;

        rc = sqlite3_step(stmt);
        row = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        if (row != NULL && strcmp(row, "ok") != 0)
            tell_sqlite_row(check, row);
    }
    err = pl_db_failed(db, rc, "integrity_check");
    sqlite3_finalize(stmt);
    return err;
}

/* An empty database of this version: what the tables are to be. */
static int make_model(struct pl_db *model, struct pl_store_problem *problem)
{
    int rc =
        pl_db_open(model, ":memory:", NULL, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, problem);

    for (uint32_t i = 0; i < pl_schema_now.version && rc == PL_OK; i++)
        rc = pl_db_exec(model, pl_schema_now.steps[i], "model");
    return rc;
}

/* Tells of each table and index of `a` that `b` has not, or, if `differ`, has otherwise. */
static int compare_tables(struct pl_check *check, struct pl_db *a, struct pl_db *b, bool differ)
{
    static const struct pl_db_sql sql[] = {
        {"tables", "SELECT type, name, ifnull(sql, '') FROM sqlite_schema "
                   "WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name"},
        {"table", "SELECT ifnull(sql, '') FROM sqlite_schema WHERE type = ?1 AND name = ?2"},
    };
    char type[16], name[128], text[2][4096];
    struct pl_run list, one;
    int rc = pl_db_prepare(a, &sql[0], 1);

    if (rc == PL_OK)
        rc = pl_db_prepare(b, &sql[1], 1);
    if (rc < 0)
        return rc;
    list = pl_run_start(a, 0);
    while ((rc = pl_run_step(&list)) == PL_OK) {
        pl_run_get_text(&list, type, sizeof type);
        pl_run_get_text(&list, name, sizeof name);
        pl_run_get_text(&list, text[0], sizeof text[0]);
        one = pl_run_start(b, 0);
        pl_run_text(&one, type);
        pl_run_text(&one, name);
        rc = pl_run_step(&one);
        if (rc == PL_OK)
            pl_run_get_text(&one, text[1], sizeof text[1]);
        pl_run_reset(&one);
        if (rc < 0 && rc != PL_E_NOTFOUND)
            break;
        if (rc == PL_E_NOTFOUND)
            pl_check_find(check, PL_ADVICE_RESTORE, "tables: %s %s %s", type, name,
                          differ ? "is not there" : "is none of parlad's");
        else if (differ && strcmp(text[0], text[1]) != 0)
            pl_check_find(check, PL_ADVICE_RESTORE, "tables: %s %s is not as parlad made it", type,
                          name);
        check->done += differ;
    }
    pl_run_reset(&list);
    pl_db_unprepare(a);
    pl_db_unprepare(b);
    return pl_check_end(rc);
}

static int check_tables(struct pl_check *check)
{
    struct pl_db model = {0};
    int rc = make_model(&model, &check->problem);

    if (rc == PL_OK)
        rc = compare_tables(check, &model, &check->snapshot.db, true);
    if (rc == PL_OK)
        rc = compare_tables(check, &check->snapshot.db, &model, false);
    pl_db_close(&model);
    if (rc == PL_OK && check->found == 0)
        rc = pl_db_prepare(&check->snapshot.db, check_sql, CHECK_STMT_LEN);
    return rc;
}

/* What is in the tables, where they are what they are to be. */
static int check_rows(struct pl_check *check)
{
    static const struct {
        const char *name;
        int (*run)(struct pl_check *check);
    } parts[] = {
        {"counters", pl_check_meta},        {"users", pl_check_users},
        {"sessions", pl_check_sessions},    {"rooms", pl_check_rooms},
        {"events", pl_check_events},        {"members", pl_check_members},
        {"spans", pl_check_spans},          {"threads", pl_check_threads},
        {"mentions", pl_check_mentions},    {"work", pl_check_work},
        {"request ids", pl_check_requests},
    };
    int rc = PL_OK;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && rc == PL_OK; i++) {
        uint64_t total = 0;

        if (parts[i].run == pl_check_users)
            total = check->meta.last_user;
        else if (parts[i].run == pl_check_rooms)
            total = check->meta.last_room;
        else if (parts[i].run == pl_check_events)
            total = check->meta.position;
        rc = part(check, parts[i].name, total, parts[i].run);
    }
    return rc;
}

static int check_version(struct pl_check *check)
{
    uint32_t *version = &check->report_weak->version;
    int rc = pl_schema_check(&check->snapshot.db, &pl_schema_now, version);

    if (rc == PL_OK && *version == 0) {
        snprintf(check->problem.text, sizeof check->problem.text, "%s: it is empty",
                 check->snapshot.db.path);
        return PL_E_CORRUPT;
    }
    return rc;
}

static int check_all(struct pl_check *check)
{
    uint64_t before;
    int rc = part(check, "version", 0, check_version);

    if (rc < 0 || check->found > 0)
        return rc;
    sqlite3_progress_handler(check->snapshot.db.handle, PROGRESS_STEPS, on_sqlite_steps, check);
    rc = part(check, "pages", 0, check_pages);
    before = check->report_weak->findings;
    if (rc == PL_OK && check->report_weak->version < pl_schema_now.version) {
        if (before > 0)
            return PL_OK;
        snprintf(check->problem.text, sizeof check->problem.text,
                 "%s: SQLite finds its pages sound, but it is of version %u, and only what is of "
                 "version %u can be looked into; start parlad, which brings it up to date, and "
                 "check again",
                 check->snapshot.db.path, check->report_weak->version, pl_schema_now.version);
        return PL_E_VERSION;
    }
    if (rc == PL_OK)
        rc = part(check, "tables", 0, check_tables);
    if (rc == PL_OK && check->report_weak->findings == before)
        rc = check_rows(check);
    return rc;
}

static int open_folder(struct pl_check *check)
{
    const struct pl_check_config *config = check->config;
    int rc =
        pl_snapshot_open(&check->snapshot, config->dir, config->vfs, "checking", &check->problem);

    check->report_weak->beside = check->snapshot.beside;
    return rc == PL_OK ? pl_snapshot_begin(&check->snapshot) : rc;
}

int pl_check_run(const struct pl_check_config *config, struct pl_check_report *ret_report,
                 struct pl_store_problem *problem)
{
    struct pl_check *check = pl_zalloc(sizeof *check);
    int rc = PL_E_NOMEM;

    *ret_report = (struct pl_check_report){0};
    problem->text[0] = 0;
    if (check == NULL)
        return rc;
    check->config = config;
    check->report_weak = ret_report;
    rc = open_folder(check);
    if (rc == PL_OK)
        rc = check_all(check);
    else if (rc == PL_E_CORRUPT) {
        tell(check, PL_ADVICE_RESTORE, check->problem.text);
        rc = PL_OK;
    }
    ret_report->meta = check->meta;
    if (rc < 0)
        *problem = check->problem;
    pl_snapshot_close(&check->snapshot);
    pl_free(check);
    return rc;
}
