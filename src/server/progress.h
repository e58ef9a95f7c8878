/*
 * progress.h - one line on the terminal that says how far a long command is.
 *
 * Written to standard error where that is a terminal, and wiped before anything
 * else is written.
 */
#ifndef PL_SERVER_PROGRESS_H
#define PL_SERVER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PL_COUNT_TEXT_SIZE = 28, PL_MOMENT_TEXT_SIZE = 32 };

struct pl_progress_line {
    bool on;
    bool shown;
    const char *what;   /* static */
    const char *unit;   /* likewise; "" for none */
    uint64_t unit_size; /* how many make one */
    uint64_t total;     /* 0: not known */
    int64_t start_ms;
    int64_t next_ms; /* not written again before */
};

/* Begins anew for another thing. */
void pl_progress_line_begin(struct pl_progress_line *line, const char *what, const char *unit,
                            uint64_t unit_size, uint64_t total);

/* Says how far it is, a few times a second at most. */
void pl_progress_line_show(struct pl_progress_line *line, uint64_t done);
void pl_progress_line_hide(struct pl_progress_line *line);

/* A number as people read it: 1,234,567. */
void pl_count_text(uint64_t count, char text[PL_COUNT_TEXT_SIZE]);

/* A moment as people read it: 2026-01-31 12:00:00 UTC. */
void pl_moment_text(int64_t time_ms, char text[PL_MOMENT_TEXT_SIZE]);

#endif
