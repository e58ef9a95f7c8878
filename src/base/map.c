/*
 * map.c - chained hash maps; a table is doubled when it holds three nodes for two
 * buckets. So a node has 5 to 11 bytes of the table, and some 1.5 are looked at to
 * find one.
 */
#include "base/map.h"

#include "base/assert.h"
#include "base/mem.h"

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

enum { MAP_BUCKETS_MIN = 16 };

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static uint64_t number_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
    PL_ASSERT(sodium_init() >= 0);
    randombytes_buf(hash_key, sizeof hash_key);
    randombytes_buf(number_key, sizeof number_key);
    number_key[1] |= 1; /* times an odd number, no two numbers become one */
}

uint64_t pl_hash_bytes(const void *data, size_t size)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;

    pthread_once(&hash_once, hash_key_make);
    crypto_shorthash(out, data, size, hash_key);
    _Static_assert(sizeof out == sizeof hash, "SipHash-2-4 gives 64 bits");
    memcpy(&hash, out, sizeof hash);
    return hash;
}

uint64_t pl_hash_u64(uint64_t value)
{
    pthread_once(&hash_once, hash_key_make);
    value = (value ^ number_key[0]) * number_key[1];
    value = (value ^ value >> 32) * number_key[1];
    return value ^ value >> 32;
}

uint64_t pl_hash_str(const char *str)
{
    return pl_hash_bytes(str, strlen(str));
}

void pl_map_init(struct pl_map *map)
{
    *map = (struct pl_map){.buckets_len = 1};
}

void pl_map_done(struct pl_map *map)
{
    pl_free(map->buckets);
    pl_map_init(map);
}

static struct pl_map_node **bucket_of(const struct pl_map *map, uint64_t hash)
{
    if (map->buckets == NULL)
        return (struct pl_map_node **)&map->only;
    return &map->buckets[hash & (map->buckets_len - 1)];
}

static bool is_full(const struct pl_map *map)
{
    return map->len >= map->buckets_len + map->buckets_len / 2;
}

static void grow(struct pl_map *map)
{
    size_t len = map->buckets == NULL ? MAP_BUCKETS_MIN : map->buckets_len * 2;
    struct pl_map_node **buckets = pl_calloc(len, sizeof *buckets);
    struct pl_map old = *map;

    if (buckets == NULL)
        return; /* longer chains, still right */
    map->buckets = buckets;
    map->buckets_len = len;
    for (size_t i = 0; i < old.buckets_len; i++) {
        struct pl_map_node *node = old.buckets == NULL ? old.only : old.buckets[i];

        while (node != NULL) {
            struct pl_map_node *next = node->next;
            struct pl_map_node **bucket = bucket_of(map, node->hash);

            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    map->only = NULL;
    pl_free(old.buckets);
}

void pl_map_put(struct pl_map *map, struct pl_map_node *node, uint64_t hash)
{
    struct pl_map_node **bucket;

    if (is_full(map))
        grow(map);
    bucket = bucket_of(map, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->len++;
}

void pl_map_remove(struct pl_map *map, struct pl_map_node *node)
{
    struct pl_map_node **link = bucket_of(map, node->hash);

    while (*link != node) {
        PL_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    map->len--;
}

struct pl_map_node *pl_map_first(const struct pl_map *map, uint64_t hash)
{
    struct pl_map_node *node = *bucket_of(map, hash);

    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

struct pl_map_node *pl_map_next(const struct pl_map_node *node)
{
    struct pl_map_node *next = node->next;

    while (next != NULL && next->hash != node->hash)
        next = next->next;
    return next;
}

struct pl_map_node *pl_map_walk(const struct pl_map *map, const struct pl_map_node *node)
{
    size_t i = 0;

    if (node != NULL) {
        if (node->next != NULL)
            return node->next;
        if (map->buckets == NULL)
            return NULL;
        i = (size_t)(node->hash & (map->buckets_len - 1)) + 1;
    } else if (map->buckets == NULL) {
        return map->only;
    }
    for (; i < map->buckets_len; i++)
        if (map->buckets[i] != NULL)
            return map->buckets[i];
    return NULL;
}
