/*
 * main.c - parla-bench, able to speak with others' servers too: --driver redis, nats
 * or mqtt. The commands, the checks and the clock are the same.
 */
#include "bench/driver.h"
#include "bench/parla.h"
#include "peers/mqtt.h"
#include "peers/nats.h"
#include "peers/redis.h"

int main(int argc, char **argv)
{
    static const struct pl_bench_driver *const drivers[] = {
        &pl_bench_parla,
        &pl_peer_redis,
        &pl_peer_nats,
        &pl_peer_mqtt,
    };

    return pl_bench_main(argc, argv, drivers, sizeof drivers / sizeof drivers[0]);
}
