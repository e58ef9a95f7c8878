/*
 * ids.h - one type for each kind of id, so that none passes for another.
 *
 * All are given out by the engine from 1 upwards and never used again; 0 is
 * nobody and nothing.
 */
#ifndef PL_MODEL_IDS_H
#define PL_MODEL_IDS_H

#include <stdint.h>

typedef struct {
    uint64_t v;
} pl_user_id;

typedef struct {
    uint64_t v;
} pl_session_id;

/* A room's number inside the server; people and peers use its name. */
typedef struct {
    uint64_t v;
} pl_room_id;

/* An event's place in a room's log: 1, 2, 3, … without a hole. */
typedef uint64_t pl_sequence;

/* An event's place in the journal: rises over all rooms. */
typedef uint64_t pl_position;

#define PL_POSITION_MAX ((pl_position)INT64_MAX) /* what SQLite's integers hold */

#endif
