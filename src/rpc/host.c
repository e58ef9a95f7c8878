/*
 * host.c - who serves what, and which calls there are.
 *
 * Calls are found by an id that is never used again, so that an answer which
 * comes back after its call has gone finds nothing, rather than another call.
 */
#include "rpc/host.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/call.h"
#include "rpc/host_inner.h"
#include "rpc/intake.h"

int pl_rpc_host_new(const struct pl_rpc_host_ops *ops, struct pl_rpc_host **ret_host)
{
    int rc;
    struct pl_rpc_host *host = pl_zalloc(sizeof *host);

    if (host == NULL)
        return PL_E_NOMEM;
    host->ops = *ops;
    pl_map_init(&host->services_by_name);
    pl_list_init(&host->services);
    pl_list_init(&host->pages);
    host->limits = (struct pl_rpc_limits)PL_RPC_LIMITS_DEFAULT;
    pl_map_init(&host->calls_by_id);
    pl_rpc_h2_lender_init(&host->lender);
    pl_list_init(&host->intakes);

    rc = pl_rpc_h2_callbacks_new(&host->callbacks);
    if (rc < 0)
        goto fail;
    rc = pl_rpc_h2_option_new(&host->option);
    if (rc < 0)
        goto fail;

    *ret_host = host;
    return PL_OK;

fail:
    pl_rpc_host_free(host);
    return rc;
}

void pl_rpc_host_free(struct pl_rpc_host *host)
{
    if (host == NULL)
        return;
    PL_ASSERT(host->conns_len == 0);
    PL_ASSERT(host->calls_by_id.len == 0);
    PL_LIST_EACH (node, &host->services)
        pl_free(PL_CONTAINER(node, struct pl_rpc_host_service, node));
    PL_LIST_EACH (node, &host->pages)
        pl_free(PL_CONTAINER(node, struct pl_rpc_host_page, node));
    pl_map_done(&host->services_by_name);
    pl_map_done(&host->calls_by_id);
    nghttp2_session_callbacks_del(host->callbacks);
    nghttp2_option_del(host->option);
    pl_rpc_h2_lender_done(&host->lender);
    pl_rpc_intakes_done(host);
    pl_free(host);
}

int pl_rpc_host_add(struct pl_rpc_host *host, const struct pl_rpc_service *service, void *ctx)
{
    struct pl_bytes name = pl_bytes_str(service->name);
    struct pl_rpc_host_service *added;

    PL_ASSERT(pl_rpc_host_service_find(host, name) == NULL);
    for (size_t i = 0; i < service->methods_len; i++)
        PL_ASSERT(service->methods[i].on_message != NULL);

    added = pl_zalloc(sizeof *added);
    if (added == NULL)
        return PL_E_NOMEM;
    added->service_weak = service;
    added->ctx_weak = ctx;
    pl_map_put(&host->services_by_name, &added->by_name, pl_hash_bytes(name.data, name.size));
    pl_list_append(&host->services, &added->node);
    return PL_OK;
}

const struct pl_rpc_host_service *pl_rpc_host_service_find(const struct pl_rpc_host *host,
                                                           struct pl_bytes name)
{
    PL_MAP_EACH (node, &host->services_by_name, pl_hash_bytes(name.data, name.size)) {
        const struct pl_rpc_host_service *service =
            PL_CONTAINER(node, struct pl_rpc_host_service, by_name);

        if (pl_bytes_is(name, service->service_weak->name))
            return service;
    }
    return NULL;
}

int pl_rpc_host_add_page(struct pl_rpc_host *host, const char *path,
                         void (*get)(void *self, struct pl_rpc_page *ret_page), void *self)
{
    struct pl_rpc_host_page *page = pl_zalloc(sizeof *page);

    if (page == NULL)
        return PL_E_NOMEM;
    *page = (struct pl_rpc_host_page){.path = path, .get = get, .self = self};
    pl_list_append(&host->pages, &page->node);
    return PL_OK;
}

const struct pl_rpc_host_page *pl_rpc_host_page_find(const struct pl_rpc_host *host,
                                                     struct pl_bytes path)
{
    PL_LIST_EACH (node, &host->pages) {
        const struct pl_rpc_host_page *page = PL_CONTAINER(node, struct pl_rpc_host_page, node);

        if (pl_bytes_is(path, page->path))
            return page;
    }
    return NULL;
}

void pl_rpc_host_set_limits(struct pl_rpc_host *host, const struct pl_rpc_limits *limits)
{
    PL_ASSERT(limits->held_size_max >= limits->message_size_max);
    host->limits = *limits;
}

void pl_rpc_host_set_origins(struct pl_rpc_host *host, const char *const *origins,
                             size_t origins_len)
{
    host->origins_weak = origins;
    host->origins_len = origins_len;
}

struct pl_rpc_call *pl_rpc_host_call(struct pl_rpc_host *host, uint64_t id)
{
    PL_MAP_EACH (node, &host->calls_by_id, pl_hash_u64(id)) {
        struct pl_rpc_call *call = PL_CONTAINER(node, struct pl_rpc_call, by_id);

        if (call->id == id)
            return call;
    }
    return NULL;
}

size_t pl_rpc_host_calls_len(const struct pl_rpc_host *host)
{
    return host->calls_by_id.len;
}
