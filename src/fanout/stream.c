/*
 * stream.c - the states of a stream.
 *
 * The tricky idea is `pages_until`. Tails hold events, not who might see them
 * when. So what was before the stream was opened, and what it is owed of a room
 * that was lost, only the store's spans can tell, and only the store has the state
 * of a room that makes up for what retention has taken; a stream that is not live
 * stays with pages until it is past all of that. A gain needs no such care: the place
 * itself says from where.
 */
#include "fanout/stream.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

static pl_position max_position(pl_position a, pl_position b)
{
    return a > b ? a : b;
}

/* A copy that ends at `shown`, where it is of a log that is shorter now. */
static struct pl_backlog *backlog_copy(const struct pl_backlog *backlog, pl_position shown)
{
    size_t rooms_size = backlog->rooms_len * sizeof *backlog->rooms;
    struct pl_backlog *copy = pl_alloc(sizeof *copy + rooms_size);

    if (copy == NULL)
        return NULL;
    *copy = *backlog;
    if (copy->until > shown)
        copy->until = shown;
    copy->rooms = (const struct pl_backlog_room *)(copy + 1);
    if (rooms_size > 0)
        memcpy(copy + 1, backlog->rooms, rooms_size);
    return copy;
}

struct pl_stream *pl_stream_new(struct pl_stream_set *set, const struct pl_stream_start *start,
                                void *data)
{
    uint32_t names_len = start->all ? 0 : start->rooms_len;
    struct pl_stream *stream = pl_zalloc(sizeof *stream + names_len * sizeof stream->rooms[0]);

    if (stream == NULL)
        return NULL;
    pl_list_init(&stream->due);
    pl_list_init(&stream->beat);
    pl_places_init(&stream->places);
    stream->set_weak = set;
    stream->data_weak = data;
    stream->user = start->user;
    stream->session = start->session;
    stream->cursor = start->after;
    stream->shown = start->shown;
    stream->pulled_ms = set->time_ms;
    stream->all = start->all;
    stream->rooms_len = names_len;
    for (uint32_t i = 0; i < names_len; i++)
        stream->rooms[i] = start->rooms[i].id;
    stream->pages_until = start->shown;
    if (start->backlog.kind != PL_BACKLOG_NONE && start->after < start->backlog.until) {
        stream->backlog = backlog_copy(&start->backlog, start->shown);
        if (stream->backlog == NULL) {
            pl_free(stream);
            return NULL;
        }
    }
    return stream;
}

static void free_hold(struct pl_stream *stream)
{
    pl_pages_drop(&stream->set_weak->pages, stream->hold);
    pl_page_hold_free(stream->hold);
    stream->hold = NULL;
}

void pl_stream_free(struct pl_stream *stream)
{
    if (stream == NULL)
        return;
    pl_stream_set_state(stream, PL_STREAM_ENDED);
    pl_list_remove(&stream->due);
    pl_list_remove(&stream->beat);
    pl_places_done(&stream->places, &stream->set_weak->tails);
    free_hold(stream);
    pl_chunks_done(&stream->chunks);
    pl_buf_unref(stream->part);
    pl_free(stream->backlog);
    pl_free(stream->refusal);
    pl_free(stream);
}

void pl_stream_set_state(struct pl_stream *stream, enum pl_stream_state state)
{
    PL_ASSERT(stream->state != PL_STREAM_ENDED || state == PL_STREAM_ENDED);
    PL_ASSERT(stream->state != PL_STREAM_ENDING || state == PL_STREAM_ENDED);
    if (stream->state == PL_STREAM_LIVE)
        stream->set_weak->live_len--;
    if (state == PL_STREAM_LIVE)
        stream->set_weak->live_len++;
    stream->state = (uint8_t)state;
}

void pl_stream_make_due(struct pl_stream *stream)
{
    pl_list_remove(&stream->due); /* it may be due already */
    pl_list_append(&stream->set_weak->due, &stream->due);
}

bool pl_stream_pending(const struct pl_stream *stream)
{
    return stream->part != NULL || stream->chunks.first != NULL ||
           (stream->state == PL_STREAM_LIVE && stream->places.ready_len > 0);
}

bool pl_stream_wants(const struct pl_stream *stream, pl_room_id room, bool work)
{
    if (stream->all)
        return !work;
    for (uint32_t i = 0; i < stream->rooms_len; i++)
        if (stream->rooms[i].v == room.v)
            return true;
    return false;
}

/* Puts a place of a live stream where its next entry is, or to rest. */
static void attach(struct pl_stream *stream, struct pl_place *place)
{
    struct pl_tail *tail = place->tail;
    uint64_t number = pl_tail_after(tail, max_position(stream->cursor, place->from));

    if (number < tail->end)
        pl_places_make_ready(&stream->places, place, number, pl_tail_at(tail, number)->position);
    else
        pl_place_rest(place);
}

