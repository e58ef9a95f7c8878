/*
 * pull.c - from a stream's cursor to the connection: the hot path.
 *
 * First the rest of a frame that was cut, then the stream's own frames, then the
 * tails. Nothing here waits for memory, and nothing calls back: what is to be done
 * is left to pl_hub_turn().
 *
 * The frames of a feed lie in the order of their positions. So entries of one
 * room that lie one right behind the other have no event of another room between
 * them, and such a run is one copy, also where rooms are merged.
 */
#include "base/assert.h"
#include "fanout/stream.h"

#include <string.h>

static size_t pull_part(struct pl_stream *stream, uint8_t *to, size_t size)
{
    size_t n = stream->part_end - stream->part_at;

    if (n > size)
        n = size;
    memcpy(to, stream->part->data + stream->part_at, n);
    stream->part_at += (uint32_t)n;
    if (stream->part_at == stream->part_end) {
        pl_buf_unref(stream->part);
        stream->part = NULL;
    }
    return n;
}

static size_t pull_chunk(struct pl_stream *stream, uint8_t *to, size_t size)
{
    pl_position through = 0;
    size_t n = pl_chunks_pull(&stream->chunks, to, size, &through);

    if (through > 0) {
        PL_ASSERT(stream->page == PL_PAGE_HELD);
        stream->page = PL_PAGE_NONE;
        pl_pages_drop(&stream->set_weak->pages, stream->hold);
        pl_stream_advance(stream, through);
    }
    return n;
}

/* Writes what fits of one frame, and keeps a copy of the rest, since its feed may leave
 * the tails before. Without memory it keeps all of the feed's frames. */
static size_t pull_some(struct pl_stream *stream, const struct pl_tail_entry *entry, uint8_t *to,
                        size_t size)
{
    PL_ASSERT(size < entry->size && stream->part == NULL);
    memcpy(to, entry->frames_weak->data + entry->offset, size);
    stream->part = pl_buf_copy(entry->frames_weak->data + entry->offset + size, entry->size - size);
    stream->part_at = 0;
    stream->part_end = entry->size - (uint32_t)size;
    if (stream->part == NULL) {
        stream->part = pl_buf_ref(entry->frames_weak);
        stream->part_at = entry->offset + (uint32_t)size;
        stream->part_end = entry->offset + entry->size;
    }
    return size;
}

/* Writes entries of the first place that lie one behind the other, while they
 * fit and are its own, or a part of the first. Sets *ret_number to the next. */
static size_t pull_run(struct pl_stream *stream, const struct pl_place *place, uint8_t *to,
                       size_t size, uint64_t *ret_number)
{
    const struct pl_tail *tail = place->tail;
    const struct pl_tail_entry *first = pl_tail_at(tail, place->at);
    uint64_t number = place->at;
    size_t n = 0;

    PL_ASSERT(first->position > stream->cursor);
    while (number < tail->end) {
        const struct pl_tail_entry *entry = pl_tail_at(tail, number);

        if (entry->position > place->until || entry->size > size - n ||
            entry->frames_weak != first->frames_weak || entry->offset != first->offset + n)
            break;
        n += entry->size;
        number++;
    }
    if (n == 0) {
        n = pull_some(stream, first, to, size);
        number++;
    } else {
        memcpy(to, first->frames_weak->data + first->offset, n);
    }
    stream->cursor = pl_tail_at(tail, number - 1)->position;
    *ret_number = number;
    return n;
}

/* The first place has come to that entry. */
static void move(struct pl_stream *stream, struct pl_place *place, uint64_t number)
{
    const struct pl_tail *tail = place->tail;

    if (number < tail->end && pl_tail_at(tail, number)->position <= place->until)
        pl_places_move_first(&stream->places, number, pl_tail_at(tail, number)->position);
    else if (place->until != PL_POSITION_MAX)
        pl_places_remove(&stream->places, &stream->set_weak->tails, place);
    else
        pl_places_rest_first(&stream->places);
}

static size_t pull_live(struct pl_stream *stream, uint8_t *to, size_t size)
{
    struct pl_place *place;
    size_t n = 0;

    while (n < size && (place = pl_places_first(&stream->places)) != NULL) {
        uint64_t number;

        if (place->at < place->tail->first) {
            /* It is the lowest of what the stream needs, so if anything has
             * been evicted, this has. */
            pl_stream_fall_behind(stream);
            break;
        }
        n += pull_run(stream, place, to + n, size - n, &number);
        move(stream, place, number);
    }
    return n;
}

size_t pl_stream_pull(struct pl_stream *stream, uint8_t *to, size_t size)
{
    size_t n = 0;

    if (size == 0)
        return 0;
    stream->let_go = false;
    if (stream->part != NULL)
        n = pull_part(stream, to, size);
    while (n < size && stream->chunks.first != NULL)
        n += pull_chunk(stream, to + n, size - n);
    if (n < size && stream->state == PL_STREAM_LIVE)
        n += pull_live(stream, to + n, size - n);

    if (n > 0)
        stream->pulled_ms = stream->set_weak->time_ms;
    else
        stream->awake = false;
    if ((stream->state == PL_STREAM_CATCHING_UP && stream->page == PL_PAGE_NONE) ||
        (stream->state == PL_STREAM_ENDING && !pl_stream_pending(stream)))
        pl_stream_make_due(stream);
    return n;
}
