/*
 * h2_lender.c - see h2_lender.h. The buffer is told by its size, which no other block
 * of a new session comes near; the table is the first block of its size.
 */
#include "rpc/h2_lender.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARDED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(GUARDED)
#define GUARDED 1
#endif

enum {
    BUFFER_SIZE_MIN = 16 * 1024 + 1,         /* a frame, and its head (RFC 9113, section 4.1) */
    TABLE_SIZE = 4096 / 32 * sizeof(void *), /* of entries (RFC 7541, section 4.1) */
};

#ifdef GUARDED
#include <sys/mman.h>

static void *block_new(size_t size)
{
    void *block = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return block == MAP_FAILED ? NULL : block;
}

static void block_free(void *block, size_t size)
{
    PL_ASSERT(block == NULL || munmap(block, size) == 0);
}

static void block_guard(void *block, size_t size, bool used)
{
    PL_ASSERT(block == NULL ||
              mprotect(block, size, used ? PROT_READ | PROT_WRITE : PROT_NONE) == 0);
}
#else
static void *block_new(size_t size)
{
    return pl_alloc(size);
}

static void block_free(void *block, size_t size)
{
    (void)size;
    pl_free(block);
}

static void block_guard(void *block, size_t size, bool used)
{
    (void)block;
    (void)size;
    (void)used;
}
#endif

/* Lends a block of that size, which is made when it is first asked for. */
static void *lend(struct pl_rpc_h2_lent *lent, size_t size)
{
    lent->due = false; /* once a session */
    if (lent->data == NULL) {
        lent->data = block_new(size);
        lent->size = size;
    }
    return lent->data;
}

static bool is_asked_for(const struct pl_rpc_h2_lent *lent, size_t size)
{
    return lent->due && (lent->data == NULL || size == lent->size);
}

static void *on_malloc(size_t size, void *self)
{
    struct pl_rpc_h2_lender *lender = self;

    if (size >= BUFFER_SIZE_MIN && is_asked_for(&lender->buffer, size))
        return lend(&lender->buffer, size);
    if (size == TABLE_SIZE && is_asked_for(&lender->table, size))
        return lend(&lender->table, size);
    return pl_alloc(size);
}

static bool is_lent(const struct pl_rpc_h2_lender *lender, const void *ptr)
{
    return ptr != NULL && (ptr == lender->buffer.data || ptr == lender->table.data);
}

static void on_free(void *ptr, void *self)
{
    if (!is_lent(self, ptr))
        pl_free(ptr);
}

static void *on_calloc(size_t len, size_t size, void *self)
{
    (void)self;
    return pl_calloc(len, size);
}

static void *on_realloc(void *ptr, size_t size, void *self)
{
    const struct pl_rpc_h2_lender *lender = self;
    void *copy;

    if (ptr == NULL)
        return on_malloc(size, self);
    if (!is_lent(lender, ptr))
        return pl_realloc(ptr, size);
    copy = pl_alloc(size);
    if (copy != NULL && lender->used && ptr == lender->buffer.data)
        memcpy(copy, ptr, size < lender->buffer.size ? size : lender->buffer.size);
    return copy;
}

void pl_rpc_h2_lender_init(struct pl_rpc_h2_lender *lender)
{
    *lender = (struct pl_rpc_h2_lender){
        .mem = {lender, on_malloc, on_free, on_calloc, on_realloc},
    };
}

void pl_rpc_h2_lender_done(struct pl_rpc_h2_lender *lender)
{
    PL_ASSERT(!lender->used);
    block_free(lender->buffer.data, lender->buffer.size);
    block_free(lender->table.data, lender->table.size);
    lender->buffer.data = NULL;
    lender->table.data = NULL;
}

int pl_rpc_h2_lender_session(struct pl_rpc_h2_lender *lender,
                             const nghttp2_session_callbacks *callbacks, void *data,
                             const nghttp2_option *option, nghttp2_session **ret_session)
{
    bool known = nghttp2_version(0)->version_num == NGHTTP2_VERSION_NUM;
    int rv;

    lender->buffer.due = known;
    lender->table.due = known;
    rv = nghttp2_session_server_new3(ret_session, callbacks, data, option, &lender->mem);
    lender->buffer.due = false;
    lender->table.due = false;
    return rv;
}

void pl_rpc_h2_lender_open(struct pl_rpc_h2_lender *lender)
{
    PL_ASSERT(!lender->used);
    lender->used = true;
    block_guard(lender->buffer.data, lender->buffer.size, true);
}

void pl_rpc_h2_lender_close(struct pl_rpc_h2_lender *lender)
{
    PL_ASSERT(lender->used);
    lender->used = false;
    block_guard(lender->buffer.data, lender->buffer.size, false);
}