int pl_stream_gain(struct pl_stream *stream, pl_room_id room, pl_position from)
{
    struct pl_place *place;
    int rc;

    if (pl_places_find(&stream->places, room) != NULL)
        return PL_OK;
    rc = pl_places_add(&stream->places, &stream->set_weak->tails, stream, room, from, &place);
    if (rc < 0 || stream->state != PL_STREAM_LIVE)
        return rc;
    /* The tail may be one that begins later, where a stream was opened later in
     * the same batch. */
    if (place->tail->floor > max_position(stream->cursor, from))
        pl_stream_fall_behind(stream);
    else
        attach(stream, place);
    return PL_OK;
}

void pl_stream_lose(struct pl_stream *stream, pl_room_id room, pl_position until)
{
    struct pl_place *place = pl_places_find(&stream->places, room);

    stream->pages_until = max_position(stream->pages_until, until);
    if (place == NULL)
        return;
    if (stream->state != PL_STREAM_LIVE || (place->state == PL_PLACE_READY && place->next > until))
        pl_places_remove(&stream->places, &stream->set_weak->tails, place);
    else
        place->until = until;
}

void pl_stream_drop_left(struct pl_stream *stream)
{
    struct pl_places *places = &stream->places;

    for (uint32_t i = places->len; i > 0; i--) {
        struct pl_place *place = pl_places_by_room(places)[i - 1];

        if (place->until != PL_POSITION_MAX && place->state == PL_PLACE_IDLE)
            pl_places_remove(places, &stream->set_weak->tails, place);
    }
}

bool pl_stream_go_live(struct pl_stream *stream)
{
    struct pl_places *places = &stream->places;

    PL_ASSERT(stream->state == PL_STREAM_CATCHING_UP && stream->page == PL_PAGE_NONE);
    if (stream->cursor < stream->pages_until)
        return false;
    for (uint32_t i = 0; i < places->len; i++)
        if (stream->cursor < pl_places_by_room(places)[i]->tail->floor)
            return false;
    pl_stream_set_state(stream, PL_STREAM_LIVE);
    free_hold(stream);
    for (uint32_t i = 0; i < places->len; i++)
        attach(stream, pl_places_by_room(places)[i]);
    if (stream->behind)
        stream->set_weak->rejoined++;
    stream->behind = false;
    return true;
}

void pl_stream_fall_behind(struct pl_stream *stream)
{
    PL_ASSERT(stream->state == PL_STREAM_LIVE);
    pl_places_detach(&stream->places, &stream->set_weak->tails);
    pl_stream_set_state(stream, PL_STREAM_CATCHING_UP);
    stream->behind = true;
    stream->set_weak->fell_behind++;
    pl_stream_make_due(stream);
}

void pl_stream_advance(struct pl_stream *stream, pl_position through)
{
    PL_ASSERT(through >= stream->cursor);
    stream->cursor = through;
    if (pl_stream_backlog_at(stream, through) == NULL) {
        pl_free(stream->backlog);
        stream->backlog = NULL;
    }
}

bool pl_stream_let_page_go(struct pl_stream *stream, const struct pl_framer *framer)
{
    struct pl_cut_page cut;

    if (stream->state != PL_STREAM_CATCHING_UP)
        return false; /* it ends, and with it what it holds */
    PL_ASSERT(stream->page == PL_PAGE_HELD);
    if (pl_chunks_cut_page(&stream->chunks, framer, &cut) < 0)
        return false;
    stream->caught_up = stream->caught_up && !cut.caught_up; /* to be said again */
    if (cut.rest)
        return true;
    stream->page = PL_PAGE_NONE;
    stream->let_go = stream->awake; /* else it is due, and asks again at once */
    return true;
}

const struct pl_backlog *pl_stream_backlog_at(const struct pl_stream *stream, pl_position position)
{
    if (stream->backlog == NULL || position >= stream->backlog->until)
        return NULL;
    return stream->backlog;
}

/* Drops what has not been begun. */
static void cut_short(struct pl_stream *stream)
{
    if (stream->page == PL_PAGE_HELD) {
        stream->page = PL_PAGE_NONE;
        pl_pages_drop(&stream->set_weak->pages, stream->hold);
    }
    pl_chunks_cut(&stream->chunks);
}

void pl_stream_end(struct pl_stream *stream, const struct pl_refusal *refusal, bool cut)
{
    if (stream->state == PL_STREAM_ENDING || stream->state == PL_STREAM_ENDED)
        return;
    PL_ASSERT(refusal->reason != PL_REASON_NONE);
    if (cut)
        cut_short(stream);
    pl_places_done(&stream->places, &stream->set_weak->tails);
    stream->reason = (uint8_t)refusal->reason;
    stream->refusal = pl_memdup(refusal, sizeof *refusal);
    pl_stream_set_state(stream, PL_STREAM_ENDING);
    pl_stream_make_due(stream);
}
