/*
 * api.h - calls of parla.v1 over a channel, with protobuf messages for bytes.
 *
 * Threads:   all on the loop's thread.
 * Ownership: requests and results are borrowed.
 */
#ifndef PL_CLIENT_API_H
#define PL_CLIENT_API_H

#include "transport/channel.h"

#include <protobuf-c/protobuf-c.h>

/* How many entries to ask for in one page. A page must stay within what a
 * message may hold (PL_PB_FIELDS_LEN_MAX), with all that an entry may carry. */
enum { PL_API_MESSAGES_LEN = 100, PL_API_ROOMS_LEN = 50, PL_API_USERS_LEN = 500 };

/* How a call ended. */
struct pl_api_result {
    enum pl_code code;
    const char *text;                 /* the server's message, raw; "" for none */
    uint32_t retry_ms;                /* the server said when to try again; 0: it did not */
    const ProtobufCMessage *response; /* of the method's type; NULL unless code is OK */
    bool broken;                      /* the server gave the call up without a word */
};

/* Whether the same call may go well later: the connection or the call broke, the server
 * was too busy or was asked too often. */
bool pl_api_may_retry(const struct pl_api_result *result);

typedef void (*pl_api_done)(void *self, const struct pl_api_result *result);

/* Makes a unary call of a method by its name. `done` is called once; where the
 * call cannot be started, before this returns. Where the channel is freed first,
 * `abandoned` is called instead, unless it is NULL: it may only free. token: ""
 * for none. */
void pl_api_call(struct pl_channel *channel, const ProtobufCServiceDescriptor *service,
                 const char *method, const char *token, const ProtobufCMessage *request,
                 pl_api_done done, void (*abandoned)(void *self), void *self);

/* A call whose response is a stream. */
struct pl_api_stream;

struct pl_api_stream_ops {
    void *self;
    void (*on_message)(void *self, const ProtobufCMessage *message);
    /* It is over, and freed; the last callback. */
    pl_api_done on_end;
};

/* As above: PL_E_CLOSED, PL_E_NOMEM, and then on_end is not called. */
int pl_api_stream_start(struct pl_channel *channel, const ProtobufCServiceDescriptor *service,
                        const char *method, const char *token, const ProtobufCMessage *request,
                        const struct pl_api_stream_ops *ops, struct pl_api_stream **ret_stream);

/* Ends it without a callback. Not from its on_message. NULL is fine. */
void pl_api_stream_cancel(struct pl_api_stream *stream);

#endif
