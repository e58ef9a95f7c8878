/* h2_blocks.c - see h2_blocks.h. What breaks the rules of frames is nghttp2's matter. */
#include "rpc/h2_blocks.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

void pl_rpc_h2_blocks_init(struct pl_rpc_h2_blocks *blocks)
{
    *blocks = (struct pl_rpc_h2_blocks){.left = NGHTTP2_CLIENT_MAGIC_LEN};
}

/* A frame's head is whole. */
static void begin_frame(struct pl_rpc_h2_blocks *blocks)
{
    const uint8_t *head = blocks->head;

    blocks->head_size = 0;
    blocks->left = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    blocks->last = (head[3] == NGHTTP2_HEADERS || head[3] == NGHTTP2_CONTINUATION) &&
                   (head[4] & NGHTTP2_FLAG_END_HEADERS) != 0;
    if (head[3] != NGHTTP2_HEADERS)
        return;
    blocks->open = true;
    blocks->begun_len++;
}

bool pl_rpc_h2_blocks_feed(struct pl_rpc_h2_blocks *blocks, struct pl_bytes data)
{
    uint64_t begun_len = blocks->begun_len;

    while (data.size > 0) {
        size_t size = blocks->left > 0 ? blocks->left : sizeof blocks->head - blocks->head_size;

        if (size > data.size)
            size = data.size;
        if (blocks->left > 0) {
            blocks->left -= (uint32_t)size;
        } else {
            memcpy(blocks->head + blocks->head_size, data.data, size);
            blocks->head_size = (uint8_t)(blocks->head_size + size);
            if (blocks->head_size == sizeof blocks->head)
                begin_frame(blocks);
        }
        data.data += size;
        data.size -= size;
        if (blocks->left == 0 && blocks->last) {
            blocks->open = false;
            blocks->last = false;
        }
    }
    return blocks->open && blocks->begun_len != begun_len;
}
