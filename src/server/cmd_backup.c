/*
 * cmd_backup.c - `parlad backup`. A signal stops it between two pieces, so that
 * nothing half-made is left.
 */
#include "server/command.h"

#include "base/err.h"
#include "server/progress.h"
#include "store/backup.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { MEGABYTE = 1000 * 1000 };

static volatile sig_atomic_t stopping;

static void on_signal(int signum)
{
    (void)signum;
    stopping = 1;
}

static void catch_signals(void)
{
    static const int signums[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, inherited;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signums / sizeof signums[0]; i++)
        if (sigaction(signums[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
            sigaction(signums[i], &action, NULL);
}

static const char help[] =
    "Usage: parlad backup [--data DIR] [--replace] FILE\n"
    "Copies the data to FILE, also while parlad runs: as it was at one moment, checked, and\n"
    "on the disk when it says so. A backup is one file; to restore it, put it into an empty\n"
    "folder as " PL_SQLITE_FILE " and start parlad with --data and that folder.\n\n"
    "  --data     a folder\n"
    "             where the data is kept\n"
    "  --replace\n"
    "             a FILE that is there gives way, once the new one is whole\n"
    "  --help\n\n"
    "Exit status: 0 it was made, 1 it was not and nothing was left behind, 2 an option is\n"
    "wrong.\n";

static const struct pl_cmd_form form = {
    .name = PL_COMMAND_BACKUP,
    .flag = "replace",
    .takes_file = true,
    .help = help,
};

static bool on_progress(void *self, uint64_t done, uint64_t total)
{
    struct pl_progress_line *line = self;

    line->total = total;
    pl_progress_line_show(line, done);
    return stopping == 0;
}

int pl_cmd_backup(int argc, char **argv)
{
    struct pl_progress_line line = {.on = false};
    char size[PL_COUNT_TEXT_SIZE], moment[PL_MOMENT_TEXT_SIZE];
    struct pl_cmd_options options;
    struct pl_backup_config config = {
        .dir = options.data, .on_progress = on_progress, .self = &line};
    struct pl_backup_report report;
    struct pl_store_problem problem;
    enum pl_config_result result = pl_cmd_read(&form, argc, argv, &options);
    int rc;

    if (result != PL_CONFIG_RUN)
        return result == PL_CONFIG_DONE ? PL_EXIT_OK : PL_EXIT_USAGE;
    config.file = options.file;
    config.replace = options.flag;
    catch_signals();
    pl_progress_line_begin(&line, "copied", " MB", MEGABYTE, 0);
    rc = pl_backup_run(&config, &report, &problem);
    pl_progress_line_hide(&line);
    if (rc < 0) {
        fprintf(stderr, "parlad: no backup was made: %s\n", problem.text);
        return PL_EXIT_NO;
    }
    pl_count_text(report.size, size);
    pl_moment_text(report.meta.time_ms, moment);
    printf("%s: %s bytes, the data after batch %" PRIu64 " of %s%s\n", options.file, size,
           report.meta.batch, moment, report.beside ? "; parlad runs on" : "");
    return PL_EXIT_OK;
}
