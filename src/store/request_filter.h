/*
 * request_filter.h - in which chunks of old request ids a key may be.
 *
 * A Bloom filter for each chunk, 64 of them side by side: a group. A group is an
 * array of rows of 64 bits, one for each chunk, and a key stands for some rows.
 * A chunk may hold the key if its bit is set in all of them: so one look at a
 * few words asks 64 chunks. What it says "no" to is not there; it says a wrong
 * "yes" once in some thousand times.
 *
 * A row is 8 bytes, the first chunk's bit the lowest of the first byte, on every
 * machine: a group is kept in the database as it stands.
 *
 * Threads: one at a time.
 */
#ifndef PL_STORE_REQUEST_FILTER_H
#define PL_STORE_REQUEST_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum {
    PL_REQUEST_GROUP_LEN = 64, /* chunks in a group */
    PL_REQUEST_ROW_SIZE = 8,
};

struct pl_request_filter {
    uint32_t rows_len; /* of a group; a power of two */
    uint64_t first;    /* the number of the group groups[0] */
    uint32_t len;
    uint32_t cap;
    uint8_t **groups; /* PL_REQUEST_ROW_SIZE * rows_len bytes each */
};

/* An empty one, for chunks of about chunk_len keys: two bytes a key. */
void pl_request_filter_init(struct pl_request_filter *filter, uint32_t chunk_len);

/* Forgets all, and gives back the memory. A zeroed one is fine. */
void pl_request_filter_clear(struct pl_request_filter *filter);

/* Makes the group, empty, if it is not there, and those between. Of an empty
 * filter any group may be the first, later ones may only follow. PL_E_NOMEM. */
int pl_request_filter_need(struct pl_request_filter *filter, uint64_t group);

/* The group's rows, or NULL. */
uint8_t *pl_request_filter_rows(const struct pl_request_filter *filter, uint64_t group);
size_t pl_request_filter_group_size(const struct pl_request_filter *filter);

/* Forgets the groups before. */
void pl_request_filter_drop_before(struct pl_request_filter *filter, uint64_t group);

/* Notes that a chunk, whose group must be there, holds a key. */
void pl_request_filter_put(struct pl_request_filter *filter, uint64_t chunk, uint64_t key);

/* The next chunk from `chunk` on and before `end` that may hold the key, or
 * `end`. Chunks whose group is not there do not. */
uint64_t pl_request_filter_next(const struct pl_request_filter *filter, uint64_t chunk,
                                uint64_t end, uint64_t key);

#endif
