/*
 * cmd_send.c - messages that are acknowledged once they are safe.
 *
 * Connections share the messages under way. At the end all is read back: a figure
 * that counts a lost message is none.
 */
#include "bench/command.h"

#include "base/err.h"

struct send {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    struct pl_bench_sample before, after;
};

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct send *send = self;

    if (phase == PL_BENCH_WORKING)
        pl_bench_load_start(send->load);
}

static void on_measure(void *self)
{
    struct send *send = self;

    pl_bench_sample_take(send->pid, &send->before);
}

static void on_done(void *self)
{
    struct send *send = self;

    pl_bench_sample_take(send->pid, &send->after);
    if (send->run->driver_weak->read_back != NULL)
        pl_bench_load_read_back(send->load);
    else
        pl_bench_run_finish(send->run);
}

static void on_read_back(void *self)
{
    struct send *send = self;

    pl_bench_run_finish(send->run);
}

static int report(const void *self)
{
    const struct send *send = self;
    const struct pl_bench_options *options = send->options_weak;
    const struct pl_bench_load *load = send->load;
    double seconds = (double)(load->end_us - load->start_us) / 1e6;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_begin(to, send->run, "send");
    pl_bench_report_load(to, load, options->messages);
    pl_bench_report_number(to, "sends_per_second", "acknowledged sends a second",
                           seconds > 0 ? options->messages / seconds : 0, 0, "/s");
    pl_bench_report_latency(to, "latency", "latency", &load->latency);
    pl_bench_report_usage(to, &send->before, &send->after, options->messages, "sends");
    if (send->run->driver_weak->read_back != NULL)
        pl_bench_report_number(to, "read_back", "read back, each once", load->total, 0, "");
    err = pl_bench_report_print(to);
    pl_bench_report_free(to);
    return err;
}

static int run(const struct pl_bench_driver *driver, const struct pl_bench_options *options)
{
    struct send send = {.options_weak = options, .pid = pl_bench_server_pid(options)};
    const struct pl_bench_shape shape = {.publishers = options->connections,
                                         .channels = options->rooms};
    const struct pl_bench_run_ops run_ops = {.self = &send, .on_phase = on_phase};
    const struct pl_bench_load_ops load_ops = {
        .self = &send, .on_measure = on_measure, .on_done = on_done, .on_read_back = on_read_back};
    struct pl_bench_load_config config = pl_bench_load_config_of(driver, options);
    int err;

    if (!driver->has_acks)
        return pl_bench_complain(PL_BENCH_EXIT_USAGE, "%s does not acknowledge what is sent",
                                 driver->name);
    config.by_acks = true;
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &send.run);
    if (err == PL_OK)
        err = pl_bench_load_new(send.run, &config, &load_ops, &send.load);
    return pl_bench_run_end(err, send.run, send.load, report, &send);
}

const struct pl_bench_command pl_bench_cmd_send = {
    .name = "send",
    .which = PL_BENCH_SEND,
    .summary = "acknowledged durable sends",
    .text = "Sends messages to rooms and waits for each to be acknowledged as safe on the disk.\n"
            "At the end all of them are read back: each must be there, once, as acknowledged.\n",
    .defaults = {.connections = 4,
                 .rooms = 1,
                 .messages = 50000,
                 .in_flight = 256,
                 .size = 100,
                 .durability = PL_BENCH_DURABILITY_SYNCED,
                 .timeout_s = 30},
    .run = run,
};
