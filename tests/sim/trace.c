/* trace.c - a ring of lines. */
#include "trace.h"

#include "base/diag.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINES_LEN = 48,
    LINE_SIZE = 200,
};

static struct {
    struct trace_run run;
    uint64_t step;
    int64_t now_ms;
    char lines[LINES_LEN][LINE_SIZE];
    uint64_t lines_len; /* ever */
} state;

void trace_begin(const struct trace_run *run)
{
    state.run = *run;
    state.step = 0;
    state.now_ms = 0;
    state.lines_len = 0;
}

void trace_step(uint64_t step, int64_t now_ms)
{
    state.step = step;
    state.now_ms = now_ms;
}

void trace(const char *format, ...)
{
    char *line = state.lines[state.lines_len++ % LINES_LEN];
    int len = snprintf(line, LINE_SIZE, "%" PRIu64 " %" PRId64 " ", state.step, state.now_ms);
    va_list args;

    va_start(args, format);
    vsnprintf(line + len, LINE_SIZE - (size_t)len, format, args);
    va_end(args);
    if (state.run.print)
        puts(line);
}

static void tell_all(void)
{
    const struct trace_run *run = &state.run;
    uint64_t first = state.lines_len > LINES_LEN ? state.lines_len - LINES_LEN : 0;

    fflush(stdout);
    fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 "; the last events:\n", run->seed,
            state.step);
    for (uint64_t i = first; i < state.lines_len; i++)
        fprintf(stderr, "    %s\n", state.lines[i % LINES_LEN]);
    fprintf(stderr, "again: %s --seed %" PRIu64 " --steps %" PRIu64 "%s%s --trace\n", run->program,
            run->seed, run->steps, run->fault[0] != 0 ? " --fault " : "", run->fault);
}

void fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "the judge disagrees: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    tell_all();
    _exit(1);
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { CRASHES_LEN = sizeof crashes / sizeof crashes[0] };

/* Who else is to hear of each: a sanitizer, or nobody. */
static struct sigaction others[CRASHES_LEN];

/* Says where it was, and leaves the rest to the others. It is too late to mind what may be
 * called here: should this crash, they have it. */
static void on_crash(int signum)
{
    for (size_t i = 0; i < CRASHES_LEN; i++)
        sigaction(crashes[i], &others[i], NULL);
    fflush(stdout);
    fprintf(stderr, "ended by signal %d\n", signum);
    tell_all();
    raise(signum);
}

void trace_crashes(void)
{
    struct sigaction action = {.sa_handler = on_crash};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < CRASHES_LEN; i++)
        sigaction(crashes[i], &action, &others[i]);
}

/* The linker's names for what is called in place of pl_assert_failed() and pl_diag(). */
_Noreturn void __wrap_pl_assert_failed(const char *condition, const char *file, int line,
                                       const char *function);
void __wrap_pl_diag(enum pl_diag_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

_Noreturn void __wrap_pl_assert_failed(const char *condition, const char *file, int line,
                                       const char *function)
{
    fail("%s:%d: %s: assertion '%s' failed", file, line, function, condition);
}

void __wrap_pl_diag_seldom(struct pl_diag_seldom *seldom, enum pl_diag_level level,
                           const char *area, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void __wrap_pl_diag_seldom(struct pl_diag_seldom *seldom, enum pl_diag_level level,
                           const char *area, const char *format, ...)
{
    (void)seldom;
    (void)level;
    (void)area;
    (void)format;
}

/* What a store tells the operator is about faults that were asked for, and names
 * files that are another's each time: it is not for the trace. */
void __wrap_pl_diag(enum pl_diag_level level, const char *area, const char *format, ...)
{
    (void)level;
    (void)area;
    (void)format;
}
