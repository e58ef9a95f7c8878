/*
 * health.h - grpc.health.v1.Health: whether services may be called.
 *
 * Check answers for a name that was set, NOT_FOUND for others. Watch tells each
 * change to who watches, and SERVICE_UNKNOWN while the name was never set. A
 * watcher that does not read holds nothing up: it is told the latest when it does.
 * GET /healthz answers 200 or 503 for the server as a whole.
 *
 * Threads:   its host's.
 * Ownership: free it after the host's connections, before or after the host.
 */
#ifndef PL_RPC_HEALTH_H
#define PL_RPC_HEALTH_H

#include "rpc/host.h"

#include <stdbool.h>

struct pl_rpc_health;

/* Adds the service to the host. PL_E_NOMEM: the host is then only to be freed. */
int pl_rpc_health_new(struct pl_rpc_host *host, struct pl_rpc_health **ret_health);

/* NULL is fine. No call of it may be under way. */
void pl_rpc_health_free(struct pl_rpc_health *health);

/* Whether the service of that name may be called; "" stands for the server as a
 * whole. PL_E_NOMEM, for a name not set before only. */
int pl_rpc_health_set(struct pl_rpc_health *health, const char *service_name, bool serving);

/* The server will stop: no service may be called any more. Watchers are told so,
 * and their calls end with UNAVAILABLE, so that they hold no drain up. */
void pl_rpc_health_drain(struct pl_rpc_health *health);

#endif
