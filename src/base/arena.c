/* arena.c - bump allocation in blocks that double, up to 64 KiB each. The first one, with
 * its head and malloc's, comes to 512 bytes. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <string.h>

enum { BLOCK_SIZE_MIN = 472, BLOCK_SIZE_MAX = 64 * 1024 };

struct pl_arena_block {
    struct pl_arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) uint8_t data[];
};

void pl_arena_init(struct pl_arena *arena, size_t size_max)
{
    *arena = (struct pl_arena){.size_max = size_max};
}

static void free_blocks(struct pl_arena_block *block)
{
    while (block != NULL) {
        struct pl_arena_block *next = block->next;

        pl_free(block);
        block = next;
    }
}

void pl_arena_done(struct pl_arena *arena)
{
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->size = 0;
}

void pl_arena_clear(struct pl_arena *arena)
{
    struct pl_arena_block *keep = arena->blocks;

    arena->size = 0;
    if (keep == NULL)
        return;
    if (keep->cap > BLOCK_SIZE_MAX) {
        pl_arena_done(arena);
        return;
    }
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
}

static struct pl_arena_block *block_new(struct pl_arena *arena, size_t size)
{
    size_t cap = arena->blocks == NULL ? BLOCK_SIZE_MIN : arena->blocks->cap * 2;
    struct pl_arena_block *block;

    if (cap > BLOCK_SIZE_MAX)
        cap = BLOCK_SIZE_MAX;
    if (cap < size)
        cap = size;
    block = pl_alloc(sizeof *block + cap);
    if (block == NULL)
        return NULL;
    block->next = arena->blocks;
    block->used = 0;
    block->cap = cap;
    arena->blocks = block;
    return block;
}

void *pl_arena_alloc(struct pl_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct pl_arena_block *block = arena->blocks;
    void *ptr;

    if (size > arena->size_max || size > PTRDIFF_MAX - BLOCK_SIZE_MAX)
        return NULL;
    size = (size + align - 1) / align * align;
    if (size == 0)
        size = align;
    if (size > arena->size_max - arena->size)
        return NULL;
    if (block == NULL || size > block->cap - block->used) {
        block = block_new(arena, size);
        if (block == NULL)
            return NULL;
    }
    ptr = block->data + block->used;
    block->used += size;
    arena->size += size;
    return memset(ptr, 0, size);
}

char *pl_arena_copy(struct pl_arena *arena, const void *data, size_t size)
{
    char *copy;

    if (size == SIZE_MAX)
        return NULL;
    copy = pl_arena_alloc(arena, size + 1);
    if (copy != NULL && size > 0)
        memcpy(copy, data, size);
    return copy;
}
