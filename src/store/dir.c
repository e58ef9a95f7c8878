/*
 * dir.c - folders are only on the disk when the folder above has been synced.
 */
#include "store/dir.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pl_dir_open_of(const char *path, int *ret_fd)
{
    char *dir = pl_strdup(path);
    char *slash;
    int fd;

    if (dir == NULL)
        return PL_E_NOMEM;
    slash = strrchr(dir, '/');
    if (slash == dir)
        slash[1] = 0;
    else if (slash != NULL)
        slash[0] = 0;
    fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pl_free(dir);
    if (fd < 0)
        return PL_E_IO;
    *ret_fd = fd;
    return PL_OK;
}

int pl_dir_sync(int fd)
{
    if (fsync(fd) < 0 && errno != EINVAL) /* EINVAL: the file system has no such thing */
        return PL_E_IO;
    return PL_OK;
}

int pl_dir_sync_of(const char *path)
{
    int fd, rc = pl_dir_open_of(path, &fd);

    if (rc < 0)
        return rc;
    rc = pl_dir_sync(fd);
    close(fd);
    return rc;
}

static int make_one(const char *dir)
{
    struct stat st;

    if (stat(dir, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return PL_OK;
        errno = ENOTDIR;
        return PL_E_IO;
    }
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return errno == ENOSPC || errno == EDQUOT ? PL_E_FULL : PL_E_IO;
    return pl_dir_sync_of(dir);
}

int pl_data_dir_make(const char *dir)
{
    size_t size = strlen(dir);
    char *path;
    int rc = PL_OK;

    if (size == 0) {
        errno = ENOENT;
        return PL_E_IO;
    }
    path = pl_strdup(dir);
    if (path == NULL)
        return PL_E_NOMEM;
    while (size > 1 && path[size - 1] == '/')
        path[--size] = 0;
    for (size_t i = 1; i <= size && rc == PL_OK; i++) {
        bool end = i == size;

        if (!end && path[i] != '/')
            continue;
        path[i] = 0;
        rc = make_one(path);
        if (!end)
            path[i] = '/';
    }
    pl_free(path);
    return rc;
}

bool pl_data_dir_has(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + sizeof "/";
    char *path = pl_alloc(size);
    struct stat st;
    bool has;

    if (path == NULL)
        return false;
    snprintf(path, size, "%s/%s", dir, name);
    has = stat(path, &st) == 0 && st.st_size > 0;
    pl_free(path);
    return has;
}
