/*
 * peers.h - how many connections each peer has, and whose turn it is.
 *
 * A peer is an IPv4 address or, since a host commonly has a whole one to itself, an
 * IPv6 network of 64 bits (RFC 4291, section 2.5.1).
 *
 * Time is shared among peers, not connections. A peer that takes more than its share becomes
 * heavy; what it sends, and what is sent to it, then waits for its turn.
 *
 * Threads:   the loop's.
 * Ownership: a peer may be used as long as it is counted.
 * Limits:    there are no more peers than connections, and some thousand that are gone.
 */
#ifndef PL_TRANSPORT_PEERS_H
#define PL_TRANSPORT_PEERS_H

#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

enum { PL_PEER_KEY_SIZE = 16 };

enum {
    PL_PEERS_WINDOW_MS = 100,
    PL_PEERS_SHARED_PERCENT = 50,       /* of a loop: an equal part of that a peer may use, … */
    PL_PEERS_BURST_US = 8000,           /* … and so much at a time; beyond that it is heavy */
    PL_PEERS_LEVEL_US_MAX = 100 * 1000, /* so that who had much is heavy for seconds at most */
    PL_PEERS_STEADY_MS = 1000,          /* whoever was heavy then may be so again in a moment */
    PL_PEERS_LOOKED_AT_LEN = 32,        /* of those in line, for who has had the least */
    PL_PEERS_GONE_LEN_MAX = 4096,       /* peers without connections */
};

struct pl_peers {
    struct pl_map map;    /* of struct pl_peer */
    struct pl_list turns; /* those with something that waits, in turn */
    struct pl_list gone;  /* those without connections, the first to go first */
    uint32_t gone_len;
    int64_t window;           /* the number of the present one */
    uint32_t used_len;        /* peers that have used some of the loop in it, */
    uint32_t used_before_len; /* and in the one before */
};

struct pl_peer;

void pl_peers_init(struct pl_peers *peers);

/* No connection may be counted any more. What holds a peer may not use it any more. */
void pl_peers_done(struct pl_peers *peers);

/* Counts one connection more of the peer whose address is "HOST:PORT", in figures.
 * PL_E_LIMIT where it has connections_max, PL_E_NOMEM, PL_E_INVALID. */
int pl_peers_add(struct pl_peers *peers, const char *address, uint32_t connections_max,
                 struct pl_peer **ret_peer);

/* PL_PEER_KEY_SIZE bytes that tell it from others, and a hash of them that is not 0. */
const uint8_t *pl_peer_key(const struct pl_peer *peer);
uint64_t pl_peer_hash(const struct pl_peer *peer);

/* Of the loop's time so much went to it. */
void pl_peers_use(struct pl_peers *peers, struct pl_peer *peer, int64_t used_us, int64_t now_ms);

/* How many have used some of it of late; at least 1. */
uint32_t pl_peers_users_len(const struct pl_peers *peers);

/* Whether it has had more than its share of late. */
bool pl_peers_is_heavy(const struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms);

/* Whether it is not, and has not been for a while. */
bool pl_peers_is_light(const struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms);

/* What waits for its turn, behind what of the same peer waits. Whoever takes the node out of its
 * list waits no more. */
struct pl_turn {
    struct pl_list node;
    void (*go_on)(struct pl_turn *turn); /* it has come; the node is in no list */
};
void pl_peers_wait(struct pl_peers *peers, struct pl_peer *peer, struct pl_turn *turn);

/* Whose turn is next, of each peer in turn, those first that have had little of late (and unless
 * heavy_too only those that are not heavy); or NULL. It waits no more. */
struct pl_turn *pl_peers_next(struct pl_peers *peers, bool heavy_too, int64_t now_ms);

/* Whether anything may be waiting. */
bool pl_peers_any_waits(const struct pl_peers *peers);

/* One connection less. NULL is fine. A peer is remembered until it is like a new one, and
 * while it is held. */
void pl_peers_remove(struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms);

/* Something else than a connection is the peer's. */
void pl_peers_hold(struct pl_peers *peers, struct pl_peer *peer);
void pl_peers_release(struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms);

#endif
