/*
 * disk_sqlite.h - the real store, on a file system whose power can be cut
 * (tests/unit/store/crash_vfs.h): for some of the seeds.
 *
 * One at a time in a process.
 */
#ifndef PL_TESTS_SIM_DISK_SQLITE_H
#define PL_TESTS_SIM_DISK_SQLITE_H

#include "model/framer.h"
#include "model/reader.h"
#include "model/store.h"
#include "server/page_cache.h"

struct disk_sqlite;

/* An empty folder, on a disk of either kind: see crash_vfs_powersafe; with the WAL's file
 * laid before, or not; with checkpoints made beside the commits, or by them. */
struct disk_sqlite *disk_sqlite_new(bool powersafe, bool lay_wal, bool beside);
void disk_sqlite_free(struct disk_sqlite *sqlite);

/* Opens the store, which mends what an unclean end left, and a reader. */
struct pl_store disk_sqlite_open(struct disk_sqlite *sqlite);

/* The power goes, unless it has gone by itself. What was not synced is lost; or,
 * with a mix other than 0, some of it. */
void disk_sqlite_die(struct disk_sqlite *sqlite, uint64_t mix);

/* Makes a page of a stream, or takes it from the cache; `stale`, of FAULT_STALE_PAGE: one
 * that has grown old, too. */
int disk_sqlite_page(struct disk_sqlite *sqlite, const struct pl_page_query *query,
                     const struct pl_framer *framer, bool stale, struct pl_cached_page *ret);

/* What the thread does that makes checkpoints: one that is due. */
void disk_sqlite_checkpoint(struct disk_sqlite *sqlite);

/* How often the cache had it. */
uint64_t disk_sqlite_cached(const struct disk_sqlite *sqlite);

/* NULL while the power is gone. */
const struct pl_reader *disk_sqlite_reader(const struct disk_sqlite *sqlite);

/* Gives all events, in the journal's order. */
void disk_sqlite_events(struct disk_sqlite *sqlite,
                        void (*on_event)(void *arg, const struct pl_event_row *row), void *arg);

#endif
