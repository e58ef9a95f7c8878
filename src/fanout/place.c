/*
 * place.c - a sorted array to find a room's place, a heap of the ready ones.
 *
 * Both arrays have room for all places from the moment that one is added: so a
 * place becomes ready, or idle, without memory.
 */
#include "fanout/place.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

void pl_places_init(struct pl_places *places)
{
    *places = (struct pl_places){.cap = 1};
}

void pl_places_done(struct pl_places *places, struct pl_tails *tails)
{
    while (places->len > 0)
        pl_places_remove(places, tails, pl_places_by_room(places)[places->len - 1]);
    if (places->cap > 1)
        pl_free(places->array);
    pl_places_init(places);
}

/* The number of places whose room is at most this. */
static uint32_t upper_bound(const struct pl_places *places, pl_room_id room)
{
    struct pl_place *const *by_room = pl_places_by_room(places);
    uint32_t low = 0;
    uint32_t high = places->len;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (by_room[middle]->tail->room.v <= room.v)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct pl_place *pl_places_find(const struct pl_places *places, pl_room_id room)
{
    uint32_t i = upper_bound(places, room);
    struct pl_place *place = i == 0 ? NULL : pl_places_by_room(places)[i - 1];

    if (place == NULL || place->tail->room.v != room.v || place->until != PL_POSITION_MAX)
        return NULL;
    return place;
}

static int reserve(struct pl_places *places)
{
    uint32_t cap = places->cap * 2;
    struct pl_place **both;

    if (places->len < places->cap)
        return PL_OK;
    both = pl_calloc((size_t)cap * 2, sizeof(struct pl_place *));
    if (both == NULL)
        return PL_E_NOMEM;
    memcpy(both, pl_places_by_room(places), places->len * sizeof(struct pl_place *));
    memcpy(both + cap, pl_places_ready(places), places->ready_len * sizeof(struct pl_place *));
    if (places->cap > 1)
        pl_free(places->array);
    places->array = both;
    places->cap = cap;
    return PL_OK;
}

int pl_places_add(struct pl_places *places, struct pl_tails *tails, struct pl_stream *stream,
                  pl_room_id room, pl_position from, struct pl_place **ret_place)
{
    uint32_t i = upper_bound(places, room);
    struct pl_place *place, **by_room;

    if (reserve(places) < 0)
        return PL_E_NOMEM;
    place = pl_zalloc(sizeof *place);
    if (place == NULL)
        return PL_E_NOMEM;
    place->tail = pl_tails_ref(tails, room, from);
    if (place->tail == NULL) {
        pl_free(place);
        return PL_E_NOMEM;
    }
    place->stream_weak = stream;
    place->from = from;
    place->until = PL_POSITION_MAX;
    by_room = pl_places_by_room(places);
    memmove(by_room + i + 1, by_room + i, (places->len - i) * sizeof(struct pl_place *));
    by_room[i] = place;
    places->len++;
    *ret_place = place;
    return PL_OK;
}

static void sift_up(struct pl_place **ready, uint32_t i)
{
    struct pl_place *place = ready[i];

    while (i > 0 && ready[(i - 1) / 2]->next > place->next) {
        ready[i] = ready[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    ready[i] = place;
}

static void sift_down(struct pl_place **ready, uint32_t len, uint32_t i)
{
    struct pl_place *place = ready[i];

    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child >= len)
            break;
        if (child + 1 < len && ready[child + 1]->next < ready[child]->next)
            child++;
        if (ready[child]->next >= place->next)
            break;
        ready[i] = ready[child];
        i = child;
    }
    ready[i] = place;
}

static void leave_heap(struct pl_places *places, uint32_t i)
{
    struct pl_place **ready = pl_places_ready(places);
    struct pl_place *last = ready[--places->ready_len];

    if (i == places->ready_len)
        return;
    ready[i] = last;
    sift_up(ready, i);
    sift_down(ready, places->ready_len, i);
}

/* Takes it out of where it waits. */
static void detach(struct pl_places *places, struct pl_place *place)
{
    uint32_t i = 0;

    if (place->state == PL_PLACE_IDLE)
        pl_list_remove(&place->idle);
    if (place->state == PL_PLACE_READY) {
        while (i < places->ready_len && pl_places_ready(places)[i] != place)
            i++;
        PL_ASSERT(i < places->ready_len);
        leave_heap(places, i);
    }
    place->state = PL_PLACE_DETACHED;
}

void pl_places_remove(struct pl_places *places, struct pl_tails *tails, struct pl_place *place)
{
    struct pl_place **by_room = pl_places_by_room(places);
    uint32_t i = upper_bound(places, place->tail->room);

    detach(places, place);
    do {
        PL_ASSERT(i > 0);
        i--;
    } while (by_room[i] != place);
    places->len--;
    memmove(by_room + i, by_room + i + 1, (places->len - i) * sizeof(struct pl_place *));
    pl_tails_unref(tails, place->tail);
    pl_free(place);
}

void pl_places_make_ready(struct pl_places *places, struct pl_place *place, uint64_t number,
                          pl_position position)
{
    struct pl_place **ready = pl_places_ready(places);

    PL_ASSERT(places->ready_len < places->len && place->state != PL_PLACE_READY);
    if (place->state == PL_PLACE_IDLE)
        pl_list_remove(&place->idle);
    place->state = PL_PLACE_READY;
    place->at = number;
    place->next = position;
    ready[places->ready_len] = place;
    sift_up(ready, places->ready_len++);
}

void pl_places_move_first(struct pl_places *places, uint64_t number, pl_position position)
{
    struct pl_place **ready = pl_places_ready(places);

    ready[0]->at = number;
    ready[0]->next = position;
    sift_down(ready, places->ready_len, 0);
}

void pl_place_rest(struct pl_place *place)
{
    PL_ASSERT(place->state == PL_PLACE_DETACHED);
    place->state = PL_PLACE_IDLE;
    pl_list_append(&place->tail->idle, &place->idle);
}

void pl_places_rest_first(struct pl_places *places)
{
    struct pl_place *place = pl_places_ready(places)[0];

    leave_heap(places, 0);
    place->state = PL_PLACE_DETACHED;
    pl_place_rest(place);
}

void pl_places_detach(struct pl_places *places, struct pl_tails *tails)
{
    places->ready_len = 0;
    for (uint32_t i = places->len; i > 0; i--) {
        struct pl_place *place = pl_places_by_room(places)[i - 1];

        if (place->state == PL_PLACE_IDLE)
            pl_list_remove(&place->idle);
        place->state = PL_PLACE_DETACHED;
        if (place->until != PL_POSITION_MAX)
            pl_places_remove(places, tails, place);
    }
}
