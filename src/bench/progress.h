/*
 * progress.h - one line on the terminal that says how far a run is.
 *
 * Written to standard error where that is a terminal, and wiped before anything else
 * is written there.
 */
#ifndef PL_BENCH_PROGRESS_H
#define PL_BENCH_PROGRESS_H

#include "bench/run.h"

/* Writes the line anew. */
void pl_bench_progress_show(const struct pl_bench_run *run);

/* The line for a run as it stands; `size` is at least 80. */
void pl_bench_progress_text(const struct pl_bench_run *run, char *text, size_t size);

/* Wipes it. */
void pl_bench_progress_hide(void);

#endif
