/* disk_sqlite.c - see disk_sqlite.h. */
#include "disk_sqlite.h"

#include "../unit/store/crash_vfs.h"
#include "../unit/store/folder.h"

#include "base/err.h"
#include "server/stream_page.h"
#include "store/sqlite.h"
#include "trace.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHECKPOINT_PAGES = 40,
    CACHE_SIZE = 20000, /* some pages */
    REQUEST_CHUNK_LEN = 8,
};

/* What a reader really does. */
static const struct pl_reader_ops *the_reader_ops;

struct disk_sqlite {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_sqlite_store *store;               /* NULL while it is closed */
    struct pl_sqlite_checkpointer *checkpointer; /* NULL: commits make the checkpoints */
    bool checkpoint_due;
    struct pl_reader reader;
    struct pl_page_cache *pages;
    uint64_t cached; /* pages that caches had which are gone */
};

static void on_checkpoint_due(void *self)
{
    struct disk_sqlite *sqlite = self;

    sqlite->checkpoint_due = true;
}

struct disk_sqlite *disk_sqlite_new(bool powersafe, bool lay_wal, bool beside)
{
    struct disk_sqlite *sqlite = calloc(1, sizeof *sqlite);

    JUDGE(sqlite != NULL, "out of memory");
    folder_make(&sqlite->folder);
    sqlite->config = (struct pl_sqlite_config){.dir = sqlite->folder.data,
                                               .durability = PL_DURABILITY_SYNCED,
                                               .vfs = CRASH_VFS_NAME,
                                               .checkpoint_pages = CHECKPOINT_PAGES,
                                               .lay_wal = lay_wal,
                                               .request_chunk_len = REQUEST_CHUNK_LEN};
    if (beside) {
        sqlite->config.on_checkpoint_due = on_checkpoint_due;
        sqlite->config.self = sqlite;
        sqlite->config.checkpoint_pages = CHECKPOINT_PAGES / 4;
    }
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, (sqlite3 *)NULL);
    sqlite3_randomness(0, NULL); /* it begins with that seed */
    crash_vfs_start();
    crash_vfs_powersafe = powersafe;
    return sqlite;
}

static void close_all(struct disk_sqlite *sqlite)
{
    if (sqlite->pages != NULL)
        sqlite->cached = disk_sqlite_cached(sqlite);
    pl_page_cache_free(sqlite->pages);
    sqlite->pages = NULL;
    pl_sqlite_checkpointer_close(sqlite->checkpointer);
    sqlite->checkpointer = NULL;
    pl_sqlite_reader_close(&sqlite->reader);
    sqlite->reader = (struct pl_reader){.self = NULL};
    pl_sqlite_store_close(sqlite->store);
    sqlite->store = NULL;
}

void disk_sqlite_free(struct disk_sqlite *sqlite)
{
    if (sqlite == NULL)
        return;
    close_all(sqlite);
    crash_vfs_stop();
    folder_remove(&sqlite->folder);
    free(sqlite);
}

struct pl_store disk_sqlite_open(struct disk_sqlite *sqlite)
{
    struct pl_store_problem problem = {.text = ""};

    JUDGE(pl_sqlite_store_open(&sqlite->config, &sqlite->store, &problem) == PL_OK,
          "the database does not open: %s", problem.text);
    JUDGE(pl_sqlite_reader_open(&sqlite->config, &sqlite->reader, &problem) == PL_OK,
          "no reader opens: %s", problem.text);
    the_reader_ops = sqlite->reader.ops;
    sqlite->checkpoint_due = false;
    if (sqlite->config.on_checkpoint_due != NULL)
        JUDGE(pl_sqlite_checkpointer_open(sqlite->store, &sqlite->config, &sqlite->checkpointer,
                                          &problem) == PL_OK,
              "no checkpointer opens: %s", problem.text);
    JUDGE(pl_page_cache_new(CACHE_SIZE, &sqlite->pages) == PL_OK, "out of memory");
    return pl_sqlite_store_iface(sqlite->store);
}

void disk_sqlite_die(struct disk_sqlite *sqlite, uint64_t mix)
{
    if (sqlite->store == NULL)
        return;
    if (!crash_vfs_is_cut())
        crash_vfs_cut_at(1);
    close_all(sqlite);
    crash_vfs_faults = (struct crash_vfs_faults){.full = false};
    crash_vfs_restore(mix);
}

/* A plan that takes no notice of what came to its rooms. */
static int plan_stale_page(void *self, const struct pl_page_query *query, struct pl_bytebuf *key,
                           struct pl_page_plan *ret)
{
    int rc = the_reader_ops->plan_page(self, query, key, ret);

    if (rc == PL_OK)
        ret->ends = 0;
    return rc;
}

int disk_sqlite_page(struct disk_sqlite *sqlite, const struct pl_page_query *query,
                     const struct pl_framer *framer, bool stale, struct pl_cached_page *ret)
{
    struct pl_stream_page_context context = {
        .reader = sqlite->reader, .framer = *framer, .cache_weak = sqlite->pages};
    struct pl_reader_ops ops = *sqlite->reader.ops;
    int rc = ops.begin(sqlite->reader.self);

    if (rc < 0)
        return rc;
    if (stale) {
        ops.plan_page = plan_stale_page;
        context.reader.ops = &ops;
    }
    rc = pl_stream_page_make(&context, query, ret);
    context.reader.ops->end(context.reader.self);
    return rc;
}

void disk_sqlite_checkpoint(struct disk_sqlite *sqlite)
{
    if (!sqlite->checkpoint_due)
        return;
    sqlite->checkpoint_due = false;
    (void)pl_sqlite_checkpointer_run(sqlite->checkpointer); /* the store knows of a failure */
}

uint64_t disk_sqlite_cached(const struct disk_sqlite *sqlite)
{
    return sqlite->cached + pl_page_cache_stats(sqlite->pages).found;
}

const struct pl_reader *disk_sqlite_reader(const struct disk_sqlite *sqlite)
{
    return crash_vfs_is_cut() ? NULL : &sqlite->reader;
}

static void give_event(sqlite3_stmt *stmt,
                       void (*on_event)(void *arg, const struct pl_event_row *row), void *arg)
{
    struct pl_event_row row = {
        .position = (pl_position)sqlite3_column_int64(stmt, 0),
        .room = {(uint64_t)sqlite3_column_int64(stmt, 1)},
        .sequence = (pl_sequence)sqlite3_column_int64(stmt, 2),
        .kind = (enum pl_event_kind)sqlite3_column_int(stmt, 3),
        .actor = {(uint64_t)sqlite3_column_int64(stmt, 4)},
    };

    on_event(arg, &row);
}

void disk_sqlite_events(struct disk_sqlite *sqlite,
                        void (*on_event)(void *arg, const struct pl_event_row *row), void *arg)
{
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int rc;

    snprintf(path, sizeof path, "%s/%s", sqlite->folder.data, PL_SQLITE_FILE);
    rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, CRASH_VFS_NAME);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db,
                                "SELECT position, room, sequence, kind, actor FROM events "
                                "ORDER BY position",
                                -1, &stmt, NULL);
    JUDGE(rc == SQLITE_OK, "the database cannot be read");
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        give_event(stmt, on_event, arg);
    JUDGE(rc == SQLITE_DONE, "the database cannot be read");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}
