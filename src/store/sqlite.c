/*
 * sqlite.c - opening and closing, transactions, the counters.
 *
 * The tricky part is what a failure means. No space and no memory roll a
 * transaction back and are over when there is some again. A failed write or
 * sync is not: the kernel may from then on take pages for clean that never
 * reached the disk, so the store refuses everything further, and the next start
 * brings the whole WAL into the database, and syncs both, before it goes on.
 *
 * Checkpoints (sqlite_wal.c) are not made by SQLite inside COMMIT, which would keep
 * their errors to itself.
 */
#include "store/sqlite.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"
#include "store/schema.h"
#include "store/sqlite_row.h"
#include "store/sqlite_stmt.h"
#include "store/sqlite_store.h"
#include "store/wal_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    CACHE_SIZE_DEFAULT = 16 * 1024 * 1024,
    CHECKPOINT_PAGES_DEFAULT = 1000, /* 4 MB */
};

const struct pl_db_sql pl_store_sql[STMT_LEN] = {
#define PL_STMT_SQL(name, sql) {#name, sql},
    PL_STORE_STMT_MAP(PL_STMT_SQL)
#undef PL_STMT_SQL
};

static int run_bare(struct pl_sqlite_store *store, uint32_t stmt)
{
    struct pl_run run = pl_run_start(&store->db, stmt);

    return pl_run_done(&run);
}

int pl_sqlite_store_check(struct pl_sqlite_store *store, int rc)
{
    if (rc == PL_E_IO || rc == PL_E_CORRUPT)
        store->failed = rc;
    return rc;
}

static int begin(void *self)
{
    struct pl_sqlite_store *store = self;

    if (store->failed == PL_OK)
        store->failed = atomic_load(&store->wal.failed);
    if (store->failed < 0)
        return store->failed;
    store->requests.moved = false;
    return pl_sqlite_store_check(store, run_bare(store, STMT_BEGIN));
}

static int commit(void *self)
{
    struct pl_sqlite_store *store = self;
    int rc = pl_sqlite_store_check(store, run_bare(store, STMT_COMMIT));

    if (rc < 0)
        return rc;
    pl_sqlite_wal_tend(store);
    return PL_OK;
}

static void rollback(void *self)
{
    struct pl_sqlite_store *store = self;

    pl_sqlite_forget_work(store);
    pl_sqlite_forget_requests(store);
    if (!sqlite3_get_autocommit(store->db.handle)) /* else SQLite has done it itself */
        (void)pl_sqlite_store_check(store, run_bare(store, STMT_ROLLBACK));
}

static int get_meta(void *self, struct pl_meta *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_META);

    return pl_row_get_meta(&run, ret);
}

static int put_meta(void *self, const struct pl_meta *meta)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_PUT_META);

    store->time_ms = meta->time_ms;
    pl_run_u64(&run, meta->batch);
    pl_run_i64(&run, meta->time_ms);
    pl_run_i64(&run, meta->age_ms);
    pl_run_u64(&run, meta->position);
    pl_run_u64(&run, meta->log);
    pl_run_u64(&run, meta->last_user);
    pl_run_u64(&run, meta->last_session);
    pl_run_u64(&run, meta->last_room);
    pl_run_u64(&run, meta->last_lease);
    return pl_run_done(&run);
}

static int add_log(void *self, uint64_t log, pl_position from)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_ADD_LOG);

    pl_run_u64(&run, log);
    pl_run_u64(&run, from);
    return pl_run_done(&run);
}

static int find_log(void *self, uint64_t log, pl_position *ret_until)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_FIND_LOG);
    pl_position until;
    int rc;

    pl_run_u64(&run, log);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    until = pl_run_get_u64(&run);
    rc = pl_run_end(&run);
    if (rc < 0)
        return rc;
    *ret_until = until;
    return PL_OK;
}

