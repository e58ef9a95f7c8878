/*
 * schema.c - the tables as SQL, and their versions.
 *
 * Events lie in the journal's order: their position is the key, so that a batch
 * appends at the table's end whatever its rooms. Each index costs a page for
 * each room of the batch, so there is one, by (room, sequence): within a room
 * position and number of messages rise with the sequence, and are found by
 * halving. The other one is partial: it costs only the rows that it is for.
 *
 * 64-bit ids and counters are kept as SQLite's signed integers, bit by bit;
 * times are milliseconds since 1970; a position or time that has no end is
 * INT64_MAX.
 */
#include "store/schema.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"

#include <inttypes.h>
#include <stdio.h>

static const char schema_1[] =
    /* the counters that every batch moves: one row */
    "CREATE TABLE meta ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1), batch INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
    "  position INTEGER NOT NULL, log INTEGER NOT NULL, last_user INTEGER NOT NULL,"
    "  last_session INTEGER NOT NULL, last_room INTEGER NOT NULL, last_lease INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO meta VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);"

    /* the ids that the log has borne, in the order in which they began */
    "CREATE TABLE logs ("
    "  number INTEGER PRIMARY KEY, log INTEGER NOT NULL UNIQUE, start INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE users ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL, kind INTEGER NOT NULL,"
    "  display_name TEXT NOT NULL, status TEXT NOT NULL, create_ms INTEGER NOT NULL,"
    "  last_seen_ms INTEGER NOT NULL, room_count INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX users_active ON users (name) WHERE state = 1;"
    "CREATE INDEX users_ending ON users (id) WHERE state = 2;"

    "CREATE TABLE sessions ("
    "  id INTEGER PRIMARY KEY, user INTEGER NOT NULL, token_hash BLOB NOT NULL,"
    "  label TEXT NOT NULL, create_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);"
    "CREATE INDEX sessions_used ON sessions (used_ms);"

    /* trimmed_*: what retention took; trim_due_ms: when it takes more, 0: never */
    "CREATE TABLE rooms ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, visibility INTEGER NOT NULL,"
    "  direct_low INTEGER NOT NULL, direct_high INTEGER NOT NULL, title TEXT NOT NULL,"
    "  topic TEXT NOT NULL, delivery INTEGER NOT NULL, quiet_membership INTEGER NOT NULL,"
    "  retention_s INTEGER NOT NULL, create_ms INTEGER NOT NULL,"
    "  settings_version INTEGER NOT NULL, member_count INTEGER NOT NULL,"
    "  part INTEGER NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,"
    "  last_message_sequence INTEGER NOT NULL, message_count INTEGER NOT NULL,"
    "  last_position INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
    "  trimmed_position INTEGER NOT NULL, trimmed_messages INTEGER NOT NULL,"
    "  trimmed_message INTEGER NOT NULL, trim_due_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX rooms_name ON rooms (name);"
    "CREATE INDEX rooms_public ON rooms (name) WHERE visibility = 1;"
    "CREATE UNIQUE INDEX rooms_direct ON rooms (direct_low, direct_high) WHERE direct_low > 0;"
    "CREATE INDEX rooms_trim ON rooms (trim_due_ms) WHERE trim_due_ms > 0;"

    /* name is the user's: it is here so that a large room can be paged by it */
    "CREATE TABLE members ("
    "  room INTEGER NOT NULL, user INTEGER NOT NULL, state INTEGER NOT NULL, name TEXT NOT NULL,"
    "  role INTEGER NOT NULL, update_ms INTEGER NOT NULL, read_sequence INTEGER NOT NULL,"
    "  read_count INTEGER NOT NULL, PRIMARY KEY (room, user)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX members_user ON members (user, room) WHERE state = 1 OR state = 2;"
    "CREATE INDEX members_name ON members (room, name) WHERE state = 1 OR state = 2;"

    /* positions beyond start and up to until; the open one of a room is its last */
    "CREATE TABLE spans ("
    "  user INTEGER NOT NULL, room INTEGER NOT NULL, start INTEGER NOT NULL,"
    "  until INTEGER NOT NULL, PRIMARY KEY (user, room, start)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX spans_until ON spans (user, until);"

    /* messages: how many its room had, up to this event; thread: of a message, its
     * thread's first message, or 0; bytes: parla.v1.Event */
    "CREATE TABLE events ("
    "  position INTEGER PRIMARY KEY, room INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL, create_ms INTEGER NOT NULL, actor INTEGER NOT NULL,"
    "  messages INTEGER NOT NULL, thread INTEGER NOT NULL, bytes BLOB NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX events_room ON events (room, sequence);"
    "CREATE INDEX events_thread ON events (room, thread, sequence) WHERE thread > 0;"

    "CREATE TABLE threads ("
    "  room INTEGER NOT NULL, first INTEGER NOT NULL, last_message INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, PRIMARY KEY (room, first)"
    ") STRICT, WITHOUT ROWID;"

    /* number: 1, 2, 3, … for each user and room, so that none need be counted */
    "CREATE TABLE mentions ("
    "  user INTEGER NOT NULL, room INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    "  number INTEGER NOT NULL, PRIMARY KEY (user, room, sequence)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX mentions_room ON mentions (room, sequence);"

    /* id rises with create_ms: the oldest are the first */
    "CREATE TABLE requests ("
    "  id INTEGER PRIMARY KEY, user INTEGER NOT NULL, target TEXT NOT NULL,"
    "  request_id TEXT NOT NULL, content BLOB NOT NULL, room INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL, create_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX requests_key ON requests (user, request_id, target);"

    "CREATE TABLE work ("
    "  room INTEGER NOT NULL, sequence INTEGER NOT NULL, sender INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, lease INTEGER NOT NULL,"
    "  taker INTEGER NOT NULL, lease_until_ms INTEGER NOT NULL, PRIMARY KEY (room, sequence)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX work_free ON work (room, sequence, sender, not_before_ms) WHERE lease = 0;"
    "CREATE INDEX work_delay ON work (not_before_ms) WHERE lease = 0 AND not_before_ms > 0;"
    "CREATE INDEX work_taker ON work (taker, room, sequence) WHERE lease <> 0;"
    "CREATE INDEX work_until ON work (lease_until_ms) WHERE lease <> 0;";

