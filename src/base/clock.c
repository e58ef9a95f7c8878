/* clock.c - POSIX clocks (IEEE 1003.1, clock_gettime). */
#include "base/clock.h"

#include "base/assert.h"

#include <time.h>

static struct timespec read_clock(clockid_t id)
{
    struct timespec ts = {0};

    PL_ASSERT(clock_gettime(id, &ts) == 0);
    return ts;
}

int64_t pl_clock_wall_ms(void)
{
    struct timespec ts = read_clock(CLOCK_REALTIME);

    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t pl_clock_steady_ms(void)
{
#ifdef CLOCK_BOOTTIME
    struct timespec ts = read_clock(CLOCK_BOOTTIME);
#else
    struct timespec ts = read_clock(CLOCK_MONOTONIC); /* counts sleep where there is no other */
#endif

    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t pl_clock_mono_us(void)
{
    struct timespec ts = read_clock(CLOCK_MONOTONIC);

    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t pl_clock_thread_us(void)
{
    struct timespec ts = read_clock(CLOCK_THREAD_CPUTIME_ID);

    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t pl_clock_process_us(void)
{
    struct timespec ts = read_clock(CLOCK_PROCESS_CPUTIME_ID);

    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t pl_clock_mono_ms(void)
{
    return pl_clock_mono_us() / 1000;
}
