/*
 * grpc.h - what gRPC and gRPC-Web share.
 */
#ifndef PL_RPC_GRPC_H
#define PL_RPC_GRPC_H

#include "rpc/head.h"
#include "rpc/status.h"

struct pl_rpc_call;

/* The head of a response. */
void pl_rpc_grpc_add_head(struct pl_rpc_head *head, struct pl_rpc_call *call);

/* grpc-status's value. */
const char *pl_rpc_grpc_status(const struct pl_rpc_call *call);

/* Adds grpc-message and grpc-status-details-bin to the call's trailers. */
void pl_rpc_grpc_take_status(struct pl_rpc_call *call, const struct pl_rpc_status *status);

#endif
