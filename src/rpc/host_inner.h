/*
 * host_inner.h - what conn.c and call*.c know of a host.
 */
#ifndef PL_RPC_HOST_INNER_H
#define PL_RPC_HOST_INNER_H

#include "base/list.h"
#include "base/map.h"
#include "rpc/h2_lender.h"
#include "rpc/host.h"
#include "rpc/limits.h"

#include <nghttp2/nghttp2.h>

struct pl_rpc_host {
    struct pl_rpc_host_ops ops;
    struct pl_map services_by_name;
    struct pl_list services; /* in the order in which they were added */
    struct pl_map calls_by_id;
    struct pl_list pages;
    struct pl_rpc_limits limits;
    const char *const *origins_weak;
    size_t origins_len;
    uint64_t calls_made;
    size_t conns_len;
    nghttp2_session_callbacks *callbacks; /* every connection's */
    nghttp2_option *option;
    struct pl_rpc_h2_lender lender; /* of their memory */
    struct pl_list intakes;         /* that rest: see intake.h */
    size_t intakes_len;
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

/* A page that was added. */
struct pl_rpc_host_page {
    struct pl_list node;
    const char *path;
    void (*get)(void *self, struct pl_rpc_page *ret_page);
    void *self;
};

/* The page of that path, or NULL. */
const struct pl_rpc_host_page *pl_rpc_host_page_find(const struct pl_rpc_host *host,
                                                     struct pl_bytes path);

/* The options and callbacks of HTTP/2: see h2_conn.c. PL_E_NOMEM. */
int pl_rpc_h2_callbacks_new(nghttp2_session_callbacks **ret_callbacks);
int pl_rpc_h2_option_new(nghttp2_option **ret_option);

#endif
