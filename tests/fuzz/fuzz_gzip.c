/*
 * fuzz_gzip.c - compressed messages: taken exactly where zlib itself takes the
 * whole of it as one member, never beyond a size, and a round trip changes nothing.
 *
 * Input: a byte that says what the rest is: a gzip member; deflated data that gets
 * a head and a checksum that fit (which nobody would guess); or data to compress.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { REFERENCE_SIZE_MAX = 1 << 20, HEAD_SIZE = 10, TAIL_SIZE = 8 };

static uint8_t reference[REFERENCE_SIZE_MAX];

/* What zlib makes of it: the size in reference[], or -1 where it is not one whole
 * stream, or too large. ret_used: how much of the data it took. */
static long inflate_all(struct pl_bytes data, int window, size_t *ret_used)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data.data,
                       .avail_in = (uInt)data.size,
                       .next_out = reference,
                       .avail_out = sizeof reference};
    long size = -1;

    PL_ASSERT(inflateInit2(&stream, window) == Z_OK);
    if (inflate(&stream, Z_FINISH) == Z_STREAM_END)
        size = (long)stream.total_out;
    *ret_used = stream.total_in;
    inflateEnd(&stream);
    return size;
}

static void gunzip(struct pl_bytes data, size_t size_max)
{
    struct pl_bytebuf out;
    size_t used;
    long wanted = inflate_all(data, 16 + MAX_WBITS, &used);
    int rc;

    pl_bytebuf_init(&out, REFERENCE_SIZE_MAX);
    pl_bytebuf_append_str(&out, "before");
    rc = pl_rpc_gunzip(data, size_max, &out);
    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_LIMIT);
    PL_ASSERT(memcmp(out.data, "before", 6) == 0);
    if (rc == PL_OK) {
        PL_ASSERT(wanted >= 0 && used == data.size && (size_t)wanted <= size_max);
        PL_ASSERT(out.size == 6 + (size_t)wanted);
        PL_ASSERT(memcmp(out.data + 6, reference, (size_t)wanted) == 0);
    } else {
        PL_ASSERT(out.size == 6);
        if (wanted >= 0 && used == data.size && (size_t)wanted <= size_max)
            PL_ASSERT(rc == PL_E_LIMIT && (size_t)wanted + 6 > REFERENCE_SIZE_MAX);
    }
    pl_bytebuf_done(&out);
}

static void put_u32(uint8_t *to, unsigned long value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* A member around deflated data. */
static void gunzip_deflated(struct pl_bytes data, size_t size_max)
{
    static const uint8_t head[HEAD_SIZE] = {0x1f, 0x8b, 8};
    size_t used;
    long size = inflate_all(data, -MAX_WBITS, &used);
    uint8_t *member;

    if (size < 0)
        return;
    member = malloc(HEAD_SIZE + used + TAIL_SIZE);
    PL_ASSERT(member != NULL);
    memcpy(member, head, HEAD_SIZE);
    memcpy(member + HEAD_SIZE, data.data, used);
    put_u32(member + HEAD_SIZE + used, crc32(0, reference, (uInt)size));
    put_u32(member + HEAD_SIZE + used + 4, (unsigned long)size);
    gunzip((struct pl_bytes){member, HEAD_SIZE + used + TAIL_SIZE}, size_max);
    free(member);
}

static void round_trip(struct pl_bytes data)
{
    struct pl_bytebuf member, back;
    struct pl_bytes bytes;

    pl_bytebuf_init(&member, data.size * 2 + 100);
    pl_bytebuf_init(&back, data.size + 1);
    PL_ASSERT(pl_rpc_gzip(data, &member) == PL_OK);
    bytes = (struct pl_bytes){member.data, member.size};
    PL_ASSERT(pl_rpc_gunzip(bytes, data.size, &back) == PL_OK);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){back.data, back.size}, data));
    if (data.size > 0)
        PL_ASSERT(pl_rpc_gunzip(bytes, data.size - 1, &back) == PL_E_LIMIT);
    pl_bytebuf_done(&member);
    pl_bytebuf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t sizes_max[] = {0, 1, 100, 4096, REFERENCE_SIZE_MAX - 6, SIZE_MAX};
    struct fuzz_input input = {data, size};
    uint8_t kind = fuzz_byte(&input);
    size_t size_max = sizes_max[kind / 4 % 6];

    switch (kind % 4) {
    case 0:
        gunzip(fuzz_rest(&input), size_max);
        break;
    case 1:
        round_trip(fuzz_rest(&input));
        break;
    default:
        gunzip_deflated(fuzz_rest(&input), size_max);
    }
    return 0;
}
