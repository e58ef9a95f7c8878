/*
 * layout.h - how a prompt and a line being edited lie on rows of a terminal.
 *
 * Pure: columns and code points in, bytes and a cursor out. Widths follow
 * wcwidth(); nothing relies on the terminal's own wrapping, whose habits at the
 * last column differ.
 */
#ifndef PL_CLIENT_LAYOUT_H
#define PL_CLIENT_LAYOUT_H

#include "base/bytes.h"

#include <wchar.h>

struct pl_layout_in {
    const char *prompt;    /* UTF-8; cut to half of the columns */
    const char *prompt_on; /* escape sequences around the prompt; "" for none */
    const char *prompt_off;
    const wchar_t *text; /* the line; a line break in it shows as a mark */
    size_t text_len;
    size_t cursor;   /* 0..text_len */
    size_t cols;     /* >= 2 */
    size_t rows_max; /* >= 1; of a longer line those around the cursor show */
};

struct pl_layout {
    size_t rows_len; /* 1..rows_max */
    size_t cursor_row;
    size_t cursor_col; /* < cols */
};

/* Appends the rows, separated by CR LF. PL_E_NOMEM, or the error of `out`. */
int pl_layout_draw(const struct pl_layout_in *in, struct pl_bytebuf *out,
                   struct pl_layout *ret_layout);

/* The columns of a text without control characters. */
size_t pl_layout_width(const char *text);

/* Appends as much of the text's visible form as fits into `cols`; where it does
 * not fit, the last column shows an ellipsis. */
void pl_layout_cut(struct pl_bytebuf *out, const char *text, size_t cols);

#endif
