/*
 * proc.h - what a process on this machine has used: time of the processors, memory.
 *
 * From /proc, so on Linux only; elsewhere nothing is found.
 */
#ifndef PL_BENCH_PROC_H
#define PL_BENCH_PROC_H

#include "net/tcp.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_bench_usage {
    double cpu_s;  /* user and system, all threads */
    double user_s; /* of it, as the kernel splits it */
    double system_s;
    uint64_t rss_size; /* bytes that are in memory */
};

/* The process that listens on that address's port here; 0 where none is found (it is
 * elsewhere, or another user's). */
uint32_t pl_bench_proc_find(const struct pl_address *address);

/* PL_E_NOTFOUND where there is no such process, or nothing is told of it. */
int pl_bench_proc_read(uint32_t pid, struct pl_bench_usage *ret_usage);

/* This process. */
uint32_t pl_bench_proc_self(void);

#endif
