/* stream_ids.c - see stream_ids.h. */
#include "rpc/stream_ids.h"

#include "base/mem.h"

void pl_rpc_stream_ids_done(struct pl_rpc_stream_ids *ids)
{
    pl_free(ids->gaps);
    *ids = (struct pl_rpc_stream_ids){0};
}

static bool was_passed_over(const struct pl_rpc_stream_ids *ids, int32_t stream_id)
{
    uint32_t len = ids->gaps_len < PL_RPC_STREAM_GAPS_MAX ? ids->gaps_len : PL_RPC_STREAM_GAPS_MAX;

    for (uint32_t i = 0; i < len; i++)
        if (stream_id >= ids->gaps[i].first && stream_id <= ids->gaps[i].last)
            return true;
    return false;
}

static void add_gap(struct pl_rpc_stream_ids *ids, int32_t first, int32_t last)
{
    if (ids->gaps == NULL)
        ids->gaps = pl_calloc(PL_RPC_STREAM_GAPS_MAX, sizeof *ids->gaps);
    if (ids->gaps != NULL)
        ids->gaps[ids->gaps_len++ % PL_RPC_STREAM_GAPS_MAX] =
            (struct pl_rpc_stream_gap){first, last};
}

bool pl_rpc_stream_ids_use(struct pl_rpc_stream_ids *ids, int32_t stream_id)
{
    if (stream_id < ids->next)
        return !was_passed_over(ids, stream_id);
    if (stream_id - ids->next > 1)
        add_gap(ids, ids->next, stream_id - 1);
    ids->next = stream_id < INT32_MAX ? stream_id + 1 : stream_id;
    return true;
}
