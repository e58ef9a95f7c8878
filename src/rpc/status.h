/*
 * status.h - how a call ends (gRPC over HTTP/2, "Status").
 */
#ifndef PL_RPC_STATUS_H
#define PL_RPC_STATUS_H

#include "base/bytes.h"
#include "base/err.h"

/* Borrowed strings. */
struct pl_rpc_status {
    enum pl_code code;
    const char *message;     /* UTF-8, percent-encoded on the wire; "" or NULL: none */
    struct pl_bytes details; /* google.rpc.Status, for grpc-status-details-bin; empty: none */
};

#endif
