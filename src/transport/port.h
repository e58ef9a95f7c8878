/*
 * port.h - the connections of one loop, served by one host of rpc.
 *
 * A port accepts, feeds what comes to rpc, and at the end of a turn sends what the
 * turn has made: each connection that has something is flushed once, so that all of
 * it goes out in one write. It is driven by its owner's on_turn_end:
 *
 *     pl_rpc_host_new(&pl_port_host_ops, &host);
 *     pl_port_new(loop, host, &config, &port);
 *     pl_port_listen(port, bound);
 *     ... on_turn_end: while (pl_port_flush(port)) ...
 *
 * simple_server.h does all of that for a program that does nothing else.
 *
 * A port with a TLS context speaks TLS, with ALPN (RFC 7301) to tell HTTP/2 from
 * HTTP/1.1; a plain peer gets a plain answer that says so, and is closed. Without one
 * it is the first bytes that tell.
 *
 * Threads:   the loop's.
 * Ownership: the owner frees, in this order: port, loop, host. The port is the data
 *            of its connections (pl_rpc_conn_data()); the owner's own lies in
 *            pl_port_extra().
 * Limits:    struct pl_port_limits; and those of rpc (rpc/limits.h), for each
 *            connection.
 */
#ifndef PL_TRANSPORT_PORT_H
#define PL_TRANSPORT_PORT_H

#include "net/tcp.h"
#include "rpc/host.h"
#include "transport/company.h"
#include "transport/peers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_port;

/* Beyond a number, a new connection is closed at once; beyond a time, the one that
 * took it. All are > 0. */
struct pl_port_limits {
    uint32_t connections_max;      /* at a time */
    uint32_t peer_connections_max; /* of them, from one IPv4 address or IPv6 /64 */
    int64_t first_bytes_ms;        /* from a connection's start to its first byte */
    int64_t handshake_ms;          /* from there to the end of TLS's handshake */
    /* Of the loop's time, what heavy peers have together while there is a light one (peers.h);
     * 100: time is not shared, all go on as quickly as they can. */
    uint32_t heavy_percent;
};

#define PL_PORT_LIMITS_DEFAULT                                                                     \
    {                                                                                              \
        .connections_max = 100000, .peer_connections_max = 1000, .first_bytes_ms = INT64_C(10000), \
        .handshake_ms = INT64_C(10000), .heavy_percent = 12,                                       \
    }

struct pl_port_config {
    struct pl_port_limits limits;
    /* A server's context, of which the port takes a reference: then it speaks TLS
     * only. NULL: plain only. */
    struct pl_tls_context *tls;
    /* What this port and others of the same server have in common; borrowed. NULL: it is
     * the only one. */
    struct pl_company *company;
    /* Bytes that each connection has for its owner, zero at first. */
    size_t extra_size;
};

/* What the host is made with, before there is a port. */
extern const struct pl_rpc_host_ops pl_port_host_ops;

/* PL_E_NOMEM, PL_E_CLOSED. The host is borrowed. */
int pl_port_new(struct pl_loop *loop, struct pl_rpc_host *host, const struct pl_port_config *config,
                struct pl_port **ret_port);

/* Accepts what comes to an address; the caller may close `bound` afterwards. Errors
 * of pl_listener_new(). */
int pl_port_listen(struct pl_port *port, struct pl_bound *bound);

/* New connections use that context, of which the port takes a reference (NULL: they
 * are plain); those that there are go on undisturbed. */
void pl_port_set_tls(struct pl_port *port, struct pl_tls_context *context);

/* Sends what there is, as far as the sockets take it. Returns whether there was
 * anything: handlers may have made more meanwhile, so call it until it returns false
 * before the loop waits. */
bool pl_port_flush(struct pl_port *port);

/* Stops accepting, and says goodbye on each connection (GOAWAY, in two steps): calls
 * under way may end, then it closes. One that has said nothing yet is given a
 * second. pl_port_connections_len() tells how far it is. Once is enough. */
void pl_port_drain(struct pl_port *port);

/* Connections, those included that are being closed. */
size_t pl_port_connections_len(const struct pl_port *port);

const uint8_t *pl_port_peer_key(struct pl_rpc_conn *conn);

/* Who is there beside the peer, or at all (NULL): see company.h. */
enum pl_company_kind pl_port_company(const struct pl_port *port, const struct pl_peer *peer);

/* Whose connection it is: see peers.h. */
struct pl_peer *pl_port_peer(struct pl_rpc_conn *conn);

/* Whether what the peer asks for has to wait for its turn. */
bool pl_port_has_turns(struct pl_port *port, struct pl_peer *peer);

/* The turn goes on when it comes. The peer is held: of a connection, or so. */
void pl_port_await_turn(struct pl_port *port, struct pl_peer *peer, struct pl_turn *turn);

/* So much of the loop's time went to the peer; or of another thread's, which counts only where
 * it has turns: one that asks for one thing at a time has others do more for it. */
void pl_port_charge(struct pl_port *port, struct pl_peer *peer, int64_t used_us);
void pl_port_charge_others(struct pl_port *port, struct pl_peer *peer, int64_t used_us);

void pl_port_hold_peer(struct pl_port *port, struct pl_peer *peer);
void pl_port_release_peer(struct pl_port *port, struct pl_peer *peer);

/* The extra_size bytes of a connection, until the last of its calls is over. */
void *pl_port_extra(struct pl_rpc_conn *conn);

/* Cuts off what is open: its calls are over (on_close) when this returns. NULL is
 * fine. Not from inside a handler. */
void pl_port_free(struct pl_port *port);

#endif
