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

/* Prints the last lines again, graver or not, to standard error. */
void pl_diag_dump(void);

/* The level's name ("error", "warning", "info", "debug"), and back: PL_OK or
 * PL_E_INVALID. */
const char *pl_diag_level_name(enum pl_diag_level level);
int pl_diag_level_parse(const char *name, enum pl_diag_level *ret_level);

#endif
