/*
 * pair.h - for tests: a host with a service of every kind, a client, and the
 * bytes carried between them.
 */
#ifndef PL_TEST_RPC_PAIR_H
#define PL_TEST_RPC_PAIR_H

#include "rpc/client.h"
#include "rpc/host.h"

#include <stddef.h>

/* What the handlers have seen. */
struct seen {
    int opened;
    int messages;
    int half_closed;
    int closed;
    uint64_t last_id;
};

struct pair {
    struct pl_rpc_host *host;
    struct pl_rpc_conn *conn;
    struct pl_rpc_client *client;
    struct seen seen;
    int64_t now_ms;
    size_t chunk; /* how many bytes are carried at a time */
    int conn_rc;  /* the last result of each side's recv */
    int client_rc;
    int wants; /* how often the host wanted to send */
};

/* What a call has come to, on the client. */
struct reply {
    struct pl_rpc_client_call *call; /* NULL once it is over */
    int messages;
    size_t size;
    uint8_t last[64]; /* the start of the last message */
    size_t last_size;
    int closed;
    enum pl_code code;
    char message[2048];
    size_t details_size;
    uint8_t details[512];
    bool processed;
    bool broken;
    struct reply *cancel; /* a call to cancel when a message comes */
};

/* PL_OK, or PL_E_NOMEM where a test makes memory short; done() takes any state. */
int pair_init(struct pair *pair);
void pair_done(struct pair *pair);

/* The connection is lost: calls under way end, while their replies are still there. */
void pair_hang_up(struct pair *pair);

/* Carries bytes both ways until both sides are silent. */
void pair_pump(struct pair *pair);

/* Time passes, on both sides. */
void pair_tick(struct pair *pair, int64_t ms);

/* Starts a call of "/test.Kinds/METHOD". */
int pair_start(struct pair *pair, const char *method, int64_t timeout_ms, struct reply *reply);

/* The same with metadata. */
int pair_start_with(struct pair *pair, const char *method, const struct pl_rpc_metadata *metadata,
                    size_t metadata_len, int64_t timeout_ms, struct reply *reply);

/* A unary call, all at once: start, send, half-close. */
int pair_call(struct pair *pair, const char *method, struct pl_bytes message, struct reply *reply);

extern const struct pl_rpc_service pair_service;

#endif
