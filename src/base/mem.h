/*
 * mem.h - all allocation passes here, so that a test can make the n-th fail.
 *
 * Threads: any. pl_mem_fail_at() acts on the calling thread only.
 */
#ifndef PL_BASE_MEM_H
#define PL_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Returns `size` bytes, or NULL when memory is short. A size of 0 gives a
 * block that may be freed but not used. */
void *pl_alloc(size_t size);

/* The same, zeroed. */
void *pl_zalloc(size_t size);

/* The same for `len` elements of `size` bytes; NULL also where that overflows. */
void *pl_calloc(size_t len, size_t size);

/* Resizes; on NULL the old block stands as it was. */
void *pl_realloc(void *ptr, size_t size);

/* Frees what the above returned; NULL is fine. */
void pl_free(void *ptr);

/* A copy of `size` bytes, or NULL. */
void *pl_memdup(const void *data, size_t size);

/* A copy of a string, or NULL. */
char *pl_strdup(const char *str);

/* Gives what is free back to the system, where the C library can; takes milliseconds for
 * each 100 MB, in which other threads may wait for memory. */
void pl_mem_trim(void);

/* For tests: the `nth` allocation from now on this thread fails, once; 0 turns
 * it off. */
void pl_mem_fail_at(uint64_t nth);

/* For tests: whether the failure asked for has happened. */
int pl_mem_failed(void);

#endif
