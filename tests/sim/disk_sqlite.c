/* disk_sqlite.c - see disk_sqlite.h. */
#include "disk_sqlite.h"

#include "../unit/store/crash_vfs.h"
#include "../unit/store/folder.h"

#include "base/err.h"
#include "store/sqlite.h"
#include "trace.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECKPOINT_PAGES = 40 };

struct disk_sqlite {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_sqlite_store *store; /* NULL while it is closed */
    struct pl_reader reader;
};

struct disk_sqlite *disk_sqlite_new(void)
{
    struct disk_sqlite *sqlite = calloc(1, sizeof *sqlite);

    JUDGE(sqlite != NULL, "out of memory");
    folder_make(&sqlite->folder);
    sqlite->config = (struct pl_sqlite_config){.dir = sqlite->folder.data,
                                               .durability = PL_DURABILITY_SYNCED,
                                               .vfs = CRASH_VFS_NAME,
                                               .checkpoint_pages = CHECKPOINT_PAGES};
    crash_vfs_start();
    return sqlite;
}

static void close_all(struct disk_sqlite *sqlite)
{
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

struct page {
    const struct pl_page_query *query;
    const struct pl_framer *framer;
    struct pl_bytebuf *out;
    int len;
};

static int on_row(void *arg, const struct pl_page_row *row)
{
    struct page *page = arg;

    JUDGE(row->state == NULL, "a room has forgotten something");
    page->framer->event(page->framer->self, row->event, row->position, &page->query->backlog, true,
                        page->out);
    page->len++;
    return page->out->err;
}

int disk_sqlite_page(struct disk_sqlite *sqlite, const struct pl_page_query *query,
                     const struct pl_framer *framer, struct pl_bytebuf *out,
                     pl_position *ret_through)
{
    const struct pl_reader *reader = &sqlite->reader;
    struct page page = {.query = query, .framer = framer, .out = out};
    struct pl_page_plan plan;
    struct pl_bytebuf key;
    int rc = reader->ops->begin(reader->self);

    if (rc < 0)
        return rc;
    pl_bytebuf_init(&key, 1 << 16);
    rc = reader->ops->plan_page(reader->self, query, &key, &plan);
    if (rc == PL_OK)
        rc = reader->ops->read_page(reader->self, query, on_row, &page, ret_through);
    pl_bytebuf_done(&key);
    reader->ops->end(reader->self);
    return rc < 0 ? rc : page.len;
}

static void give_event(sqlite3_stmt *stmt, size_t n,
                       void (*on_event)(void *arg, size_t n, const struct pl_event_row *row),
                       void *arg)
{
    struct pl_event_row row = {
        .position = (pl_position)sqlite3_column_int64(stmt, 0),
        .room = {(uint64_t)sqlite3_column_int64(stmt, 1)},
        .sequence = (pl_sequence)sqlite3_column_int64(stmt, 2),
        .kind = (enum pl_event_kind)sqlite3_column_int(stmt, 3),
        .actor = {(uint64_t)sqlite3_column_int64(stmt, 4)},
    };

    on_event(arg, n, &row);
}

void disk_sqlite_events(struct disk_sqlite *sqlite,
                        void (*on_event)(void *arg, size_t n, const struct pl_event_row *row),
                        void *arg)
{
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;
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
        give_event(stmt, n++, on_event, arg);
    JUDGE(rc == SQLITE_DONE, "the database cannot be read");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}
