/*
 * pace.c - on Linux a timerfd, which the loop watches; elsewhere the loop's timer.
 */
#include "bench/pace.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#ifdef __linux__
#include <sys/timerfd.h>
#include <unistd.h>
#endif

struct pl_bench_pace {
    uint32_t rate;
    int64_t start_us;
    void (*on_due)(void *self);
    void *self;
    struct pl_timer *timer;
    struct pl_watch *watch;
    int fd;
};

int64_t pl_bench_pace_due_us(const struct pl_bench_pace *pace, uint64_t n)
{
    return pace->start_us + (int64_t)((double)n * 1e6 / (double)pace->rate);
}

void pl_bench_pace_start(struct pl_bench_pace *pace)
{
    pace->start_us = pl_clock_mono_us();
}

#ifdef __linux__

static void on_readable(void *self)
{
    struct pl_bench_pace *pace = self;
    uint64_t times;

    if (read(pace->fd, &times, sizeof times) == (ssize_t)sizeof times)
        pace->on_due(pace->self);
}

static int open_clock(struct pl_loop *loop, struct pl_bench_pace *pace)
{
    pace->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (pace->fd < 0)
        return PL_E_IO;
    return pl_watch_new(loop, pace->fd, on_readable, pace, &pace->watch);
}

void pl_bench_pace_wait(struct pl_bench_pace *pace, uint64_t n)
{
    int64_t due_us = pl_bench_pace_due_us(pace, n);
    struct itimerspec spec = {
        .it_value = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000}};

    (void)timerfd_settime(pace->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void close_clock(struct pl_bench_pace *pace)
{
    pl_watch_free(pace->watch);
    if (pace->fd >= 0)
        close(pace->fd);
}

#else

static void on_timer(void *self)
{
    struct pl_bench_pace *pace = self;

    pace->on_due(pace->self);
}

static int open_clock(struct pl_loop *loop, struct pl_bench_pace *pace)
{
    return pl_timer_new(loop, on_timer, pace, &pace->timer);
}

void pl_bench_pace_wait(struct pl_bench_pace *pace, uint64_t n)
{
    int64_t left_us = pl_bench_pace_due_us(pace, n) - pl_clock_mono_us();

    pl_timer_start(pace->timer, left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, 0);
}

static void close_clock(struct pl_bench_pace *pace)
{
    pl_timer_free(pace->timer);
}

#endif

int pl_bench_pace_new(struct pl_loop *loop, uint32_t rate, void (*on_due)(void *self), void *self,
                      struct pl_bench_pace **ret_pace)
{
    struct pl_bench_pace *pace = pl_zalloc(sizeof *pace);
    int err;

    if (pace == NULL)
        return PL_E_NOMEM;
    pace->rate = rate;
    pace->on_due = on_due;
    pace->self = self;
    pace->fd = -1;
    err = open_clock(loop, pace);
    if (err < 0) {
        pl_bench_pace_free(pace);
        return err;
    }
    *ret_pace = pace;
    return PL_OK;
}

void pl_bench_pace_free(struct pl_bench_pace *pace)
{
    if (pace == NULL)
        return;
    close_clock(pace);
    pl_free(pace);
}
