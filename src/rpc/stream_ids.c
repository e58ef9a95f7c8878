/* stream_ids.c - see stream_ids.h. */
#include "rpc/stream_ids.h"

static bool was_passed_over(const struct pl_rpc_stream_ids *ids, int32_t stream_id)
{
    size_t len = ids->gaps_len < PL_RPC_STREAM_GAPS_MAX ? ids->gaps_len : PL_RPC_STREAM_GAPS_MAX;

    for (size_t i = 0; i < len; i++)
        if (stream_id >= ids->gaps[i].first && stream_id <= ids->gaps[i].last)
            return true;
    return false;
}

bool pl_rpc_stream_ids_use(struct pl_rpc_stream_ids *ids, int32_t stream_id)
{
    if (stream_id < ids->next)
        return !was_passed_over(ids, stream_id);
    if (stream_id - ids->next > 1) {
        size_t at = ids->gaps_len++ % PL_RPC_STREAM_GAPS_MAX;

        ids->gaps[at].first = ids->next;
        ids->gaps[at].last = stream_id - 1;
    }
    ids->next = stream_id < INT32_MAX ? stream_id + 1 : stream_id;
    return true;
}
