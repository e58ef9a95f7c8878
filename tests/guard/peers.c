/* peers.c - see peers.h. Field blocks are literals, so that nothing has a state. */
#include "peers.h"

#include "base/assert.h"
#include "base/mem.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

enum { WINDOW = 1 << 20, DATA_PADDED = 0x8 };

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t read_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void put_frame(struct peer *peer, uint8_t type, uint8_t flags, uint32_t stream_id,
                      const void *data, uint32_t size)
{
    uint8_t head[9];

    put_u32(head, size << 8 | type);
    head[4] = flags;
    put_u32(head + 5, stream_id);
    pl_bytebuf_append(&peer->to_be, head, sizeof head);
    pl_bytebuf_append(&peer->to_be, data, size);
}

static void put_window(struct peer *peer, uint32_t stream_id, uint32_t size)
{
    uint8_t increment[4];

    put_u32(increment, size);
    put_frame(peer, NGHTTP2_WINDOW_UPDATE, 0, stream_id, increment, sizeof increment);
}

/* A field that is a literal, not indexed, with a new name (RFC 7541, section 6.2.2). */
static void put_field(struct pl_bytebuf *block, const char *name, const char *value)
{
    pl_bytebuf_append_byte(block, 0);
    pl_bytebuf_append_byte(block, (uint8_t)strlen(name));
    pl_bytebuf_append(block, name, strlen(name));
    pl_bytebuf_append_byte(block, (uint8_t)strlen(value));
    pl_bytebuf_append(block, value, strlen(value));
}

void peer_init(struct peer *peer, uint32_t streams_len, const char *path)
{
    static const uint8_t message[5];
    struct pl_bytebuf block;
    uint8_t settings[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE};

    *peer = (struct peer){.streams_len = streams_len};
    peer->streams = pl_calloc(streams_len, sizeof *peer->streams);
    PL_ASSERT(peer->streams != NULL);
    pl_bytebuf_init(&peer->to_be, 1 << 20);
    pl_bytebuf_init(&block, 1 << 10);
    put_field(&block, ":method", "POST");
    put_field(&block, ":scheme", "http");
    put_field(&block, ":authority", "guard");
    put_field(&block, ":path", path);
    put_field(&block, "te", "trailers");
    put_field(&block, "content-type", "application/grpc");
    pl_bytebuf_append(&peer->to_be, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    put_u32(settings + 2, WINDOW);
    put_frame(peer, NGHTTP2_SETTINGS, 0, 0, settings, sizeof settings);
    put_window(peer, 0, WINDOW - NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE);
    for (uint32_t i = 0; i < streams_len; i++) {
        put_frame(peer, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2 * i + 1, block.data,
                  (uint32_t)block.size);
        put_frame(peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 2 * i + 1, message, sizeof message);
    }
    PL_ASSERT(block.err == 0 && peer->to_be.err == 0);
    pl_bytebuf_done(&block);
}

void peer_done(struct peer *peer)
{
    pl_bytebuf_done(&peer->to_be);
    pl_free(peer->streams);
}

/* Follows the messages of a stream. */
static void take_data(struct peer_stream *stream, struct pl_bytes data)
{
    for (size_t i = 0; i < data.size; i++) {
        stream->hash = (stream->hash ^ data.data[i]) * UINT64_C(0x100000001b3);
        if (stream->left > 0) {
            stream->left--;
        } else {
            stream->head[stream->head_size++] = data.data[i];
            if (stream->head_size < sizeof stream->head)
                continue;
            stream->head_size = 0;
            stream->left = read_u32(stream->head + 1);
        }
        if (stream->left == 0)
            stream->messages++;
    }
}

static void use_window(struct peer *peer, uint32_t *unread, uint32_t stream_id, uint32_t size)
{
    *unread += size;
    if (*unread < WINDOW / 2)
        return;
    put_window(peer, stream_id, *unread);
    *unread = 0;
}

/* A part of a frame's payload. */
static void take_payload(struct peer *peer, struct pl_bytes data)
{
    uint32_t stream_id = read_u32(peer->head + 5);
    struct peer_stream *stream;

    PL_ASSERT(peer->head[3] != NGHTTP2_RST_STREAM && peer->head[3] != NGHTTP2_GOAWAY);
    if (peer->head[3] != NGHTTP2_DATA)
        return;
    PL_ASSERT(stream_id % 2 == 1 && stream_id / 2 < peer->streams_len);
    PL_ASSERT((peer->head[4] & (DATA_PADDED | NGHTTP2_FLAG_END_STREAM)) == 0);
    stream = &peer->streams[stream_id / 2];
    take_data(stream, data);
    use_window(peer, &stream->unread, stream_id, (uint32_t)data.size);
    use_window(peer, &peer->unread, 0, (uint32_t)data.size);
}

void peer_take(struct peer *peer, struct pl_bytes data)
{
    while (data.size > 0) {
        size_t part = peer->left < data.size ? peer->left : data.size;

        if (peer->left > 0) {
            take_payload(peer, (struct pl_bytes){data.data, part});
            peer->left -= (uint32_t)part;
            data.data += part;
            data.size -= part;
            continue;
        }
        peer->head[peer->head_size++] = *data.data++;
        data.size--;
        if (peer->head_size == sizeof peer->head) {
            peer->head_size = 0;
            peer->left = read_u32(peer->head) >> 8;
        }
    }
}
