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

int pl_chunks_add_caught_up(struct pl_chunks *chunks, struct pl_buf *buf)
{
    struct pl_chunk *chunk = add(chunks, buf);

    if (chunk == NULL)
        return PL_E_NOMEM;
    chunk->end = (uint32_t)buf->size;
    chunk->caught_up = true;
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

/* The end of the frame that begins at `at`. */
static uint32_t end_of_frame(const struct pl_chunk *chunk, uint32_t at)
{
    const uint8_t *head = chunk->buf->data + at;
    uint32_t size =
        (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];

    PL_ASSERT(chunk->end - at >= ENVELOPE_SIZE && chunk->end - at - ENVELOPE_SIZE >= size);
    return at + ENVELOPE_SIZE + size;
}

/* The end of the first frame that ends at or beyond chunk->at. */
static uint32_t frame_end(const struct pl_chunk *chunk)
{
    uint32_t end = chunk->start;

    while (end < chunk->at)
        end = end_of_frame(chunk, end);
    return end;
}

/* The begin of the frame of which a part was pulled. */
static uint32_t begin_of_frame(const struct pl_chunk *chunk)
{
    uint32_t begin = chunk->start;
    uint32_t end = end_of_frame(chunk, begin);

    while (end < chunk->at) {
        begin = end;
        end = end_of_frame(chunk, begin);
    }
    return begin;
}

/* Keeps a copy of that part only, which has what comes next. PL_E_NOMEM. */
static int keep(struct pl_chunk *chunk, uint32_t from, uint32_t end)
{
    struct pl_buf *copy = pl_buf_copy(chunk->buf->data + from, end - from);

    if (copy == NULL)
        return PL_E_NOMEM;
    pl_buf_unref(chunk->buf);
    chunk->buf = copy;
    chunk->start = 0;
    chunk->at -= from;
    chunk->end = end - from;
    return PL_OK;
}

void pl_chunks_cut(struct pl_chunks *chunks)
{
    struct pl_chunks rest = *chunks;
    struct pl_chunk *first = chunks->first;

    if (first == NULL)
        return;
    first->end = frame_end(first);
    if (first->at < first->end) {
        if (first->through > 0) /* the page is not kept for one frame's sake */
            (void)keep(first, begin_of_frame(first), first->end);
        first->through = 0;
        rest.first = first->next;
        first->next = NULL;
    } else {
        chunks->first = NULL;
    }
    pl_chunks_done(&rest);
}

/* Finds what is kept of a page: from the frame that was begun to the first that bears a
 * cursor. */
static void find_rest(const struct pl_chunk *page, const struct pl_framer *framer,
                      uint32_t *ret_from, uint32_t *ret_end, pl_position *ret_through)
{
    uint32_t from = begin_of_frame(page);
    uint32_t end = end_of_frame(page, from);
    pl_position through = 0;

    for (uint32_t last = from;; last = end, end = end_of_frame(page, last)) {
        if (end == page->end) {
            through = page->through;
            break;
        }
        through =
            framer->position(framer->self, (struct pl_bytes){page->buf->data + last, end - last});
        if (through > 0)
            break;
    }
    *ret_from = from;
    *ret_end = end;
    *ret_through = through;
}

static int keep_rest(struct pl_chunk *page, const struct pl_framer *framer)
{
    pl_position through;
    uint32_t from, end;
    int rc;

    find_rest(page, framer, &from, &end, &through);
    rc = keep(page, from, end);
    if (rc == PL_OK)
        page->through = through;
    return rc;
}

int pl_chunks_cut_page(struct pl_chunks *chunks, const struct pl_framer *framer,
                       struct pl_cut_page *ret)
{
    struct pl_chunk **link = &chunks->first;
    struct pl_cut_page cut = {0};
    struct pl_chunk *page;

    while ((*link)->through == 0)
        link = &(*link)->next;
    page = *link;
    cut.rest = page->at > page->start;
    if (cut.rest && keep_rest(page, framer) < 0)
        return PL_E_NOMEM;
    while (*link != NULL) {
        struct pl_chunk *chunk = *link;

        if ((chunk == page && !cut.rest) || chunk->caught_up) {
            cut.caught_up = cut.caught_up || chunk->caught_up;
            *link = chunk->next;
            pl_buf_unref(chunk->buf);
            pl_free(chunk);
        } else {
            link = &chunk->next;
        }
    }
    *ret = cut;
    return PL_OK;
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
