/*
 * screen.c - drawing.
 *
 * The screen knows how many rows it has drawn at the bottom and in which of
 * them the cursor stands; from there it finds back to the first. All rows end
 * with an explicit line end, so the terminal never wraps them by itself.
 */
#include "client/screen.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "client/keys.h"
#include "client/layout.h"
#include "client/line.h"
#include "client/output.h"
#include "client/terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define OUT_SIZE_MAX ((size_t)64 << 20)

enum {
    READ_SIZE = 4096,
    NOTES_SIZE_MAX = 64 * 1024,
    NOTES_LEN_MAX = 6,
    KEY_CTRL_C = 3,
    KEY_CTRL_D = 4,
    KEY_CTRL_L = 12,
    KEY_LINE_FEED = 10,
    KEY_RETURN = 13,
};

struct pl_screen {
    struct pl_screen_ops ops;
    struct pl_colour colour;
    struct pl_line *line;
    struct pl_keys keys;
    struct pl_watch *watch;
    struct pl_signal *resized;
    struct pl_signal *suspended;
    struct pl_bytebuf out;    /* to be printed above */
    struct pl_bytebuf prompt; /* plain */
    struct pl_bytebuf notes;
    size_t cols;
    size_t rows;
    size_t cursor_row; /* of the rows drawn */
    bool drawn;
    bool dirty;
    bool clear; /* the whole screen first */
};

static void write_all(const struct pl_bytebuf *bytes)
{
    int err = pl_output_write(STDOUT_FILENO, (struct pl_bytes){bytes->data, bytes->size});

    (void)err; /* the terminal is gone: reading from it tells */
}

/* To the first of our rows, and nothing from there on. */
static void erase(struct pl_screen *screen, struct pl_bytebuf *bytes)
{
    if (screen->clear)
        pl_bytebuf_append_str(bytes, "\x1b[H\x1b[2J");
    else if (screen->drawn && screen->cursor_row > 0)
        pl_bytebuf_printf(bytes, "\x1b[%zuA", screen->cursor_row);
    if (screen->drawn || screen->clear)
        pl_bytebuf_append_str(bytes, "\r\x1b[J");
    screen->drawn = false;
    screen->clear = false;
    screen->cursor_row = 0;
}

/* Draws the notes; returns how many rows they take. */
static size_t draw_notes(struct pl_screen *screen, struct pl_bytebuf *bytes)
{
    const char *note = pl_bytebuf_cstr(&screen->notes);
    size_t max = screen->rows / 2 < NOTES_LEN_MAX ? screen->rows / 2 : NOTES_LEN_MAX;
    size_t len = 0;

    while (note[0] != 0 && len < max) {
        char one[512];
        size_t size = strcspn(note, "\n");
        size_t copied = size < sizeof one - 1 ? size : sizeof one - 1;

        memcpy(one, note, copied);
        one[copied] = 0;
        pl_bytebuf_append_str(bytes, pl_colour_dim(screen->colour));
        pl_layout_cut(bytes, one, screen->cols);
        pl_bytebuf_append_str(bytes, pl_colour_off(screen->colour));
        pl_bytebuf_append_str(bytes, "\r\n");
        note += size + (note[size] == '\n');
        len++;
    }
    return len;
}

static int draw(struct pl_screen *screen, struct pl_bytebuf *bytes)
{
    struct pl_line_view view = pl_line_view(screen->line);
    size_t notes_len = draw_notes(screen, bytes);
    struct pl_layout_in in = {
        .prompt = pl_bytebuf_cstr(&screen->prompt),
        .prompt_on = pl_colour_bold(screen->colour),
        .prompt_off = pl_colour_off(screen->colour),
        .text = view.text,
        .text_len = view.len,
        .cursor = view.cursor,
        .cols = screen->cols,
        .rows_max = screen->rows > notes_len ? screen->rows - notes_len : 1,
    };
    struct pl_layout layout;
    int err = pl_layout_draw(&in, bytes, &layout);

    if (err < 0)
        return err;
    if (layout.rows_len - 1 > layout.cursor_row)
        pl_bytebuf_printf(bytes, "\x1b[%zuA", layout.rows_len - 1 - layout.cursor_row);
    pl_bytebuf_append_byte(bytes, '\r');
    if (layout.cursor_col > 0)
        pl_bytebuf_printf(bytes, "\x1b[%zuC", layout.cursor_col);
    screen->cursor_row = notes_len + layout.cursor_row;
    screen->drawn = true;
    return PL_OK;
}

