/*
 * outbox.h - messages that wait for HTTP/2 to take them.
 *
 * A message is referred to, not copied; its envelope is written while it leaves.
 * Bytes without an envelope may be queued as well.
 *
 * Ownership: the outbox owns a reference of each message. It has memory of its own while
 *            something waits: many calls never queue anything.
 * Limits:    none of its own; who fills it looks at its size.
 */
#ifndef PL_RPC_OUTBOX_H
#define PL_RPC_OUTBOX_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_rpc_outbox_item {
    struct pl_buf *buf;
    uint8_t flags; /* of the envelope */
    bool bare;     /* it has none */
};

struct pl_rpc_outbox_ring {
    size_t size;     /* bytes still to leave */
    uint32_t offset; /* bytes of the first message, envelope counted, that have left */
    uint32_t first;
    uint32_t len;
    uint32_t cap;
    struct pl_rpc_outbox_item items[];
};

struct pl_rpc_outbox {
    struct pl_rpc_outbox_ring *ring; /* NULL: empty; else it may be */
};

/* An empty one is all zero. */
void pl_rpc_outbox_done(struct pl_rpc_outbox *outbox);

/* How many messages wait, and how many bytes are still to leave. */
static inline uint32_t pl_rpc_outbox_len(const struct pl_rpc_outbox *outbox)
{
    return outbox->ring == NULL ? 0 : outbox->ring->len;
}

static inline size_t pl_rpc_outbox_size(const struct pl_rpc_outbox *outbox)
{
    return outbox->ring == NULL ? 0 : outbox->ring->size;
}

/* Adds a message at the end, with the flags of its envelope; takes a reference of
 * its own. PL_E_NOMEM. */
int pl_rpc_outbox_push(struct pl_rpc_outbox *outbox, struct pl_buf *message, uint8_t flags);

/* The same for bytes that have no envelope. */
int pl_rpc_outbox_push_bare(struct pl_rpc_outbox *outbox, struct pl_buf *bytes);

/* The first message that waits; there is one. And takes its envelope away, if none
 * of it has left. */
const struct pl_rpc_outbox_item *pl_rpc_outbox_first(const struct pl_rpc_outbox *outbox);
void pl_rpc_outbox_make_bare(struct pl_rpc_outbox *outbox);

/* Moves up to `size` bytes out; returns how many. */
size_t pl_rpc_outbox_pull(struct pl_rpc_outbox *outbox, uint8_t *to, size_t size);

/* Whether a message has left in part. */
bool pl_rpc_outbox_amid(const struct pl_rpc_outbox *outbox);

#endif