/* Request ids are no longer found by a tree in their random order: see
 * request_index.h. */
static const char schema_2[] =
    "DROP INDEX requests_key;"
    "CREATE TABLE request_secret (id INTEGER PRIMARY KEY CHECK (id = 1), secret BLOB NOT NULL) "
    "STRICT;"
    "INSERT INTO request_secret VALUES (1, randomblob(16));"
    "CREATE TABLE request_keys (id INTEGER PRIMARY KEY, keys BLOB NOT NULL) STRICT;"
    "CREATE TABLE request_filters (id INTEGER PRIMARY KEY, rows BLOB NOT NULL) STRICT;";

/* sum: of an event's bytes, see pl_row_event(); NULL for those from before. */
static const char schema_3[] = "ALTER TABLE events ADD COLUMN sum INTEGER;";

/* The last batch's: the clock by which things end goes on from it. */
static const char schema_4[] = "ALTER TABLE meta ADD COLUMN age_ms INTEGER NOT NULL DEFAULT 0;"
                               "UPDATE meta SET age_ms = time_ms;";

static const char *const steps_now[] = {schema_1, schema_2, schema_3, schema_4};

const struct pl_schema pl_schema_now = {
    .steps = steps_now,
    .version = sizeof steps_now / sizeof steps_now[0],
};

int pl_schema_check(struct pl_db *db, const struct pl_schema *schema, uint32_t *ret_version)
{
    int64_t application = 0, version = 0, tables = 0;
    int rc = pl_db_int(db, "PRAGMA application_id", &application);

    if (rc == PL_OK)
        rc = pl_db_int(db, "PRAGMA user_version", &version);
    if (rc == PL_OK)
        rc = pl_db_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc < 0)
        return rc;
    if (application == 0 && version == 0 && tables == 0) {
        *ret_version = 0;
        return PL_OK;
    }
    if (application != PL_SCHEMA_APPLICATION_ID || version < 1) {
        pl_db_tell(db, "this is not a database of parlad's; name another data folder");
        return PL_E_CORRUPT;
    }
    if (version > schema->version) {
        pl_db_tell(db,
                   "its version is %" PRId64 ", this parlad knows versions up to %u and changed "
                   "nothing; use the parlad that made it, or a newer one",
                   version, schema->version);
        return PL_E_VERSION;
    }
    *ret_version = (uint32_t)version;
    return PL_OK;
}

/* Copies the database as it stands. What an earlier try left is not whole. */
static int copy(struct pl_db *db, uint32_t version)
{
    sqlite3_vfs *vfs = NULL;
    char *path = sqlite3_mprintf("%s.v%u.bak", db->path, version);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", path);
    int rc = PL_E_NOMEM;

    if (path != NULL && sql != NULL) {
        rc = pl_db_failed(
            db, sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_VFS_POINTER, &vfs), path);
        if (rc == PL_OK) {
            int gone = vfs->xDelete(vfs, path, 1);

            rc = gone == SQLITE_IOERR_DELETE_NOENT ? PL_OK : pl_db_failed(db, gone, path);
        }
        if (rc == PL_OK)
            rc = pl_db_exec(db, sql, "copy"); /* synced as the database itself is */
        if (rc == PL_OK)
            rc = pl_dir_sync_of(path);
        if (rc == PL_OK)
            pl_diag(PL_DIAG_INFO, "store", "%s: version %u, copied to %s", db->path, version, path);
    }
    sqlite3_free(sql);
    sqlite3_free(path);
    return rc;
}

static int step_all(struct pl_db *db, const struct pl_schema *schema, uint32_t version)
{
    char sql[96];
    int rc = PL_OK;

    for (uint32_t v = version; v < schema->version && rc == PL_OK; v++)
        rc = pl_db_exec(db, schema->steps[v], "migrate");
    if (rc < 0)
        return rc;
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %u",
             PL_SCHEMA_APPLICATION_ID, schema->version);
    return pl_db_exec(db, sql, "migrate");
}

int pl_schema_migrate(struct pl_db *db, const struct pl_schema *schema, uint32_t version)
{
    int rc;

    if (version == schema->version)
        return PL_OK;
    if (version > 0) {
        rc = copy(db, version);
        if (rc < 0)
            return rc;
    }
    rc = pl_db_exec(db, "BEGIN IMMEDIATE", "migrate");
    if (rc == PL_OK)
        rc = step_all(db, schema, version);
    if (rc == PL_OK)
        rc = pl_db_exec(db, "COMMIT", "migrate");
    if (rc < 0) {
        if (!sqlite3_get_autocommit(db->handle)) /* else SQLite has rolled back itself */
            sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
        return rc;
    }
    if (version > 0)
        pl_diag(PL_DIAG_INFO, "store", "%s: brought from version %u to %u", db->path, version,
                schema->version);
    return PL_OK;
}
