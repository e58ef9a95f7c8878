/*
 * port_connection.h - a socket and the rpc connection on it.
 *
 * Inside transport only. Threads: the loop's. Ownership: frees itself when its
 * socket has closed.
 */
#ifndef PL_TRANSPORT_PORT_CONNECTION_H
#define PL_TRANSPORT_PORT_CONNECTION_H

#include "base/list.h"
#include "transport/peers.h"
#include "transport/port.h"
#include "transport/wheel.h"

#include <stddef.h>

enum { PL_PORT_SEND_SIZE = 256 * 1024 };

/* While several peers send, one connection keeps the loop for a stint at most; then the rest waits
 * for the peer's turn. What heavy peers send, and what is sent to them, has turns only: so much of
 * them, and a pause in which the processors are for those that ask for little, if there are any. */
enum {
    PL_PORT_STINT_US = 200,
    PL_PORT_TURNS_US = 300,
    PL_PORT_PAUSE_MS = 2,
    PL_PORT_DEBT_US_MAX = 20 * 1000, /* what turns have taken and is to be made up for */
    PL_PORT_PIECE_SIZE = 2048,
    PL_PORT_HEAVY_SEND_SIZE = 16 * 1024, /* what is sent to one of them at a time */
};

struct pl_port {
    struct pl_loop *loop_weak;
    struct pl_rpc_host *host_weak;
    struct pl_port_config config;
    struct pl_tls_context *tls; /* a reference; or NULL */
    struct pl_timer *ticks;     /* fires when a connection comes up in the wheel */
    struct pl_list listeners;   /* of struct port_listener: see port.c */
    struct pl_list connections; /* of struct pl_port_connection */
    size_t connections_len;
    struct pl_list dirty;      /* connections with something to send */
    struct pl_timer *turns;    /* fires when the peers that wait have their turns */
    int64_t turns_us;          /* what these have taken, … */
    int64_t paid_us;           /* … and when that was last made up for */
    struct pl_company company; /* unless the configuration has one */
    struct pl_company *with;   /* that which is used */
    struct pl_wheel wheel;     /* connections, none later than when it is due */
    int64_t wake_ms;           /* when the timer fires; INT64_MAX: it does not run */
    struct pl_peers peers;
    bool turns_due;  /* their timer runs */
    bool turns_soon; /* a peer waits that is not heavy */
    bool draining;
    bool freed;               /* by its owner: goes with its last connection */
    uint64_t turned_away_len; /* connections of which nothing was said */
    int64_t turned_away_ms;   /* when it may be said again */
    uint8_t send_buf[PL_PORT_SEND_SIZE];
};

enum pl_port_connection_state {
    PL_PORT_CONNECTION_NEW = 1,  /* nothing has come yet */
    PL_PORT_CONNECTION_SECURING, /* TLS's handshake is under way */
    PL_PORT_CONNECTION_OPEN,     /* rpc has it */
    PL_PORT_CONNECTION_CLOSING,  /* its calls are over, only on_close is still to come */
};

/* What has come and waits for its turn; meanwhile nothing is read. */
struct pl_port_backlog {
    size_t at, size;
    uint8_t data[];
};

struct pl_port_connection {
    struct pl_list node;       /* in port->connections */
    struct pl_list dirty_node; /* in port->dirty, or nowhere */
    struct pl_turn turn;       /* with its peer, where something waits for it */
    struct pl_list due_node;   /* in port->wheel, unless CLOSING */
    struct pl_port *port_weak;
    struct pl_socket *socket;
    struct pl_peer *peer;
    struct pl_port_backlog *backlog; /* or NULL */
    struct pl_rpc_conn *rpc;         /* while OPEN */
    enum pl_port_connection_state state;
    bool reading;        /* from the socket */
    bool held;           /* it is not read before its turn */
    bool ended;          /* the peer will send no more */
    int64_t deadline_ms; /* of the states before OPEN */
    _Alignas(max_align_t) uint8_t extra[];
};

/* Takes an accepted socket over. */
void pl_port_connection_accept(struct pl_port *port, struct pl_socket *socket);

/* It has something to send: it is flushed at the end of the turn. */
void pl_port_connection_mark(struct pl_port_connection *connection);

/* Sends what there is, as far as the socket takes it. */
void pl_port_connection_flush(struct pl_port_connection *connection);

/* It may be due sooner than where the wheel has it. */
void pl_port_connection_file(struct pl_port_connection *connection);

/* It has come up in the wheel, and is out of it. */
void pl_port_connection_tick(struct pl_port_connection *connection, int64_t now_ms);

/* The port drains. */
void pl_port_connection_drain(struct pl_port_connection *connection);

/* Its calls are over when this returns. Gently: what was written goes out first. */
void pl_port_connection_close(struct pl_port_connection *connection, bool gently);

/* In port.c: puts a connection's due_node into the wheel. */
void pl_port_file(struct pl_port *port, struct pl_list *node, int64_t due_ms);

/* In port.c: a connection has gone. */
void pl_port_connection_gone(struct pl_port *port);

#endif
