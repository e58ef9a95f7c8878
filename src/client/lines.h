/*
 * lines.h - lines of a file descriptor, read as they come, as fast as the
 * reader wants them.
 *
 * Threads: one. Limits: a line over LINE_SIZE_MAX bytes is told as too long.
 */
#ifndef PL_CLIENT_LINES_H
#define PL_CLIENT_LINES_H

#include "base/bytes.h"
#include "net/loop.h"

#include <stdint.h>

struct pl_lines;

struct pl_lines_ops {
    void *self;
    /* A line without its end, a NUL after it (size tells of NULs within);
     * `number` counts from 1. */
    void (*on_line)(void *self, struct pl_bytes line, uint64_t number);
    /* Line `number` is too long, or memory is short for it; it was dropped. */
    void (*on_too_long)(void *self, uint64_t number);
    /* The last callback: the end (PL_OK), or reading failed (PL_E_IO,
     * PL_E_NOMEM). */
    void (*on_end)(void *self, int err);
    /* Whether to read on; asked before each read. pl_lines_go_on() when that
     * changes. */
    bool (*wants_more)(void *self);
};

/* The descriptor stays the caller's. PL_E_NOMEM, PL_E_IO. */
int pl_lines_new(struct pl_loop *loop, int fd, size_t line_size_max, const struct pl_lines_ops *ops,
                 struct pl_lines **ret_lines);
void pl_lines_free(struct pl_lines *lines); /* NULL is fine; not from its callbacks */

/* Begins to read, and goes on after a pause. */
void pl_lines_go_on(struct pl_lines *lines);

#endif
