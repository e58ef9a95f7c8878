/* progress.c - a line that is written over itself. */
#include "server/progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 500, STEP_MS = 200 };

void pl_count_text(uint64_t count, char text[PL_COUNT_TEXT_SIZE])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = text;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
}

void pl_moment_text(int64_t time_ms, char text[PL_MOMENT_TEXT_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm = {0};

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, PL_MOMENT_TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        snprintf(text, PL_MOMENT_TEXT_SIZE, "no time");
}

void pl_progress_line_begin(struct pl_progress_line *line, const char *what, const char *unit,
                            uint64_t unit_size, uint64_t total)
{
    pl_progress_line_hide(line);
    *line = (struct pl_progress_line){.on = isatty(STDERR_FILENO) == 1,
                                      .what = what,
                                      .unit = unit,
                                      .unit_size = unit_size,
                                      .total = total,
                                      .start_ms = pl_clock_mono_ms()};
    line->next_ms = line->start_ms + FIRST_MS;
}

void pl_progress_line_show(struct pl_progress_line *line, uint64_t done)
{
    int64_t now_ms = line->on ? pl_clock_mono_ms() : 0;
    char done_text[PL_COUNT_TEXT_SIZE], total_text[PL_COUNT_TEXT_SIZE];

    if (!line->on || now_ms < line->next_ms)
        return;
    pl_count_text(done / line->unit_size, done_text);
    pl_count_text(line->total / line->unit_size, total_text);
    fprintf(stderr, "\r%s: ", line->what);
    if (line->total > 0 && done <= line->total)
        fprintf(stderr, "%s of %s%s (%d %%)", done_text, total_text, line->unit,
                (int)((double)done * 100 / (double)line->total));
    else if (done > 0)
        fprintf(stderr, "%s%s", done_text, line->unit);
    fprintf(stderr, ", %" PRId64 " s\033[K", (now_ms - line->start_ms) / 1000);
    fflush(stderr);
    line->shown = true;
    line->next_ms = now_ms + STEP_MS;
}

void pl_progress_line_hide(struct pl_progress_line *line)
{
    if (line->shown)
        fputs("\r\033[K", stderr);
    line->shown = false;
}
