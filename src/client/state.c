/*
 * state.c - files of tokens and locks.
 *
 * A lock is flock() on a file of its own: the token's file is replaced by
 * renaming, which would leave the lock on a file that nobody sees any more.
 */
#include "client/state.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_NAME_SIZE = PL_USER_NAME_SIZE_MAX + 32 };

struct pl_state {
    char *path;
    int dir_fd;
    int lock_fd; /* -1: no name is held */
};

static int err_of_errno(void)
{
    return errno == ENOENT                      ? PL_E_NOTFOUND
           : errno == ENOSPC || errno == EDQUOT ? PL_E_FULL
                                                : PL_E_IO;
}

/* A server's address as the name of a folder: what is not plain is %XX. */
static void append_server(struct pl_bytebuf *path, const char *server)
{
    for (; *server != 0; server++) {
        char c = *server;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';

        if (plain)
            pl_bytebuf_append_byte(path, (uint8_t)c);
        else if (c == '.' && path->data[path->size - 1] != '/')
            pl_bytebuf_append_byte(path, '.');
        else
            pl_bytebuf_printf(path, "%%%02x", (unsigned)(uint8_t)c);
    }
}

static int make_folders(const char *path, char *scratch)
{
    for (size_t i = 1;; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(scratch, path, i);
        scratch[i] = 0;
        if (mkdir(scratch, 0700) < 0 && errno != EEXIST)
            return err_of_errno();
        if (path[i] == 0)
            return PL_OK;
    }
}

int pl_state_open(const char *server, char *(*get_env)(const char *name),
                  struct pl_state **ret_state)
{
    const char *base = get_env("XDG_STATE_HOME");
    const char *home = get_env("HOME");
    struct pl_bytebuf path;
    struct pl_state *state = NULL;
    char *scratch = NULL;
    int err = PL_E_NOMEM;

    pl_bytebuf_init(&path, 4096);
    if (base != NULL && base[0] == '/') {
        pl_bytebuf_append_str(&path, base);
    } else if (home != NULL && home[0] == '/') {
        pl_bytebuf_append_str(&path, home);
        pl_bytebuf_append_str(&path, "/.local/state");
    } else {
        err = PL_E_NOTFOUND;
        goto out;
    }
    pl_bytebuf_append_str(&path, "/parla/");
    if (path.err == PL_OK)
        append_server(&path, server);
    if (path.err != PL_OK)
        goto out;

    state = pl_zalloc(sizeof *state);
    if (state == NULL)
        goto out;
    state->dir_fd = -1;
    state->lock_fd = -1;
    state->path = pl_strdup(pl_bytebuf_cstr(&path));
    scratch = pl_alloc(path.size + 1);
    if (state->path == NULL || scratch == NULL)
        goto out;
    err = make_folders(state->path, scratch);
    if (err < 0)
        goto out;
    state->dir_fd = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->dir_fd < 0) {
        err = err_of_errno();
        goto out;
    }
    *ret_state = state;
    state = NULL;
    err = PL_OK;
out:
    pl_state_close(state);
    pl_free(scratch);
    pl_bytebuf_done(&path);
    return err;
}

void pl_state_close(struct pl_state *state)
{
    if (state == NULL)
        return;
    if (state->lock_fd >= 0)
        close(state->lock_fd);
    if (state->dir_fd >= 0)
        close(state->dir_fd);
    pl_free(state->path);
    pl_free(state);
}

const char *pl_state_path(const struct pl_state *state)
{
    return state->path;
}

static void file_name(const char *user, const char *suffix, char name[FILE_NAME_SIZE])
{
    PL_ASSERT(pl_user_name_valid(user));
    snprintf(name, FILE_NAME_SIZE, "%s%s", user, suffix);
}

