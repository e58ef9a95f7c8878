/*
 * diag.h - what the operator reads: one line each, with time, level and area.
 *
 * Threads: any; a line is written whole. The last lines are kept and printed
 * when an assertion fails.
 * Limits:  a line holds at most 1,023 bytes; longer ones are cut. What came
 *          from outside is escaped, so that it cannot forge a line.
 */
#ifndef PL_BASE_DIAG_H
#define PL_BASE_DIAG_H

#include <stdbool.h>
#include <stdint.h>

enum pl_diag_level {
    PL_DIAG_ERROR,
    PL_DIAG_WARNING,
    PL_DIAG_INFO,
    PL_DIAG_DEBUG,
};

enum pl_diag_format {
    PL_DIAG_TEXT,
    PL_DIAG_JSON, /* one JSON object a line (RFC 8259) */
};

/* What is written from now on: `level` and what is graver, to standard error. */
void pl_diag_set(enum pl_diag_level level, enum pl_diag_format format);

/* Whether a line of that level would be written. */
bool pl_diag_on(enum pl_diag_level level);

/* Writes a line. `area` is the part of the program, such as "store". */
void pl_diag(enum pl_diag_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a stranger can cause as often as it likes is told a bounded number of times: of each
 * such place's lines PL_DIAG_SELDOM_LEN in PL_DIAG_SELDOM_MS, and the next one says how many
 * were left out. All zero at first. */
enum { PL_DIAG_SELDOM_LEN = 5, PL_DIAG_SELDOM_MS = 10 * 1000 };

struct pl_diag_seldom {
    int64_t since_ms;
    uint32_t len; /* since then */
    uint64_t left_out_len;
};

/* Whether a line may be written now, and how many were left out before it. */
bool pl_diag_seldom_may(struct pl_diag_seldom *seldom, int64_t now_ms, uint64_t *ret_left_out_len);

/* pl_diag() where that is so. Any thread. */
void pl_diag_seldom(struct pl_diag_seldom *seldom, enum pl_diag_level level, const char *area,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for the place where it stands. */
#define PL_DIAG_SELDOM(level, area, ...)                   \
    do {                                                   \
        static struct pl_diag_seldom seldom;               \
                                                           \
        pl_diag_seldom(&seldom, level, area, __VA_ARGS__); \
    } while (0)

/* Prints the last lines again, graver or not, to standard error. */
void pl_diag_dump(void);

/* The level's name ("error", "warning", "info", "debug"), and back: PL_OK or
 * PL_E_INVALID. */
const char *pl_diag_level_name(enum pl_diag_level level);
int pl_diag_level_parse(const char *name, enum pl_diag_level *ret_level);

#endif
