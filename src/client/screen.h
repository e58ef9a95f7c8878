/*
 * screen.h - a terminal where lines appear above, and one is typed below.
 *
 * The lowest rows hold notes (what is pending, the state of the connection) and
 * the prompt with the line being typed. Whatever is printed goes above them: the
 * rows are taken away and drawn again in one write.
 *
 * Threads:   one.
 * Ownership: who makes the screen flushes it at the end of each turn of the loop.
 */
#ifndef PL_CLIENT_SCREEN_H
#define PL_CLIENT_SCREEN_H

#include "base/bytes.h"
#include "client/colour.h"
#include "net/loop.h"

#include <stdbool.h>

struct pl_screen;

struct pl_screen_ops {
    void *self;
    /* A line was entered: UTF-8, line breaks of a paste within. */
    void (*on_line)(void *self, const char *text);
    /* Ctrl-C: had_text: there was a line, which is gone now. */
    void (*on_interrupt)(void *self, bool had_text);
    /* Ctrl-D on an empty line, or the terminal has hung up. */
    void (*on_end)(void *self);
    /* The key of completion: `before` is the line up to the cursor. Answer with
     * pl_screen_insert(). */
    void (*on_complete)(void *self, const char *before);
};

/* Takes the terminal. PL_E_NOMEM, PL_E_IO. */
int pl_screen_new(struct pl_loop *loop, struct pl_colour colour, const struct pl_screen_ops *ops,
                  struct pl_screen **ret_screen);

/* Gives the terminal back as it was. NULL is fine. */
void pl_screen_free(struct pl_screen *screen);

/* Where to append what is to be printed: whole lines, each with a line feed,
 * harmless (safe_text.h). */
struct pl_bytebuf *pl_screen_out(struct pl_screen *screen);

/* Plain texts; copied. A note a line, "" for none. */
void pl_screen_set_prompt(struct pl_screen *screen, const char *prompt);
void pl_screen_set_notes(struct pl_screen *screen, const char *notes);

/* Inserts into the line at the cursor. */
void pl_screen_insert(struct pl_screen *screen, const char *text);

/* Draws what has changed. */
void pl_screen_flush(struct pl_screen *screen);

#endif
