/*
 * h2_blocks.h - whether a field block of a client's is unfinished (RFC 9113, section
 * 4.3), by the heads of its frames.
 *
 * A block must end in time. nghttp2 tells of the ends of those only that it passes on:
 * not of one whose stream it has refused, or that it decompresses and drops.
 */
#ifndef PL_RPC_H2_BLOCKS_H
#define PL_RPC_H2_BLOCKS_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_rpc_h2_blocks {
    uint8_t head[9]; /* of a frame, as much as has come */
    uint8_t head_size;
    bool last;     /* the frame that is coming ends its block */
    bool open;     /* a block has begun and not ended */
    uint32_t left; /* bytes that are still to come, of the preface or a frame */
    uint64_t begun_len;
};

/* At a connection's start. */
void pl_rpc_h2_blocks_init(struct pl_rpc_h2_blocks *blocks);

/* The client's next bytes. Whether there is a block, now unfinished, that began in
 * them. `open` says whether one is at all. */
bool pl_rpc_h2_blocks_feed(struct pl_rpc_h2_blocks *blocks, struct pl_bytes data);

#endif
