/*
 * arena.h - many small allocations, freed at once, under one cap.
 *
 * One arena serves one inbound message or one batch. What outlives it is
 * copied out.
 *
 * Threads: none of its own. Ownership: the arena owns all that it gave out.
 */
#ifndef PL_BASE_ARENA_H
#define PL_BASE_ARENA_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct pl_arena_block;

struct pl_arena {
    struct pl_arena_block *blocks; /* newest first */
    size_t size;                   /* bytes given out, with padding */
    size_t size_max;
};

/* An empty arena that gives out at most size_max bytes. Allocates nothing. */
void pl_arena_init(struct pl_arena *arena, size_t size_max);

/* Frees all. The arena may be used again. */
void pl_arena_done(struct pl_arena *arena);

/* Forgets all that it gave out, but keeps one block of memory for reuse. */
void pl_arena_clear(struct pl_arena *arena);

/* Returns `size` bytes, zeroed, aligned for any type; NULL past the cap or when
 * memory is short. */
void *pl_arena_alloc(struct pl_arena *arena, size_t size);

/* A copy of the bytes followed by a NUL, or NULL. */
char *pl_arena_copy(struct pl_arena *arena, const void *data, size_t size);

#endif
