/*
 * diag.c - a line is made in the caller's stack and written with one call, so
 * that threads do not mix theirs; a mutex guards only the ring of last lines, another one
 * the counts of lines left out.
 */
#include "base/diag.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 1024, RING_LEN = 32 };

static atomic_int diag_level = PL_DIAG_INFO;
static atomic_int diag_format = PL_DIAG_TEXT;

static pthread_mutex_t seldom_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static char ring[RING_LEN][LINE_SIZE];
static unsigned ring_next;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

const char *pl_diag_level_name(enum pl_diag_level level)
{
    return level_names[level];
}

int pl_diag_level_parse(const char *name, enum pl_diag_level *ret_level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum pl_diag_level)i;
            return PL_OK;
        }
    }
    return PL_E_INVALID;
}

void pl_diag_set(enum pl_diag_level level, enum pl_diag_format format)
{
    atomic_store(&diag_level, (int)level);
    atomic_store(&diag_format, (int)format);
}

bool pl_diag_on(enum pl_diag_level level)
{
    return (int)level <= atomic_load(&diag_level);
}

/* What would move the cursor, turn the text around or end the line: controls, bidi
 * marks, line separators (Unicode 15, chapters 23.1 and 23.2). */
static bool unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c || point == 0x200e ||
           point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

/* Appends the text up to where it fits, with escapes that JSON knows too, and
 * which keep a line one line; bytes that are no UTF-8 become \x and two digits. */
static size_t escape(char *to, size_t at, size_t end, const char *from, bool json)
{
    size_t left = strlen(from);

    while (left > 0 && at + 8 < end) {
        uint32_t point = 0;
        size_t len = pl_utf8_decode((const uint8_t *)from, left, &point);

        if (len == 0) {
            at += (size_t)snprintf(to + at, end - at, json ? "\\\\x%02x" : "\\x%02x",
                                   (unsigned)(unsigned char)*from);
            len = 1;
        } else if (unsafe(point)) {
            at += (size_t)snprintf(to + at, end - at, "\\u%04x", (unsigned)point);
        } else {
            if (json && (point == '"' || point == '\\'))
                to[at++] = '\\';
            memcpy(to + at, from, len);
            at += len;
        }
        from += len;
        left -= len;
    }
    to[at] = 0;
    return at;
}

static size_t make_line(char *line, enum pl_diag_level level, const char *area, const char *text)
{
    bool json = atomic_load(&diag_format) == PL_DIAG_JSON;
    char stamp[32];
    struct timespec ts = {0};
    struct tm tm = {0};
    size_t at, len;

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    len = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp + len, sizeof stamp - len, ".%03dZ", (int)(ts.tv_nsec / 1000000));
    if (json) {
        at = (size_t)snprintf(line, LINE_SIZE,
                              "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%.32s\",\"text\":\"",
                              stamp, level_names[level], area);
        at = escape(line, at, LINE_SIZE - 4, text, true);
        line[at++] = '"';
        line[at++] = '}';
    } else {
        at = (size_t)snprintf(line, LINE_SIZE, "%s %-7s %.32s: ", stamp, level_names[level], area);
        at = escape(line, at, LINE_SIZE - 2, text, false);
    }
    line[at++] = '\n';
    line[at] = 0;
    return at;
}

static void write_all(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody is left to tell */
        data += n;
        size -= (size_t)n;
    }
}

static void write_line(enum pl_diag_level level, const char *area, const char *text)
{
    char line[LINE_SIZE];
    size_t size = make_line(line, level, area, text);

    pthread_mutex_lock(&ring_lock);
    memcpy(ring[ring_next++ % RING_LEN], line, size + 1);
    pthread_mutex_unlock(&ring_lock);
    if (pl_diag_on(level))
        write_all(line, size);
}

void pl_diag(enum pl_diag_level level, const char *area, const char *format, ...)
{
    char text[LINE_SIZE];
    int saved_errno = errno; /* callers report, then look at it */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_line(level, area, text);
    errno = saved_errno;
}

bool pl_diag_seldom_may(struct pl_diag_seldom *seldom, int64_t now_ms, uint64_t *ret_left_out_len)
{
    if (seldom->len == 0 || now_ms - seldom->since_ms >= PL_DIAG_SELDOM_MS) {
        seldom->since_ms = now_ms;
        seldom->len = 0;
    }
    if (seldom->len == PL_DIAG_SELDOM_LEN) {
        seldom->left_out_len++;
        return false;
    }
    seldom->len++;
    *ret_left_out_len = seldom->left_out_len;
    seldom->left_out_len = 0;
    return true;
}

void pl_diag_seldom(struct pl_diag_seldom *seldom, enum pl_diag_level level, const char *area,
                    const char *format, ...)
{
    char text[LINE_SIZE];
    int saved_errno = errno;
    uint64_t left_out_len = 0;
    int64_t now_ms = pl_clock_mono_ms();
    va_list args;
    size_t size = 0;
    bool may;

    pthread_mutex_lock(&seldom_lock);
    may = pl_diag_seldom_may(seldom, now_ms, &left_out_len);
    pthread_mutex_unlock(&seldom_lock);
    if (may) {
        if (left_out_len > 0)
            size = (size_t)snprintf(text, sizeof text, "(%llu like this were left out) ",
                                    (unsigned long long)left_out_len);
        va_start(args, format);
        vsnprintf(text + size, sizeof text - size, format, args);
        va_end(args);
        write_line(level, area, text);
    }
    errno = saved_errno;
}

void pl_diag_dump(void)
{
    pthread_mutex_lock(&ring_lock);
    for (unsigned i = 0; i < RING_LEN; i++) {
        const char *line = ring[(ring_next + i) % RING_LEN];

        write_all(line, strlen(line));
    }
    pthread_mutex_unlock(&ring_lock);
}

_Noreturn void pl_assert_failed(const char *condition, const char *file, int line,
                                const char *function)
{
    static _Thread_local bool failing;

    if (!failing) { /* an assertion inside the dump must not loop */
        failing = true;
        pl_diag_dump();
        fprintf(stderr, "parla: bug: %s:%d: %s: assertion '%s' failed\n", file, line, function,
                condition);
    }
    abort();
}
