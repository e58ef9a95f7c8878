/*
 * trace.h - what happened, line by line; and how a run that went wrong ends.
 *
 * The same seed gives the same lines to the byte: no addresses, no real time. The
 * last lines are kept, to be told with a failure.
 *
 * Failed assertions of what is simulated end like that, too; what it tells the
 * operator is left out (meson.build has the linker see to both).
 *
 * One run at a time in a process.
 */
#ifndef PL_TESTS_SIM_TRACE_H
#define PL_TESTS_SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* What is needed to run it again. */
struct trace_run {
    const char *program;
    const char *fault; /* "" for none */
    uint64_t seed;
    uint64_t steps;
    bool print; /* lines go to stdout */
};

/* From now on a crash of the process tells where it was, too. */
void trace_crashes(void);

/* A run begins. */
void trace_begin(const struct trace_run *run);

/* The lines that follow are of this step. */
void trace_step(uint64_t step, int64_t now_ms);

void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The judge disagrees: says why, where, what came before, and how to see it again,
 * and ends the process with status 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define JUDGE(condition, ...) ((condition) ? (void)0 : fail(__VA_ARGS__))

#endif
