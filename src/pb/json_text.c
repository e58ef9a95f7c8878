/* json_text.c - see json_text.h; the calendar is libc's. */
#include "pb/json_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIMESTAMP_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MAX  INT64_C(315576000000) /* 10,000 years of 365.25 days */

enum { NANOS = 1000000000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads exactly `len` digits. */
static bool read_digits(const char **text, int len, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < len; i++) {
        if (!is_digit((*text)[i]))
            return false;
        value = value * 10 + ((*text)[i] - '0');
    }
    *text += len;
    *ret_value = value;
    return true;
}

static bool read_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* Reads a point and one to nine digits after it, or nothing. */
static bool read_fraction(const char **text, int32_t *ret_nanos)
{
    int32_t nanos = 0;
    int len = 0;

    *ret_nanos = 0;
    if (!read_char(text, '.'))
        return true;
    for (; is_digit(**text) && len < 9; len++, (*text)++)
        nanos = nanos * 10 + (**text - '0');
    if (len == 0 || is_digit(**text))
        return false;
    for (; len < 9; len++)
        nanos *= 10;
    *ret_nanos = nanos;
    return true;
}

/* Reads Z or an offset such as +05:30. */
static bool read_zone(const char **text, int *ret_seconds)
{
    bool west = **text == '-';
    int hours, minutes;

    *ret_seconds = 0;
    if (read_char(text, 'Z'))
        return true;
    if (!west && **text != '+')
        return false;
    (*text)++;
    if (!read_digits(text, 2, &hours) || !read_char(text, ':') || !read_digits(text, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (leap && month == 2);
}

static bool read_date_and_time(const char **text, struct tm *ret_tm)
{
    struct tm tm = {0};
    int year, month;

    if (!read_digits(text, 4, &year) || !read_char(text, '-') || !read_digits(text, 2, &month) ||
        !read_char(text, '-') || !read_digits(text, 2, &tm.tm_mday) || !read_char(text, 'T') ||
        !read_digits(text, 2, &tm.tm_hour) || !read_char(text, ':') ||
        !read_digits(text, 2, &tm.tm_min) || !read_char(text, ':') ||
        !read_digits(text, 2, &tm.tm_sec))
        return false;
    if (!is_day(year, month, tm.tm_mday) || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *ret_tm = tm;
    return true;
}

bool pl_pb_json_read_timestamp(const char *text, struct pl_pb_json_time *ret_time)
{
    struct pl_pb_json_time time;
    struct tm tm;
    int offset;

    if (!read_date_and_time(&text, &tm) || !read_fraction(&text, &time.nanos) ||
        !read_zone(&text, &offset) || *text != 0)
        return false;
    time.seconds = (int64_t)timegm(&tm) - offset;
    if (time.seconds < TIMESTAMP_MIN || time.seconds > TIMESTAMP_MAX)
        return false;
    *ret_time = time;
    return true;
}

bool pl_pb_json_read_duration(const char *text, struct pl_pb_json_time *ret_time)
{
    struct pl_pb_json_time time = {0};
    bool negative = read_char(&text, '-');

    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++) {
        time.seconds = time.seconds * 10 + (*text - '0');
        if (time.seconds > DURATION_MAX)
            return false;
    }
    if (!read_fraction(&text, &time.nanos) || strcmp(text, "s") != 0)
        return false;
    if (time.seconds == DURATION_MAX && time.nanos > 0)
        return false;
    if (negative) {
        time.seconds = -time.seconds;
        time.nanos = -time.nanos;
    }
    *ret_time = time;
    return true;
}

static void put_fraction(int32_t nanos, struct pl_bytebuf *out)
{
    if (nanos == 0)
        return;
    if (nanos % 1000000 == 0)
        pl_bytebuf_printf(out, ".%03" PRId32, nanos / 1000000);
    else if (nanos % 1000 == 0)
        pl_bytebuf_printf(out, ".%06" PRId32, nanos / 1000);
    else
        pl_bytebuf_printf(out, ".%09" PRId32, nanos);
}

bool pl_pb_json_put_timestamp(struct pl_pb_json_time time, struct pl_bytebuf *out)
{
    time_t seconds = (time_t)time.seconds;
    struct tm tm;

    if (time.seconds < TIMESTAMP_MIN || time.seconds > TIMESTAMP_MAX || time.nanos < 0 ||
        time.nanos >= NANOS || gmtime_r(&seconds, &tm) == NULL)
        return false;
    pl_bytebuf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    put_fraction(time.nanos, out);
    pl_bytebuf_append_str(out, "Z\"");
    return true;
}

bool pl_pb_json_put_duration(struct pl_pb_json_time time, struct pl_bytebuf *out)
{
    bool negative = time.seconds < 0 || time.nanos < 0;

    if (time.seconds < -DURATION_MAX || time.seconds > DURATION_MAX || time.nanos <= -NANOS ||
        time.nanos >= NANOS || (time.seconds < 0 && time.nanos > 0) ||
        (time.seconds > 0 && time.nanos < 0))
        return false;
    pl_bytebuf_printf(out, "\"%s%" PRId64, negative ? "-" : "",
                      negative ? -time.seconds : time.seconds);
    put_fraction(negative ? -time.nanos : time.nanos, out);
    pl_bytebuf_append_str(out, "s\"");
    return true;
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* What is the same in both forms of a path. */
static bool is_plain(uint8_t c)
{
    return is_lower(c) || (c >= '0' && c <= '9') || c == '.';
}

bool pl_pb_json_read_path(struct pl_bytes text, struct pl_bytebuf *to)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];

        if (is_upper(c)) {
            pl_bytebuf_append_byte(to, '_');
            c = (uint8_t)(c - 'A' + 'a');
        } else if (!is_plain(c)) {
            return false;
        }
        pl_bytebuf_append_byte(to, c);
    }
    return text.size > 0;
}

bool pl_pb_json_put_path(struct pl_bytes path, struct pl_bytebuf *out)
{
    for (size_t i = 0; i < path.size; i++) {
        uint8_t c = path.data[i];

        if (c == '_') {
            if (++i == path.size || !is_lower(path.data[i]))
                return false;
            c = (uint8_t)(path.data[i] - 'a' + 'A');
        } else if (!is_plain(c)) {
            return false;
        }
        pl_bytebuf_append_byte(out, c);
    }
    return path.size > 0;
}
