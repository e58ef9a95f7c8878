/* buf.c - see buf.h; the count is atomic, the bytes are never locked. */
#include "base/buf.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

struct pl_buf *pl_buf_new(size_t size)
{
    struct pl_buf *buf;

    if (size > PL_BUF_SIZE_MAX)
        return NULL;
    buf = pl_alloc(sizeof *buf + size);
    if (buf == NULL)
        return NULL;
    atomic_init(&buf->refs, 1);
    buf->size = size;
    return buf;
}

struct pl_buf *pl_buf_copy(const void *data, size_t size)
{
    struct pl_buf *buf = pl_buf_new(size);

    if (buf != NULL && size > 0)
        memcpy(buf->data, data, size);
    return buf;
}

struct pl_buf *pl_buf_ref(struct pl_buf *buf)
{
    unsigned before = atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);

    PL_ASSERT(before > 0);
    return buf;
}

void pl_buf_unref(struct pl_buf *buf)
{
    unsigned before;

    if (buf == NULL)
        return;
    before = atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel);
    PL_ASSERT(before > 0);
    if (before == 1)
        pl_free(buf);
}
