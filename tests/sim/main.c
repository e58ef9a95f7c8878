/*
 * main.c - parla-sim: runs seeds, says what was met.
 *
 * The trace goes to stdout, all else to stderr. Exit status: 0 the judge agrees,
 * 1 it does not, 2 wrong usage.
 */
#include "sim.h"

#include "base/secret.h"
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const faults[FAULTS_LEN] = {
    [FAULT_NONE] = "none",
    [FAULT_ACK_BEFORE_COMMIT] = "ack-before-commit",
    [FAULT_DROP_ON_REJOIN] = "drop-on-rejoin",
    [FAULT_FORGET_REQUESTS] = "forget-requests",
    [FAULT_SKIP_SEQUENCE] = "skip-sequence",
    [FAULT_TWO_TAKERS] = "two-takers",
    [FAULT_NO_STATE] = "no-state",
    [FAULT_EARLY_LIVE] = "early-live",
    [FAULT_TRIM_MORE] = "trim-more",
    [FAULT_STALE_PAGE] = "stale-page",
    [FAULT_WRONG_UNREAD] = "wrong-unread",
    [FAULT_LEAK] = "leak",
    [FAULT_OVER_BUDGET] = "over-budget",
    [FAULT_AGE_BY_DAY] = "age-by-day",
};

struct options {
    uint64_t seed;
    uint64_t seeds_len;
    uint64_t steps;
    bool trace;
    enum fault fault;
};

static void print_usage(void)
{
    fputs("usage: parla-sim --seed N [--seeds LEN] [--steps M] [--trace] [--fault NAME]\n"
          "\n"
          "  --seed N      the run to do\n"
          "  --seeds LEN   that one and those after it; 1 if not given\n"
          "  --steps M     of each run; 2000 if not given\n"
          "  --trace       every step, to stdout\n"
          "  --fault NAME  a deliberate fault, which the judge must find:\n",
          stderr);
    for (size_t i = 1; i < FAULTS_LEN; i++)
        fprintf(stderr, "                %s\n", faults[i]);
}

static bool number_of(const char *text, uint64_t *ret)
{
    char *end;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return *end == 0 && errno == 0;
}

static bool fault_of(const char *text, enum fault *ret)
{
    for (size_t i = 0; text != NULL && i < FAULTS_LEN; i++) {
        if (strcmp(text, faults[i]) == 0) {
            *ret = (enum fault)i;
            return true;
        }
    }
    return false;
}

static bool read_options(char **args, struct options *options)
{
    bool seed = false;

    for (; *args != NULL; args++) {
        bool good = true;

        if (strcmp(*args, "--trace") == 0)
            options->trace = true;
        else if (strcmp(*args, "--seed") == 0)
            good = seed = number_of(*++args, &options->seed);
        else if (strcmp(*args, "--seeds") == 0)
            good = number_of(*++args, &options->seeds_len) && options->seeds_len > 0;
        else if (strcmp(*args, "--steps") == 0)
            good = number_of(*++args, &options->steps);
        else if (strcmp(*args, "--fault") == 0)
            good = fault_of(*++args, &options->fault);
        else
            good = false;
        if (!good)
            return false;
    }
    return seed;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_seen(const struct sim_seen *seen, double took_s)
{
    fprintf(
        stderr,
        "steps %" PRIu64 ", steps/s %.0f, batches %" PRIu64 ", events %" PRIu64 ", given %" PRIu64
        ", resumed %" PRIu64 ", restarted %" PRIu64 ", failed commits %" PRIu64
        ", fell behind %" PRIu64 ", rejoined %" PRIu64 ", handed out again %" PRIu64
        ", repeated request_ids %" PRIu64 ", trimmed %" PRIu64 ", states given %" PRIu64
        ", sessions idled %" PRIu64 ", starved %" PRIu64 ", pages let go %" PRIu64
        ", pages shared %" PRIu64 ", lists %" PRIu64 ", refused and revived %" PRIu64 "\n",
        seen->steps, (double)seen->steps / (took_s > 0 ? took_s : 1), seen->batches, seen->events,
        seen->given, seen->resumed, seen->restarts, seen->failed_commits, seen->fell_behind,
        seen->rejoined, seen->handed_again, seen->repeats, seen->trimmed, seen->states, seen->idled,
        seen->starved, seen->let_go, seen->cached, seen->lists, seen->revived);
}

int main(int argc, char **argv)
{
    struct options options = {.seeds_len = 1, .steps = 2000};
    struct sim_seen seen = {0};
    double began_s;

    (void)argc;
    if (!read_options(argv + 1, &options)) {
        print_usage();
        return 2;
    }
    if (pl_secret_init() < 0) {
        fputs("error: no source of random numbers\n", stderr);
        return 1;
    }
    trace_crashes();
    began_s = seconds();
    for (uint64_t i = 0; i < options.seeds_len; i++) {
        struct trace_run run = {
            .program = argv[0],
            .fault = options.fault == FAULT_NONE ? "" : faults[options.fault],
            .seed = options.seed + i,
            .steps = options.steps,
            .print = options.trace,
        };

        trace_begin(&run);
        sim_run(run.seed, run.steps, options.fault, &seen);
    }
    print_seen(&seen, seconds() - began_s);
    return 0;
}
