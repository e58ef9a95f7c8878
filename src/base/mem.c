/*
 * mem.c - malloc with a countdown.
 *
 * The countdown is of the thread, so that a failing-allocation sweep in one
 * test thread does not reach into a library's threads.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static _Thread_local uint64_t fail_countdown;
static _Thread_local int fail_happened;

static int must_fail(void)
{
    if (fail_countdown == 0 || --fail_countdown > 0)
        return 0;
    fail_happened = 1;
    return 1;
}

void *pl_alloc(size_t size)
{
    if (must_fail())
        return NULL;
    return malloc(size > 0 ? size : 1);
}

void *pl_zalloc(size_t size)
{
    if (must_fail())
        return NULL;
    return calloc(1, size > 0 ? size : 1);
}

void *pl_calloc(size_t len, size_t size)
{
    if (must_fail())
        return NULL;
    if (len == 0 || size == 0)
        return calloc(1, 1);
    if (len > PTRDIFF_MAX / size)
        return NULL;
    return calloc(len, size);
}

void *pl_realloc(void *ptr, size_t size)
{
    if (must_fail())
        return NULL;
    return realloc(ptr, size > 0 ? size : 1);
}

void pl_free(void *ptr)
{
    free(ptr);
}

void *pl_memdup(const void *data, size_t size)
{
    void *copy = pl_alloc(size);

    if (copy != NULL && size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *pl_strdup(const char *str)
{
    return pl_memdup(str, strlen(str) + 1);
}

void pl_mem_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void pl_mem_fail_at(uint64_t nth)
{
    fail_countdown = nth;
    fail_happened = 0;
}

int pl_mem_failed(void)
{
    return fail_happened;
}
