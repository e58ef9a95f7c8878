/*
 * online.h - users who are online, sorted by name.
 *
 * A treap of nodes that live inside what they sort: adding one needs no memory
 * and costs O(log n), whatever the order in which people come.
 *
 * Ownership: the tree owns nothing. Threads: one.
 */
#ifndef PL_FANOUT_ONLINE_H
#define PL_FANOUT_ONLINE_H

#include "model/ids.h"

#include <stdbool.h>

struct pl_online_node {
    struct pl_online_node *left;
    struct pl_online_node *right;
    uint64_t priority;
    const char *name; /* borrowed while it is in a tree */
    pl_user_id user;
};

struct pl_online {
    struct pl_online_node *root;
};

/* Adds a node; name and user are set. Two users may bear one name, for a while:
 * the one who had it and still streams, and the one who took it. */
void pl_online_add(struct pl_online *online, struct pl_online_node *node);

/* Takes out a node of this tree. */
void pl_online_remove(struct pl_online *online, struct pl_online_node *node);

/* Users by name, with that prefix, beyond `after`; at most len_max. Returns how
 * many. */
uint32_t pl_online_list(const struct pl_online *online, const char *prefix, const char *after,
                        uint32_t len_max, pl_user_id *ret_ids);

#endif
