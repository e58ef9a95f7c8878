/*
 * gzip.c - zlib, a step at a time.
 *
 * zlib writes straight into the buffer's spare room, which is made a step larger
 * whenever it is used up. Decompressing, the room is never larger than what is
 * still allowed; once nothing is, a single byte beside the buffer tells whether
 * the data ends there or would go on.
 */
#define ZLIB_CONST
#include "rpc/gzip.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <limits.h>
#include <zlib.h>

enum {
    STEP_SIZE = 4096,
    GZIP_WINDOW_BITS = 15 + 16, /* the largest window; gzip's frame and no other */
    MEM_LEVEL = 8,              /* zlib's default */
};

static voidpf on_alloc(voidpf self, uInt len, uInt size)
{
    (void)self;
    return pl_calloc(len, size);
}

static void on_free(voidpf self, voidpf ptr)
{
    (void)self;
    pl_free(ptr);
}

/* zlib's answer where it has neither finished nor to go on. */
static int zlib_err(int rv)
{
    PL_ASSERT(rv != Z_STREAM_ERROR && rv != Z_VERSION_ERROR);
    return rv == Z_MEM_ERROR ? PL_E_NOMEM : PL_E_INVALID;
}

static int stream_init(z_stream *stream, struct pl_bytes data)
{
    if (data.size > UINT_MAX)
        return PL_E_LIMIT;
    *stream = (z_stream){.zalloc = on_alloc, .zfree = on_free};
    stream->next_in = data.data;
    stream->avail_in = (uInt)data.size;
    return PL_OK;
}

/* Points zlib at spare room in `out`: all that there is, at least a step, but at
 * most `max` bytes, which is not 0. */
static int give_room(z_stream *stream, struct pl_bytebuf *out, size_t max)
{
    size_t size = max < STEP_SIZE ? max : STEP_SIZE;

    PL_ASSERT(size > 0);
    stream->next_out = pl_bytebuf_reserve(out, size);
    if (stream->next_out == NULL)
        return out->err;
    if (out->cap - out->size - 1 > size)
        size = out->cap - out->size - 1;
    if (size > max)
        size = max;
    stream->avail_out = size > UINT_MAX ? UINT_MAX : (uInt)size;
    return PL_OK;
}

/* How much `out` may still take. */
static size_t room_max(const struct pl_bytebuf *out)
{
    return out->size_max - out->size;
}

static void restore(struct pl_bytebuf *out, size_t size)
{
    out->size = size;
    out->err = PL_OK;
}

static int deflate_all(z_stream *stream, struct pl_bytebuf *out)
{
    for (;;) {
        uInt room;
        int rv;

        if (room_max(out) == 0)
            return PL_E_LIMIT;
        rv = give_room(stream, out, room_max(out));
        if (rv < 0)
            return rv;
        room = stream->avail_out;
        rv = deflate(stream, Z_FINISH);
        pl_bytebuf_added(out, room - stream->avail_out);
        if (rv == Z_STREAM_END)
            return PL_OK;
        if (rv != Z_OK && rv != Z_BUF_ERROR)
            return zlib_err(rv);
    }
}

int pl_rpc_gzip(struct pl_bytes data, struct pl_bytebuf *out)
{
    size_t size_before = out->size;
    z_stream stream;
    int rc;

    if (out->err < 0)
        return out->err;
    rc = stream_init(&stream, data);
    if (rc < 0)
        return rc;
    rc = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEM_LEVEL,
                      Z_DEFAULT_STRATEGY);
    if (rc != Z_OK)
        return zlib_err(rc);
    rc = deflate_all(&stream, out);
    (void)deflateEnd(&stream); /* it only says whether it was at the end */
    if (rc < 0)
        restore(out, size_before);
    return rc;
}

struct inflating {
    z_stream stream;
    Bytef beyond; /* the first one that is not allowed */
};

/* Nothing more is allowed: does the data end here? */
static int inflate_end(struct inflating *inflating)
{
    z_stream *stream = &inflating->stream;
    int rv;

    stream->next_out = &inflating->beyond;
    stream->avail_out = 1;
    rv = inflate(stream, Z_NO_FLUSH);
    if (stream->avail_out == 0)
        return PL_E_LIMIT;
    return rv == Z_STREAM_END ? PL_OK : zlib_err(rv);
}

static int inflate_all(struct inflating *inflating, size_t size_max, struct pl_bytebuf *out)
{
    z_stream *stream = &inflating->stream;

    if (size_max > room_max(out))
        size_max = room_max(out);
    while (size_max > 0) {
        uInt room;
        int rv = give_room(stream, out, size_max);

        if (rv < 0)
            return rv;
        room = stream->avail_out;
        rv = inflate(stream, Z_NO_FLUSH);
        room -= stream->avail_out;
        pl_bytebuf_added(out, room);
        size_max -= room;
        if (rv == Z_STREAM_END)
            return PL_OK;
        if (rv != Z_OK && rv != Z_BUF_ERROR)
            return zlib_err(rv);
        if (stream->avail_out > 0)
            return PL_E_INVALID; /* room is left, so it was the data that ended */
    }
    return inflate_end(inflating);
}

int pl_rpc_gunzip(struct pl_bytes data, size_t size_max, struct pl_bytebuf *out)
{
    size_t size_before = out->size;
    struct inflating inflating;
    int rc;

    if (out->err < 0)
        return out->err;
    rc = stream_init(&inflating.stream, data);
    if (rc < 0)
        return rc;
    rc = inflateInit2(&inflating.stream, GZIP_WINDOW_BITS);
    if (rc != Z_OK)
        return zlib_err(rc);
    rc = inflate_all(&inflating, size_max, out);
    if (rc == PL_OK && inflating.stream.avail_in > 0)
        rc = PL_E_INVALID;               /* behind the end */
    (void)inflateEnd(&inflating.stream); /* fails only for what is no stream */
    if (rc < 0)
        restore(out, size_before);
    return rc;
}