void pl_screen_flush(struct pl_screen *screen)
{
    struct pl_bytebuf bytes;

    if (!screen->dirty && screen->out.size == 0)
        return;
    pl_bytebuf_init(&bytes, OUT_SIZE_MAX + OUT_SIZE_MAX);
    erase(screen, &bytes);
    pl_bytebuf_append(&bytes, screen->out.data, screen->out.size);
    if (screen->out.err != PL_OK)
        pl_bytebuf_append_str(&bytes, "(out of memory: some lines are missing)\n");
    pl_bytebuf_clear(&screen->out);
    /* where memory is short the rows come with the next flush */
    screen->dirty = draw(screen, &bytes) < 0;
    write_all(&bytes);
    pl_bytebuf_done(&bytes);
}

struct pl_bytebuf *pl_screen_out(struct pl_screen *screen)
{
    return &screen->out;
}

static void replace(struct pl_screen *screen, struct pl_bytebuf *text, const char *with)
{
    if (strcmp(pl_bytebuf_cstr(text), with) == 0)
        return;
    pl_bytebuf_clear(text);
    pl_bytebuf_append_str(text, with);
    screen->dirty = true;
}

void pl_screen_set_prompt(struct pl_screen *screen, const char *prompt)
{
    replace(screen, &screen->prompt, prompt);
}

void pl_screen_set_notes(struct pl_screen *screen, const char *notes)
{
    replace(screen, &screen->notes, notes);
}

/* The line's first `len` characters as UTF-8. */
static void append_wide(struct pl_bytebuf *out, const wchar_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t point = (uint32_t)text[i];
        uint8_t bytes[4];
        size_t size = 0;

        if (point < 0x80) {
            bytes[size++] = (uint8_t)point;
        } else {
            if (point >= 0x10000) {
                bytes[size++] = (uint8_t)(0xf0 | point >> 18);
                bytes[size++] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
            } else if (point >= 0x800) {
                bytes[size++] = (uint8_t)(0xe0 | point >> 12);
            } else {
                bytes[size++] = (uint8_t)(0xc0 | point >> 6);
            }
            if (point >= 0x800)
                bytes[size++] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
            bytes[size++] = (uint8_t)(0x80 | (point & 0x3f));
        }
        pl_bytebuf_append(out, bytes, size);
    }
}

/* UTF-8 as wide characters, with a 0 after them; NULs are left out. NULL for
 * want of memory. */
static wchar_t *widen(struct pl_bytes text)
{
    wchar_t *wide = pl_calloc(text.size + 1, sizeof *wide);
    size_t len = 0;

    for (size_t at = 0; wide != NULL && at < text.size;) {
        uint32_t point;
        size_t size = pl_utf8_decode(text.data + at, text.size - at, &point);

        if (size == 0) {
            point = 0xfffd;
            size = 1;
        }
        if (point != 0)
            wide[len++] = (wchar_t)point;
        at += size;
    }
    return wide;
}

static void insert(struct pl_screen *screen, struct pl_bytes text)
{
    wchar_t *wide = widen(text);

    if (wide == NULL || pl_line_insert(screen->line, wide) < 0)
        pl_bytebuf_append_str(&screen->out, "(out of memory: nothing was inserted)\n");
    pl_free(wide);
    screen->dirty = true;
}

void pl_screen_insert(struct pl_screen *screen, const char *text)
{
    insert(screen, pl_bytes_str(text));
}

/* The line is entered: it goes to the history, and to who wants it. */
static void enter(struct pl_screen *screen)
{
    struct pl_line_view view = pl_line_view(screen->line);
    struct pl_bytebuf text;
    wchar_t *wide;

    pl_bytebuf_init(&text, OUT_SIZE_MAX);
    append_wide(&text, view.text, view.len);
    wide = pl_calloc(view.len + 1, sizeof *wide);
    if (text.err != PL_OK || wide == NULL) {
        pl_bytebuf_append_str(&screen->out, "(out of memory: try again)\n");
        goto out;
    }
    if (view.len > 0) {
        memcpy(wide, view.text, view.len * sizeof *wide);
        pl_line_remember(screen->line, wide);
    }
    pl_line_clear(screen->line);
    screen->ops.on_line(screen->ops.self, pl_bytebuf_cstr(&text));
out:
    pl_free(wide);
    pl_bytebuf_done(&text);
}

static void on_point(void *self, uint32_t point)
{
    struct pl_screen *screen = self;
    bool has_text = pl_line_view(screen->line).len > 0;

    screen->dirty = true;
    if (point == KEY_RETURN || point == KEY_LINE_FEED) {
        enter(screen);
    } else if (point == KEY_CTRL_C) {
        pl_line_clear(screen->line);
        screen->ops.on_interrupt(screen->ops.self, has_text);
    } else if (point == KEY_CTRL_D && !has_text) {
        screen->ops.on_end(screen->ops.self);
    } else if (point == KEY_CTRL_L) {
        screen->clear = true;
    } else if (point != 0) {
        pl_line_point(screen->line, point);
    }
}

