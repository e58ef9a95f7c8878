/* head.c - see head.h. */
#include "rpc/head.h"

#include "base/assert.h"

void pl_rpc_head_init(struct pl_rpc_head *head, int status)
{
    head->status = status;
    head->sized = false;
    head->len = 0;
}

static void add(struct pl_rpc_head *head, struct pl_bytes name, struct pl_bytes value, bool lasting)
{
    PL_ASSERT(head->len < PL_RPC_HEAD_LEN_MAX);
    head->items[head->len++] = (struct pl_rpc_head_field){name, value, lasting};
}

void pl_rpc_head_add_lasting(struct pl_rpc_head *head, struct pl_bytes name, struct pl_bytes value)
{
    add(head, name, value, true);
}

void pl_rpc_head_add(struct pl_rpc_head *head, struct pl_bytes name, struct pl_bytes value)
{
    add(head, name, value, false);
}

void pl_rpc_head_set_size(struct pl_rpc_head *head, size_t size)
{
    head->sized = true;
    head->size = size;
}

void pl_rpc_head_add_all(struct pl_rpc_head *head, const struct pl_rpc_fields *fields)
{
    struct pl_bytes name, value;

    for (size_t pos = 0; pl_rpc_fields_next(fields, &pos, &name, &value);)
        add(head, name, value, false);
}
