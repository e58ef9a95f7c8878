/*
 * fuzz_percent.c - percent-encoding of grpc-message: what is encoded is printable
 * ASCII and decodes to itself; anything may be decoded and never grows.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "rpc/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes text = {data, size};
    struct pl_bytebuf encoded, decoded;

    pl_bytebuf_init(&encoded, 3 * size + 1);
    pl_bytebuf_init(&decoded, size + 1);

    pl_rpc_percent_decode(text, &decoded);
    PL_ASSERT(decoded.err == 0 && decoded.size <= size);

    pl_rpc_percent_encode(text, &encoded);
    PL_ASSERT(encoded.err == 0 && encoded.size >= size);
    for (size_t i = 0; i < encoded.size; i++)
        PL_ASSERT(encoded.data[i] >= ' ' && encoded.data[i] <= '~');
    pl_bytebuf_clear(&decoded);
    pl_rpc_percent_decode((struct pl_bytes){encoded.data, encoded.size}, &decoded);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){decoded.data, decoded.size}, text));

    pl_bytebuf_done(&encoded);
    pl_bytebuf_done(&decoded);
    return 0;
}
