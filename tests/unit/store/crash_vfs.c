/*
 * crash_vfs.c - what is synced is kept as whole images in memory: test databases
 * are small, and images leave no doubt.
 */
#include "crash_vfs.h"

#include "base/mem.h"
#include "folder.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENTRIES_MAX = 32, SECTOR_SIZE = 512 };

/* A file, whatever its name. */
struct inode {
    struct inode *next; /* all of them: freed at the stop */
    uint8_t *synced;
    size_t synced_size;
};

/* A name: what it stands for now, and on the disk. NULL: there is none. */
struct entry {
    char path[512];
    struct inode *now;
    struct inode *on_disk;
};

struct handle {
    sqlite3_file base;
    struct inode *inode;
    bool syncs_folder; /* at its first xSync */
    sqlite3_file real; /* and what follows */
};

struct crash_vfs_faults crash_vfs_faults;
bool crash_vfs_powersafe;

static struct entry entries[ENTRIES_MAX];
static uint32_t entries_len;
static struct inode *inodes;
static uint32_t cut_at, ops;
static bool is_cut;

static sqlite3_vfs *real_vfs;

static struct handle *handle_of(sqlite3_file *file)
{
    return (struct handle *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return &handle_of(file)->real;
}

/* Counts a call that changes something; whether the power is gone. */
static bool cut_now(void)
{
    ops++;
    if (cut_at > 0 && --cut_at == 0)
        is_cut = true;
    return is_cut;
}

static struct entry *entry_of(const char *path)
{
    for (uint32_t i = 0; i < entries_len; i++) {
        if (strcmp(entries[i].path, path) == 0)
            return &entries[i];
    }
    assert_true(entries_len < ENTRIES_MAX);
    assert_true(strlen(path) < sizeof entries[0].path);
    memset(&entries[entries_len], 0, sizeof entries[0]);
    snprintf(entries[entries_len].path, sizeof entries[0].path, "%s", path);
    return &entries[entries_len++];
}

static void sync_folder(void)
{
    for (uint32_t i = 0; i < entries_len; i++)
        entries[i].on_disk = entries[i].now;
}

static struct inode *new_inode(void)
{
    struct inode *inode = pl_zalloc(sizeof *inode);

    assert_non_null(inode);
    inode->next = inodes;
    inodes = inode;
    return inode;
}

/* A file's content as it is now. */
static uint8_t *read_all(sqlite3_file *real, size_t *ret_size)
{
    sqlite3_int64 size = 0;
    uint8_t *data;

    assert_int_equal(real->pMethods->xFileSize(real, &size), SQLITE_OK);
    data = pl_alloc((size_t)size);
    assert_non_null(data);
    if (size > 0)
        assert_int_equal(real->pMethods->xRead(real, data, (int)size, 0), SQLITE_OK);
    *ret_size = (size_t)size;
    return data;
}

static void keep_synced(struct handle *handle)
{
    pl_free(handle->inode->synced);
    handle->inode->synced = read_all(&handle->real, &handle->inode->synced_size);
}

static int file_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xClose(real);
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xRead(real, data, size, at);
}

/* Whether a full disk has room for so many bytes more; they are then used. */
static bool has_room(sqlite3_int64 size)
{
    if (size > (sqlite3_int64)crash_vfs_faults.room)
        return false;
    if (size > 0)
        crash_vfs_faults.room -= (uint32_t)size;
    return true;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    sqlite3_int64 end = 0;
    bool was_cut = is_cut;

    if (cut_now()) {
        if (!was_cut)
            (void)real->pMethods->xWrite(real, data, size / 2, at);
        return SQLITE_IOERR_WRITE;
    }
    if (crash_vfs_faults.fail_writes)
        return SQLITE_IOERR_WRITE;
    assert_int_equal(real->pMethods->xFileSize(real, &end), SQLITE_OK);
    if (crash_vfs_faults.full && !has_room(at + size - end))
        return SQLITE_FULL;
    return real->pMethods->xWrite(real, data, size, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);

    if (cut_now())
        return SQLITE_IOERR_TRUNCATE;
    return real->pMethods->xTruncate(real, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct handle *handle = handle_of(file);

    bool was_cut = is_cut;

    (void)flags; /* nothing here outlives the test: the real file need not be synced */
    if (cut_now()) {
        if (!was_cut && ops % 2 == 0 && !crash_vfs_faults.lie)
            keep_synced(handle); /* it was done, but nobody was told */
        return SQLITE_IOERR_FSYNC;
    }
    if (crash_vfs_faults.fail_syncs)
        return SQLITE_IOERR_FSYNC;
    if (crash_vfs_faults.lie)
        return SQLITE_OK;
    keep_synced(handle);
    if (handle->syncs_folder)
        sync_folder();
    handle->syncs_folder = false;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xFileSize(real, ret_size);
}

static int file_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xLock(real, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xUnlock(real, level);
}

static int file_check_lock(sqlite3_file *file, int *ret_locked)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xCheckReservedLock(real, ret_locked);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *real = real_of(file);

    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_OK; /* else it would grow past the faults */
    return real->pMethods->xFileControl(real, op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_SIZE;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    /* no promise: neither atomic writes nor safe appends; SQLite's own VFS gives this one */
    return crash_vfs_powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret_at)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xShmMap(real, page, size, extend, ret_at);
}

static int shm_lock(sqlite3_file *file, int offset, int len, int flags)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xShmLock(real, offset, len, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);

    real->pMethods->xShmBarrier(real);
}

