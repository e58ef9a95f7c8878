/*
 * buf.h - immutable, reference-counted byte strings.
 *
 * A message is encoded once; the same bytes are queued for every subscriber.
 *
 * Threads:   any thread may ref and unref; bytes never change once shared.
 * Ownership: a pointer stored in a struct owns one reference.
 * Limits:    size <= PL_BUF_SIZE_MAX bytes.
 */
#ifndef PL_BASE_BUF_H
#define PL_BASE_BUF_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PL_BUF_SIZE_MAX ((size_t)64 << 20)

struct pl_buf {
    atomic_uint refs;
    size_t size;
    uint8_t data[];
};

/* Returns a buffer of `size` bytes with one reference, or NULL if that is over
 * the limit or memory is short. Fill data[] before sharing it; `size` may be
 * made smaller until then. */
struct pl_buf *pl_buf_new(size_t size);

/* The same, holding a copy of `data`. */
struct pl_buf *pl_buf_copy(const void *data, size_t size);

/* Takes one more reference; returns `buf`. */
struct pl_buf *pl_buf_ref(struct pl_buf *buf);

/* Gives a reference back; the last one frees. NULL is fine. */
void pl_buf_unref(struct pl_buf *buf);

#endif
