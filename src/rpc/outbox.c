/*
 * outbox.c - a ring of references that grows, and is given back when it is empty and
 * large. Most calls answer with one message, for which it begins.
 */
#include "rpc/outbox.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/envelope.h"

#include <string.h>

enum { RING_CAP_NEXT = 4, RING_CAP_KEPT = 16 };

static const struct pl_rpc_outbox_item *item_at(const struct pl_rpc_outbox_ring *ring, uint32_t i)
{
    return &ring->items[(ring->first + i) % ring->cap];
}

void pl_rpc_outbox_done(struct pl_rpc_outbox *outbox)
{
    struct pl_rpc_outbox_ring *ring = outbox->ring;

    if (ring == NULL)
        return;
    for (uint32_t i = 0; i < ring->len; i++)
        pl_buf_unref(item_at(ring, i)->buf);
    pl_free(ring);
    outbox->ring = NULL;
}

static uint32_t next_cap(const struct pl_rpc_outbox_ring *ring)
{
    if (ring == NULL)
        return 1;
    return ring->cap == 1 ? RING_CAP_NEXT : ring->cap * 2;
}

static int grow(struct pl_rpc_outbox *outbox)
{
    struct pl_rpc_outbox_ring *old = outbox->ring, *ring;
    uint32_t cap = next_cap(old);

    if (cap > UINT32_MAX / 4)
        return PL_E_NOMEM;
    ring = pl_zalloc(sizeof *ring + cap * sizeof ring->items[0]);
    if (ring == NULL)
        return PL_E_NOMEM;
    ring->cap = cap;
    if (old != NULL) {
        ring->size = old->size;
        ring->offset = old->offset;
        ring->len = old->len;
        for (uint32_t i = 0; i < old->len; i++)
            ring->items[i] = *item_at(old, i);
        pl_free(old);
    }
    outbox->ring = ring;
    return PL_OK;
}

static size_t head_size(const struct pl_rpc_outbox_item *item)
{
    return item->bare ? 0 : PL_RPC_ENVELOPE_SIZE;
}

static int push(struct pl_rpc_outbox *outbox, struct pl_rpc_outbox_item item)
{
    struct pl_rpc_outbox_ring *ring = outbox->ring;

    if ((ring == NULL || ring->len == ring->cap) && grow(outbox) < 0)
        return PL_E_NOMEM;
    ring = outbox->ring;
    PL_ASSERT(ring->len < ring->cap);
    pl_buf_ref(item.buf);
    ring->items[(ring->first + ring->len) % ring->cap] = item;
    ring->len++;
    ring->size += head_size(&item) + item.buf->size;
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
    PL_ASSERT(pl_rpc_outbox_len(outbox) > 0);
    return &outbox->ring->items[outbox->ring->first];
}

void pl_rpc_outbox_make_bare(struct pl_rpc_outbox *outbox)
{
    struct pl_rpc_outbox_ring *ring = outbox->ring;
    struct pl_rpc_outbox_item *item;

    PL_ASSERT(pl_rpc_outbox_len(outbox) > 0 && ring->offset == 0);
    item = &ring->items[ring->first];
    ring->size -= head_size(item);
    item->bare = true;
}

static void drop_first(struct pl_rpc_outbox_ring *ring)
{
    pl_buf_unref(ring->items[ring->first].buf);
    ring->first = (ring->first + 1) % ring->cap;
    ring->len--;
    ring->offset = 0;
}

/* Moves a part of the first message: of its envelope, or of its bytes. */
static size_t pull_part(struct pl_rpc_outbox_ring *ring, uint8_t *to, size_t size)
{
    const struct pl_rpc_outbox_item *item = &ring->items[ring->first];
    size_t envelope_size = head_size(item);
    uint8_t head[PL_RPC_ENVELOPE_SIZE];
    const uint8_t *from;
    size_t left;

    if (ring->offset < envelope_size) {
        pl_rpc_envelope_write(head, item->flags, item->buf->size);
        from = head + ring->offset;
        left = envelope_size - ring->offset;
    } else {
        from = item->buf->data + (ring->offset - envelope_size);
        left = item->buf->size - (ring->offset - envelope_size);
    }
    if (size > left)
        size = left;
    memcpy(to, from, size);
    ring->offset += (uint32_t)size;
    ring->size -= size;
    return size;
}

size_t pl_rpc_outbox_pull(struct pl_rpc_outbox *outbox, uint8_t *to, size_t size)
{
    struct pl_rpc_outbox_ring *ring = outbox->ring;
    size_t moved = 0;

    if (ring == NULL)
        return 0;
    while (ring->len > 0 && moved < size) {
        const struct pl_rpc_outbox_item *item = &ring->items[ring->first];

        moved += pull_part(ring, to + moved, size - moved);
        if (ring->offset == head_size(item) + item->buf->size)
            drop_first(ring);
    }
    if (ring->len == 0 && ring->cap > RING_CAP_KEPT)
        pl_rpc_outbox_done(outbox);
    return moved;
}

bool pl_rpc_outbox_amid(const struct pl_rpc_outbox *outbox)
{
    return outbox->ring != NULL && outbox->ring->offset > 0;
}
