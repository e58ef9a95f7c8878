/*
 * cmd_idle.c - what subscribers cost that get nothing: memory, and how quickly they
 * come. At the end, if asked for, one message goes to all.
 */
#include "bench/command.h"

#include "base/err.h"

struct idle {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    struct pl_bench_sample alone, connected, streaming, over;
};

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct idle *idle = self;

    if (phase == PL_BENCH_CONNECTING)
        pl_bench_sample_take(idle->pid, &idle->alone);
    if (phase == PL_BENCH_SUBSCRIBING)
        pl_bench_sample_take(idle->pid, &idle->connected);
    if (phase != PL_BENCH_WORKING)
        return;
    pl_bench_sample_take(idle->pid, &idle->streaming);
    if (idle->load != NULL)
        pl_bench_load_start(idle->load);
    else
        pl_bench_run_finish(idle->run);
}

static void on_measured(void *self)
{
    struct idle *idle = self;

    pl_bench_sample_take(idle->pid, &idle->over);
}

static void on_done(void *self)
{
    struct idle *idle = self;

    pl_bench_run_finish(idle->run);
}

/* Memory that came to be between two samples, for each of `len`. */
static double each(const struct pl_bench_sample *from, const struct pl_bench_sample *to,
                   uint32_t len)
{
    return ((double)to->server.rss_size - (double)from->server.rss_size) / len;
}

static double seconds_of(const struct idle *idle, enum pl_bench_phase phase)
{
    int64_t us = idle->run->phase_us[phase + 1] - idle->run->phase_us[phase];

    return us > 0 ? (double)us / 1e6 : 1e-6;
}

static void report_memory(const struct idle *idle, struct pl_bench_report *to)
{
    const struct pl_bench_shape *shape = &idle->run->shape;

    if (!idle->alone.has_server || !idle->streaming.has_server)
        return;
    pl_bench_report_number(to, "server_rss_before", "server: memory before",
                           (double)idle->alone.server.rss_size, 0, "bytes");
    pl_bench_report_number(to, "server_rss_after", "server: memory after",
                           (double)idle->streaming.server.rss_size, 0, "bytes");
    pl_bench_report_number(to, "bytes_per_connection", "server: memory a connection",
                           each(&idle->alone, &idle->connected, shape->conns), 0, "bytes");
    if (shape->subs == 0)
        return;
    pl_bench_report_number(to, "bytes_per_stream", "server: memory a stream, without it",
                           each(&idle->connected, &idle->streaming, shape->subs), 0, "bytes");
    pl_bench_report_number(to, "bytes_per_subscriber", "server: memory a subscriber, with it",
                           each(&idle->alone, &idle->streaming, shape->subs), 0, "bytes");
}

/* What a connection has cost in time of the processors. */
static void report_cpu(const struct idle *idle, struct pl_bench_report *to)
{
    double each_us = 1e6 / idle->run->shape.conns;

    if (idle->alone.has_server && idle->connected.has_server)
        pl_bench_report_number(to, "server_cpu_us_per_connection", "server: CPU a connection",
                               (idle->connected.server.cpu_s - idle->alone.server.cpu_s) * each_us,
                               1, "us");
    pl_bench_report_number(to, "generator_cpu_us_per_connection", "generator: CPU a connection",
                           (idle->connected.self.cpu_s - idle->alone.self.cpu_s) * each_us, 1,
                           "us");
}

static int report(const void *self)
{
    const struct idle *idle = self;
    const struct pl_bench_shape *shape = &idle->run->shape;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(idle->options_weak->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_begin(to, idle->run, "idle");
    pl_bench_report_number(to, "streams", "streams", shape->subs, 0, "");
    pl_bench_report_number(to, "connections_per_second", "connections a second",
                           shape->conns / seconds_of(idle, PL_BENCH_CONNECTING), 0, "/s");
    if (shape->subs > 0)
        pl_bench_report_number(to, "streams_per_second", "streams a second",
                               shape->subs / seconds_of(idle, PL_BENCH_SUBSCRIBING), 0, "/s");
    report_cpu(idle, to);
    report_memory(idle, to);
    if (idle->load != NULL) {
        pl_bench_report_number(to, "message_deliveries", "one message: deliveries",
                               (double)idle->load->measured, 0, "");
        pl_bench_report_latency(to, "message", "one message", &idle->load->latency);
        if (idle->over.has_server)
            pl_bench_report_number(to, "server_rss_message", "server: memory after it",
                                   (double)idle->over.server.rss_size, 0, "bytes");
    }
    err = pl_bench_report_print(to);
    pl_bench_report_free(to);
    return err;
}

static int run(const struct pl_bench_driver *driver, const struct pl_bench_options *options)
{
    struct idle idle = {.options_weak = options, .pid = pl_bench_server_pid(options)};
    const struct pl_bench_shape shape = {.publishers = 1,
                                         .conns = options->connections,
                                         .subs = options->connections * options->streams,
                                         .channels = 1};
    const struct pl_bench_run_ops run_ops = {.self = &idle, .on_phase = on_phase};
    const struct pl_bench_load_config config = {
        .messages = 1, .in_flight = 1, .size = options->size, .closing = true};
    const struct pl_bench_load_ops load_ops = {
        .self = &idle, .on_measured = on_measured, .on_done = on_done};
    int err;

    if (options->message && options->streams == 0)
        return pl_bench_complain(PL_BENCH_EXIT_USAGE, "--message needs streams");
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &idle.run);
    if (err == PL_OK && options->message)
        err = pl_bench_load_new(idle.run, &config, &load_ops, &idle.load);
    return pl_bench_run_end(err, idle.run, idle.load, report, &idle);
}

const struct pl_bench_command pl_bench_cmd_idle = {
    .name = "idle",
    .which = PL_BENCH_IDLE,
    .summary = "what idle subscribers cost",
    .text = "Opens connections, then streams on each, and tells what memory each has cost the\n"
            "server: the growth of its resident size, divided by their number.\n",
    .defaults = {.connections = 1000, .streams = 1, .size = 100, .timeout_s = 30},
    .run = run,
};
