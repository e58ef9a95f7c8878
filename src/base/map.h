/*
 * map.h - hash maps of nodes that live inside what they map.
 *
 * Chained, so that putting a node needs no memory and cannot fail: when a
 * larger table cannot be had, the chains grow longer instead. The caller
 * compares keys: the map knows only hashes.
 *
 *     PL_MAP_EACH (node, &map, pl_hash_u64(id.v)) {
 *         struct room *room = PL_CONTAINER(node, struct room, node);
 *         if (room->id.v == id.v)
 *             return room;
 *     }
 *
 * Ownership: the map owns its table only. Threads: none of its own.
 */
#ifndef PL_BASE_MAP_H
#define PL_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct pl_map_node {
    struct pl_map_node *next;
    uint64_t hash;
};

struct pl_map {
    struct pl_map_node **buckets; /* NULL: the one bucket `only` */
    struct pl_map_node *only;
    size_t buckets_len; /* a power of two */
    size_t len;
};

/* Walks the nodes of one hash. The body may remove the current node only if it
 * then leaves the loop. */
#define PL_MAP_EACH(node, map, hash)                                           \
    for (struct pl_map_node *node = pl_map_first((map), (hash)); node != NULL; \
         node = pl_map_next(node))

void pl_map_init(struct pl_map *map);

/* Frees the table; the nodes are the caller's. */
void pl_map_done(struct pl_map *map);

/* Adds a node. It must not be in a map. */
void pl_map_put(struct pl_map *map, struct pl_map_node *node, uint64_t hash);

/* Takes a node of this map out. */
void pl_map_remove(struct pl_map *map, struct pl_map_node *node);

/* The first node of that hash, or NULL. */
struct pl_map_node *pl_map_first(const struct pl_map *map, uint64_t hash);

/* The next node of the same hash, or NULL. */
struct pl_map_node *pl_map_next(const struct pl_map_node *node);

/* Walks all nodes, in no order: start with NULL, end at NULL. Nothing may be
 * put meanwhile; of the nodes only the last one returned may be removed, and
 * only after the next one was asked for. Where order shows, sort. */
struct pl_map_node *pl_map_walk(const struct pl_map *map, const struct pl_map_node *node);

/* Hashes for maps, keyed at the process's start. Not stable between runs. Of text that
 * peers choose none can choose what collides (SipHash); of a number, which is to be
 * one that we hand out, it is a quick mix only. */
uint64_t pl_hash_u64(uint64_t value);
uint64_t pl_hash_bytes(const void *data, size_t size);
uint64_t pl_hash_str(const char *str);

#endif
