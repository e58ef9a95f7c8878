/*
 * peers.c - a map from networks to counts.
 *
 * The key is an IPv6 address: an IPv4 one is written as a mapped one (RFC 4291,
 * section 2.5.5.2), which is also how it comes to a socket that takes both. Of other
 * IPv6 addresses the lower half is zero.
 *
 * What a peer may use is a leaky bucket's. Whoever asks for little never fills it. One that has
 * filled it is heavy until it is empty and nothing of it waits: so those that always ask for more
 * remain so, and one that did so once is light soon.
 */
#include "transport/peers.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/tcp.h"

#include <arpa/inet.h>
#include <string.h>

enum { KEY_SIZE = PL_PEER_KEY_SIZE, NETWORK_SIZE = 8, MAPPED_SIZE = 12 };

/* Its level rises by what it uses, and sinks with time. */
struct pl_peer {
    struct pl_map_node node;
    struct pl_list turn_node; /* in peers->turns, if anything waits; or in peers->gone */
    struct pl_list waiting;   /* what does, of struct pl_turn */
    uint8_t key[KEY_SIZE];
    uint32_t connections_len;
    uint32_t holds_len;
    bool gone;        /* nothing holds it */
    bool heavy;       /* from where its level is too high until it has sunk and nothing waits */
    int64_t level_us; /* as it was */
    int64_t level_ms; /* then */
    int64_t heavy_ms; /* when it last was heavy */
    int64_t window;   /* the last in which it used some of the loop */
};

static const uint8_t mapped[MAPPED_SIZE] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void pl_peers_init(struct pl_peers *peers)
{
    *peers = (struct pl_peers){.window = 0};
    pl_map_init(&peers->map);
    pl_list_init(&peers->turns);
    pl_list_init(&peers->gone);
}

static void drop(struct pl_peers *peers, struct pl_peer *peer)
{
    pl_map_remove(&peers->map, &peer->node);
    pl_free(peer);
}

void pl_peers_done(struct pl_peers *peers)
{
    struct pl_map_node *node = pl_map_walk(&peers->map, NULL);

    while (node != NULL) {
        struct pl_peer *peer = PL_CONTAINER(node, struct pl_peer, node);

        PL_ASSERT(peer->connections_len == 0);
        node = pl_map_walk(&peers->map, node);
        drop(peers, peer);
    }
    pl_map_done(&peers->map);
}

static int key_of(const char *text, uint8_t key[KEY_SIZE])
{
    struct pl_address address;
    int rc = pl_address_parse(text, &address);

    if (rc < 0)
        return rc;
    if (inet_pton(AF_INET, address.host, key + MAPPED_SIZE) == 1) {
        memcpy(key, mapped, MAPPED_SIZE);
        return PL_OK;
    }
    if (inet_pton(AF_INET6, address.host, key) != 1)
        return PL_E_INVALID;
    if (memcmp(key, mapped, MAPPED_SIZE) != 0)
        memset(key + NETWORK_SIZE, 0, KEY_SIZE - NETWORK_SIZE);
    return PL_OK;
}

static struct pl_peer *find(const struct pl_peers *peers, const uint8_t key[KEY_SIZE])
{
    PL_MAP_EACH (node, &peers->map, pl_hash_bytes(key, KEY_SIZE)) {
        struct pl_peer *peer = PL_CONTAINER(node, struct pl_peer, node);

        if (memcmp(peer->key, key, KEY_SIZE) == 0)
            return peer;
    }
    return NULL;
}

int pl_peers_add(struct pl_peers *peers, const char *address, uint32_t connections_max,
                 struct pl_peer **ret_peer)
{
    uint8_t key[KEY_SIZE];
    struct pl_peer *peer;
    int rc = key_of(address, key);

    if (rc < 0)
        return rc;
    peer = find(peers, key);
    if (peer == NULL) {
        if (connections_max == 0)
            return PL_E_LIMIT;
        peer = pl_zalloc(sizeof *peer);
        if (peer == NULL)
            return PL_E_NOMEM;
        memcpy(peer->key, key, KEY_SIZE);
        pl_list_init(&peer->turn_node);
        pl_list_init(&peer->waiting);
        peer->heavy_ms = INT64_MIN / 2;
        pl_map_put(&peers->map, &peer->node, pl_hash_bytes(key, KEY_SIZE));
    } else if (peer->connections_len >= connections_max) {
        return PL_E_LIMIT;
    }
    pl_peers_hold(peers, peer);
    peer->connections_len++;
    *ret_peer = peer;
    return PL_OK;
}

const uint8_t *pl_peer_key(const struct pl_peer *peer)
{
    return peer->key;
}

uint64_t pl_peer_hash(const struct pl_peer *peer)
{
    return peer->node.hash | 1;
}

uint32_t pl_peers_users_len(const struct pl_peers *peers)
{
    uint32_t len =
        peers->used_len > peers->used_before_len ? peers->used_len : peers->used_before_len;

    return len > 0 ? len : 1;
}

/* Brings the level to what it is now. */
static void sink(const struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms)
{
    int64_t passed_us = (now_ms - peer->level_ms) * 1000;
    int64_t sunk_us = passed_us * PL_PEERS_SHARED_PERCENT / 100 / pl_peers_users_len(peers);

    if (sunk_us > 0) { /* else later: many small parts come to something */
        peer->level_ms = now_ms;
        peer->level_us = peer->level_us > sunk_us ? peer->level_us - sunk_us : 0;
    }
    if (peer->level_us == 0 && pl_list_empty(&peer->waiting))
        peer->heavy = false;
    if (peer->heavy)
        peer->heavy_ms = now_ms;
}

