/*
 * crash_vfs.h - a file system for SQLite whose power can be cut.
 *
 * A layer over the usual VFS, on real files. Of each file it keeps what was
 * last synced, and of each folder's entries those that were: a name made,
 * deleted or made anew lasts once a folder is synced, which SQLite asks for by
 * xDelete, and by the first xSync of a journal or WAL that it has made. The
 * WAL's index (shared memory) never lasts.
 *
 * When the power is cut every call that would write fails; after the
 * connections are closed crash_vfs_restore() makes the files what a disk would
 * hold.
 *
 * Threads: one. There is one such file system.
 */
#ifndef PL_TEST_STORE_CRASH_VFS_H
#define PL_TEST_STORE_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

#define CRASH_VFS_NAME "crash"

/* Registers it, with nothing known and no fault. Files that are there already
 * are taken for synced when they are opened. */
void crash_vfs_start(void);
void crash_vfs_stop(void);

/* The power goes at the `nth` write, sync, truncation or deletion from now on;
 * 0: never. A write that is hit is half done. */
void crash_vfs_cut_at(uint32_t nth);
bool crash_vfs_is_cut(void);

/* Makes the files what the disk holds, and turns the power on. `mix` 0: of what
 * was not synced nothing is there. Else, seeded by it: any of its sectors may
 * be, as real disks have it. */
void crash_vfs_restore(uint64_t mix);

/* Faults, for as long as they are set. */
struct crash_vfs_faults {
    bool lie;         /* xSync says yes and does nothing */
    bool full;        /* no file can grow, … */
    uint32_t room;    /* … but by so many bytes in all */
    bool fail_writes; /* xWrite fails */
    bool fail_syncs;  /* xSync fails */
};
extern struct crash_vfs_faults crash_vfs_faults;

/* Whether it promises that a write damages nothing beside it when the power goes. Without
 * that, as at the start, SQLite fills up the sector in which a commit ends. */
extern bool crash_vfs_powersafe;

/* How many calls there were that a cut can hit, since the start. */
uint32_t crash_vfs_ops(void);

#endif
