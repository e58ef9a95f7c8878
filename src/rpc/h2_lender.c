/*
 * h2_lender.c - see h2_lender.h. The buffer is told by its size, which no other block
 * of a new session comes near.
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

enum { LENT_SIZE_MIN = 16 * 1024 }; /* a frame's payload (RFC 9113, section 4.2) */

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

/* Whether a session that is being made asks for its send buffer. */
static bool asks_for_block(const struct pl_rpc_h2_lender *lender, size_t size)
{
    return lender->lends && size > LENT_SIZE_MIN &&
           (lender->block == NULL || size == lender->block_size);
}

static void *on_malloc(size_t size, void *self)
{
    struct pl_rpc_h2_lender *lender = self;

    if (!asks_for_block(lender, size))
        return pl_alloc(size);
    lender->lends = false; /* once a session */
    if (lender->block == NULL) {
        lender->block = block_new(size);
        lender->block_size = size;
    }
    return lender->block;
}

static void on_free(void *ptr, void *self)
{
    const struct pl_rpc_h2_lender *lender = self;

    if (ptr != lender->block || ptr == NULL)
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
    if (ptr != lender->block)
        return pl_realloc(ptr, size);
    copy = pl_alloc(size);
    if (copy != NULL && lender->used)
        memcpy(copy, ptr, size < lender->block_size ? size : lender->block_size);
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
    block_free(lender->block, lender->block_size);
    lender->block = NULL;
}

int pl_rpc_h2_lender_session(struct pl_rpc_h2_lender *lender,
                             const nghttp2_session_callbacks *callbacks, void *data,
                             const nghttp2_option *option, nghttp2_session **ret_session)
{
    int rv;

    lender->lends = nghttp2_version(0)->version_num == NGHTTP2_VERSION_NUM;
    rv = nghttp2_session_server_new3(ret_session, callbacks, data, option, &lender->mem);
    lender->lends = false;
    return rv;
}

void pl_rpc_h2_lender_open(struct pl_rpc_h2_lender *lender)
{
    PL_ASSERT(!lender->used);
    lender->used = true;
    block_guard(lender->block, lender->block_size, true);
}

void pl_rpc_h2_lender_close(struct pl_rpc_h2_lender *lender)
{
    PL_ASSERT(lender->used);
    lender->used = false;
    block_guard(lender->block, lender->block_size, false);
}
