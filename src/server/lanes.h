/*
 * lanes.h - what each address has asked of engine and readers, so that all have their turn.
 *
 * Engine and readers take letters in the order in which they come. So while there are others, a
 * loop gives them only so much at a time of those that ask for much; the rest waits here, for
 * its address's turn (transport/peers.h). Where one address has the server to itself nothing
 * waits: batches are as large as they can be.
 *
 * Threads:   the loop's.
 * Ownership: errands that wait belong to their lane, and lanes hold their peers.
 * Limits:    PL_LANE_SIZE_MAX bytes wait for one address.
 */
#ifndef PL_SERVER_LANES_H
#define PL_SERVER_LANES_H

#include "base/map.h"
#include "server/errand.h"
#include "transport/port.h"

enum {
    PL_LANES_COMMANDS_MAX = 128,        /* that the engine has at a time, … */
    PL_LANE_COMMANDS_MAX = 16,          /* beyond that only so many of one address; */
    PL_LANES_COMMANDS_LIGHT_MAX = 16,   /* while one is there that asks for little, this */
    PL_LANE_COMMANDS_LIGHT_MAX = 4,     /* and this */
    PL_LANES_QUESTIONS_MAX = 8,         /* that readers have: their answers may be large */
    PL_LANES_QUESTIONS_LIGHT_MAX = 1,   /* meanwhile */
    PL_LANE_SIZE_MAX = 4 * 1024 * 1024, /* of what waits */
};

struct pl_lane {
    struct pl_map_node map_node;
    struct pl_peer *peer;
    struct pl_list commands;     /* errands that wait for the engine, */
    struct pl_list questions;    /* and for readers */
    size_t waiting_size;         /* theirs, in bytes */
    uint32_t commands_len;       /* commands that the engine has */
    uint32_t len;                /* all errands of the lane; 0: it goes */
    struct pl_turn turn;         /* awaited while something waits and may go, … */
    struct pl_list blocked_node; /* in lanes->blocked or lanes->served where it may not */
    bool gave;                   /* something in its last turn */
    void *owner_weak;            /* the lanes' */
};

struct pl_lanes {
    struct pl_map map;
    struct pl_port *port_weak;
    void (*on_turn)(struct pl_turn *turn); /* of a lane */
    void *self;
    struct pl_list blocked; /* lanes, in the order in which they were, */
    struct pl_list served;  /* and those whose last turn gave something, behind them */
    struct pl_lane *spare;  /* or NULL */
    uint32_t commands_len;  /* that the engine has, */
    uint32_t questions_len; /* and the readers */
};

/* on_turn calls pl_lanes_turn(), and at last pl_lanes_turn_end(); self is a lane's owner_weak. */
void pl_lanes_init(struct pl_lanes *lanes, struct pl_port *port,
                   void (*on_turn)(struct pl_turn *turn), void *self);

/* Frees what waits. The port may be gone. */
void pl_lanes_done(struct pl_lanes *lanes);

/* The errand is of that peer from now on, until pl_lanes_leave(). PL_E_NOMEM. */
int pl_lanes_enter(struct pl_lanes *lanes, struct pl_peer *peer, struct pl_errand *errand);
void pl_lanes_leave(struct pl_lanes *lanes, struct pl_errand *errand);

/* Whether the errand may go now: then it has gone, until pl_lanes_back(). PL_E_AGAIN: it waits
 * in its lane; PL_E_LIMIT: too much does already. */
int pl_lanes_go(struct pl_lanes *lanes, struct pl_errand *errand);

/* It has come back, or did not go after all. */
void pl_lanes_back(struct pl_lanes *lanes, struct pl_errand *errand);

/* A lane's turn has come: the command or question that goes, or NULL. Then its end: what still
 * waits waits for the next. */
struct pl_errand *pl_lanes_turn(struct pl_lanes *lanes, struct pl_lane *lane);
void pl_lanes_turn_end(struct pl_lanes *lanes, struct pl_lane *lane);

#endif
