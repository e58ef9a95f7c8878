/*
 * sample.c - what both sides have used, and the figures made of it.
 */
#include "base/clock.h"
#include "base/err.h"
#include "bench/command.h"

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
