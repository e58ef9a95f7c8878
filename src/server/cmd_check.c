/*
 * cmd_check.c - `parlad check`: what was looked at goes to standard output, a line for
 * each part and for each finding; why it could not be done to standard error.
 */
#include "server/command.h"

#include "base/err.h"
#include "server/progress.h"
#include "store/check.h"
#include "wire/event_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: parlad check [--data DIR] [--quick]\n"
    "Looks at everything in a data folder and says what is not right. Changes nothing; works\n"
    "on a folder that no parlad uses, which then cannot start, and beside one that runs.\n\n"
    "  --data   a folder\n"
    "           where the data is kept\n"
    "  --quick\n"
    "           does not compare each index with its table\n"
    "  --help\n\n"
    "Exit status: 0 all is right, 1 something is not, 2 an option is wrong, 3 it could not\n"
    "be looked at.\n";

static const struct pl_cmd_form form = {
    .name = PL_COMMAND_CHECK,
    .flag = "quick",
    .help = help,
};

static void on_part(void *self, const char *part, uint64_t total)
{
    pl_progress_line_begin(self, part, "", 1, total);
}

static void on_progress(void *self, uint64_t done)
{
    pl_progress_line_show(self, done);
}

static void on_part_done(void *self, const char *part, uint64_t done, uint64_t found)
{
    char count[PL_COUNT_TEXT_SIZE], found_text[PL_COUNT_TEXT_SIZE];

    pl_progress_line_hide(self);
    pl_count_text(done, count);
    pl_count_text(found, found_text);
    if (found == 0)
        printf("  %-12s %14s  right\n", part, done > 0 ? count : "");
    else
        printf("  %-12s %14s  %s not right\n", part, done > 0 ? count : "", found_text);
    fflush(stdout);
}

static void on_finding(void *self, const char *text, const char *advice)
{
    pl_progress_line_hide(self);
    printf("finding: %s; %s\n", text, advice);
    fflush(stdout);
}

static void print_end(const char *dir, const struct pl_check_report *report)
{
    char count[PL_COUNT_TEXT_SIZE], moment[PL_MOMENT_TEXT_SIZE];

    pl_moment_text(report->meta.time_ms, moment);
    if (report->beside)
        printf("parlad runs: this was its state after batch %" PRIu64 ", of %s\n",
               report->meta.batch, moment);
    pl_count_text(report->findings, count);
    if (report->findings == 0)
        printf("%s is sound\n", dir);
    else
        printf("%s: %s %s; to restore a backup: stop parlad, move the folder away, put the "
               "backup into an empty one as " PL_SQLITE_FILE ", start parlad\n",
               dir, count, report->findings == 1 ? "finding" : "findings");
}

int pl_cmd_check(int argc, char **argv)
{
    static const struct pl_check_ops ops = {on_part, on_progress, on_part_done, on_finding};
    struct pl_progress_line line = {.on = false};
    struct pl_cmd_options options;
    struct pl_check_config config = {
        .dir = options.data, .decoder = pl_wire_event_decoder(), .ops = &ops, .self = &line};
    struct pl_check_report report;
    struct pl_store_problem problem;
    enum pl_config_result result = pl_cmd_read(&form, argc, argv, &options);
    int rc;

    if (result != PL_CONFIG_RUN)
        return result == PL_CONFIG_DONE ? PL_EXIT_OK : PL_EXIT_USAGE;
    config.quick = options.flag;
    printf("checking %s\n", options.data);
    fflush(stdout);
    rc = pl_check_run(&config, &report, &problem);
    pl_progress_line_hide(&line);
    if (rc < 0)
        fprintf(stderr, "parlad: cannot check: %s\n",
                problem.text[0] != 0 ? problem.text : pl_err_text(rc));
    if (rc == PL_OK || report.findings > 0)
        print_end(options.data, &report);
    if (report.findings > 0)
        return PL_EXIT_NO;
    return rc == PL_OK ? PL_EXIT_OK : PL_EXIT_UNREAD;
}
