/*
 * request_index.h - finds a request_id without a search tree in random order.
 *
 * Request ids are random: a tree of them costs a page for each that is put. So
 * requests are numbered in the order in which they come, and dealt to chunks
 * by their numbers.
 *
 *   the tail      the newest chunk, which is being filled: its keys are in
 *                 memory, read from its requests at the first question.
 *   sealed ones   all keys at once in table request_keys, in parts by their
 *                 first bits; and a filter in memory that says which chunks are
 *                 worth a look (also kept, a group of chunks at a time).
 *
 * A key is a hash of user, target and request_id, by a secret of the database, so that
 * nobody can choose ids whose keys fall on each other. It only says where to look: a
 * request is found when its row says so. Where a key is put again, the older
 * row is deleted, so there is one row a key at most; an index may point to rows
 * that are no more.
 *
 * On the disk, table request_keys: the row PARTS * chunk + (key's highest byte)
 * has 6 bytes a request: the key's next four bytes, the lowest one first, and
 * the request's place in its chunk, likewise. Parts without a request are left
 * out. Table request_filters: see request_filter.h.
 */
#ifndef PL_STORE_REQUEST_INDEX_H
#define PL_STORE_REQUEST_INDEX_H

#include "base/map.h"
#include "base/secret.h"
#include "model/ids.h"
#include "store/request_filter.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PL_REQUEST_CHUNK_LEN = 32768,
    PL_REQUEST_CHUNK_LEN_MAX = 65536, /* places are kept in two bytes */
    PL_REQUEST_PARTS = 256,
    PL_REQUEST_KEY_SIZE = 6, /* on the disk */
};

struct pl_request_index {
    uint8_t secret[PL_HASH_KEY_SIZE];
    uint32_t chunk_len;
    bool known;           /* what follows is what the database holds */
    bool filter_known;    /* the filter alone, too */
    bool moved;           /* chunks began or ended in the transaction under way */
    uint64_t next;        /* the next request's number */
    uint64_t first_chunk; /* there are no requests in those before */
    uint64_t tail_chunk;
    struct pl_map tail;        /* of nodes[number % chunk_len] */
    struct pl_map_node *nodes; /* NULL until there is a request; chunk_len of them */
    struct pl_request_filter filter;
    bool asked; /* the last question, which mostly a put follows */
    uint64_t asked_key;
    uint64_t asked_found; /* the number found, or 0 */
};

/* Of names that are not longer than they may be. */
uint64_t pl_request_key(const uint8_t secret[PL_HASH_KEY_SIZE], pl_user_id user, const char *target,
                        const char *request_id);

/* What is on the disk of a key, and in the filter: its part and its print. */
static inline uint32_t pl_request_part(uint64_t key)
{
    return (uint32_t)(key >> 56);
}

static inline uint32_t pl_request_print(uint64_t key)
{
    return (uint32_t)(key >> 24);
}

static inline uint64_t pl_request_filter_key(uint32_t part, uint32_t print)
{
    return (uint64_t)part << 32 | print;
}

#endif
