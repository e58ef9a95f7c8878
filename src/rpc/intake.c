/* intake.c - see intake.h; a few rest in the host, so that most calls make none. */
#include "rpc/intake.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/host_inner.h"

enum { RESTING_LEN_MAX = 256 };

/* One that rests, or a fresh one that is zero. */
static struct pl_rpc_intake *take(struct pl_rpc_host *host)
{
    struct pl_list *node = pl_list_first(&host->intakes);

    if (node == NULL)
        return pl_zalloc(sizeof(struct pl_rpc_intake));
    pl_list_remove(node);
    host->intakes_len--;
    return PL_CONTAINER(node, struct pl_rpc_intake, waiting);
}

struct pl_rpc_intake *pl_rpc_intake_new(struct pl_rpc_host *host, struct pl_rpc_call *call)
{
    struct pl_rpc_intake *intake = take(host);

    if (intake == NULL)
        return NULL;
    *intake = (struct pl_rpc_intake){.call_weak = call,
                                     .due_ms = INT64_MAX,
                                     .request = intake->request,
                                     .reader = intake->reader};
    pl_list_init(&intake->waiting);
    pl_rpc_fields_reset(&intake->request, host->limits.headers_size_max + PL_RPC_H1_LINE_SIZE_MAX);
    pl_rpc_reader_reset(&intake->reader, host->limits.message_size_max);
    return intake;
}

static void free_now(struct pl_rpc_intake *intake)
{
    pl_rpc_fields_done(&intake->request);
    pl_rpc_reader_done(&intake->reader);
    pl_free(intake);
}

void pl_rpc_intake_free(struct pl_rpc_host *host, struct pl_rpc_intake *intake)
{
    if (intake == NULL)
        return;
    PL_ASSERT(intake->held_size == 0 && intake->reserved_size == 0);
    PL_ASSERT(pl_list_empty(&intake->waiting));
    if (host->intakes_len == RESTING_LEN_MAX) {
        free_now(intake);
        return;
    }
    pl_rpc_fields_reset(&intake->request, 0); /* what is large goes at once */
    pl_rpc_reader_reset(&intake->reader, 0);
    pl_list_prepend(&host->intakes, &intake->waiting);
    host->intakes_len++;
}

void pl_rpc_intakes_done(struct pl_rpc_host *host)
{
    PL_LIST_EACH (node, &host->intakes)
        free_now(PL_CONTAINER(node, struct pl_rpc_intake, waiting));
    pl_list_init(&host->intakes);
    host->intakes_len = 0;
}
