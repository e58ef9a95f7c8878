/*
 * kinds.h - for tests: a service with a method of every kind, whose messages JSON knows.
 *
 * The metadata x-in and x-in-bin come back as headers x-out and trailers x-end;
 * x-compress asks for compressed responses.
 */
#ifndef PL_TEST_RPC_KINDS_H
#define PL_TEST_RPC_KINDS_H

#include "rpc/host.h"

#include <stddef.h>

/* What the handlers have seen. */
struct kinds_seen {
    int opened;
    int messages;
    int half_closed;
    int closed;
    uint64_t last_id;
    size_t last_size;    /* of the last message */
    char metadata[4096]; /* of the last call: "name: value\n"… */
    int64_t deadline_ms;
};

/* test.v1.Kinds; its context is a struct kinds_seen. */
extern const struct pl_rpc_service kinds_service;

/* An item's bytes; returns their number. And the same within an envelope. */
size_t kinds_item(uint8_t *to, const char *text, int64_t number);
size_t kinds_frame(uint8_t *to, uint8_t flags, const char *text, int64_t number);

/* Finishes the last call. */
void kinds_finish(struct pl_rpc_host *host, const struct kinds_seen *seen, enum pl_code code,
                  const char *message);

#endif
