/*
 * progress.c - what each phase waits for.
 */
#include "bench/progress.h"

#include "bench/load.h"

#include <stdio.h>
#include <unistd.h>

static bool is_shown; /* there is one terminal */

static void work_text(const struct pl_bench_run *run, char *text, size_t size)
{
    const struct pl_bench_load *load = run->load_weak;
    uint32_t over;
    double seconds = (double)(run->now_us - run->phase_us[PL_BENCH_WORKING]) / 1e6;

    if (load == NULL) {
        snprintf(text, size, "working, %.0f s", seconds);
        return;
    }
    over = load->over < load->measured_end ? load->over : load->measured_end;
    if (run->shape.subs == 0)
        snprintf(text, size, "%u of %u messages, %.0f/s", over, load->measured_end,
                 seconds > 0 ? over / seconds : 0);
    else
        snprintf(text, size, "%u of %u messages, %.0f deliveries/s", over, load->measured_end,
                 seconds > 0 ? (double)load->delivered / seconds : 0);
}

void pl_bench_progress_text(const struct pl_bench_run *run, char *text, size_t size)
{
    switch (run->phase) {
    case PL_BENCH_REACHING:
        snprintf(text, size, "reaching the server");
        break;
    case PL_BENCH_PREPARING:
        snprintf(text, size, "making guests and rooms");
        break;
    case PL_BENCH_CONNECTING:
        snprintf(text, size, "%u of %u connections", run->conns_ready, pl_bench_conns_len(run));
        break;
    case PL_BENCH_SUBSCRIBING:
        snprintf(text, size, "%u of %u streams", run->subs_done, run->shape.subs);
        break;
    case PL_BENCH_WORKING:
        work_text(run, text, size);
        break;
    case PL_BENCH_CLEANING:
    case PL_BENCH_OVER:
        snprintf(text, size, "cleaning up");
        break;
    }
}

void pl_bench_progress_show(const struct pl_bench_run *run)
{
    char text[80];

    if (isatty(STDERR_FILENO) == 0)
        return;
    pl_bench_progress_text(run, text, sizeof text);
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    is_shown = true;
}

void pl_bench_progress_hide(void)
{
    if (is_shown)
        fputs("\r\033[K", stderr);
    is_shown = false;
}
