/*
 * histogram.h - how often each duration was seen, to about one part in 128.
 *
 * Values below 128 are told apart exactly; above, each power of two has 128 steps.
 * Adding is a few instructions and cannot fail.
 */
#ifndef PL_BENCH_HISTOGRAM_H
#define PL_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    PL_BENCH_HISTOGRAM_BITS = 7,
    PL_BENCH_HISTOGRAM_VALUE_BITS = 36, /* larger values count as the largest */
    PL_BENCH_HISTOGRAM_LEN = (PL_BENCH_HISTOGRAM_VALUE_BITS - PL_BENCH_HISTOGRAM_BITS + 1)
                             << PL_BENCH_HISTOGRAM_BITS,
};

struct pl_bench_histogram {
    uint64_t len; /* values added */
    uint64_t max; /* the largest of them */
    uint64_t counts[PL_BENCH_HISTOGRAM_LEN];
};

void pl_bench_histogram_init(struct pl_bench_histogram *histogram);

/* The step of a value. */
static inline uint32_t pl_bench_histogram_step(uint64_t value)
{
    const uint64_t largest = (UINT64_C(1) << PL_BENCH_HISTOGRAM_VALUE_BITS) - 1;
    unsigned shift;

    if (value > largest)
        value = largest;
    if (value < UINT64_C(1) << PL_BENCH_HISTOGRAM_BITS)
        return (uint32_t)value;
    shift = 63U - (unsigned)__builtin_clzll(value) - PL_BENCH_HISTOGRAM_BITS;
    return (uint32_t)((uint64_t)shift << PL_BENCH_HISTOGRAM_BITS) + (uint32_t)(value >> shift);
}

static inline void pl_bench_histogram_add(struct pl_bench_histogram *histogram, uint64_t value)
{
    histogram->len++;
    if (value > histogram->max)
        histogram->max = value;
    histogram->counts[pl_bench_histogram_step(value)]++;
}

/* The least value that `share` (0 to 1) of all values do not exceed, rounded up to
 * the end of its step; 0 where there are none. */
uint64_t pl_bench_histogram_at(const struct pl_bench_histogram *histogram, double share);

#endif
