/*
 * details.h - what went wrong, for programs: google.rpc.Status in
 * grpc-status-details-bin (gRPC's "richer error model").
 */
#ifndef PL_RPC_DETAILS_H
#define PL_RPC_DETAILS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct pl_rpc_details_entry {
    const char *key;
    const char *value;
};

/* Borrowed strings. */
struct pl_rpc_details {
    enum pl_code code;
    const char *message;
    const char *reason; /* ErrorInfo's, with its domain; "" for none */
    const char *domain;
    const struct pl_rpc_details_entry *metadata; /* ErrorInfo's, told with a reason only */
    size_t metadata_len;
    const char *field; /* BadRequest's one violation, told with the message; "" for none */
    uint32_t retry_ms; /* RetryInfo's; 0 for none */
};

/* The bytes of a google.rpc.Status with ErrorInfo, BadRequest and RetryInfo, as
 * far as they are set. One reference, the caller's. PL_E_NOMEM, PL_E_LIMIT. */
int pl_rpc_details_pack(const struct pl_rpc_details *details, struct pl_buf **ret_buf);

/* Reads such bytes; details of other kinds are passed over, and what is not there
 * is "" or 0. Strings live in the arena. PL_E_INVALID, PL_E_LIMIT, PL_E_NOMEM. */
int pl_rpc_details_unpack(struct pl_bytes data, struct pl_arena *arena,
                          struct pl_rpc_details *ret_details);

#endif
