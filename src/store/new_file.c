/*
 * new_file.c - who makes a file holds a lock on it (flock), so that what a crash left
 * can be told from what is being made.
 *
 * The name is given by link(), which fails where there is one: looking first and renaming
 * then would leave a moment for somebody else's file to get lost. Until the .partial is
 * unlinked the file has two names, which is why what a crash left is never written to.
 */
#include "store/new_file.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES_MAX = 10 };

struct pl_new_file {
    char *path;
    char *temp;
    bool replace;
    bool made; /* temp is ours */
    int fd;
    int dir_fd;
};

static int errno_err(void)
{
    return errno == ENOSPC || errno == EDQUOT ? PL_E_FULL : PL_E_IO;
}

static int check_place(const char *path, bool replace)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? PL_OK : PL_E_IO;
    if (!S_ISREG(st.st_mode))
        return PL_E_INVALID;
    return replace ? PL_OK : PL_E_EXISTS;
}

/* Whether the name still leads to what is open. */
static bool is_at(int fd, const char *path)
{
    struct stat open_st, path_st;

    return fstat(fd, &open_st) == 0 && lstat(path, &path_st) == 0 &&
           open_st.st_dev == path_st.st_dev && open_st.st_ino == path_st.st_ino;
}

/* PL_E_AGAIN: what was left behind is gone now, or somebody else was faster. */
static int make_temp(struct pl_new_file *file)
{
    bool left = false;

    file->fd = open(file->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0 && errno == EEXIST) {
        left = true;
        file->fd = open(file->temp, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    }
    if (file->fd < 0)
        return left && errno == ENOENT ? PL_E_AGAIN : errno_err();
    if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? PL_E_BUSY : PL_E_IO;
    if (!left && is_at(file->fd, file->temp)) {
        file->made = true;
        return fchmod(file->fd, 0600) < 0 ? PL_E_IO : PL_OK;
    }
    if (left && is_at(file->fd, file->temp) && unlink(file->temp) < 0)
        return PL_E_IO;
    close(file->fd);
    file->fd = -1;
    return PL_E_AGAIN;
}

int pl_new_file_open(const char *path, bool replace, struct pl_new_file **ret_file)
{
    struct pl_new_file *file = pl_zalloc(sizeof *file);
    size_t size = strlen(path) + sizeof ".partial";
    int rc = PL_E_NOMEM;

    if (file == NULL)
        return rc;
    file->fd = file->dir_fd = -1;
    file->replace = replace;
    file->path = pl_strdup(path);
    file->temp = pl_alloc(size);
    if (file->path == NULL || file->temp == NULL)
        goto fail;
    snprintf(file->temp, size, "%s.partial", path);
    rc = check_place(path, replace);
    if (rc == PL_OK)
        rc = pl_dir_open_of(path, &file->dir_fd);
    if (rc == PL_OK)
        rc = make_temp(file);
    for (int i = 1; i < TRIES_MAX && rc == PL_E_AGAIN; i++)
        rc = make_temp(file);
    if (rc == PL_E_AGAIN)
        rc = PL_E_BUSY;
    if (rc < 0)
        goto fail;
    *ret_file = file;
    return PL_OK;

fail:
    pl_new_file_close(file);
    return rc;
}

const char *pl_new_file_temp(const struct pl_new_file *file)
{
    return file->temp;
}

int pl_new_file_sync(struct pl_new_file *file)
{
    return fsync(file->fd) < 0 ? errno_err() : PL_OK;
}

/* Where a file can have one name only, a moment has to be left. */
static int rename_unless_there(struct pl_new_file *file)
{
    int rc = check_place(file->path, false);

    if (rc < 0)
        return rc;
    return rename(file->temp, file->path) < 0 ? errno_err() : PL_OK;
}

static int give_name(struct pl_new_file *file)
{
    if (file->replace)
        return rename(file->temp, file->path) < 0 ? errno_err() : PL_OK;
    if (link(file->temp, file->path) == 0)
        return unlink(file->temp) < 0 ? PL_E_IO : PL_OK;
    if (errno == EEXIST)
        return PL_E_EXISTS;
    if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
        return rename_unless_there(file);
    return errno_err();
}

int pl_new_file_publish(struct pl_new_file *file)
{
    int rc = pl_new_file_sync(file);

    if (rc == PL_OK)
        rc = give_name(file);
    if (rc < 0)
        return rc;
    file->made = false;
    rc = pl_dir_sync(file->dir_fd);
    if (rc < 0 && !file->replace)
        (void)unlink(file->path); /* it might be gone after a crash, so it is gone now */
    return rc;
}

void pl_new_file_close(struct pl_new_file *file)
{
    int saved = errno;

    if (file == NULL)
        return;
    if (file->made && file->temp != NULL)
        (void)unlink(file->temp); /* nothing more can be done about it */
    if (file->fd >= 0)
        close(file->fd);
    if (file->dir_fd >= 0)
        close(file->dir_fd);
    pl_free(file->path);
    pl_free(file->temp);
    pl_free(file);
    errno = saved;
}
