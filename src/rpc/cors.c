/* cors.c - see cors.h. */
#include "rpc/cors.h"

#include "base/err.h"
#include "rpc/call.h"
#include "rpc/conn.h"
#include "rpc/host_inner.h"

#include <string.h>

/* Whether the origin, "http://HOST:PORT", is that to which the request was made. */
static bool is_own(const struct pl_rpc_call *call, struct pl_bytes origin)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct pl_bytes authority;

    if (!pl_rpc_call_field(call, ":authority", &authority) &&
        !pl_rpc_call_field(call, "host", &authority))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);

        if (origin.size == size + authority.size && memcmp(origin.data, schemes[i], size) == 0 &&
            memcmp(origin.data + size, authority.data, authority.size) == 0)
            return true;
    }
    return false;
}

/* The origin of the page that calls, if it is one that may. */
static bool find_origin(const struct pl_rpc_call *call, struct pl_bytes *ret_origin)
{
    const struct pl_rpc_host *host = call->conn_weak->host_weak;

    if (!pl_rpc_call_field(call, "origin", ret_origin))
        return false;
    for (size_t i = 0; i < host->origins_len; i++)
        if (strcmp(host->origins_weak[i], "*") == 0 ||
            pl_bytes_is(*ret_origin, host->origins_weak[i]))
            return true;
    return is_own(call, *ret_origin);
}

void pl_rpc_cors_add(struct pl_rpc_head *head, const struct pl_rpc_call *call)
{
    struct pl_bytes origin;

    /* What a cache may keep, or what depends on the origin, says so. */
    if (call->verb == PL_RPC_VERB_GET || pl_rpc_call_field(call, "origin", &origin))
        pl_rpc_head_add_const(head, "vary", "origin, accept-encoding");
    if (!find_origin(call, &origin))
        return;
    pl_rpc_head_add(head, pl_bytes_str("access-control-allow-origin"), origin);
    /* Old browsers do not know the star, by which a service's own metadata may be seen. */
    pl_rpc_head_add_const(head, "access-control-expose-headers",
                          "*, content-encoding, connect-content-encoding, "
                          "connect-accept-encoding, grpc-encoding, grpc-accept-encoding, "
                          "grpc-status, grpc-message, grpc-status-details-bin");
}

void pl_rpc_cors_preflight(struct pl_rpc_call *call)
{
    struct pl_bytes origin, names;
    struct pl_rpc_head head;

    pl_rpc_head_init(&head, 204);
    pl_rpc_head_add_const(&head, "allow", "POST, GET, HEAD, OPTIONS");
    if (find_origin(call, &origin)) {
        pl_rpc_head_add(&head, pl_bytes_str("access-control-allow-origin"), origin);
        pl_rpc_head_add_const(&head, "access-control-allow-methods", "POST, GET");
        /* Metadata is the service's own: whatever the page wants to send, it may. */
        if (pl_rpc_call_field(call, "access-control-request-headers", &names))
            pl_rpc_head_add(&head, pl_bytes_str("access-control-allow-headers"), names);
        pl_rpc_head_add_const(&head, "access-control-max-age", "7200");
    }
    pl_rpc_head_add_const(&head, "vary",
                          "origin, access-control-request-method, access-control-request-headers");
    pl_rpc_call_set_state(call, PL_RPC_CALL_FINISHED);
    if (pl_rpc_call_respond(call, &head, false) < 0)
        pl_rpc_call_reset(call, PL_RPC_INTERNAL_ERROR);
}
