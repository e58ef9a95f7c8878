/*
 * report.h - the figures of a run, for people or as one JSON object.
 *
 * Each figure has a key, which is its name in JSON, and words for people.
 */
#ifndef PL_BENCH_REPORT_H
#define PL_BENCH_REPORT_H

#include "bench/histogram.h"
#include "bench/proc.h"

#include <stdbool.h>

struct pl_bench_report;

int pl_bench_report_new(bool json, struct pl_bench_report **ret_report);
void pl_bench_report_free(struct pl_bench_report *report); /* NULL is fine */

void pl_bench_report_text(struct pl_bench_report *report, const char *key, const char *words,
                          const char *value);
/* decimals: for people; JSON gets it as it is. `unit` may be "". */
void pl_bench_report_number(struct pl_bench_report *report, const char *key, const char *words,
                            double value, int decimals, const char *unit);

/* p50, p99, p99.9, max in microseconds, keys with that in front. */
void pl_bench_report_latency(struct pl_bench_report *report, const char *key, const char *words,
                             const struct pl_bench_histogram *histogram);

/* Prints it all to standard output. PL_E_NOMEM, PL_E_IO. */
int pl_bench_report_print(struct pl_bench_report *report);

#endif
