/*
 * cmd_fanout.c - one message to many, again and again.
 */
#include "base/err.h"
#include "bench/command.h"

struct fanout {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    struct pl_bench_sample fresh, before, after;
};

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct fanout *fanout = self;

    if (phase == PL_BENCH_REACHING)
        pl_bench_sample_take(fanout->pid, &fanout->fresh);
    else if (phase == PL_BENCH_WORKING)
        pl_bench_load_start(fanout->load);
}

static void on_measure(void *self)
{
    struct fanout *fanout = self;

    pl_bench_sample_take(fanout->pid, &fanout->before);
}

static void on_done(void *self)
{
    struct fanout *fanout = self;

    pl_bench_sample_take(fanout->pid, &fanout->after);
    pl_bench_run_finish(fanout->run);
}

static int report(const struct fanout *fanout)
{
    const struct pl_bench_options *options = fanout->options_weak;
    const struct pl_bench_load *load = fanout->load;
    double seconds = (double)(load->end_us - load->start_us) / 1e6;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_text(to, "command", "command", "fanout");
    pl_bench_report_text(to, "protocol", "protocol", fanout->run->driver_weak->name);
    pl_bench_report_number(to, "subscribers", "subscribers", options->subscribers, 0, "");
    pl_bench_report_number(to, "connections", "connections", fanout->run->shape.conns, 0, "");
    pl_bench_report_number(to, "rooms", "rooms", options->rooms, 0, "");
    pl_bench_report_number(to, "publishers", "publishers", options->publishers, 0, "");
    pl_bench_report_number(to, "messages", "messages", options->messages, 0, "");
    pl_bench_report_number(to, "size", "size", options->size, 0, "bytes");
    if (options->rate > 0)
        pl_bench_report_number(to, "rate", "rate", options->rate, 0, "messages/s");
    else
        pl_bench_report_number(to, "in_flight", "in flight", options->in_flight, 0, "");
    pl_bench_report_number(to, "seconds", "time", seconds, 3, "s");
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
    const struct pl_bench_load_config config = {.warmup = options->warmup,
                                                .messages = options->messages,
                                                .in_flight = options->in_flight,
                                                .rate = options->rate,
                                                .size = options->size,
                                                .durability =
                                                    driver->has_acks ? options->durability : 0};
    const struct pl_bench_load_ops load_ops = {
        .self = &fanout, .on_measure = on_measure, .on_done = on_done};
    int status = PL_BENCH_EXIT_FAILED;
    int err = pl_bench_run_new(driver, options, &shape, &run_ops, &fanout.run);

    if (err == PL_OK)
        err = pl_bench_load_new(fanout.run, &config, &load_ops, &fanout.load);
    if (err == PL_OK)
        status = pl_bench_run_go(fanout.run);
    if (err == PL_OK && status == PL_BENCH_EXIT_FINE)
        err = report(&fanout);
    pl_bench_load_free(fanout.load);
    pl_bench_run_free(fanout.run);
    return err < 0 ? pl_bench_complain(PL_BENCH_EXIT_FAILED, "%s", pl_err_text(err)) : status;
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
                 .warmup = 0,
                 .publishers = 1,
                 .in_flight = 64,
                 .size = 100,
                 .durability = PL_BENCH_DURABILITY_SYNCED,
                 .timeout_s = 30},
    .run = run,
};
