/*
 * intake.h - what a call holds of its request: headers, and messages on their way in.
 *
 * It is a part of its own because a stream that lasts can do without it: see
 * pl_rpc_call_forget_request().
 *
 * Ownership: the call's; between two calls it rests in the host.
 */
#ifndef PL_RPC_INTAKE_H
#define PL_RPC_INTAKE_H

#include "base/err.h"
#include "base/list.h"
#include "rpc/envelope.h"
#include "rpc/fields.h"

struct pl_rpc_call;
struct pl_rpc_host;
struct pl_rpc_service;

struct pl_rpc_intake {
    struct pl_rpc_call *call_weak;
    const struct pl_rpc_service *service_weak;
    struct pl_rpc_fields request;
    size_t request_size;  /* as SETTINGS_MAX_HEADER_LIST_SIZE counts */
    int64_t due_ms;       /* when its only message must have come; INT64_MAX */
    enum pl_code refusal; /* what is wrong with the headers, if not PL_CODE_OK */
    const char *refusal_text;
    struct pl_bytes message; /* while call->has_message */
    struct pl_rpc_reader reader;
    size_t announced_size;  /* of the message under way */
    size_t held_size;       /* counted in the connection's */
    size_t reserved_size;   /* likewise */
    size_t unconsumed;      /* bytes that wait with it */
    struct pl_list waiting; /* in the connection's list, or in none; in the host's at rest */
};

/* An empty one for the call; NULL when memory is short. */
struct pl_rpc_intake *pl_rpc_intake_new(struct pl_rpc_host *host, struct pl_rpc_call *call);

/* It must count in nothing of the connection's. NULL is fine. */
void pl_rpc_intake_free(struct pl_rpc_host *host, struct pl_rpc_intake *intake);

/* Frees those that rest. */
void pl_rpc_intakes_done(struct pl_rpc_host *host);

#endif
