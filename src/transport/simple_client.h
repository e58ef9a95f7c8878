/*
 * simple_client.h - one call of a program that does nothing else meanwhile: it waits
 * for the answer.
 *
 *     struct pl_simple_call call = {.target = "127.0.0.1:50051", .path = "/a.B/C"};
 *     struct pl_simple_reply reply;
 *
 *     pl_simple_call(&call, &reply);
 *     ... reply.code, reply.text, reply.message ...
 *     pl_simple_reply_done(&reply);
 *
 * Each call has a loop and a connection of its own. Programs that make many, or
 * streams, use channel.h.
 *
 * Threads: any; the call is the caller's thread's.
 */
#ifndef PL_TRANSPORT_SIMPLE_CLIENT_H
#define PL_TRANSPORT_SIMPLE_CLIENT_H

#include "base/bytes.h"
#include "transport/channel.h"

enum { PL_SIMPLE_TEXT_SIZE = 1024, PL_SIMPLE_TIMEOUT_MS = 30 * 1000 };

/* What is 0 or NULL is left out, or takes its default. All is borrowed. */
struct pl_simple_call {
    const char *target;  /* "HOST:PORT", or "grpcs://HOST:PORT" for TLS */
    const char *ca_file; /* whom to trust over TLS; NULL: whom the system trusts */
    const char *path;    /* "/package.Service/Method", a unary one */
    struct pl_bytes request;
    const struct pl_rpc_metadata *metadata;
    size_t metadata_len;
    struct pl_channel_call_options options; /* timeout_ms: PL_SIMPLE_TIMEOUT_MS */
};

struct pl_simple_reply {
    enum pl_code code;
    char text[PL_SIMPLE_TEXT_SIZE]; /* the status message; "" for none */
    struct pl_bytebuf message;      /* the response; empty unless code is OK */
};

/* Makes the call and waits for its end, which `ret_reply` tells, whatever it is:
 * also INVALID_ARGUMENT for a target or certificates that are none. */
void pl_simple_call(const struct pl_simple_call *call, struct pl_simple_reply *ret_reply);

void pl_simple_reply_done(struct pl_simple_reply *reply);

#endif
