/*
 * lanes.h - what each address has asked of engine and readers, so that all have their turn.
 *
 * Engine and readers take letters in the order in which they come. So while there are
 * others, a loop gives the engine only so many at a time, and of them a share for each
 * address; the rest waits here, in order. Where one address has the server to itself
 * nothing waits: batches are as large as they can be.
 *
 * Threads:   the loop's.
 * Ownership: errands that wait belong to their lane.
 * Limits:    PL_LANE_SIZE_MAX bytes wait for one address.
 */
#ifndef PL_SERVER_LANES_H
#define PL_SERVER_LANES_H

#include "base/map.h"
#include "server/errand.h"
#include "transport/port.h"

enum {
    PL_LANES_OUT_MAX = 128,             /* commands that the engine has at a time, … */
    PL_LANE_OUT_MAX = 16,               /* beyond that only so many of one address, … */
    PL_LANES_ALONE_MS = 10 * 1000,      /* unless no other has come for so long */
    PL_LANE_SIZE_MAX = 4 * 1024 * 1024, /* of what waits */
};

struct pl_lane {
    struct pl_map_node map_node;
    struct pl_list asking_node; /* in lanes->asking while a question waits */
    struct pl_list commands;    /* errands that wait for the engine, */
    struct pl_list questions;   /* and for readers */
    size_t waiting_size;        /* theirs, in bytes */
    uint32_t out_len;           /* commands that the engine has */
    uint32_t len;               /* all errands of the lane; 0: it goes */
    uint8_t key[PL_PEER_KEY_SIZE];
};

struct pl_lanes {
    struct pl_map map;
    struct pl_list asking;              /* lanes, in turn */
    struct pl_lane *spare;              /* or NULL */
    uint8_t last_key[PL_PEER_KEY_SIZE]; /* whose command was the last, */
    bool has_last;                      /* if there was one */
    uint32_t out_len;                   /* commands that the engine has of all lanes */
    int64_t mixed_ms;                   /* when two lanes had commands one after the other */
};

void pl_lanes_init(struct pl_lanes *lanes);

/* Frees what waits. */
void pl_lanes_done(struct pl_lanes *lanes);

/* The errand is of that address from now on, until pl_lanes_leave(). PL_E_NOMEM. */
int pl_lanes_enter(struct pl_lanes *lanes, const uint8_t key[PL_PEER_KEY_SIZE],
                   struct pl_errand *errand);
void pl_lanes_leave(struct pl_lanes *lanes, struct pl_errand *errand);

/* Whether the command may go now: then it has gone, until pl_lanes_command_back(). PL_E_AGAIN:
 * it waits in its lane; PL_E_LIMIT: too much does already. */
int pl_lanes_command(struct pl_lanes *lanes, struct pl_errand *errand, int64_t now_ms);

/* A command has come back, or did not go after all. */
void pl_lanes_command_back(struct pl_lanes *lanes, struct pl_errand *errand);

/* The next command of a lane that may go, or NULL: it has gone with that. */
struct pl_errand *pl_lanes_next_command(struct pl_lanes *lanes, struct pl_lane *lane,
                                        int64_t now_ms);

/* The question waits in its lane. PL_OK, PL_E_LIMIT. */
int pl_lanes_question(struct pl_lanes *lanes, struct pl_errand *errand);

/* The next question, of each lane in turn; NULL: none waits. */
struct pl_errand *pl_lanes_next_question(struct pl_lanes *lanes);

#endif
