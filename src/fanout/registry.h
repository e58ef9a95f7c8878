/*
 * registry.h - the open streams of all loops: whose they are, which rooms.
 *
 * A stream that names rooms counts for them as long as it is open, also while
 * its user is not in one: a loop skips what it has no use for. A stream of all
 * rooms counts for those that the user is in.
 *
 * Threads: the router's. Ownership: the registry owns all of it.
 */
#ifndef PL_FANOUT_REGISTRY_H
#define PL_FANOUT_REGISTRY_H

#include "base/list.h"
#include "base/map.h"
#include "fanout/online.h"
#include "model/ids.h"
#include "model/limits.h"

#include <stdbool.h>

/* A room that some stream counts for; gone with the last one. */
struct pl_reg_room {
    struct pl_map_node node;
    pl_room_id id;
    uint64_t loops;   /* bit i: counts[i] > 0 */
    size_t refs;      /* the sum of counts, and who is just gaining it */
    uint32_t *counts; /* streams on each loop */
    uint32_t counts_len;
};

/* A user with a stream open. */
struct pl_reg_user {
    struct pl_map_node node;
    struct pl_online_node online;
    pl_user_id id;
    struct pl_list streams;
    char name[PL_USER_NAME_SIZE_MAX + 1];
};

struct pl_reg_stream {
    struct pl_map_node node;
    struct pl_list of_user; /* in user->streams */
    uint64_t id;
    struct pl_reg_user *user_weak;
    pl_session_id session;
    union {
        struct pl_reg_room *one;    /* rooms_cap is 1: the array itself */
        struct pl_reg_room **array; /* else */
    } rooms;                        /* by id; each holds one of its counts */
    uint32_t rooms_len;
    uint32_t rooms_cap : 24;
    uint32_t loop : 7;
    bool all : 1;
};
_Static_assert(PL_STREAM_ROOMS_LEN_MAX < 1 << 23 && PL_LOOPS_LEN_MAX < 1 << 7,
               "a stream's rooms and loop have so many bits");
_Static_assert(sizeof(void *) != 8 || sizeof(struct pl_reg_stream) <= 72,
               "each open stream has one");

struct pl_registry {
    struct pl_map rooms;
    struct pl_map users;
    struct pl_map streams;
    struct pl_online online;
};

void pl_registry_init(struct pl_registry *registry);
void pl_registry_done(struct pl_registry *registry);

/* What a stream is registered with. */
struct pl_reg_start {
    uint32_t loop; /* < PL_LOOPS_LEN_MAX */
    uint64_t stream;
    pl_user_id user;
    const char *name;
    pl_session_id session;
    bool all;
};

/* Registers a stream that has no room yet; (loop, stream) must be new. Returns
 * NULL when memory is short. */
struct pl_reg_stream *pl_registry_add(struct pl_registry *registry,
                                      const struct pl_reg_start *start);

/* The stream counts for the room from now on; twice is once. PL_E_NOMEM: it
 * does not. */
int pl_registry_gain(struct pl_registry *registry, struct pl_reg_stream *stream, pl_room_id id);

/* And now no longer; harmless where it did not. */
void pl_registry_lose(struct pl_registry *registry, struct pl_reg_stream *stream, pl_room_id id);

/* Forgets the stream; the user too, if it was the last. */
void pl_registry_remove(struct pl_registry *registry, struct pl_reg_stream *stream);

/* NULL where there is none. */
struct pl_reg_stream *pl_registry_find(const struct pl_registry *registry, uint32_t loop,
                                       uint64_t id);
struct pl_reg_user *pl_registry_user(const struct pl_registry *registry, pl_user_id id);

/* The loops that have a stream of the room; one bit each. */
uint64_t pl_registry_room_loops(const struct pl_registry *registry, pl_room_id id);

/* How many streams count for the room. */
size_t pl_registry_room_streams(const struct pl_registry *registry, pl_room_id id);

/* The loops that have a stream of the user, and, unless it is 0, the session. */
uint64_t pl_registry_user_loops(const struct pl_registry *registry, pl_user_id id,
                                pl_session_id session);

#endif
