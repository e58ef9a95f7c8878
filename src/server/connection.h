/*
 * connection.h - a socket and the gRPC connection on it.
 *
 * Threads: the loop's. Ownership: frees itself when its socket has closed.
 */
#ifndef PL_SERVER_CONNECTION_H
#define PL_SERVER_CONNECTION_H

#include "server/io_loop.h"
#include "server/rate.h"

struct pl_connection {
    struct pl_list node;       /* in io->connections */
    struct pl_list dirty_node; /* in io->dirty, or nowhere */
    struct pl_io_loop *io_weak;
    struct pl_socket *socket;
    struct pl_rpc_conn *rpc;
    struct pl_rate sends; /* SendMessage calls */
    size_t answers_size;  /* responses to unary calls that are not yet sent, in bytes */
    bool closing;         /* the socket is being closed; nothing is sent any more */
};

/* Takes an accepted socket over. */
void pl_connection_accept(struct pl_io_loop *io, struct pl_socket *socket);

/* It has something to send: it is flushed at the end of the turn. */
void pl_connection_mark(struct pl_connection *connection);

/* Sends what there is, as far as the socket takes it. */
void pl_connection_flush(struct pl_connection *connection);

/* Time passes. */
void pl_connection_tick(struct pl_connection *connection, int64_t now_ms);

#endif
