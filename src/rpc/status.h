/*
 * status.h - how a call ends (gRPC over HTTP/2, "Status").
 */
#ifndef PL_RPC_STATUS_H
#define PL_RPC_STATUS_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

/* Borrowed strings. */
struct pl_rpc_status {
    enum pl_code code;
    const char *message; /* UTF-8, or should be; percent-encoded on the wire; "" or NULL: none */
    struct pl_bytes details; /* google.rpc.Status, for grpc-status-details-bin; empty: none */
    /* Of a client's call: the server gave it up without a word, as where memory is short. */
    bool broken;
};

/* The message, as much of it as is sent: PL_RPC_STATUS_MESSAGE_SIZE_MAX bytes, cut
 * between characters. */
struct pl_bytes pl_rpc_status_text(const struct pl_rpc_status *status);

#endif
