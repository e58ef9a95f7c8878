/*
 * place.h - where a stream is in the tails of its rooms.
 *
 * A place is idle while its stream has been given all of the tail: then the tail
 * has it in its list, to be told of the next entry. Else it is ready, and in its
 * stream's heap by the position of its next entry: so events of several rooms
 * come out in one order, and an append touches nobody who is behind already.
 * While the stream is catching up its places are detached, and only keep tails.
 *
 * Threads: the loop's. Ownership: the stream owns its places; a place owns a
 * reference to its tail.
 */
#ifndef PL_FANOUT_PLACE_H
#define PL_FANOUT_PLACE_H

#include "fanout/tail.h"

struct pl_stream;

enum pl_place_state {
    PL_PLACE_DETACHED, /* the stream is catching up */
    PL_PLACE_IDLE,
    PL_PLACE_READY,
};

struct pl_place {
    union {
        struct pl_list idle; /* of an IDLE one: in tail->idle */
        struct {
            uint64_t at;      /* of a READY one: the number of its next entry, */
            pl_position next; /* and its position */
        };
    };
    struct pl_stream *stream_weak;
    struct pl_tail *tail;
    pl_position from;  /* its entries are those beyond this */
    pl_position until; /* and up to here: the user has left; else PL_POSITION_MAX */
    enum pl_place_state state;
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct pl_place) <= 56,
               "an idle subscriber has one for each room");

/* All of a stream's, sorted by room id, who left before who came back; and the ready ones
 * among them, a heap. */
struct pl_places {
    union {
        struct pl_place *one;    /* cap is 1: it is both arrays */
        struct pl_place **array; /* else: one behind the other, of cap each */
    };
    uint32_t len;
    uint32_t ready_len;
    uint32_t cap;
};

void pl_places_init(struct pl_places *places);

static inline struct pl_place **pl_places_by_room(const struct pl_places *places)
{
    return places->cap == 1 ? (struct pl_place **)&places->one : places->array;
}

/* Gives back all tails and frees all. */
void pl_places_done(struct pl_places *places, struct pl_tails *tails);

/* The place in that room which the user has not left, or NULL. */
struct pl_place *pl_places_find(const struct pl_places *places, pl_room_id room);

/* Adds a place beyond `from`, detached; the tail is made if need
 * be. PL_E_NOMEM. */
int pl_places_add(struct pl_places *places, struct pl_tails *tails, struct pl_stream *stream,
                  pl_room_id room, pl_position from, struct pl_place **ret_place);

/* Takes a place away, whatever it is doing. */
void pl_places_remove(struct pl_places *places, struct pl_tails *tails, struct pl_place *place);

/* A place that was detached or idle is ready from now on, at that entry. */
void pl_places_make_ready(struct pl_places *places, struct pl_place *place, uint64_t number,
                          pl_position position);

/* The ready ones: a heap; the lowest next position first. */
static inline struct pl_place **pl_places_ready(const struct pl_places *places)
{
    return places->cap == 1 ? (struct pl_place **)&places->one : places->array + places->cap;
}

/* The ready place that comes first; NULL for none. */
static inline struct pl_place *pl_places_first(const struct pl_places *places)
{
    return places->ready_len == 0 ? NULL : pl_places_ready(places)[0];
}

/* The first has moved on, to that entry. */
void pl_places_move_first(struct pl_places *places, uint64_t number, pl_position position);

/* A detached place is idle from now on. */
void pl_place_rest(struct pl_place *place);

/* The first has been given all: it is idle from now on. */
void pl_places_rest_first(struct pl_places *places);

/* The stream is no longer live: all are detached, and those that the user has left go. */
void pl_places_detach(struct pl_places *places, struct pl_tails *tails);

#endif
