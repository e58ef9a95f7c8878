/*
 * histogram.c - reading it: steps are walked from the smallest.
 */
#include "bench/histogram.h"

#include "base/assert.h"

#include <string.h>

void pl_bench_histogram_init(struct pl_bench_histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

/* The largest value of a step. */
static uint64_t end_of(uint32_t step)
{
    uint32_t shift;
    uint64_t first;

    if (step < 2U << PL_BENCH_HISTOGRAM_BITS)
        return step;
    shift = (step >> PL_BENCH_HISTOGRAM_BITS) - 1;
    first = (uint64_t)step - ((uint64_t)shift << PL_BENCH_HISTOGRAM_BITS);
    return ((first + 1) << shift) - 1;
}

uint64_t pl_bench_histogram_at(const struct pl_bench_histogram *histogram, double share)
{
    double wanted = share * (double)histogram->len;
    uint64_t seen = 0;

    PL_ASSERT(share >= 0 && share <= 1);
    for (uint32_t i = 0; i < PL_BENCH_HISTOGRAM_LEN; i++) {
        seen += histogram->counts[i];
        if (histogram->counts[i] > 0 && (double)seen >= wanted)
            return end_of(i) < histogram->max ? end_of(i) : histogram->max;
    }
    return 0;
}
