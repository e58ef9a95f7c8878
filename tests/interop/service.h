/*
 * service.h - grpc.testing.TestService, which gRPC's interop cases call.
 *
 * A server has every feature that the published descriptions of the cases name,
 * but those that need accounts: the echo of metadata and of statuses, compression
 * asked for or expected, and responses that wait.
 *
 * Threads:   the loop's.
 * Ownership: the loop is the caller's, and outlives the calls.
 * Limits:    a response's payload is at most INTEROP_PAYLOAD_SIZE_MAX bytes
 *            (INVALID_ARGUMENT); what a call has to send still, at most
 *            INTEROP_PENDING_LEN_MAX responses and INTEROP_QUEUE_SIZE_MAX bytes
 *            (RESOURCE_EXHAUSTED).
 */
#ifndef INTEROP_SERVICE_H
#define INTEROP_SERVICE_H

#include "net/loop.h"
#include "rpc/host.h"

enum {
    INTEROP_PAYLOAD_SIZE_MAX = 4 << 20,
    INTEROP_PENDING_LEN_MAX = 8192,
    INTEROP_QUEUE_SIZE_MAX = 16 << 20,
};

/* Adds it to the host. PL_E_NOMEM. */
int interop_service_add(struct pl_rpc_host *host, struct pl_loop *loop);

#endif
