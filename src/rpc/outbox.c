/* outbox.c - a ring of references that doubles, and is given back when empty. */
#include "rpc/outbox.h"

#include "base/err.h"
#include "base/mem.h"
#include "rpc/envelope.h"

#include <string.h>

enum { RING_CAP_MIN = 4, RING_CAP_KEPT = 16 };

void pl_rpc_outbox_done(struct pl_rpc_outbox *outbox)
{
    for (size_t i = 0; i < outbox->len; i++)
        pl_buf_unref(outbox->items[(outbox->first + i) % outbox->cap]);
    pl_free(outbox->items);
    *outbox = (struct pl_rpc_outbox){0};
}

static int grow(struct pl_rpc_outbox *outbox)
{
    size_t cap = outbox->cap > 0 ? outbox->cap * 2 : RING_CAP_MIN;
    struct pl_buf **items = pl_calloc(cap, sizeof(struct pl_buf *));

    if (items == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < outbox->len; i++)
        items[i] = outbox->items[(outbox->first + i) % outbox->cap];
    pl_free(outbox->items);
    outbox->items = items;
    outbox->first = 0;
    outbox->cap = cap;
    return PL_OK;
}

int pl_rpc_outbox_push(struct pl_rpc_outbox *outbox, struct pl_buf *message)
{
    if (outbox->len == outbox->cap && grow(outbox) < 0)
        return PL_E_NOMEM;
    outbox->items[(outbox->first + outbox->len) % outbox->cap] = pl_buf_ref(message);
    outbox->len++;
    outbox->size += PL_RPC_ENVELOPE_SIZE + message->size;
    return PL_OK;
}

static void drop_first(struct pl_rpc_outbox *outbox)
{
    pl_buf_unref(outbox->items[outbox->first]);
    outbox->first = (outbox->first + 1) % outbox->cap;
    outbox->len--;
    outbox->offset = 0;
    if (outbox->len == 0 && outbox->cap > RING_CAP_KEPT)
        pl_rpc_outbox_done(outbox);
}

/* Moves a part of the first message: of its envelope, or of its bytes. */
static size_t pull_part(struct pl_rpc_outbox *outbox, uint8_t *to, size_t size)
{
    const struct pl_buf *message = outbox->items[outbox->first];
    uint8_t head[PL_RPC_ENVELOPE_SIZE];
    const uint8_t *from;
    size_t left;

    if (outbox->offset < sizeof head) {
        pl_rpc_envelope_write(head, 0, message->size);
        from = head + outbox->offset;
        left = sizeof head - outbox->offset;
    } else {
        from = message->data + (outbox->offset - sizeof head);
        left = message->size - (outbox->offset - sizeof head);
    }
    if (size > left)
        size = left;
    memcpy(to, from, size);
    outbox->offset += size;
    outbox->size -= size;
    return size;
}

size_t pl_rpc_outbox_pull(struct pl_rpc_outbox *outbox, uint8_t *to, size_t size)
{
    size_t moved = 0;

    while (outbox->len > 0 && moved < size) {
        moved += pull_part(outbox, to + moved, size - moved);
        if (outbox->offset == PL_RPC_ENVELOPE_SIZE + outbox->items[outbox->first]->size)
            drop_first(outbox);
    }
    return moved;
}

bool pl_rpc_outbox_amid(const struct pl_rpc_outbox *outbox)
{
    return outbox->offset > 0;
}
