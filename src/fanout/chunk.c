/* chunk.c - a short list; frames are told apart by their envelopes only. */
#include "fanout/chunk.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

enum { ENVELOPE_SIZE = 5 };

static struct pl_chunk *add(struct pl_chunks *chunks, struct pl_buf *buf)
{
    struct pl_chunk **link = &chunks->first;
    struct pl_chunk *chunk = pl_zalloc(sizeof *chunk);

    if (chunk == NULL)
        return NULL;
    while (*link != NULL)
        link = &(*link)->next;
    *link = chunk;
    chunk->buf = pl_buf_ref(buf);
    return chunk;
}

int pl_chunks_add(struct pl_chunks *chunks, struct pl_buf *buf, pl_position through)
{
    struct pl_chunk *chunk = add(chunks, buf);

    if (chunk == NULL)
        return PL_E_NOMEM;
    PL_ASSERT(buf->size > 0);
    chunk->end = (uint32_t)buf->size;
    chunk->through = through;
    return PL_OK;
}

static struct pl_chunk *marker_find(const struct pl_chunks *chunks, pl_room_id room)
{
    for (struct pl_chunk *chunk = chunks->first; chunk != NULL; chunk = chunk->next)
        if (chunk->marker.v == room.v && chunk->at == chunk->start)
            return chunk;
    return NULL;
}

int pl_chunks_add_marker(struct pl_chunks *chunks, pl_room_id room, struct pl_buf *buf,
                         uint32_t offset, uint32_t size)
{
    struct pl_chunk *chunk = marker_find(chunks, room);

    PL_ASSERT(room.v != 0 && size > 0 && (size_t)offset + size <= buf->size);
    if (chunk != NULL) {
        pl_buf_ref(buf);
        pl_buf_unref(chunk->buf);
        chunk->buf = buf;
    } else {
        chunk = add(chunks, buf);
        if (chunk == NULL)
            return PL_E_NOMEM;
    }
    chunk->marker = room;
    chunk->start = offset;
    chunk->at = offset;
    chunk->end = offset + size;
    return PL_OK;
}

static void drop_first(struct pl_chunks *chunks)
{
    struct pl_chunk *chunk = chunks->first;

    chunks->first = chunk->next;
    pl_buf_unref(chunk->buf);
    pl_free(chunk);
}

size_t pl_chunks_pull(struct pl_chunks *chunks, uint8_t *to, size_t size, pl_position *ret_through)
{
    struct pl_chunk *chunk = chunks->first;
    size_t n = chunk->end - chunk->at;

    if (n > size)
        n = size;
    memcpy(to, chunk->buf->data + chunk->at, n);
    chunk->at += (uint32_t)n;
    if (chunk->at == chunk->end) {
        if (chunk->through > 0)
            *ret_through = chunk->through;
        drop_first(chunks);
    }
    return n;
}

/* The end of the first frame that ends at or beyond chunk->at. */
static uint32_t frame_end(const struct pl_chunk *chunk)
{
    uint32_t end = chunk->start;

    while (end < chunk->at) {
        const uint8_t *head = chunk->buf->data + end;
        uint32_t size =
            (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];

        PL_ASSERT(chunk->end - end >= ENVELOPE_SIZE && chunk->end - end - ENVELOPE_SIZE >= size);
        end += ENVELOPE_SIZE + size;
    }
    return end;
}

void pl_chunks_cut(struct pl_chunks *chunks)
{
    struct pl_chunks rest = *chunks;
    struct pl_chunk *first = chunks->first;

    if (first == NULL)
        return;
    first->end = frame_end(first);
    if (first->at < first->end) {
        first->through = 0;
        rest.first = first->next;
        first->next = NULL;
    } else {
        chunks->first = NULL;
    }
    pl_chunks_done(&rest);
}

pl_position pl_chunks_through(const struct pl_chunks *chunks)
{
    pl_position through = 0;

    for (const struct pl_chunk *chunk = chunks->first; chunk != NULL; chunk = chunk->next)
        if (chunk->through > 0)
            through = chunk->through;
    return through;
}

void pl_chunks_done(struct pl_chunks *chunks)
{
    while (chunks->first != NULL)
        drop_first(chunks);
}
