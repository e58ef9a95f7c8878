/*
 * host_inner.h - what conn.c and call*.c know of a host.
 */
#ifndef PL_RPC_HOST_INNER_H
#define PL_RPC_HOST_INNER_H

#include "base/list.h"
#include "base/map.h"
#include "rpc/host.h"

#include <nghttp2/nghttp2.h>

struct pl_rpc_host {
    struct pl_rpc_host_ops ops;
    struct pl_map services_by_name;
    struct pl_list services; /* in the order in which they were added */
    struct pl_map calls_by_id;
    uint64_t calls_made;
    size_t conns_len;
    nghttp2_session_callbacks *callbacks; /* every connection's */
    nghttp2_option *option;
};

/* A service that was added. */
struct pl_rpc_host_service {
    struct pl_map_node by_name;
    struct pl_list node; /* in services */
    const struct pl_rpc_service *service_weak;
    void *ctx_weak;
};

/* The service of that name, or NULL. */
const struct pl_rpc_host_service *pl_rpc_host_service_find(const struct pl_rpc_host *host,
                                                           struct pl_bytes name);

/* The options and callbacks of server connections: see conn.c. PL_E_NOMEM. */
int pl_rpc_conn_callbacks_new(nghttp2_session_callbacks **ret_callbacks);
int pl_rpc_conn_option_new(nghttp2_option **ret_option);

#endif
