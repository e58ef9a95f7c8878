/*
 * world.h - a loop with both ends of a connection over loopback.
 *
 * Tests set the hooks that they need; each may be NULL. What is written is a
 * pattern, checked byte by byte where it is read.
 */
#ifndef PL_TESTS_NET_WORLD_H
#define PL_TESTS_NET_WORLD_H

#include "net/tcp.h"

enum { INBOX_LEN_MAX = 16, BIG_SIZE = 8 * 1024 * 1024 };

/* One end of a connection, and what has happened to it. */
struct end {
    struct world *world_weak;
    struct pl_socket *socket; /* NULL once closed */
    size_t read_size;
    size_t left; /* to be written, of the world_pattern */
    size_t written_size;
    int drained_len;
    int end_len;
    int end_err;
    int close_len;
    int secured_len;
    int secured_err;
    char alpn[16]; /* "" for none */
    char tls_error[128];
};

/* A loop with a listener, a client, and the server's end of its connection. */
struct world {
    struct pl_loop *loop;
    struct pl_bound *bound;
    struct pl_listener *listener;
    struct end client, server;
    int connect_len;
    int connect_err;
    int accept_len;
    void (*on_connected)(struct world *world);
    void (*on_accepted)(struct world *world);
    void (*on_read)(struct end *end, struct pl_bytes data);
    void (*on_drained)(struct end *end);
    void (*on_end)(struct end *end);
    void (*on_close)(struct end *end);
    void (*on_secured)(struct end *end);
    void (*on_turn_end)(struct world *world);
};

/* The byte at that place of the stream: finds what is lost, doubled or moved. */
uint8_t world_pattern(size_t at);

/* The callbacks of an end. */
struct pl_socket_ops end_ops(struct end *end);
void world_on_accept(void *self, struct pl_socket *socket); /* self: the world */
void world_on_connect(void *self, int err);                 /* self: the client's end */

/* Listens on a free port of the host. */
void world_init(struct world *world, const char *host);
void world_connect(struct world *world, const struct pl_address *address);

/* Connects to its own listener and runs the loop. */
void world_run(struct world *world);
void world_done(struct world *world);

/* Connects with a plain blocking socket, for what a decent client does not do. */
int world_plain_client(const struct world *world);

/* Writes what is left of the pattern, until the kernel takes no more. */
void end_pump(struct end *end);

/* For hooks. */
void end_close(struct end *end);
void end_stop_loop(struct end *end);
void end_stop_when_both_closed(struct end *end);
void world_read_server(struct world *world);
void world_abort_connected(struct world *world);

#endif
