/*
 * lines.c - lines of a file descriptor.
 *
 * A pipe or a terminal is watched for input. A regular file is always ready and
 * cannot be watched: a timer that fires at once reads it piece by piece, so
 * that the loop stays alive meanwhile.
 */
#include "client/lines.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 16 * 1024 };

struct pl_lines {
    struct pl_loop *loop_weak;
    int fd;
    struct pl_lines_ops ops;
    struct pl_watch *watch; /* NULL for a regular file, and during a pause */
    struct pl_timer *timer;
    bool cannot_watch;
    bool ended;
    uint64_t number;        /* of lines told */
    struct pl_bytebuf line; /* the beginning of the next one */
};

static void stop(struct pl_lines *lines)
{
    pl_watch_free(lines->watch);
    lines->watch = NULL;
    pl_timer_stop(lines->timer);
}

static void tell(struct pl_lines *lines)
{
    const char *text = pl_bytebuf_cstr(&lines->line);
    struct pl_bytes line = {(const uint8_t *)text, lines->line.size};

    lines->number++;
    if (lines->line.err != PL_OK)
        lines->ops.on_too_long(lines->ops.self, lines->number);
    else
        lines->ops.on_line(lines->ops.self, line, lines->number);
    pl_bytebuf_clear(&lines->line);
}

static void take(struct pl_lines *lines, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t part = end != NULL ? (size_t)(end - data) : size;

        pl_bytebuf_append(&lines->line, data, part);
        if (end == NULL)
            return;
        tell(lines);
        data += part + 1;
        size -= part + 1;
    }
}

static void end(struct pl_lines *lines, int err)
{
    stop(lines);
    lines->ended = true;
    if (lines->line.size > 0 || lines->line.err != PL_OK)
        tell(lines);
    lines->ops.on_end(lines->ops.self, err);
}

static void on_readable(void *self)
{
    struct pl_lines *lines = self;
    uint8_t data[READ_SIZE];
    ssize_t size;

    if (lines->ended)
        return;
    if (!lines->ops.wants_more(lines->ops.self)) {
        stop(lines);
        return;
    }
    size = read(lines->fd, data, sizeof data);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size > 0)
        take(lines, data, (size_t)size);
    else
        end(lines, size < 0 ? PL_E_IO : PL_OK);
}

void pl_lines_go_on(struct pl_lines *lines)
{
    int err = PL_E_UNSUPPORTED;

    if (lines->ended || lines->watch != NULL)
        return;
    if (!lines->cannot_watch)
        err = pl_watch_new(lines->loop_weak, lines->fd, on_readable, lines, &lines->watch);
    lines->cannot_watch = err == PL_E_UNSUPPORTED;
    if (lines->cannot_watch)
        pl_timer_start(lines->timer, 0, 1);
    else if (err < 0)
        end(lines, err);
}

int pl_lines_new(struct pl_loop *loop, int fd, size_t line_size_max, const struct pl_lines_ops *ops,
                 struct pl_lines **ret_lines)
{
    struct pl_lines *lines = pl_zalloc(sizeof *lines);
    int err;

    if (lines == NULL)
        return PL_E_NOMEM;
    lines->loop_weak = loop;
    lines->fd = fd;
    lines->ops = *ops;
    pl_bytebuf_init(&lines->line, line_size_max);
    err = pl_timer_new(loop, on_readable, lines, &lines->timer);
    if (err < 0) {
        pl_free(lines);
        return err;
    }
    *ret_lines = lines;
    return PL_OK;
}

void pl_lines_free(struct pl_lines *lines)
{
    if (lines == NULL)
        return;
    pl_watch_free(lines->watch);
    pl_timer_free(lines->timer);
    pl_bytebuf_done(&lines->line);
    pl_free(lines);
}
