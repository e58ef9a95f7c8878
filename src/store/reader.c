/*
 * reader.c - a read-only connection, its snapshot, and what is got by its key.
 *
 * SQLite takes a snapshot at a transaction's first read, so begin makes one.
 */
#include "store/reader_state.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { CACHE_SIZE_DEFAULT = 2 * 1024 * 1024 };

const struct pl_db_sql pl_reader_sql[READ_LEN] = {
#define PL_STMT_SQL(name, sql) {#name, sql},
    PL_READER_STMT_MAP(PL_STMT_SQL)
#undef PL_STMT_SQL
};

static int run_bare(struct pl_sqlite_reader *reader, uint32_t stmt)
{
    struct pl_run run = pl_run_start(&reader->db, stmt);

    return pl_run_done(&run);
}

static void end(void *self)
{
    struct pl_sqlite_reader *reader = self;

    reader->begun = false;
    reader->planned_weak = NULL;
    if (!sqlite3_get_autocommit(reader->db.handle)) /* else an error has ended it */
        (void)run_bare(reader, READ_END);           /* nothing was written: nothing is lost */
}

static int begin(void *self)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run run;
    int rc;

    PL_ASSERT(!reader->begun);
    rc = run_bare(reader, READ_BEGIN);
    if (rc < 0)
        return rc;
    run = pl_run_start(&reader->db, READ_GET_META);
    rc = pl_row_get_meta(&run, &reader->meta);
    if (rc < 0) {
        end(reader);
        return rc == PL_E_NOTFOUND ? pl_db_damaged(&reader->db, "meta") : rc;
    }
    reader->begun = true;
    return PL_OK;
}

static int get_meta(void *self, struct pl_meta *ret)
{
    struct pl_sqlite_reader *reader = self;

    PL_ASSERT(reader->begun);
    *ret = reader->meta;
    return PL_OK;
}

static int find_session(void *self, const struct pl_hash *token_hash, struct pl_session *ret)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run run = pl_run_start(&reader->db, READ_FIND_SESSION);

    PL_ASSERT(reader->begun);
    pl_run_blob(&run, token_hash->v, sizeof token_hash->v);
    return pl_row_get_session(&run, ret);
}

static int get_user(void *self, pl_user_id id, struct pl_user *ret)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run run = pl_run_start(&reader->db, READ_GET_USER);

    PL_ASSERT(reader->begun);
    pl_run_u64(&run, id.v);
    return pl_row_get_user(&run, ret);
}

static int find_room(void *self, const char *name, struct pl_room *ret)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run run = pl_run_start(&reader->db, READ_FIND_ROOM);

    PL_ASSERT(reader->begun);
    pl_run_text(&run, name);
    return pl_row_get_room(&run, ret);
}

static int get_member(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run run = pl_run_start(&reader->db, READ_GET_MEMBER);

    PL_ASSERT(reader->begun);
    pl_run_u64(&run, room.v);
    pl_run_u64(&run, user.v);
    return pl_row_get_member(&run, ret);
}

static const struct pl_reader_ops reader_ops = {
    .begin = begin,
    .end = end,
    .get_meta = get_meta,
    .find_session = find_session,
    .get_user = get_user,
    .find_room = find_room,
    .get_member = get_member,
    .list_users = pl_reader_list_users,
    .list_rooms = pl_reader_list_rooms,
    .list_members = pl_reader_list_members,
    .list_messages = pl_reader_list_messages,
    .plan_page = pl_reader_plan_page,
    .read_page = pl_reader_read_page,
};

static int open_db(struct pl_sqlite_reader *reader, const struct pl_sqlite_config *config,
                   struct pl_store_problem *problem)
{
    size_t cache_size = config->cache_size > 0 ? config->cache_size : CACHE_SIZE_DEFAULT;
    size_t size = strlen(config->dir) + sizeof "/" PL_SQLITE_FILE;
    char *path = pl_alloc(size);
    char sql[128];
    int rc;

    if (path == NULL)
        return PL_E_NOMEM;
    snprintf(path, size, "%s/%s", config->dir, PL_SQLITE_FILE);
    rc = pl_db_open(&reader->db, path, config->vfs, SQLITE_OPEN_READONLY, problem);
    pl_free(path);
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof sql,
             "PRAGMA cache_size = -%zu; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = 0",
             cache_size / 1024);
    rc = pl_db_exec(&reader->db, sql, "configure");
    if (rc == PL_OK)
        rc = pl_db_prepare(&reader->db, pl_reader_sql, READ_LEN);
    return rc;
}

int pl_sqlite_reader_open(const struct pl_sqlite_config *config, struct pl_reader *ret_reader,
                          struct pl_store_problem *problem)
{
    struct pl_store_problem own = {{0}};
    struct pl_sqlite_reader *reader = pl_zalloc(sizeof *reader);
    struct pl_reader iface = {.ops = &reader_ops, .self = reader};
    int rc = PL_E_NOMEM;

    if (problem == NULL)
        problem = &own;
    problem->text[0] = 0;
    if (reader == NULL)
        goto fail;
    rc = open_db(reader, config, problem);
    if (rc < 0)
        goto fail;
    reader->db.problem_weak = NULL;
    *ret_reader = iface;
    return PL_OK;

fail:
    if (problem->text[0] == 0)
        snprintf(problem->text, sizeof problem->text, "%s: %s", config->dir, pl_err_text(rc));
    pl_sqlite_reader_close(&iface);
    return rc;
}

void pl_sqlite_reader_close(struct pl_reader *reader)
{
    struct pl_sqlite_reader *self = reader->self;

    if (self == NULL)
        return;
    pl_db_close(&self->db);
    pl_free(self->spans.items);
    pl_free(self->sources.items);
    pl_free(self->members);
    pl_free(self);
    *reader = (struct pl_reader){0};
}
