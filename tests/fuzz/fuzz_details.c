/*
 * fuzz_details.c - google.rpc.Status as a server may send it: read or refused; what
 * is read and written again is read as the same.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"
#include "rpc/details.h"

#include <string.h>

enum { ARENA_SIZE = 1 << 20 };

static void check_text(const char *text)
{
    PL_ASSERT(text != NULL && pl_utf8_valid(pl_bytes_str(text)));
}

static void write_again(const struct pl_rpc_details *details)
{
    struct pl_rpc_details again;
    struct pl_arena arena;
    struct pl_buf *buf;
    int rc = pl_rpc_details_pack(details, &buf);

    PL_ASSERT(rc == PL_OK || rc == PL_E_NOMEM || rc == PL_E_LIMIT);
    if (rc < 0)
        return; /* what another wrote may be larger than we write it */
    pl_arena_init(&arena, ARENA_SIZE);
    PL_ASSERT(pl_rpc_details_unpack((struct pl_bytes){buf->data, buf->size}, &arena, &again) ==
              PL_OK);
    PL_ASSERT(again.code == details->code && strcmp(again.message, details->message) == 0);
    PL_ASSERT(strcmp(again.reason, details->reason) == 0);
    PL_ASSERT(strcmp(again.field, details->field) == 0);
    PL_ASSERT(again.retry_ms == details->retry_ms);
    pl_arena_done(&arena);
    pl_buf_unref(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_rpc_details details;
    struct pl_arena arena;
    int rc;

    pl_arena_init(&arena, ARENA_SIZE);
    rc = pl_rpc_details_unpack((struct pl_bytes){data, size}, &arena, &details);
    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_LIMIT || rc == PL_E_NOMEM);
    if (rc == PL_OK) {
        check_text(details.message);
        check_text(details.reason);
        check_text(details.domain);
        check_text(details.field);
        write_again(&details);
    }
    pl_arena_done(&arena);
    return 0;
}
