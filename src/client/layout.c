/*
 * layout.c - rows of a line being edited.
 *
 * The line is laid out whole, remembering where each row begins; then the rows
 * that fit, around the cursor, are copied out. A row that is exactly full
 * leaves the cursor on the next one, so that it never hangs in the terminal's
 * undecided state behind the last column.
 */
#include "client/layout.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"
#include "client/safe_text.h"

#include <string.h>

#define DRAWN_SIZE_MAX ((size_t)1 << 20)

struct draw {
    size_t cols;
    size_t row;
    size_t col;
    struct pl_bytebuf bytes; /* all rows, one after the other */
    struct pl_bytebuf rows;  /* size_t: where each row begins in `bytes` */
};

static void begin_row(struct draw *draw)
{
    pl_bytebuf_append(&draw->rows, &draw->bytes.size, sizeof draw->bytes.size);
}

static void next_row(struct draw *draw)
{
    draw->row++;
    draw->col = 0;
    begin_row(draw);
}

/* Makes sure that a piece that is not to be torn fits on the row. */
static void settle(struct draw *draw, size_t width)
{
    if (draw->col + width > draw->cols)
        next_row(draw);
}

static void put(struct draw *draw, const char *piece, size_t width)
{
    settle(draw, width);
    pl_bytebuf_append_str(&draw->bytes, piece);
    draw->col += width;
}

/* How a code point shows, and how much of that must stay on one row: escapes
 * are ASCII and may be torn anywhere. */
static size_t shape(const struct draw *draw, wchar_t point, char glyph[PL_SAFE_POINT_SIZE])
{
    size_t width;

    if (point == L'\n') {
        memcpy(glyph, "\u21b5", sizeof "\u21b5");
        return 1;
    }
    width = pl_safe_point((uint32_t)point, glyph);
    return width > 2 || width > draw->cols ? 1 : width;
}

static void put_glyph(struct draw *draw, const char *glyph, size_t width)
{
    bool is_ascii = (unsigned char)glyph[0] < 0x80;

    if (!is_ascii) {
        put(draw, glyph, width);
        return;
    }
    for (; *glyph != 0; glyph++)
        put(draw, (char[]){*glyph, 0}, 1);
}

size_t pl_layout_width(const char *text)
{
    struct pl_bytes bytes = pl_bytes_str(text);
    size_t width = 0;

    for (size_t at = 0; at < bytes.size;) {
        char glyph[PL_SAFE_POINT_SIZE];
        uint32_t point;
        size_t size = pl_utf8_decode(bytes.data + at, bytes.size - at, &point);

        width += size == 0 ? 4 : pl_safe_point(point, glyph);
        at += size == 0 ? 1 : size;
    }
    return width;
}

void pl_layout_cut(struct pl_bytebuf *out, const char *text, size_t cols)
{
    struct pl_bytes bytes = pl_bytes_str(text);
    bool whole = pl_layout_width(text) <= cols;
    size_t room = whole ? cols : cols - (cols > 0);

    for (size_t at = 0; at < bytes.size;) {
        char glyph[PL_SAFE_POINT_SIZE];
        uint32_t point;
        size_t size = pl_utf8_decode(bytes.data + at, bytes.size - at, &point);
        size_t width;

        if (size == 0) {
            point = 0xfffd;
            size = 1;
        }
        width = pl_safe_point(point, glyph);
        if (width > room)
            break;
        pl_bytebuf_append_str(out, glyph);
        room -= width;
        at += size;
    }
    if (!whole && cols > 0)
        pl_bytebuf_append_str(out, "\u2026");
}

static void draw_prompt(struct draw *draw, const struct pl_layout_in *in)
{
    struct pl_bytebuf prompt;
    size_t width = pl_layout_width(in->prompt);
    size_t width_max = in->cols / 2;

    pl_bytebuf_init(&prompt, DRAWN_SIZE_MAX);
    pl_layout_cut(&prompt, in->prompt, width_max);
    pl_bytebuf_append_str(&draw->bytes, in->prompt_on);
    put(draw, pl_bytebuf_cstr(&prompt), width < width_max ? width : width_max);
    pl_bytebuf_append_str(&draw->bytes, in->prompt_off);
    if (prompt.err != PL_OK)
        draw->bytes.err = prompt.err;
    pl_bytebuf_done(&prompt);
}

static void copy_rows(struct draw *draw, size_t first, size_t len, struct pl_bytebuf *out)
{
    const size_t *rows = (const size_t *)(const void *)draw->rows.data;
    size_t rows_len = draw->rows.size / sizeof *rows;

    for (size_t i = first; i < first + len; i++) {
        size_t end = i + 1 < rows_len ? rows[i + 1] : draw->bytes.size;

        if (i > first)
            pl_bytebuf_append_str(out, "\r\n");
        pl_bytebuf_append(out, draw->bytes.data + rows[i], end - rows[i]);
    }
}

int pl_layout_draw(const struct pl_layout_in *in, struct pl_bytebuf *out,
                   struct pl_layout *ret_layout)
{
    struct draw draw = {.cols = in->cols};
    struct pl_layout layout = {0};
    size_t first = 0;
    int err = PL_OK;

    PL_ASSERT(in->cols >= 2);
    PL_ASSERT(in->rows_max >= 1);
    PL_ASSERT(in->cursor <= in->text_len);
    pl_bytebuf_init(&draw.bytes, DRAWN_SIZE_MAX);
    pl_bytebuf_init(&draw.rows, DRAWN_SIZE_MAX * sizeof(size_t));
    begin_row(&draw);
    draw_prompt(&draw, in);
    for (size_t i = 0; i < in->text_len; i++) {
        char glyph[PL_SAFE_POINT_SIZE];
        size_t width = shape(&draw, in->text[i], glyph);

        settle(&draw, width); /* before the cursor is noted: it wraps with its character */
        if (i == in->cursor) {
            layout.cursor_row = draw.row;
            layout.cursor_col = draw.col;
        }
        put_glyph(&draw, glyph, width);
    }
    if (in->cursor == in->text_len) {
        layout.cursor_row = draw.row;
        layout.cursor_col = draw.col;
    }
    if (layout.cursor_col >= in->cols) {
        layout.cursor_row++;
        layout.cursor_col = 0;
        if (layout.cursor_row > draw.row)
            next_row(&draw);
    }
    if (draw.bytes.err != PL_OK || draw.rows.err != PL_OK) {
        err = draw.bytes.err != PL_OK ? draw.bytes.err : draw.rows.err;
        goto out;
    }
    layout.rows_len = draw.row + 1;
    if (layout.rows_len > in->rows_max) {
        first = layout.cursor_row + 1 > in->rows_max ? layout.cursor_row + 1 - in->rows_max : 0;
        layout.rows_len = in->rows_max;
        layout.cursor_row -= first;
    }
    copy_rows(&draw, first, layout.rows_len, out);
    err = out->err;
    if (err == PL_OK)
        *ret_layout = layout;
out:
    pl_bytebuf_done(&draw.bytes);
    pl_bytebuf_done(&draw.rows);
    return err;
}
