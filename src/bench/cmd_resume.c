/*
 * cmd_resume.c - many streams that were away for the same messages come back at once.
 *
 * All subscribe, then leave; the messages are published and acknowledged; then all come
 * back with their cursors. Time runs from there to the last delivery.
 */
#include "base/clock.h"
#include "base/err.h"
#include "bench/command.h"

struct resume {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    struct pl_bench_sample before, after;
};

/* Has every subscriber do that. */
static void each(struct resume *resume, int (*act)(void *conn_self, struct pl_bench_sub *sub))
{
    struct pl_bench_run *run = resume->run;

    for (uint32_t i = 0; i < run->shape.subs && !run->failed; i++) {
        struct pl_bench_sub *sub = &run->subs[i];
        int err = act(sub->conn_weak->driver, sub);

        if (err < 0)
            pl_bench_fail(run, "stream %u: %s", i, pl_err_text(err));
    }
}

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct resume *resume = self;

    if (phase != PL_BENCH_WORKING)
        return;
    if (resume->run->driver_weak->leave == NULL) {
        pl_bench_fail(resume->run, "with %s, what one misses is lost",
                      resume->run->driver_weak->name);
        return;
    }
    each(resume, resume->run->driver_weak->leave);
    pl_bench_load_start(resume->load);
}

/* All are stored: back they come. */
static void on_done(void *self)
{
    struct resume *resume = self;

    pl_bench_sample_take(resume->pid, &resume->before);
    each(resume, resume->run->driver_weak->subscribe);
}

static void on_all(void *self)
{
    struct resume *resume = self;

    pl_bench_sample_take(resume->pid, &resume->after);
    pl_bench_run_finish(resume->run);
}

static int report(const void *self)
{
    const struct resume *resume = self;
    const struct pl_bench_options *options = resume->options_weak;
    const struct pl_bench_load *load = resume->load;
    double seconds = (double)(resume->after.at_us - resume->before.at_us) / 1e6;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_begin(to, resume->run, "resume");
    pl_bench_report_number(to, "streams", "streams", options->subscribers, 0, "");
    pl_bench_report_number(to, "missed", "missed messages", options->messages, 0, "");
    pl_bench_report_number(to, "size", "size", options->size, 0, "bytes");
    pl_bench_report_number(to, "seconds", "time until all have caught up", seconds, 3, "s");
    pl_bench_report_number(to, "deliveries", "deliveries", (double)load->delivered, 0, "");
    pl_bench_report_number(to, "deliveries_per_second", "deliveries a second",
                           seconds > 0 ? (double)load->delivered / seconds : 0, 0, "/s");
    pl_bench_report_usage(to, &resume->before, &resume->after, load->delivered, "deliveries");
    err = pl_bench_report_print(to);
    pl_bench_report_free(to);
    return err;
}

static int run(const struct pl_bench_driver *driver, const struct pl_bench_options *options)
{
    struct resume resume = {.options_weak = options, .pid = pl_bench_server_pid(options)};
    const struct pl_bench_shape shape = {.publishers = 1,
                                         .conns = options->connections > 0 ? options->connections
                                                                           : options->subscribers,
                                         .subs = options->subscribers,
                                         .channels = options->rooms};
    const struct pl_bench_run_ops run_ops = {.self = &resume, .on_phase = on_phase};
    const struct pl_bench_load_ops load_ops = {
        .self = &resume, .on_done = on_done, .on_all = on_all};
    struct pl_bench_load_config config = pl_bench_load_config_of(driver, options);
    int err;

    config.by_acks = true;
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &resume.run);
    if (err == PL_OK)
        err = pl_bench_load_new(resume.run, &config, &load_ops, &resume.load);
    return pl_bench_run_end(err, resume.run, resume.load, report, &resume);
}

const struct pl_bench_command pl_bench_cmd_resume = {
    .name = "resume",
    .which = PL_BENCH_RESUME,
    .summary = "many streams come back to what they missed",
    .text = "All streams leave, messages are stored, and all come back at once with their\n"
            "cursors. Tells how long it takes until each has every message, in order, once.\n",
    .defaults = {.subscribers = 1000,
                 .connections = 100,
                 .rooms = 1,
                 .messages = 1000,
                 .in_flight = 256,
                 .size = 100,
                 .durability = PL_BENCH_DURABILITY_SYNCED,
                 .timeout_s = 30},
    .run = run,
};
