/*
 * redis.h - Redis' PUBLISH and SUBSCRIBE, in RESP2.
 *
 * A connection that has subscribed publishes nothing, and is one subscriber: Redis
 * keeps one subscription of a channel for a connection.
 */
#ifndef PL_BENCH_PEERS_REDIS_H
#define PL_BENCH_PEERS_REDIS_H

#include "bench/driver.h"

extern const struct pl_bench_driver pl_peer_redis;

#endif
