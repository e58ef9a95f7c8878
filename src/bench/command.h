/*
 * command.h - what the commands have in common.
 */
#ifndef PL_BENCH_COMMAND_H
#define PL_BENCH_COMMAND_H

#include "bench/load.h"
#include "bench/options.h"
#include "bench/proc.h"
#include "bench/report.h"
#include "bench/run.h"

/* A command: its defaults, and what it does. */
struct pl_bench_command {
    const char *name;
    enum pl_bench_which which;
    const char *summary; /* one line */
    const char *text;    /* what --help says before the options */
    struct pl_bench_options defaults;
    /* Returns the exit status. */
    int (*run)(const struct pl_bench_driver *driver, const struct pl_bench_options *options);
};

extern const struct pl_bench_command pl_bench_cmd_fanout;
extern const struct pl_bench_command pl_bench_cmd_history;
extern const struct pl_bench_command pl_bench_cmd_resume;
extern const struct pl_bench_command pl_bench_cmd_slow;
extern const struct pl_bench_command pl_bench_cmd_idle;
extern const struct pl_bench_command pl_bench_cmd_send;

/* A load as the options ask for; no answer is asked to be durable where the driver has none. */
struct pl_bench_load_config pl_bench_load_config_of(const struct pl_bench_driver *driver,
                                                    const struct pl_bench_options *options);

/* Runs it, if err is PL_OK, and reports if all went well; then frees both, which may be
 * NULL. Returns the exit status. */
int pl_bench_run_end(int err, struct pl_bench_run *run, struct pl_bench_load *load,
                     int (*report)(const void *self), const void *self);

/* What the server and this program have used, and when. */
struct pl_bench_sample {
    int64_t at_us;
    bool has_server;
    struct pl_bench_usage server;
    struct pl_bench_usage self;
};

/* The server's process: as told, else as found; 0 where it is not here. */
uint32_t pl_bench_server_pid(const struct pl_bench_options *options);

void pl_bench_sample_take(uint32_t server_pid, struct pl_bench_sample *ret_sample);

/* Figures that all have: what was measured, over which protocol, and how. */
void pl_bench_report_begin(struct pl_bench_report *report, const struct pl_bench_run *run,
                           const char *command);

/* How messages were sent, and in what time. */
void pl_bench_report_load(struct pl_bench_report *report, const struct pl_bench_load *load,
                          uint32_t messages);

/* What both used between two samples, for `len` things called
 * `unit` ("delivery"). */
void pl_bench_report_usage(struct pl_bench_report *report, const struct pl_bench_sample *from,
                           const struct pl_bench_sample *to, uint64_t len, const char *unit);

/* Says on standard error why there are no figures; the exit status. */
int pl_bench_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
