/*
 * peers.h - how many connections each peer has, and how much of the loop's time it takes.
 *
 * A peer is an IPv4 address or, since a host commonly has a whole one to itself, an
 * IPv6 network of 64 bits (RFC 4291, section 2.5.1).
 *
 * Threads:   the loop's.
 * Ownership: a peer lives as long as it is counted.
 * Limits:    there are no more peers than connections.
 */
#ifndef PL_TRANSPORT_PEERS_H
#define PL_TRANSPORT_PEERS_H

#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_peers {
    struct pl_map map; /* of struct pl_peer */
};

struct pl_peer;

void pl_peers_init(struct pl_peers *peers);

/* Nothing may be counted any more. */
void pl_peers_done(struct pl_peers *peers);

/* Counts one connection more of the peer whose address is "HOST:PORT", in figures.
 * PL_E_LIMIT where it has connections_max, PL_E_NOMEM, PL_E_INVALID. */
int pl_peers_add(struct pl_peers *peers, const char *address, uint32_t connections_max,
                 struct pl_peer **ret_peer);

/* 16 bytes that tell it from others. */
const uint8_t *pl_peer_key(const struct pl_peer *peer);

/* Of the loop's time so much went to it. */
void pl_peer_use(struct pl_peer *peer, int64_t used_us, int64_t now_ms);

/* Something of it begins or ends to wait for its turn. */
void pl_peer_wait(struct pl_peer *peer);
void pl_peer_go_on(struct pl_peer *peer);

/* Whether it has had more than its share of late, or something of it waits, which makes it
 * use little: then others go first. */
bool pl_peer_is_busy(const struct pl_peer *peer, int64_t now_ms);

/* One less. NULL is fine. */
void pl_peers_remove(struct pl_peers *peers, struct pl_peer *peer);

#endif
