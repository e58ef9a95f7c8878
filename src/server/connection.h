/*
 * connection.h - what the chat keeps of each connection, in its port's extra bytes.
 *
 * Threads: the loop's.
 */
#ifndef PL_SERVER_CONNECTION_H
#define PL_SERVER_CONNECTION_H

#include "server/rate.h"
#include "transport/port.h"

struct pl_connection {
    struct pl_rate sends; /* SendMessage calls */
    size_t answers_size;  /* responses to unary calls that are not yet sent, in bytes */
};

static inline struct pl_connection *pl_connection_of(struct pl_rpc_call *call)
{
    return pl_port_extra(pl_rpc_call_conn(call));
}

#endif
