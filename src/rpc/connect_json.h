/*
 * connect_json.h - what Connect says in JSON beside messages (the Connect protocol,
 * "Error End-Stream Response"): errors, and how a stream ended.
 */
#ifndef PL_RPC_CONNECT_JSON_H
#define PL_RPC_CONNECT_JSON_H

#include "base/buf.h"
#include "rpc/fields.h"
#include "rpc/status.h"

/* {"code": …, "message": …, "details": […]}; one reference. PL_E_NOMEM. */
int pl_rpc_connect_error(const struct pl_rpc_status *status, struct pl_buf **ret_buf);

/* {"error": …, "metadata": {NAME: [VALUE, …]}}; likewise. */
int pl_rpc_connect_end(const struct pl_rpc_status *status, const struct pl_rpc_fields *trailers,
                       struct pl_buf **ret_buf);

#endif