static const struct pl_store_ops sqlite_ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .get_meta = get_meta,
    .put_meta = put_meta,
    .add_log = add_log,
    .find_log = find_log,
    .get_user = pl_sqlite_get_user,
    .find_user = pl_sqlite_find_user,
    .put_user = pl_sqlite_put_user,
    .list_users_ending = pl_sqlite_list_users_ending,
    .find_session = pl_sqlite_find_session,
    .get_session = pl_sqlite_get_session,
    .put_session = pl_sqlite_put_session,
    .delete_session = pl_sqlite_delete_session,
    .list_sessions_idle = pl_sqlite_list_sessions_idle,
    .get_room = pl_sqlite_get_room,
    .find_room = pl_sqlite_find_room,
    .find_direct = pl_sqlite_find_direct,
    .put_room = pl_sqlite_put_room,
    .list_rooms_to_trim = pl_sqlite_list_rooms_to_trim,
    .next_trim_due = pl_sqlite_next_trim_due,
    .get_member = pl_sqlite_get_member,
    .put_member = pl_sqlite_put_member,
    .delete_member = pl_sqlite_delete_member,
    .list_rooms_of = pl_sqlite_list_rooms_of,
    .open_span = pl_sqlite_open_span,
    .close_span = pl_sqlite_close_span,
    .append_event = pl_sqlite_append_event,
    .get_message = pl_sqlite_get_message,
    .count_messages = pl_sqlite_count_messages,
    .trim_room = pl_sqlite_trim_room,
    .get_thread = pl_sqlite_get_thread,
    .put_thread = pl_sqlite_put_thread,
    .get_request = pl_sqlite_get_request,
    .put_request = pl_sqlite_put_request,
    .expire_requests = pl_sqlite_expire_requests,
    .get_work = pl_sqlite_get_work,
    .put_work = pl_sqlite_put_work,
    .delete_work = pl_sqlite_delete_work,
    .list_work_before = pl_sqlite_list_work_before,
    .next_work = pl_sqlite_next_work,
    .list_work_of = pl_sqlite_list_work_of,
    .list_work_expired = pl_sqlite_list_work_expired,
    .next_work_due = pl_sqlite_next_work_due,
    .clear_leases = pl_sqlite_clear_leases,
};

struct pl_store pl_sqlite_store_iface(struct pl_sqlite_store *store)
{
    return (struct pl_store){.ops = &sqlite_ops, .self = store};
}

static int on_wal(void *arg, sqlite3 *handle, const char *schema, int pages)
{
    struct pl_sqlite_store *store = arg;

    (void)handle;
    (void)schema;
    store->wal.pages = (uint32_t)pages;
    return SQLITE_OK;
}

/* What holds for every transaction. The WAL comes before the first write, and
 * how it is synced before the WAL. */
static int configure(struct pl_sqlite_store *store, const struct pl_sqlite_config *config)
{
    size_t cache_size = config->cache_size > 0 ? config->cache_size : CACHE_SIZE_DEFAULT;
    bool synced = config->durability != PL_DURABILITY_WRITTEN;
    char sql[320];

    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = %s; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;"
             "PRAGMA cache_size = -%zu; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = 0;"
             "PRAGMA secure_delete = ON",
             synced ? "FULL" : "NORMAL", cache_size / 1024);
    return pl_db_exec(&store->db, sql, "configure");
}

