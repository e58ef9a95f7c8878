/*
 * run.h - runs a case: makes its calls on a connection, asserts what comes back.
 *
 * Threads:   the loop's.
 * Ownership: client and case are borrowed.
 */
#ifndef INTEROP_RUN_H
#define INTEROP_RUN_H

#include "cases.h"

#include "rpc/client.h"

enum { INTEROP_FAULT_SIZE = 256 };

struct interop_run {
    const struct interop_case *what;
    struct pl_rpc_client *client_weak;
    size_t call_i;
    struct pl_rpc_client_call *call; /* the one under way */
    size_t requests_sent;
    size_t response_of; /* which request the next response belongs to */
    size_t response_i;  /* and which of its responses it is */
    bool answered;      /* a unary call has its response */
    bool cancel_next;
    bool ready;                     /* for the next call */
    bool done;                      /* all calls are over, or one failed */
    char fault[INTEROP_FAULT_SIZE]; /* the first thing that was wrong; "" for none */
};

void interop_run_init(struct interop_run *run, const struct interop_case *what,
                      struct pl_rpc_client *client);

/* Starts the next call if the one before is over; cancels the one that was only
 * begun to be cancelled, whose headers should be sent by then. To be called when the
 * connection is there, and then at the end of each turn. Returns whether it did
 * anything. */
bool interop_run_go_on(struct interop_run *run);

/* Ends it with a fault from elsewhere, such as a lost connection. */
void interop_run_fail(struct interop_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
