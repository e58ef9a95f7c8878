/*
 * sample.c - what both sides have used, and the figures made of it.
 */
#include "bench/command.h"

#include "base/clock.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SIZE = 96 };

uint32_t pl_bench_server_pid(const struct pl_bench_options *options)
{
    return options->pid > 0 ? options->pid : pl_bench_proc_find(&options->target.address);
}

void pl_bench_sample_take(uint32_t server_pid, struct pl_bench_sample *ret_sample)
{
    struct pl_bench_sample sample = {.at_us = pl_clock_mono_us()};

    sample.has_server = server_pid > 0 && pl_bench_proc_read(server_pid, &sample.server) == PL_OK;
    if (pl_bench_proc_read(pl_bench_proc_self(), &sample.self) < 0)
        sample.self = (struct pl_bench_usage){0};
    *ret_sample = sample;
}

static void report_cpu(struct pl_bench_report *report, const char *who, double cpu_s, uint64_t len,
                       const char *unit)
{
    char key[TEXT_SIZE], words[TEXT_SIZE];

    snprintf(key, sizeof key, "%s_cpu_s", who);
    snprintf(words, sizeof words, "%s: CPU", who);
    pl_bench_report_number(report, key, words, cpu_s, 3, "s");
    if (len == 0)
        return;
    snprintf(key, sizeof key, "%s_cpu_s_per_million", who);
    snprintf(words, sizeof words, "%s: CPU a million %s", who, unit);
    pl_bench_report_number(report, key, words, cpu_s * 1e6 / (double)len, 3, "s");
}

void pl_bench_report_usage(struct pl_bench_report *report, const struct pl_bench_sample *from,
                           const struct pl_bench_sample *to, uint64_t len, const char *unit)
{
    if (from->has_server && to->has_server) {
        report_cpu(report, "server", to->server.cpu_s - from->server.cpu_s, len, unit);
        pl_bench_report_number(report, "server_user_s", "server: of it in user mode",
                               to->server.user_s - from->server.user_s, 2, "s");
        pl_bench_report_number(report, "server_rss_before", "server: memory before",
                               (double)from->server.rss_size, 0, "bytes");
        pl_bench_report_number(report, "server_rss_after", "server: memory after",
                               (double)to->server.rss_size, 0, "bytes");
    }
    report_cpu(report, "generator", to->self.cpu_s - from->self.cpu_s, len, unit);
    if (to->at_us > from->at_us)
        pl_bench_report_number(
            report, "generator_cpu_percent", "generator: of one processor",
            (to->self.cpu_s - from->self.cpu_s) * 1e8 / (double)(to->at_us - from->at_us), 0, "%");
}

void pl_bench_report_begin(struct pl_bench_report *report, const struct pl_bench_run *run,
                           const char *command)
{
    pl_bench_report_text(report, "command", "command", command);
    pl_bench_report_text(report, "protocol", "protocol", run->driver_weak->name);
    pl_bench_report_text(report, "transport", "transport", run->tls != NULL ? "TLS" : "TCP");
    pl_bench_report_number(report, "connections", "connections",
                           run->shape.conns > 0 ? run->shape.conns : run->shape.publishers, 0, "");
    pl_bench_report_number(report, "rooms", "rooms", run->shape.channels, 0, "");
}

void pl_bench_report_load(struct pl_bench_report *report, const struct pl_bench_load *load,
                          uint32_t messages)
{
    pl_bench_report_number(report, "publishers", "publishers", load->publishers, 0, "");
    pl_bench_report_number(report, "messages", "messages", messages, 0, "");
    pl_bench_report_number(report, "size", "size", load->config.size, 0, "bytes");
    if (load->config.rate > 0)
        pl_bench_report_number(report, "rate", "rate", load->config.rate, 0, "messages/s");
    else
        pl_bench_report_number(report, "in_flight", "in flight", load->config.in_flight, 0, "");
    pl_bench_report_number(report, "seconds", "time", (double)(load->end_us - load->start_us) / 1e6,
                           3, "s");
}

struct pl_bench_load_config pl_bench_load_config_of(const struct pl_bench_driver *driver,
                                                    const struct pl_bench_options *options)
{
    return (struct pl_bench_load_config){.warmup = options->warmup,
                                         .messages = options->messages,
                                         .in_flight = options->in_flight,
                                         .rate = options->rate,
                                         .size = options->size,
                                         .durability = driver->has_acks ? options->durability
                                                                        : PL_BENCH_DURABILITY_NONE};
}

int pl_bench_run_end(int err, struct pl_bench_run *run, struct pl_bench_load *load,
                     int (*report)(const void *self), const void *self)
{
    int status = PL_BENCH_EXIT_FAILED;

    if (err == PL_OK)
        status = pl_bench_run_go(run);
    if (err == PL_OK && status == PL_BENCH_EXIT_FINE)
        err = report(self);
    pl_bench_load_free(load);
    pl_bench_run_free(run);
    return err < 0 ? pl_bench_complain(PL_BENCH_EXIT_FAILED, "%s", pl_err_text(err)) : status;
}

int pl_bench_complain(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("parla-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}
