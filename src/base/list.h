/*
 * list.h - doubly linked lists of nodes that live inside what they link.
 *
 * Ownership: links never own. Threads: none of its own.
 */
#ifndef PL_BASE_LIST_H
#define PL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct pl_list {
    struct pl_list *prev;
    struct pl_list *next;
};

/* The struct that holds the node `ptr` as its `member`. */
#define PL_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walks the nodes; the current one may be removed in the body, others not. */
#define PL_LIST_EACH(node, list)                                                         \
    for (struct pl_list *node = (list)->next, *node##_next = node->next; node != (list); \
         node = node##_next, node##_next = node->next)

/* An empty list, or a node in no list. */
static inline void pl_list_init(struct pl_list *list)
{
    list->prev = list;
    list->next = list;
}

static inline bool pl_list_empty(const struct pl_list *list)
{
    return list->next == list;
}

static inline void pl_list_append(struct pl_list *list, struct pl_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

static inline void pl_list_prepend(struct pl_list *list, struct pl_list *node)
{
    pl_list_append(list->next, node);
}

/* Takes a node out of the list it is in; harmless for one in no list. */
static inline void pl_list_remove(struct pl_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    pl_list_init(node);
}

/* The first node, or NULL. */
static inline struct pl_list *pl_list_first(const struct pl_list *list)
{
    return list->next == list ? NULL : list->next;
}

#endif
