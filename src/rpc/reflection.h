/*
 * reflection.h - gRPC server reflection, v1 and v1alpha (server-reflection.md): what
 * generic clients ask instead of having the .proto files.
 *
 * Threads:   its host's.
 * Ownership: borrows the descriptor set, which must outlive it. Free it after the
 *            host's connections, before or after the host.
 */
#ifndef PL_RPC_REFLECTION_H
#define PL_RPC_REFLECTION_H

#include "base/bytes.h"
#include "rpc/host.h"

struct pl_rpc_reflection;

/* Adds both services to the host. descriptor_set: a FileDescriptorSet with all
 * imports. PL_E_CORRUPT, PL_E_NOMEM: the host is then only to be freed. */
int pl_rpc_reflection_new(struct pl_rpc_host *host, struct pl_bytes descriptor_set,
                          struct pl_rpc_reflection **ret_reflection);

/* NULL is fine. No call of it may be under way. */
void pl_rpc_reflection_free(struct pl_rpc_reflection *reflection);

#endif