static int shm_unmap(sqlite3_file *file, int remove)
{
    sqlite3_file *real = real_of(file);

    return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without xFetch: nothing is read past us */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct handle *handle = handle_of(file);
    bool there = path != NULL && access(path, F_OK) == 0;
    struct entry *entry;
    int rc;

    (void)vfs;
    file->pMethods = NULL;
    assert_non_null(path); /* no temporary files are expected */
    if (is_cut)
        return SQLITE_CANTOPEN;
    rc = real_vfs->xOpen(real_vfs, path, &handle->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    entry = entry_of(path);
    handle->syncs_folder = false;
    if (entry->now == NULL) {
        entry->now = new_inode();
        handle->syncs_folder =
            !there && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    }
    handle->inode = entry->now;
    if (there && handle->inode->synced == NULL && entry->on_disk == NULL) {
        keep_synced(handle); /* it is older than we are */
        entry->on_disk = entry->now;
    }
    file->pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    struct entry *entry = entry_of(path);
    int rc;

    (void)vfs;
    if (cut_now())
        return SQLITE_IOERR_DELETE;
    rc = real_vfs->xDelete(real_vfs, path, 0);
    if (rc == SQLITE_OK)
        entry->now = NULL;
    if (rc == SQLITE_OK && sync)
        sync_folder();
    return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
    (void)vfs;
    return real_vfs->xAccess(real_vfs, path, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *ret)
{
    (void)vfs;
    return real_vfs->xFullPathname(real_vfs, path, size, ret);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *ret)
{
    (void)vfs;
    return real_vfs->xRandomness(real_vfs, size, ret);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return real_vfs->xSleep(real_vfs, us);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    (void)vfs;
    return real_vfs->xCurrentTime(real_vfs, ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
    (void)vfs;
    (void)size;
    (void)ret;
    return 0; /* our failures have no errno */
}

static sqlite3_vfs crash_vfs = {
    .iVersion = 1,
    .zName = CRASH_VFS_NAME,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_path,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time,
    .xGetLastError = vfs_last_error,
};

void crash_vfs_start(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    assert_non_null(real_vfs);
    crash_vfs.szOsFile = (int)offsetof(struct handle, real) + real_vfs->szOsFile;
    crash_vfs.mxPathname = real_vfs->mxPathname;
    assert_int_equal(sqlite3_vfs_register(&crash_vfs, 0), SQLITE_OK);
    memset(&crash_vfs_faults, 0, sizeof crash_vfs_faults);
    crash_vfs_powersafe = false;
    entries_len = 0;
    cut_at = ops = 0;
    is_cut = false;
}

void crash_vfs_stop(void)
{
    sqlite3_vfs_unregister(&crash_vfs);
    while (inodes != NULL) {
        struct inode *inode = inodes;

        inodes = inode->next;
        pl_free(inode->synced);
        pl_free(inode);
    }
    entries_len = 0;
}

void crash_vfs_cut_at(uint32_t nth)
{
    cut_at = nth;
}

bool crash_vfs_is_cut(void)
{
    return is_cut;
}

uint32_t crash_vfs_ops(void)
{
    return ops;
}

static uint8_t *load_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long size;

    *ret_size = 0;
    if (file == NULL)
        return NULL;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    rewind(file);
    data = pl_alloc((size_t)size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, file), size);
    fclose(file);
    *ret_size = (size_t)size;
    return data;
}

/* Puts random sectors of what the file was, when the power went, into what was
 * synced of it. */
static void mix_sectors(struct inode *inode, const uint8_t *data, size_t size, uint64_t *random)
{
    if (size > inode->synced_size && random_below(random, 2) == 0) {
        uint8_t *grown = pl_realloc(inode->synced, size);

        assert_non_null(grown);
        memset(grown + inode->synced_size, 0, size - inode->synced_size);
        inode->synced = grown;
        inode->synced_size = size;
    }
    for (size_t at = 0; at < size && at < inode->synced_size; at += SECTOR_SIZE) {
        size_t end = at + SECTOR_SIZE;

        if (end > size)
            end = size;
        if (end > inode->synced_size)
            end = inode->synced_size;
        if (random_below(random, 2) == 0)
            memcpy(inode->synced + at, data + at, end - at);
    }
    if (size < inode->synced_size && random_below(random, 2) == 0)
        inode->synced_size = size; /* a truncation that came through */
}

static void store_file(const char *path, const struct inode *inode)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    if (inode->synced_size > 0)
        assert_int_equal(fwrite(inode->synced, 1, inode->synced_size, file), inode->synced_size);
    assert_int_equal(fclose(file), 0);
}

void crash_vfs_restore(uint64_t mix)
{
    uint64_t random = mix;

    for (uint32_t i = 0; i < entries_len; i++) {
        struct entry *entry = &entries[i];
        size_t size;
        uint8_t *data = load_file(entry->path, &size);

        if (mix != 0 && entry->on_disk != entry->now && random_below(&random, 2) == 0)
            entry->on_disk = entry->now; /* the folder's change came through */
        if (mix != 0 && entry->on_disk != NULL && entry->on_disk == entry->now && data != NULL)
            mix_sectors(entry->on_disk, data, size, &random);
        pl_free(data);
        entry->now = entry->on_disk;
        if (entry->now != NULL)
            store_file(entry->path, entry->now);
        else
            (void)unlink(entry->path);
    }
    is_cut = false;
    cut_at = 0;
}
