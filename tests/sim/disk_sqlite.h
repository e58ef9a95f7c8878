/*
 * disk_sqlite.h - the real store, on a file system whose power can be cut
 * (tests/unit/store/crash_vfs.h): for some of the seeds.
 *
 * One at a time in a process.
 */
#ifndef PL_TESTS_SIM_DISK_SQLITE_H
#define PL_TESTS_SIM_DISK_SQLITE_H

#include "base/bytes.h"
#include "model/framer.h"
#include "model/reader.h"
#include "model/store.h"

struct disk_sqlite;

/* An empty folder. */
struct disk_sqlite *disk_sqlite_new(void);
void disk_sqlite_free(struct disk_sqlite *sqlite);

/* Opens the store, which mends what an unclean end left, and a reader. */
struct pl_store disk_sqlite_open(struct disk_sqlite *sqlite);

/* The power goes, unless it has gone by itself. What was not synced is lost; or,
 * with a mix other than 0, some of it. */
void disk_sqlite_die(struct disk_sqlite *sqlite, uint64_t mix);

/* Appends a page's frames. Returns how many, or < 0: it could not be read. */
int disk_sqlite_page(struct disk_sqlite *sqlite, const struct pl_page_query *query,
                     const struct pl_framer *framer, struct pl_bytebuf *out,
                     pl_position *ret_through);

/* Gives all events, in the journal's order. */
void disk_sqlite_events(struct disk_sqlite *sqlite,
                        void (*on_event)(void *arg, size_t n, const struct pl_event_row *row),
                        void *arg);

#endif
