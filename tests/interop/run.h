/*
 * run.h - runs a case: makes its calls on a channel, asserts what comes back.
 *
 * Threads:   the loop's.
 * Ownership: channel and case are borrowed.
 */
#ifndef INTEROP_RUN_H
#define INTEROP_RUN_H

#include "cases.h"

#include "transport/channel.h"

enum { INTEROP_FAULT_SIZE = 256 };

/* What a call still waits to do. */
enum interop_next { INTEROP_NEXT_NOTHING, INTEROP_NEXT_SEND, INTEROP_NEXT_CANCEL };

struct interop_run {
    const struct interop_case *what;
    struct pl_channel *channel_weak;
    size_t call_i;
    struct pl_channel_call *call; /* the one under way */
    size_t requests_sent;
    size_t response_of;             /* which request the next response belongs to */
    size_t response_i;              /* and which of its responses it is */
    bool answered;                  /* a unary call has its response */
    enum interop_next next;         /* once the headers of the call are sent */
    bool ready;                     /* for the next call */
    bool done;                      /* all calls are over, or one failed */
    char fault[INTEROP_FAULT_SIZE]; /* the first thing that was wrong; "" for none */
};

void interop_run_init(struct interop_run *run, const struct interop_case *what,
                      struct pl_channel *channel);

/* Starts the next call if the one before is over; goes on with one that waits for
 * its headers to be sent. To be called at the end of each turn, with a flush of the
 * channel before it, until it returns false: there is nothing to be done. */
bool interop_run_go_on(struct interop_run *run);

#endif