static int use_wal(struct pl_sqlite_store *store)
{
    int64_t wal = 0;
    int rc = pl_db_exec(&store->db, "PRAGMA journal_mode = WAL", "WAL mode");

    if (rc == PL_OK)
        rc = pl_db_int(&store->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &wal);
    if (rc < 0)
        return rc;
    if (wal != 1) {
        pl_db_tell(&store->db, "this file system does not support SQLite's WAL mode");
        return PL_E_IO;
    }
    sqlite3_wal_autocheckpoint(store->db.handle, 0);
    sqlite3_wal_hook(store->db.handle, on_wal, store);
    rc = sqlite3_wal_checkpoint_v2(store->db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return pl_db_failed(&store->db, rc, "checkpoint");
}

/* Whether closing leaves the WAL as it is, or brings it into the database. */
static void keep_wal(struct pl_sqlite_store *store, bool keep)
{
    sqlite3_db_config(store->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, NULL);
}

static char *make_path(const char *dir)
{
    size_t size = strlen(dir) + sizeof "/" PL_SQLITE_FILE;
    char *path = pl_alloc(size);

    if (path != NULL)
        snprintf(path, size, "%s/%s", dir, PL_SQLITE_FILE);
    return path;
}

/* An older database's request ids are put into chunks, once; also where the start that
 * brought it up to date came to no end. */
static int index_requests(struct pl_sqlite_store *store)
{
    bool behind = false;
    int rc = pl_sqlite_requests_behind(store, &behind);

    if (rc < 0 || !behind)
        return rc;
    rc = begin(store);
    if (rc == PL_OK)
        rc = pl_sqlite_load_requests(store);
    if (rc == PL_OK)
        rc = commit(store);
    if (rc < 0)
        rollback(store);
    return rc;
}

/* Looks before SQLite does, which takes what is damaged for the end. Where commits are not
 * synced, a power cut leaves the same. */
static int look_at_wal(const char *path, const struct pl_sqlite_config *config,
                       struct pl_store_problem *problem)
{
    struct pl_wal_file wal;
    int rc = config->vfs == NULL ? pl_wal_file_look(path, &wal) : PL_E_NOTFOUND;

    if (rc == PL_E_NOTFOUND) /* no file of the system's */
        return PL_OK;
    if (rc == PL_E_IO)
        snprintf(problem->text, sizeof problem->text, "%s-wal: %s", path, strerror(errno));
    if (rc < 0 || !wal.damaged)
        return rc;
    snprintf(problem->text, sizeof problem->text,
             "%s-wal is damaged behind page %u: what was said last cannot be read. Restore a "
             "backup; or, to go on without it, run: sqlite3 %s 'PRAGMA wal_checkpoint(TRUNCATE)'",
             path, wal.readable, path);
    if (config->durability != PL_DURABILITY_WRITTEN)
        return PL_E_CORRUPT;
    pl_diag(PL_DIAG_WARNING, "store", "%s", problem->text);
    problem->text[0] = 0;
    return PL_OK;
}

static int open_db(struct pl_sqlite_store *store, const struct pl_sqlite_config *config,
                   struct pl_store_problem *problem)
{
    char *path = make_path(config->dir);
    uint32_t version;
    int rc;

    if (path == NULL)
        return PL_E_NOMEM;
    rc = look_at_wal(path, config, problem);
    if (rc == PL_OK)
        rc = pl_db_open(&store->db, path, config->vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        problem);
    pl_free(path);
    if (rc == PL_OK)
        keep_wal(store, true); /* a database that is refused stays as it is */
    if (rc == PL_OK)
        rc = pl_schema_check(&store->db, &pl_schema_now, &version);
    if (rc == PL_OK)
        rc = configure(store, config);
    if (rc == PL_OK)
        rc = use_wal(store);
    if (rc == PL_OK && config->lay_wal)
        rc = pl_sqlite_wal_lay(store);
    if (rc == PL_OK)
        rc = pl_schema_migrate(&store->db, &pl_schema_now, version);
    if (rc == PL_OK)
        rc = pl_dir_sync_of(store->db.path);
    if (rc == PL_OK)
        rc = pl_db_prepare(&store->db, pl_store_sql, STMT_LEN);
    if (rc == PL_OK)
        rc = pl_sqlite_requests_open(store);
    if (rc == PL_OK)
        rc = index_requests(store);
    if (rc == PL_OK)
        keep_wal(store, false);
    return rc;
}

int pl_sqlite_store_open(const struct pl_sqlite_config *config, struct pl_sqlite_store **ret_store,
                         struct pl_store_problem *problem)
{
    struct pl_store_problem own = {{0}};
    struct pl_sqlite_store *store = pl_zalloc(sizeof *store);
    int rc = PL_E_NOMEM;

    if (problem == NULL)
        problem = &own;
    problem->text[0] = 0;
    if (store == NULL)
        goto fail;
    pl_sqlite_wal_init(&store->wal, config,
                       config->checkpoint_pages > 0 ? config->checkpoint_pages
                                                    : CHECKPOINT_PAGES_DEFAULT);
    pl_sqlite_requests_init(store, config->request_chunk_len > 0 ? config->request_chunk_len
                                                                 : PL_REQUEST_CHUNK_LEN);
    rc = pl_data_dir_make(config->dir);
    if (rc < 0) {
        snprintf(problem->text, sizeof problem->text, "%s: %s", config->dir, strerror(errno));
        goto fail;
    }
    rc = open_db(store, config, problem);
    if (rc < 0)
        goto fail;
    store->db.problem_weak = NULL;
    *ret_store = store;
    return PL_OK;

fail:
    if (problem->text[0] == 0)
        snprintf(problem->text, sizeof problem->text, "%s: %s", config->dir, pl_err_text(rc));
    pl_sqlite_store_close(store);
    return rc;
}

void pl_sqlite_store_close(struct pl_sqlite_store *store)
{
    if (store == NULL)
        return;
    if (store->failed < 0 || atomic_load(&store->wal.failed) < 0) /* the next start looks at it */
        keep_wal(store, true);
    pl_db_close(&store->db);
    pl_sqlite_requests_done(store);
    pl_free(store);
}
