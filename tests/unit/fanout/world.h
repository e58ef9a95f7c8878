/*
 * world.h - a chat as naive as can be: arrays, and a look at all of them.
 *
 * It stands for engine and store: it makes batches of effects from random
 * commands, reads pages, and knows what a stream must be given.
 */
#ifndef WORLD_H
#define WORLD_H

#include "model/effect.h"
#include "model/reader.h"

enum {
    WORLD_USERS_LEN = 4,
    WORLD_ROOMS_LEN = 5,
    WORLD_QUIET_ROOM = 1, /* no event of who comes and goes */
    WORLD_WORK_ROOM = 5,
    WORLD_EVENTS_LEN_MAX = 4000,
    WORLD_SPANS_LEN_MAX = 2000,
    WORLD_BACKLOG_UNTIL_NONE = 0,
};

struct world_event {
    pl_position position;
    pl_room_id room;
    pl_sequence sequence;
    uint32_t padding; /* bytes that follow in what it is encoded as */
};

struct world_span {
    pl_user_id user;
    struct pl_span span;
};

/* How a user is in a room; by [user - 1][room - 1]. */
struct world_member {
    bool joined;
    pl_sequence read_sequence;
};

struct world {
    uint64_t random;
    pl_position position;
    struct world_event events[WORLD_EVENTS_LEN_MAX];
    uint32_t events_len;
    struct world_span spans[WORLD_SPANS_LEN_MAX];
    uint32_t spans_len;
    struct world_member members[WORLD_USERS_LEN][WORLD_ROOMS_LEN];
    pl_sequence last_sequence[WORLD_ROOMS_LEN];
    uint64_t sessions[WORLD_USERS_LEN]; /* the one that each uses now */
    uint64_t sessions_len;
};

/* What a stream was opened with, in the world's words. */
struct world_want {
    pl_user_id user;
    bool all;
    uint64_t rooms; /* bit i: it names room i + 1; unless `all` */
    pl_position after;
    enum pl_backlog_kind backlog;
    pl_position until;
    struct pl_backlog_room unread[WORLD_ROOMS_LEN];
    uint32_t unread_len;
    pl_position may_until[WORLD_ROOMS_LEN]; /* up to where the backlog surely shows a room */
};

enum world_right {
    WORLD_NO,
    WORLD_MAY, /* by whether a page was read before or after the user joined */
    WORLD_MUST,
};

void world_init(struct world *world, uint64_t seed);

/* 0 to below - 1. */
uint32_t world_random(struct world *world, uint32_t below);

/* A random command of anyone: a message, a join, a leave, a marker. */
void world_act(struct world *world, struct pl_effects *effects);
void world_join(struct world *world, uint32_t user, uint32_t room, struct pl_effects *effects);
void world_end_session(struct world *world, uint32_t user, struct pl_effects *effects);

/* Answers a subscription: refused (false) where the user is not in a named room. */
bool world_subscribe(struct world *world, const struct world_want *want, uint32_t loop,
                     uint64_t stream, struct pl_effects *effects, struct pl_reply **ret_reply);

/* Whether the stream is to be given the event. */
enum world_right world_right(const struct world *world, const struct world_want *want,
                             const struct world_event *event);

/* Reads a page of what is there now: a new buffer, and through where. */
struct pl_buf *world_page(struct world *world, const struct pl_page_query *query,
                          pl_position *ret_through);

/* The event of that position; NULL where there is none. */
const struct world_event *world_find(const struct world *world, pl_position position);

const char *world_room_name(uint32_t room);

#endif
