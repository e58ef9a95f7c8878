/* time_text.c - times as people and programs read them. */
#include "client/time_text.h"

#include <stdio.h>
#include <time.h>

static int64_t seconds_of(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static void local(int64_t ms, struct tm *tm)
{
    time_t seconds = (time_t)seconds_of(ms);

    if (localtime_r(&seconds, tm) == NULL)
        *tm = (struct tm){.tm_mday = 1, .tm_year = 70};
}

static void print_local(int64_t ms, const char *format, char text[PL_TIME_TEXT_SIZE])
{
    struct tm tm;

    local(ms, &tm);
    if (strftime(text, PL_TIME_TEXT_SIZE, format, &tm) == 0)
        text[0] = 0;
}

void pl_time_clock(int64_t ms, char text[PL_TIME_TEXT_SIZE])
{
    print_local(ms, "%H:%M", text);
}

void pl_time_day(int64_t ms, char text[PL_TIME_TEXT_SIZE])
{
    print_local(ms, "%A, %-d %B %Y", text);
}

void pl_time_stamp(int64_t ms, char text[PL_TIME_TEXT_SIZE])
{
    print_local(ms, "%Y-%m-%d %H:%M:%S", text);
}

void pl_time_rfc3339(int64_t ms, char text[PL_TIME_TEXT_SIZE])
{
    time_t seconds = (time_t)seconds_of(ms);
    char date[32];
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        text[0] = 0;
        return;
    }
    snprintf(text, PL_TIME_TEXT_SIZE, "%s.%03dZ", date, (int)((ms % 1000 + 1000) % 1000));
}

bool pl_time_same_day(int64_t a_ms, int64_t b_ms)
{
    struct tm a;
    struct tm b;

    local(a_ms, &a);
    local(b_ms, &b);
    return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}
