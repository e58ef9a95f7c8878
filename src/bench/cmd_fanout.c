/*
 * cmd_fanout.c - one message to many, again and again.
 */
#include "bench/command.h"

#include "base/err.h"

struct fanout {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    struct pl_bench_sample before, after;
};

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct fanout *fanout = self;

    if (phase == PL_BENCH_WORKING)
        pl_bench_load_start(fanout->load);
}

static void on_measure(void *self)
{
    struct fanout *fanout = self;

    pl_bench_sample_take(fanout->pid, &fanout->before);
}

static void on_measured(void *self)
{
    struct fanout *fanout = self;

    pl_bench_sample_take(fanout->pid, &fanout->after);
}

static void on_done(void *self)
{
    struct fanout *fanout = self;

    pl_bench_run_finish(fanout->run);
}

static int report(const void *self)
{
    const struct fanout *fanout = self;
    const struct pl_bench_options *options = fanout->options_weak;
    const struct pl_bench_load *load = fanout->load;
    double seconds = (double)(load->end_us - load->start_us) / 1e6;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_begin(to, fanout->run, "fanout");
    pl_bench_report_number(to, "subscribers", "subscribers", options->subscribers, 0, "");
    pl_bench_report_load(to, load, options->messages);
    pl_bench_report_number(to, "deliveries", "deliveries", (double)load->measured, 0, "");
    pl_bench_report_number(to, "deliveries_per_second", "deliveries a second",
                           seconds > 0 ? (double)load->measured / seconds : 0, 0, "/s");
    pl_bench_report_latency(to, "latency", "latency", &load->latency);
    pl_bench_report_usage(to, &fanout->before, &fanout->after, load->measured, "deliveries");
    err = pl_bench_report_print(to);
    pl_bench_report_free(to);
    return err;
}

static int run(const struct pl_bench_driver *driver, const struct pl_bench_options *options)
{
    struct fanout fanout = {.options_weak = options, .pid = pl_bench_server_pid(options)};
    const struct pl_bench_shape shape = {.publishers = options->publishers,
                                         .conns = options->connections > 0 ? options->connections
                                                                           : options->subscribers,
                                         .subs = options->subscribers,
                                         .channels = options->rooms};
    const struct pl_bench_run_ops run_ops = {.self = &fanout, .on_phase = on_phase};
    const struct pl_bench_load_ops load_ops = {
        .self = &fanout, .on_measure = on_measure, .on_measured = on_measured, .on_done = on_done};
    struct pl_bench_load_config config = pl_bench_load_config_of(driver, options);
    int err;

    config.closing = true;
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &fanout.run);
    if (err == PL_OK)
        err = pl_bench_load_new(fanout.run, &config, &load_ops, &fanout.load);
    return pl_bench_run_end(err, fanout.run, fanout.load, report, &fanout);
}

const struct pl_bench_command pl_bench_cmd_fanout = {
    .name = "fanout",
    .which = PL_BENCH_FANOUT,
    .summary = "one message to many subscribers, again and again",
    .text = "Sends messages to rooms that all subscribers stream, and checks that each gets every\n"
            "one, in order, once. A message is under way until every subscriber has it.\n",
    .defaults = {.subscribers = 100,
                 .rooms = 1,
                 .messages = 10000,
                 .publishers = 1,
                 .in_flight = 64,
                 .size = 100,
                 .durability = PL_BENCH_DURABILITY_SYNCED,
                 .timeout_s = 30},
    .run = run,
};
