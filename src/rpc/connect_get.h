/*
 * connect_get.h - Connect's GET (the Connect protocol, "Unary-Get-Request"): the
 * message is in the query, for methods that change nothing.
 */
#ifndef PL_RPC_CONNECT_GET_H
#define PL_RPC_CONNECT_GET_H

#include <stdbool.h>

struct pl_rpc_call;

/* Sets the call's format by the query's "encoding"; false where it has none. */
bool pl_rpc_connect_get_format(struct pl_rpc_call *call);

/* Takes the message, and how it is compressed, from the query. Otherwise the call
 * has been aborted. */
bool pl_rpc_connect_get_message(struct pl_rpc_call *call);

#endif