static void on_sequence(void *self, const char *sequence)
{
    struct pl_screen *screen = self;

    screen->dirty = true;
    pl_line_sequence(screen->line, sequence);
}

static void on_paste(void *self, struct pl_bytes text, bool cut)
{
    struct pl_screen *screen = self;

    while (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    insert(screen, text);
    if (cut)
        pl_bytebuf_append_str(&screen->out, "(the paste is too long: its end was dropped)\n");
}

static void on_complete(void *self)
{
    struct pl_screen *screen = self;
    struct pl_line_view view = pl_line_view(screen->line);
    struct pl_bytebuf before;

    pl_bytebuf_init(&before, OUT_SIZE_MAX);
    append_wide(&before, view.text, view.cursor);
    screen->ops.on_complete(screen->ops.self, pl_bytebuf_cstr(&before));
    pl_bytebuf_done(&before);
}

static void on_readable(void *self)
{
    struct pl_screen *screen = self;
    uint8_t data[READ_SIZE];
    ssize_t size = read(STDIN_FILENO, data, sizeof data);

    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size <= 0) { /* the terminal has hung up */
        pl_watch_free(screen->watch);
        screen->watch = NULL;
        screen->ops.on_end(screen->ops.self);
        return;
    }
    pl_keys_feed(&screen->keys, (struct pl_bytes){data, (size_t)size});
}

static void on_resized(void *self, int signum)
{
    struct pl_screen *screen = self;

    (void)signum;
    pl_terminal_size(&screen->cols, &screen->rows);
    if (screen->cursor_row >= screen->rows)
        screen->cursor_row = screen->rows - 1;
    screen->dirty = true;
}

static void take_away(struct pl_screen *screen)
{
    struct pl_bytebuf bytes;

    pl_bytebuf_init(&bytes, OUT_SIZE_MAX);
    erase(screen, &bytes);
    pl_bytebuf_append(&bytes, screen->out.data, screen->out.size);
    pl_bytebuf_clear(&screen->out);
    write_all(&bytes);
    pl_bytebuf_done(&bytes);
}

static void on_suspended(void *self, int signum)
{
    struct pl_screen *screen = self;

    (void)signum;
    take_away(screen);
    pl_terminal_restore();
    raise(SIGSTOP); /* we go on here after SIGCONT */
    pl_terminal_raw();
    pl_terminal_size(&screen->cols, &screen->rows);
    screen->dirty = true;
}

int pl_screen_new(struct pl_loop *loop, struct pl_colour colour, const struct pl_screen_ops *ops,
                  struct pl_screen **ret_screen)
{
    struct pl_keys_ops keys_ops = {
        .on_point = on_point, .on_sequence = on_sequence, .on_paste = on_paste};
    struct pl_screen *screen = pl_zalloc(sizeof *screen);
    int err;

    if (screen == NULL)
        return PL_E_NOMEM;
    screen->ops = *ops;
    screen->colour = colour;
    screen->dirty = true;
    keys_ops.self = screen;
    pl_keys_init(&screen->keys, &keys_ops);
    pl_bytebuf_init(&screen->out, OUT_SIZE_MAX);
    pl_bytebuf_init(&screen->prompt, NOTES_SIZE_MAX);
    pl_bytebuf_init(&screen->notes, NOTES_SIZE_MAX);
    err = pl_terminal_open();
    if (err == PL_OK)
        err = pl_line_new(on_complete, screen, &screen->line);
    if (err == PL_OK)
        err = pl_watch_new(loop, STDIN_FILENO, on_readable, screen, &screen->watch);
    if (err == PL_OK)
        err = pl_signal_new(loop, SIGWINCH, on_resized, screen, &screen->resized);
    if (err == PL_OK)
        err = pl_signal_new(loop, SIGTSTP, on_suspended, screen, &screen->suspended);
    if (err < 0) {
        pl_screen_free(screen);
        return err;
    }
    pl_terminal_raw();
    pl_terminal_size(&screen->cols, &screen->rows);
    *ret_screen = screen;
    return PL_OK;
}

void pl_screen_free(struct pl_screen *screen)
{
    if (screen == NULL)
        return;
    take_away(screen);
    pl_watch_free(screen->watch);
    pl_signal_free(screen->resized);
    pl_signal_free(screen->suspended);
    pl_line_free(screen->line);
    pl_terminal_restore();
    pl_keys_done(&screen->keys);
    pl_bytebuf_done(&screen->out);
    pl_bytebuf_done(&screen->prompt);
    pl_bytebuf_done(&screen->notes);
    pl_free(screen);
}
