/*
 * fuzz_envelope.c - gRPC frames: the same messages come out however the bytes are
 * cut, and the tracker agrees on where they end.
 *
 * Input: a byte that says how to cut, then frames.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/secret.h"
#include "rpc/envelope.h"

#include <stdlib.h>

enum { SIZE_MAX_HERE = 4096, LOG_SIZE_MAX = 1 << 20 };

/* What has been seen, in a form to compare. */
struct run {
    struct pl_rpc_reader reader;
    struct pl_rpc_tracker tracker;
    struct pl_bytebuf seen;
    uint64_t random;
    bool cut;
    int rc;
};

static void on_message(struct run *run, struct pl_bytes message)
{
    PL_ASSERT(message.size == pl_rpc_reader_size(&run->reader));
    PL_ASSERT(message.size <= SIZE_MAX_HERE);
    PL_ASSERT(pl_rpc_reader_between(&run->reader));
    pl_bytebuf_printf(&run->seen, "%u:%zu:", pl_rpc_reader_flags(&run->reader), message.size);
    pl_bytebuf_append(&run->seen, message.data, message.size);
}

/* Feeds a chunk, which is gone afterwards. Each message is kept now and then. */
static void feed(struct run *run, struct pl_bytes chunk)
{
    uint8_t *copy = fuzz_copy(chunk);
    struct pl_bytes data = {copy, chunk.size}, message = {NULL, 0};

    for (;;) {
        size_t before = data.size;
        int rc = pl_rpc_reader_feed(&run->reader, &data, &message);

        PL_ASSERT(data.size <= before);
        PL_ASSERT(pl_rpc_reader_held(&run->reader) <= SIZE_MAX_HERE);
        if (rc < 0) {
            PL_ASSERT(rc == PL_E_LIMIT && pl_rpc_reader_size(&run->reader) > SIZE_MAX_HERE);
            run->rc = rc;
            break;
        }
        if (rc == PL_RPC_READ_MORE) {
            PL_ASSERT(data.size == 0);
            break;
        }
        if (rc != PL_RPC_READ_MESSAGE)
            continue;
        if (run->cut && fuzz_next(&run->random) % 2 == 0)
            PL_ASSERT(pl_rpc_reader_keep(&run->reader, &message) == PL_OK);
        on_message(run, message);
    }
    pl_rpc_tracker_pass(&run->tracker, chunk);
    if (run->rc == PL_OK)
        PL_ASSERT(pl_rpc_tracker_between(&run->tracker) == pl_rpc_reader_between(&run->reader));
    free(copy);
}

static void run_all(struct run *run, struct pl_bytes data, bool cut, uint64_t random)
{
    *run = (struct run){.cut = cut, .random = random};
    pl_rpc_reader_init(&run->reader, SIZE_MAX_HERE);
    pl_bytebuf_init(&run->seen, LOG_SIZE_MAX);
    while (data.size > 0 && run->rc == PL_OK) {
        size_t size = cut ? fuzz_chunk(&run->random, data.size) : data.size;

        feed(run, (struct pl_bytes){data.data, size});
        data.data += size;
        data.size -= size;
    }
    pl_rpc_reader_done(&run->reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint64_t random = fuzz_byte(&input);
    struct pl_bytes frames = fuzz_rest(&input);
    struct run whole, cut;

    run_all(&whole, frames, false, 0);
    run_all(&cut, frames, true, random);
    PL_ASSERT(whole.rc == cut.rc);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){whole.seen.data, whole.seen.size},
                             (struct pl_bytes){cut.seen.data, cut.seen.size}));
    pl_bytebuf_done(&whole.seen);
    pl_bytebuf_done(&cut.seen);
    return 0;
}
