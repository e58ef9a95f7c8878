/*
 * nats.h - NATS' text protocol: PUB, SUB and MSG, without acknowledgements.
 */
#ifndef PL_BENCH_PEERS_NATS_H
#define PL_BENCH_PEERS_NATS_H

#include "bench/driver.h"

extern const struct pl_bench_driver pl_peer_nats;

#endif
