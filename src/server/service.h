/*
 * service.h - how a gRPC service meets the chat: tables of methods.
 *
 * One file a service holds its table. A unary method needs no code of its own: its
 * request is decoded into a command or query, which goes on an errand; the answer
 * is the response.
 *
 * Threads: the loop's.
 */
#ifndef PL_SERVER_SERVICE_H
#define PL_SERVER_SERVICE_H

#include "rpc/host.h"
#include "server/errand.h"
#include "wire/request.h"

struct pl_io_loop;

/* How a unary method is answered: one of both, or neither (UNIMPLEMENTED). */
struct pl_unary {
    pl_wire_decode_command command;
    pl_wire_decode_query query;
    bool anonymous; /* no token is needed */
};

struct pl_service_def {
    struct pl_rpc_service service;
    const struct pl_unary *unary; /* beside service.methods; NULL rows of streams */
};

/* What rpc gives to a service's calls. */
struct pl_service_ctx {
    struct pl_io_loop *io_weak;
    const struct pl_service_def *def;
};

enum { PL_SERVICES_LEN = 4 };

/* What a loop holds of answers to questions that one connection has not read. */
enum { PL_ANSWERS_SIZE_MAX = 16 * 1024 * 1024 };

/* What clients are told when the server stops: come back after so long, at random
 * within the spread, so that not all come at once. Milliseconds. */
enum { PL_RETRY_AFTER_MS = 500, PL_RETRY_SPREAD_MS = 2000 };

extern const struct pl_service_def pl_session_service;
extern const struct pl_service_def pl_user_service;
extern const struct pl_service_def pl_room_service;
extern const struct pl_service_def pl_chat_service;

/* on_message and on_close of every unary method of those tables. */
void pl_unary_on_message(struct pl_rpc_call *call, struct pl_bytes message);
void pl_unary_on_close(struct pl_rpc_call *call);

#define PL_UNARY_METHOD(text)                                                            \
    {                                                                                    \
        .name = (text), .on_message = pl_unary_on_message, .on_close = pl_unary_on_close \
    }

/* The same for one that changes nothing: NO_SIDE_EFFECTS in its .proto. */
#define PL_QUERY_METHOD(text)                                                       \
    {                                                                               \
        .name = (text), .no_side_effects = true, .on_message = pl_unary_on_message, \
        .on_close = pl_unary_on_close                                               \
    }

/* The answer to a unary call has come; the errand stays the caller's. */
void pl_unary_answer(struct pl_rpc_call *call, const struct pl_errand *errand);

/* Ends a call with a refusal. */
void pl_call_refuse(struct pl_rpc_call *call, const struct pl_refusal *refusal);

/* The hash of the call's token; false where it has none, and then the call has been
 * ended with UNAUTHENTICATED. */
bool pl_call_token(struct pl_rpc_call *call, struct pl_hash *ret_hash);

#endif
