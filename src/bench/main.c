/*
 * main.c - parla-bench: parla's own protocol only.
 */
#include "bench/parla.h"

int main(int argc, char **argv)
{
    static const struct pl_bench_driver *const drivers[] = {&pl_bench_parla};

    return pl_bench_main(argc, argv, drivers, sizeof drivers / sizeof drivers[0]);
}
