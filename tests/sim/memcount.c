/* memcount.c - see memcount.h. */
#include "memcount.h"

#include <stdlib.h>

static int64_t blocks;

/* The linker's names for what is wrapped, and for what wraps it. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t len, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t len, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);

void *__wrap_malloc(size_t size)
{
    void *ptr = __real_malloc(size);

    blocks += ptr != NULL;
    return ptr;
}

void *__wrap_calloc(size_t len, size_t size)
{
    void *ptr = __real_calloc(len, size);

    blocks += ptr != NULL;
    return ptr;
}

void *__wrap_realloc(void *ptr, size_t size)
{
    void *now = __real_realloc(ptr, size);

    blocks += ptr == NULL && now != NULL;
    return now;
}

void __wrap_free(void *ptr)
{
    blocks -= ptr != NULL;
    __real_free(ptr);
}

int64_t memcount_blocks(void)
{
    return blocks;
}