static void go_to_window(struct pl_peers *peers, int64_t now_ms)
{
    int64_t window = now_ms / PL_PEERS_WINDOW_MS;

    if (peers->window == window)
        return;
    peers->used_before_len = peers->window == window - 1 ? peers->used_len : 0;
    peers->used_len = 0;
    peers->window = window;
}

void pl_peers_use(struct pl_peers *peers, struct pl_peer *peer, int64_t used_us, int64_t now_ms)
{
    go_to_window(peers, now_ms);
    if (peer->window != peers->window) {
        peer->window = peers->window;
        peers->used_len++;
    }
    sink(peers, peer, now_ms);
    peer->level_us += used_us;
    if (peer->level_us > PL_PEERS_LEVEL_US_MAX)
        peer->level_us = PL_PEERS_LEVEL_US_MAX;
    if (peer->level_us > PL_PEERS_BURST_US) {
        peer->heavy = true;
        peer->heavy_ms = now_ms;
    }
}

bool pl_peers_is_heavy(const struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms)
{
    if (peer->heavy)
        sink(peers, peer, now_ms);
    return peer->heavy;
}

bool pl_peers_is_light(const struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms)
{
    return !pl_peers_is_heavy(peers, peer, now_ms) && now_ms - peer->heavy_ms >= PL_PEERS_STEADY_MS;
}

void pl_peers_wait(struct pl_peers *peers, struct pl_peer *peer, struct pl_turn *turn)
{
    PL_ASSERT(peer->holds_len > 0);
    pl_list_append(&peer->waiting, &turn->node);
    if (pl_list_empty(&peer->turn_node))
        pl_list_append(&peers->turns, &peer->turn_node);
}

/* Of those at the head of the line the one that has had the least, and the first of such; peers
 * with nothing left leave it. So a heavy one that now asks for little soon is heavy no more. */
static struct pl_peer *first_of_turns(struct pl_peers *peers, int64_t now_ms)
{
    struct pl_peer *first = NULL;
    uint32_t len = 0;

    PL_LIST_EACH (node, &peers->turns) {
        struct pl_peer *peer = PL_CONTAINER(node, struct pl_peer, turn_node);

        if (pl_list_empty(&peer->waiting)) { /* it was taken out */
            pl_list_remove(node);
            continue;
        }
        sink(peers, peer, now_ms);
        if (first == NULL || peer->level_us < first->level_us || (first->heavy && !peer->heavy))
            first = peer;
        if (++len == PL_PEERS_LOOKED_AT_LEN)
            break;
    }
    return first;
}

struct pl_turn *pl_peers_next(struct pl_peers *peers, bool heavy_too, int64_t now_ms)
{
    struct pl_peer *peer = first_of_turns(peers, now_ms);
    struct pl_list *node;

    if (peer == NULL || (peer->heavy && !heavy_too))
        return NULL;
    node = pl_list_first(&peer->waiting);
    pl_list_remove(node);
    pl_list_remove(&peer->turn_node);
    if (!pl_list_empty(&peer->waiting))
        pl_list_append(&peers->turns, &peer->turn_node);
    return PL_CONTAINER(node, struct pl_turn, node);
}

bool pl_peers_any_waits(const struct pl_peers *peers)
{
    return !pl_list_empty(&peers->turns);
}

static void forget(struct pl_peers *peers, struct pl_peer *peer)
{
    pl_list_remove(&peer->turn_node);
    peers->gone_len--;
    drop(peers, peer);
}

/* What is known of it is what one that has just come begins with. */
static bool is_like_new(const struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms)
{
    sink(peers, peer, now_ms);
    return peer->level_us == 0 && pl_peers_is_light(peers, peer, now_ms);
}

static void forget_some(struct pl_peers *peers, int64_t now_ms)
{
    struct pl_list *node;

    while ((node = pl_list_first(&peers->gone)) != NULL) {
        struct pl_peer *peer = PL_CONTAINER(node, struct pl_peer, turn_node);

        if (peers->gone_len <= PL_PEERS_GONE_LEN_MAX && !is_like_new(peers, peer, now_ms))
            return;
        forget(peers, peer);
    }
}

void pl_peers_hold(struct pl_peers *peers, struct pl_peer *peer)
{
    if (peer->gone) {
        peer->gone = false;
        pl_list_remove(&peer->turn_node);
        peers->gone_len--;
    }
    peer->holds_len++;
}

/* It is not forgotten at once: else a peer would only need to connect again to be light. */
void pl_peers_release(struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms)
{
    PL_ASSERT(peer->holds_len > 0);
    if (--peer->holds_len > 0)
        return;
    PL_ASSERT(pl_list_empty(&peer->waiting));
    pl_list_remove(&peer->turn_node);
    pl_list_append(&peers->gone, &peer->turn_node);
    peer->gone = true;
    peers->gone_len++;
    forget_some(peers, now_ms);
}

void pl_peers_remove(struct pl_peers *peers, struct pl_peer *peer, int64_t now_ms)
{
    if (peer == NULL)
        return;
    PL_ASSERT(peer->connections_len > 0);
    peer->connections_len--;
    pl_peers_release(peers, peer, now_ms);
}
