/*
 * mqtt.h - MQTT 3.1.1 with QoS 0: at most once, without acknowledgements.
 */
#ifndef PL_BENCH_PEERS_MQTT_H
#define PL_BENCH_PEERS_MQTT_H

#include "bench/driver.h"

extern const struct pl_bench_driver pl_peer_mqtt;

#endif
