/*
 * online.c - a treap: a tree sorted by name whose nodes are also a heap by a
 * random priority, which keeps it about log n deep.
 */
#include "fanout/online.h"

#include "base/assert.h"
#include "base/map.h"

#include <string.h>

/* < 0 where a comes first. */
static int compare(const struct pl_online_node *a, const struct pl_online_node *b)
{
    int order = strcmp(a->name, b->name);

    if (order != 0)
        return order;
    return (a->user.v > b->user.v) - (a->user.v < b->user.v);
}

/* Parts `tree` into what comes before `node` and what comes after it. */
static void split(struct pl_online_node *tree, const struct pl_online_node *node,
                  struct pl_online_node **before, struct pl_online_node **after)
{
    while (tree != NULL) {
        if (compare(tree, node) < 0) {
            *before = tree;
            before = &tree->right;
            tree = tree->right;
        } else {
            *after = tree;
            after = &tree->left;
            tree = tree->left;
        }
    }
    *before = NULL;
    *after = NULL;
}

void pl_online_add(struct pl_online *online, struct pl_online_node *node)
{
    struct pl_online_node **link = &online->root;

    node->priority = pl_hash_u64(node->user.v); /* keyed: peers cannot choose it */
    while (*link != NULL && (*link)->priority >= node->priority)
        link = compare(node, *link) < 0 ? &(*link)->left : &(*link)->right;
    split(*link, node, &node->left, &node->right);
    *link = node;
}

void pl_online_remove(struct pl_online *online, struct pl_online_node *node)
{
    struct pl_online_node **link = &online->root;
    struct pl_online_node *left = node->left;
    struct pl_online_node *right = node->right;

    while (*link != node) {
        PL_ASSERT(*link != NULL);
        link = compare(node, *link) < 0 ? &(*link)->left : &(*link)->right;
    }
    while (left != NULL && right != NULL) {
        if (left->priority >= right->priority) {
            *link = left;
            link = &left->right;
            left = left->right;
        } else {
            *link = right;
            link = &right->left;
            right = right->left;
        }
    }
    *link = left != NULL ? left : right;
    node->left = NULL;
    node->right = NULL;
}

struct query {
    const char *prefix;
    size_t prefix_size;
    const char *after;
    uint32_t len_max;
    uint32_t len;
    pl_user_id *ids;
};

/* In order; false when the walk may end. As deep as the tree. */
static bool walk(const struct pl_online_node *node, struct query *query)
{
    int order;

    if (node == NULL)
        return true;
    order = strncmp(node->name, query->prefix, query->prefix_size);
    if (order >= 0 && strcmp(node->name, query->after) > 0) {
        if (!walk(node->left, query))
            return false;
        if (order > 0 || query->len == query->len_max)
            return false;
        query->ids[query->len++] = node->user;
    }
    return walk(node->right, query);
}

uint32_t pl_online_list(const struct pl_online *online, const char *prefix, const char *after,
                        uint32_t len_max, pl_user_id *ret_ids)
{
    struct query query = {
        .prefix = prefix,
        .prefix_size = strlen(prefix),
        .after = after,
        .len_max = len_max,
        .ids = ret_ids,
    };

    walk(online->root, &query);
    return query.len;
}
