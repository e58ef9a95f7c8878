/*
 * report.c - people's lines are kept as text until the end, as is the object: a run
 * that fails prints no figures.
 */
#include "bench/report.h"

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdio.h>

enum { TEXT_SIZE_MAX = 64 * 1024 };

struct pl_bench_report {
    bool json;
    json_t *object;
    struct pl_bytebuf text;
    int err;
};

int pl_bench_report_new(bool json, struct pl_bench_report **ret_report)
{
    struct pl_bench_report *report = pl_zalloc(sizeof *report);

    if (report == NULL)
        return PL_E_NOMEM;
    json_set_alloc_funcs(pl_alloc, pl_free);
    report->json = json;
    pl_bytebuf_init(&report->text, TEXT_SIZE_MAX);
    report->object = json_object();
    if (report->object == NULL) {
        pl_bench_report_free(report);
        return PL_E_NOMEM;
    }
    *ret_report = report;
    return PL_OK;
}

void pl_bench_report_free(struct pl_bench_report *report)
{
    if (report == NULL)
        return;
    json_decref(report->object);
    pl_bytebuf_done(&report->text);
    pl_free(report);
}

static void set(struct pl_bench_report *report, const char *key, json_t *value)
{
    if (json_object_set_new(report->object, key, value) < 0)
        report->err = PL_E_NOMEM;
}

void pl_bench_report_text(struct pl_bench_report *report, const char *key, const char *words,
                          const char *value)
{
    set(report, key, json_string(value));
    pl_bytebuf_printf(&report->text, "%-36s %s\n", words, value);
}

void pl_bench_report_number(struct pl_bench_report *report, const char *key, const char *words,
                            double value, int decimals, const char *unit)
{
    bool whole = decimals == 0;

    set(report, key, whole ? json_integer((json_int_t)value) : json_real(value));
    pl_bytebuf_printf(&report->text, "%-36s %.*f%s%s\n", words, decimals, value,
                      unit[0] != 0 ? " " : "", unit);
}

void pl_bench_report_latency(struct pl_bench_report *report, const char *key, const char *words,
                             const struct pl_bench_histogram *histogram)
{
    static const struct {
        const char *key, *words;
        double share;
    } rows[] = {
        {"p50", "p50", 0.5}, {"p99", "p99", 0.99}, {"p999", "p99.9", 0.999}, {"max", "max", 1}};
    char key_text[64], words_text[64];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t us = pl_bench_histogram_at(histogram, rows[i].share);

        snprintf(key_text, sizeof key_text, "%s_%s_us", key, rows[i].key);
        snprintf(words_text, sizeof words_text, "%s, %s", words, rows[i].words);
        set(report, key_text, json_integer((json_int_t)us));
        pl_bytebuf_printf(&report->text, "%-36s %.3f ms\n", words_text, (double)us / 1000);
    }
}

int pl_bench_report_print(struct pl_bench_report *report)
{
    if (report->err < 0 || report->text.err < 0)
        return PL_E_NOMEM;
    if (!report->json)
        fputs(pl_bytebuf_cstr(&report->text), stdout);
    else if (json_dumpf(report->object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0 ||
             putchar('\n') == EOF)
        return PL_E_IO;
    return fflush(stdout) == 0 ? PL_OK : PL_E_IO;
}