/* The first line of a file, at most size - 1 bytes. */
static int read_line(struct pl_state *state, const char *name, char *line, size_t size)
{
    int fd = openat(state->dir_fd, name, O_RDONLY | O_CLOEXEC);
    size_t got = 0;
    int err = PL_OK;

    if (fd < 0)
        return err_of_errno();
    while (got < size - 1) {
        ssize_t n = read(fd, line + got, size - 1 - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = PL_E_IO;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(fd);
    line[got] = 0;
    line[strcspn(line, "\n")] = 0;
    return err;
}

static int write_all(int fd, const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t n = write(fd, text, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_of_errno();
        text += n;
        size -= (size_t)n;
    }
    return PL_OK;
}

static int replace_file(struct pl_state *state, const char *name, const char *text)
{
    char temporary[FILE_NAME_SIZE + 32];
    int err;
    int fd;

    snprintf(temporary, sizeof temporary, "%s.%ld.new", name, (long)getpid());
    fd = openat(state->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_of_errno();
    err = write_all(fd, text);
    if (err == PL_OK && fsync(fd) < 0)
        err = err_of_errno();
    if (close(fd) < 0 && err == PL_OK)
        err = err_of_errno();
    if (err == PL_OK && renameat(state->dir_fd, temporary, state->dir_fd, name) < 0)
        err = err_of_errno();
    if (err < 0)
        unlinkat(state->dir_fd, temporary, 0);
    return err;
}

int pl_state_token(struct pl_state *state, const char *user, char ret_token[PL_TOKEN_SIZE_MAX + 1])
{
    char name[FILE_NAME_SIZE];
    char token[PL_TOKEN_SIZE_MAX + 1];
    int err;

    file_name(user, ".token", name);
    err = read_line(state, name, token, sizeof token);
    if (err < 0)
        return err;
    if (token[0] == 0)
        return PL_E_NOTFOUND;
    memcpy(ret_token, token, sizeof token);
    return PL_OK;
}

int pl_state_keep(struct pl_state *state, const char *user, const char *token)
{
    char name[FILE_NAME_SIZE];
    char line[PL_TOKEN_SIZE_MAX + 2];
    int err;

    if (strlen(token) > PL_TOKEN_SIZE_MAX)
        return PL_E_LIMIT;
    file_name(user, ".token", name);
    snprintf(line, sizeof line, "%s\n", token);
    err = replace_file(state, name, line);
    if (err < 0)
        return err;
    snprintf(line, sizeof line, "%s\n", user);
    return replace_file(state, "last-name", line);
}

int pl_state_forget(struct pl_state *state, const char *user)
{
    char name[FILE_NAME_SIZE];

    file_name(user, ".token", name);
    if (unlinkat(state->dir_fd, name, 0) < 0 && errno != ENOENT)
        return PL_E_IO;
    return PL_OK;
}

int pl_state_last_name(struct pl_state *state, char ret_user[PL_USER_NAME_SIZE_MAX + 1])
{
    char user[PL_USER_NAME_SIZE_MAX + 1];
    int err = read_line(state, "last-name", user, sizeof user);

    if (err < 0)
        return err;
    if (!pl_user_name_valid(user))
        return PL_E_NOTFOUND;
    memcpy(ret_user, user, sizeof user);
    return PL_OK;
}

static int lock_file(struct pl_state *state, const char *user, int *ret_fd)
{
    char name[FILE_NAME_SIZE];
    int fd;

    file_name(user, ".lock", name);
    fd = openat(state->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return PL_E_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int err = errno == EWOULDBLOCK ? PL_E_BUSY : PL_E_IO;

        close(fd);
        return err;
    }
    *ret_fd = fd;
    return PL_OK;
}

int pl_state_lock(struct pl_state *state, const char *user)
{
    int fd = -1;
    int err;

    if (state->lock_fd >= 0)
        close(state->lock_fd); /* so that the same name can be held again */
    state->lock_fd = -1;
    err = lock_file(state, user, &fd);
    if (err < 0)
        return err;
    state->lock_fd = fd;
    return PL_OK;
}

bool pl_state_is_locked(struct pl_state *state, const char *user)
{
    int fd = -1;
    int err = lock_file(state, user, &fd);

    if (err == PL_OK)
        close(fd);
    return err == PL_E_BUSY;
}
