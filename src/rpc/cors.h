/*
 * cors.h - which web pages may call, and what browsers are told of it (Fetch
 * Standard, "CORS protocol").
 *
 * Pages of the server's own origin may, and those that the host's owner has named.
 * Others are told nothing, and so their browsers keep the answers from them.
 */
#ifndef PL_RPC_CORS_H
#define PL_RPC_CORS_H

#include "rpc/head.h"

struct pl_rpc_call;

/* Adds to a response's head what lets the page that called see it. */
void pl_rpc_cors_add(struct pl_rpc_head *head, const struct pl_rpc_call *call);

/* Answers OPTIONS: whether a page may call ("preflight"). */
void pl_rpc_cors_preflight(struct pl_rpc_call *call);

#endif
