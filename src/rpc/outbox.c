/*
 * outbox.c - a ring of references that doubles, and is given back when empty. Most
 * calls answer with one message, which needs no memory for a ring.
 */
#include "rpc/outbox.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/envelope.h"

#include <string.h>

enum { RING_CAP_MIN = 4, RING_CAP_KEPT = 16 };

static void free_ring(struct pl_rpc_outbox *outbox)
{
    if (outbox->items != &outbox->one)
        pl_free(outbox->items);
}

void pl_rpc_outbox_done(struct pl_rpc_outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->len; i++)
        pl_buf_unref(outbox->items[(outbox->first + i) % outbox->cap].buf);
    free_ring(outbox);
    *outbox = (struct pl_rpc_outbox){0};
}

static int grow(struct pl_rpc_outbox *outbox)
{
    uint32_t cap = outbox->cap > 1 ? outbox->cap * 2 : RING_CAP_MIN;
    struct pl_rpc_outbox_item *items;

    if (outbox->cap == 0) {
        outbox->items = &outbox->one;
        outbox->cap = 1;
        return PL_OK;
    }
    if (outbox->cap > UINT32_MAX / 2)
        return PL_E_NOMEM;
    items = pl_calloc(cap, sizeof *items);
    if (items == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < outbox->len; i++)
        items[i] = outbox->items[(outbox->first + i) % outbox->cap];
    free_ring(outbox);
    outbox->items = items;
    outbox->first = 0;
    outbox->cap = cap;
    return PL_OK;
}

static size_t head_size(const struct pl_rpc_outbox_item *item)
{
    return item->bare ? 0 : PL_RPC_ENVELOPE_SIZE;
}

static int push(struct pl_rpc_outbox *outbox, struct pl_rpc_outbox_item item)
{
    if (outbox->len == outbox->cap && grow(outbox) < 0)
        return PL_E_NOMEM;
    pl_buf_ref(item.buf);
    outbox->items[(outbox->first + outbox->len) % outbox->cap] = item;
    outbox->len++;
    outbox->size += head_size(&item) + item.buf->size;
    return PL_OK;
}

int pl_rpc_outbox_push(struct pl_rpc_outbox *outbox, struct pl_buf *message, uint8_t flags)
{
    return push(outbox, (struct pl_rpc_outbox_item){.buf = message, .flags = flags});
}

int pl_rpc_outbox_push_bare(struct pl_rpc_outbox *outbox, struct pl_buf *bytes)
{
    return push(outbox, (struct pl_rpc_outbox_item){.buf = bytes, .bare = true});
}

const struct pl_rpc_outbox_item *pl_rpc_outbox_first(const struct pl_rpc_outbox *outbox)
{
    PL_ASSERT(outbox->len > 0);
    return &outbox->items[outbox->first];
}

void pl_rpc_outbox_make_bare(struct pl_rpc_outbox *outbox)
{
    struct pl_rpc_outbox_item *item = &outbox->items[outbox->first];

    PL_ASSERT(outbox->len > 0 && outbox->offset == 0);
    outbox->size -= head_size(item);
    item->bare = true;
}

static void drop_first(struct pl_rpc_outbox *outbox)
{
    pl_buf_unref(outbox->items[outbox->first].buf);
    outbox->first = (outbox->first + 1) % outbox->cap;
    outbox->len--;
    outbox->offset = 0;
    if (outbox->len == 0 && outbox->cap > RING_CAP_KEPT)
        pl_rpc_outbox_done(outbox);
}

/* Moves a part of the first message: of its envelope, or of its bytes. */
static size_t pull_part(struct pl_rpc_outbox *outbox, uint8_t *to, size_t size)
{
    const struct pl_rpc_outbox_item *item = &outbox->items[outbox->first];
    size_t envelope_size = head_size(item);
    uint8_t head[PL_RPC_ENVELOPE_SIZE];
    const uint8_t *from;
    size_t left;

    if (outbox->offset < envelope_size) {
        pl_rpc_envelope_write(head, item->flags, item->buf->size);
        from = head + outbox->offset;
        left = envelope_size - outbox->offset;
    } else {
        from = item->buf->data + (outbox->offset - envelope_size);
        left = item->buf->size - (outbox->offset - envelope_size);
    }
    if (size > left)
        size = left;
    memcpy(to, from, size);
    outbox->offset += (uint32_t)size;
    outbox->size -= size;
    return size;
}

size_t pl_rpc_outbox_pull(struct pl_rpc_outbox *outbox, uint8_t *to, size_t size)
{
    size_t moved = 0;

    while (outbox->len > 0 && moved < size) {
        const struct pl_rpc_outbox_item *item = &outbox->items[outbox->first];

        moved += pull_part(outbox, to + moved, size - moved);
        if (outbox->offset == head_size(item) + item->buf->size)
            drop_first(outbox);
    }
    return moved;
}

bool pl_rpc_outbox_amid(const struct pl_rpc_outbox *outbox)
{
    return outbox->offset > 0;
}
