/*
 * peers.c - a map from networks to counts.
 *
 * The key is an IPv6 address: an IPv4 one is written as a mapped one (RFC 4291,
 * section 2.5.5.2), which is also how it comes to a socket that takes both. Of other
 * IPv6 addresses the lower half is zero.
 */
#include "transport/peers.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/tcp.h"
#include "transport/port.h"

#include <arpa/inet.h>
#include <string.h>

enum { KEY_SIZE = PL_PEER_KEY_SIZE, NETWORK_SIZE = 8, MAPPED_SIZE = 12 };

enum { WINDOW_MS = 100, SHARE_US = 1000 /* of this window and the last */ };

struct pl_peer {
    struct pl_map_node node;
    uint8_t key[KEY_SIZE];
    uint32_t connections_len;
    uint32_t waiting_len;            /* what of it waits for its turn */
    int64_t since_ms;                /* when the present window began */
    int64_t used_us, used_before_us; /* in it, and in the one before */
};

static const uint8_t mapped[MAPPED_SIZE] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void pl_peers_init(struct pl_peers *peers)
{
    pl_map_init(&peers->map);
}

void pl_peers_done(struct pl_peers *peers)
{
    PL_ASSERT(peers->map.len == 0);
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
        pl_map_put(&peers->map, &peer->node, pl_hash_bytes(key, KEY_SIZE));
    } else if (peer->connections_len >= connections_max) {
        return PL_E_LIMIT;
    }
    peer->connections_len++;
    *ret_peer = peer;
    return PL_OK;
}

const uint8_t *pl_peer_key(const struct pl_peer *peer)
{
    return peer->key;
}

void pl_peer_use(struct pl_peer *peer, int64_t used_us, int64_t now_ms)
{
    if (now_ms - peer->since_ms >= WINDOW_MS) {
        bool next = now_ms - peer->since_ms < 2 * WINDOW_MS;

        peer->used_before_us = next ? peer->used_us : 0;
        peer->used_us = 0;
        peer->since_ms = now_ms;
    }
    peer->used_us += used_us;
}

void pl_peer_wait(struct pl_peer *peer)
{
    peer->waiting_len++;
}

void pl_peer_go_on(struct pl_peer *peer)
{
    PL_ASSERT(peer->waiting_len > 0);
    peer->waiting_len--;
}

bool pl_peer_is_busy(const struct pl_peer *peer, int64_t now_ms)
{
    if (peer->waiting_len > 0)
        return true;
    return now_ms - peer->since_ms < 2 * WINDOW_MS &&
           peer->used_us + peer->used_before_us >= SHARE_US;
}

void pl_peers_remove(struct pl_peers *peers, struct pl_peer *peer)
{
    if (peer == NULL)
        return;
    PL_ASSERT(peer->connections_len > 0);
    if (--peer->connections_len > 0)
        return;
    pl_map_remove(&peers->map, &peer->node);
    pl_free(peer);
}
