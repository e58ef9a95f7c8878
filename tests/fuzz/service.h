/*
 * service.h - a service with all four kinds of call, whose handlers either answer
 * at once or leave it to whoever holds the list of calls; and the checks that a
 * call's life is as host.h says.
 */
#ifndef PL_FUZZ_SERVICE_H
#define PL_FUZZ_SERVICE_H

#include "rpc/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FUZZ_CALLS_LEN_MAX = 1024,     /* more than a connection may have */
    FUZZ_QUEUE_SIZE_MAX = 1 << 20, /* what a handler queues on a call */
    FUZZ_SOURCE_SIZE_MAX = 1 << 18 /* what a source gives */
};

/* A call that is open. */
struct fuzz_call {
    struct pl_rpc_call *call; /* NULL: the slot is free */
    uint64_t id;
    bool half_closed;
    bool finished;
    unsigned messages;
    unsigned sent;
    size_t given; /* by its source */
};

struct fuzz_calls {
    struct fuzz_call slots[FUZZ_CALLS_LEN_MAX];
    size_t opened;
    size_t closed;
};

/* "fuzz.Kinds"; its context is a struct fuzz_calls. */
extern const struct pl_rpc_service fuzz_service;

/* The n-th, modulo their number, of the calls that are open and not finished; or
 * NULL. */
struct fuzz_call *fuzz_calls_pick(struct fuzz_calls *calls, unsigned n);

/* What a handler may do later. Sending is left out where much is queued. */
void fuzz_call_send(struct fuzz_call *of, struct pl_bytes message);
void fuzz_call_finish(struct fuzz_call *of, uint8_t code, const char *message);

#endif
