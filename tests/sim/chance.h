/*
 * chance.h - what a seed decides: numbers that are the same on every machine.
 *
 * Never two calls in one expression or one initializer: their order would be the
 * compiler's.
 */
#ifndef PL_TESTS_SIM_CHANCE_H
#define PL_TESTS_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

/* SplitMix64. */
static inline uint64_t chance_u64(struct chance *chance)
{
    uint64_t x = chance->state += 0x9e3779b97f4a7c15U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* From 0 to bound - 1. */
static inline uint32_t chance_below(struct chance *chance, uint32_t bound)
{
    return (uint32_t)(chance_u64(chance) % bound);
}

/* Once in `times`. */
static inline bool chance_once_in(struct chance *chance, uint32_t times)
{
    return chance_below(chance, times) == 0;
}

#endif
