/*
 * lock.c - the file is never deleted: who deletes a locked file lets a third
 * one lock another file of the same name.
 */
#include "store/lock.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char used_line[] = "data is kept here\n";

struct pl_data_lock {
    int fd;
    bool used;
    char line[256]; /* the first one */
};

static int errno_err(void)
{
    return errno == ENOSPC || errno == EDQUOT ? PL_E_FULL : PL_E_IO;
}

static int open_file(const char *dir, int *ret_fd)
{
    size_t size = strlen(dir) + sizeof "/" PL_DATA_LOCK_FILE;
    char *path = pl_alloc(size);
    int fd;

    if (path == NULL)
        return PL_E_NOMEM;
    snprintf(path, size, "%s/%s", dir, PL_DATA_LOCK_FILE);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    pl_free(path);
    if (fd < 0)
        return errno_err();
    *ret_fd = fd;
    return PL_OK;
}

static void read_holder(int fd, struct pl_data_lock_holder *holder)
{
    ssize_t n = pread(fd, holder->text, sizeof holder->text - 1, 0);

    holder->text[n > 0 ? n : 0] = 0;
    holder->text[strcspn(holder->text, "\n")] = 0;
    if (holder->text[0] == 0) /* it has not come to writing it */
        snprintf(holder->text, sizeof holder->text, "another process");
}

/* Over what was there, and then no longer than that: a crash in between leaves more lines,
 * never fewer. */
static int write_lines(struct pl_data_lock *lock)
{
    char all[sizeof lock->line + sizeof used_line + 1];
    int size = snprintf(all, sizeof all, "%s\n%s", lock->line, lock->used ? used_line : "");
    ssize_t n = pwrite(lock->fd, all, (size_t)size, 0);

    if (n < 0)
        return errno_err();
    if (n != size)
        return PL_E_FULL;
    return ftruncate(lock->fd, size) < 0 ? errno_err() : PL_OK;
}

static void read_used(struct pl_data_lock *lock)
{
    char all[sizeof lock->line + sizeof used_line + 1];
    ssize_t n = pread(lock->fd, all, sizeof all - 1, 0);

    all[n > 0 ? n : 0] = 0;
    lock->used = strstr(all, used_line) != NULL;
}

int pl_data_lock_describe(struct pl_data_lock *lock, const char *text)
{
    snprintf(lock->line, sizeof lock->line, "parlad, pid %ld%s%s", (long)getpid(),
             text[0] != 0 ? ", " : "", text);
    return write_lines(lock);
}

bool pl_data_lock_used(const struct pl_data_lock *lock)
{
    return lock->used;
}

int pl_data_lock_set_used(struct pl_data_lock *lock)
{
    int rc;

    if (lock->used)
        return PL_OK;
    lock->used = true;
    rc = write_lines(lock);
    if (rc == PL_OK && fsync(lock->fd) < 0)
        rc = errno_err();
    lock->used = rc == PL_OK;
    return rc;
}

int pl_data_lock_open(const char *dir, struct pl_data_lock **ret_lock,
                      struct pl_data_lock_holder *ret_holder)
{
    struct pl_data_lock *lock = pl_zalloc(sizeof *lock);
    int rc;

    if (lock == NULL)
        return PL_E_NOMEM;
    lock->fd = -1;
    rc = pl_data_dir_make(dir);
    if (rc == PL_OK)
        rc = open_file(dir, &lock->fd);
    if (rc < 0)
        goto fail;
    if (flock(lock->fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? PL_E_BUSY : PL_E_IO;
        if (rc == PL_E_BUSY && ret_holder != NULL)
            read_holder(lock->fd, ret_holder);
        goto fail;
    }
    read_used(lock);
    rc = pl_data_lock_describe(lock, "");
    if (rc < 0)
        goto fail;
    *ret_lock = lock;
    return PL_OK;

fail:
    pl_data_lock_close(lock);
    return rc;
}

void pl_data_lock_close(struct pl_data_lock *lock)
{
    int saved = errno;

    if (lock == NULL)
        return;
    if (lock->fd >= 0)
        close(lock->fd);
    pl_free(lock);
    errno = saved; /* it says why opening failed */
}
