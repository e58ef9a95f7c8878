/*
 * newcomers.c - a bucket for each address, kept as the moment when it is full again, like
 * those of rate.c. One that is full says as much as none, and is forgotten.
 */
#include "server/newcomers.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

struct address {
    struct pl_map_node map_node;
    struct pl_list node; /* in newcomers->oldest */
    uint8_t key[PL_PEER_KEY_SIZE];
    int64_t full_us;
};

void pl_newcomers_init(struct pl_newcomers *newcomers)
{
    pl_map_init(&newcomers->map);
    pl_list_init(&newcomers->oldest);
}

static void forget(struct pl_newcomers *newcomers, struct address *address)
{
    pl_map_remove(&newcomers->map, &address->map_node);
    pl_list_remove(&address->node);
    pl_free(address);
}

static struct address *oldest(const struct pl_newcomers *newcomers)
{
    struct pl_list *node = pl_list_first(&newcomers->oldest);

    return node != NULL ? PL_CONTAINER(node, struct address, node) : NULL;
}

void pl_newcomers_done(struct pl_newcomers *newcomers)
{
    struct address *address;

    while ((address = oldest(newcomers)) != NULL)
        forget(newcomers, address);
    pl_map_done(&newcomers->map);
}

static struct address *find(const struct pl_newcomers *newcomers, const uint8_t *key)
{
    PL_MAP_EACH (node, &newcomers->map, pl_hash_bytes(key, PL_PEER_KEY_SIZE)) {
        struct address *address = PL_CONTAINER(node, struct address, map_node);

        if (memcmp(address->key, key, PL_PEER_KEY_SIZE) == 0)
            return address;
    }
    return NULL;
}

static struct address *add(struct pl_newcomers *newcomers, const uint8_t *key)
{
    struct address *address;

    if (newcomers->map.len >= PL_NEWCOMERS_LEN_MAX)
        forget(newcomers, oldest(newcomers));
    address = pl_zalloc(sizeof *address);
    if (address == NULL)
        return NULL;
    memcpy(address->key, key, PL_PEER_KEY_SIZE);
    pl_list_init(&address->node);
    pl_map_put(&newcomers->map, &address->map_node, pl_hash_bytes(key, PL_PEER_KEY_SIZE));
    return address;
}

/* From the front; who came later may be full sooner, and is forgotten later. */
static void forget_full(struct pl_newcomers *newcomers, int64_t now_us)
{
    struct address *address;

    while ((address = oldest(newcomers)) != NULL && address->full_us <= now_us)
        forget(newcomers, address);
}

uint32_t pl_newcomers_take(struct pl_newcomers *newcomers, const uint8_t key[PL_PEER_KEY_SIZE],
                           uint32_t len_max, int64_t now_ms)
{
    const int64_t all_us = (int64_t)PL_NEWCOMERS_MS * 1000;
    int64_t now_us = now_ms * 1000, full_us;
    struct address *address;

    PL_ASSERT(len_max > 0);
    forget_full(newcomers, now_us);
    address = find(newcomers, key);
    if (address == NULL)
        address = add(newcomers, key);
    if (address == NULL)
        return 0;
    pl_list_remove(&address->node);
    pl_list_append(&newcomers->oldest, &address->node);
    full_us = (address->full_us > now_us ? address->full_us : now_us) + all_us / len_max;
    if (full_us - now_us > all_us)
        return (uint32_t)((full_us - now_us - all_us + 999) / 1000);
    address->full_us = full_us;
    return 0;
}
