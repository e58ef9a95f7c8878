/*
 * line.h - the line being edited, by libedit: keys, kill ring, history and the
 * key of completion.
 *
 * libedit edits, the screen draws: libedit's own display, which knows nothing
 * of lines printed above it or of combining marks, goes nowhere.
 *
 * Threads:   one. The standard input must be a terminal.
 * Ownership: what it returns is good until the next call.
 */
#ifndef PL_CLIENT_LINE_H
#define PL_CLIENT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

struct pl_line;

struct pl_line_view {
    const wchar_t *text;
    size_t len;
    size_t cursor; /* 0..len */
};

/* on_complete: the key of completion; the line may be changed from it with
 * pl_line_insert(). Takes the terminal to raw mode: the caller keeps and restores
 * its settings. PL_E_NOMEM, PL_E_IO. */
int pl_line_new(void (*on_complete)(void *self), void *self, struct pl_line **ret_line);
void pl_line_free(struct pl_line *line); /* NULL is fine */

/* A whole key: a character, or an escape sequence; unknown sequences are
 * ignored. */
void pl_line_point(struct pl_line *line, uint32_t point);
void pl_line_sequence(struct pl_line *line, const char *sequence);

/* Inserts at the cursor. PL_E_NOMEM. */
int pl_line_insert(struct pl_line *line, const wchar_t *text);

/* Empties it, and leaves the history's past. */
void pl_line_clear(struct pl_line *line);

/* Adds to the history. */
void pl_line_remember(struct pl_line *line, const wchar_t *text);

struct pl_line_view pl_line_view(struct pl_line *line);

#endif
