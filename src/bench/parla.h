/*
 * parla.h - parla's own protocol: guests, rooms, StreamMessages, SendMessage.
 */
#ifndef PL_BENCH_PARLA_H
#define PL_BENCH_PARLA_H

#include "bench/driver.h"

extern const struct pl_bench_driver pl_bench_parla;

#endif
