/*
 * h2.c - a length that is right and a set of fields that belongs together would
 * take libFuzzer long to find; so they are made here, and everything else is left
 * to it.
 */
#include "h2.h"

#include "base/assert.h"
#include "rpc/envelope.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

enum { BLOCK_SIZE_MAX = 16384, FIELDS_LEN_MAX = 8 };

struct text_field {
    const char *name;
    const char *value;
};

static const char *const paths[] = {
    "/fuzz.Kinds/Echo",
    "/fuzz.Kinds/Many",
    "/fuzz.Kinds/Count",
    "/fuzz.Kinds/Talk",
    "/fuzz.Kinds/Wait",
    "/fuzz.Kinds/WaitAll",
    "/fuzz.Kinds/Early",
    "/fuzz.Kinds/Source",
    "/fuzz.Kinds/None",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/healthz",
};

/* What either side may add to its headers. */
static const struct text_field fields[] = {
    {"grpc-timeout", "100m"},
    {"grpc-timeout", "1S"},
    {"grpc-timeout", "1n"},
    {"grpc-timeout", "x"},
    {"grpc-encoding", "identity"},
    {"grpc-encoding", "gzip"},
    {"grpc-encoding", "br"},
    {"grpc-accept-encoding", "gzip, identity"},
    {"x-in-bin", "AAEC"},
    {"x-in-bin", "AAE=,AAEC"},
    {"x-in-bin", "*"},
    {"authorization", "Bearer t"},
    {"content-length", "5"},
    {"content-length", "0"},
    {"te", "gzip"},
    {"connection", "close"},
    {"content-type", "text/plain"},
    {"content-type", "application/grpc+proto"},
    {":status", "200"},
    {":status", "100"},
    {":status", "503"},
    {"grpc-status", "0"},
    {"grpc-status", "5"},
    {"grpc-status", "99"},
    {"grpc-status", "-1"},
    {"grpc-message", "no%20such%zzroom"},
    {"grpc-status-details-bin", "CAUSAm5v"},
    {"grpc-status-details-bin", "*"},
    {"grpc-retry-pushback-ms", "100"},
    {":path", "/fuzz.Kinds/Echo"},
    {":method", "GET"},
    {"Upper", "case"},
    {"content-type", "application/json"},
    {"content-type", "application/proto"},
    {"content-type", "application/connect+json"},
    {"content-type", "application/connect+proto"},
    {"content-type", "application/grpc-web+proto"},
    {"content-type", "application/grpc-web-text"},
    {"content-type", "application/grpc+json"},
    {"connect-protocol-version", "1"},
    {"connect-timeout-ms", "100"},
    {"connect-content-encoding", "gzip"},
    {"connect-accept-encoding", "gzip"},
    {"content-encoding", "gzip"},
    {"accept-encoding", "gzip, br"},
    {"grpc-accept-encoding", "gzip"},
    {"origin", "https://example.org"},
    {"access-control-request-method", "POST"},
    {"x-grpc-web", "1"},
};

enum { PATHS_LEN = sizeof paths / sizeof paths[0], FIELDS_LEN = sizeof fields / sizeof fields[0] };

/* A header block: literals, without Huffman or index (RFC 7541, section 6.2.2). */
struct block {
    uint8_t data[BLOCK_SIZE_MAX];
    size_t size;
};

static void put_string(struct block *block, struct pl_bytes text)
{
    PL_ASSERT(text.size < 127 && block->size + text.size + 1 <= sizeof block->data);
    block->data[block->size++] = (uint8_t)text.size;
    if (text.size > 0)
        memcpy(block->data + block->size, text.data, text.size);
    block->size += text.size;
}

static void put_field(struct block *block, struct pl_bytes name, struct pl_bytes value)
{
    PL_ASSERT(block->size < sizeof block->data);
    block->data[block->size++] = 0;
    put_string(block, name);
    put_string(block, value);
}

static void put_text(struct block *block, const char *name, const char *value)
{
    put_field(block, pl_bytes_str(name), pl_bytes_str(value));
}

static void put_request(struct block *block, uint8_t path)
{
    if (path == 255)
        return;
    put_text(block, ":method", "POST");
    put_text(block, ":scheme", "http");
    put_text(block, ":path", paths[path % PATHS_LEN]);
    if (path >= 128)
        return;
    put_text(block, ":authority", "fuzz");
    put_text(block, "te", "trailers");
    put_text(block, "content-type", "application/grpc");
}

static void put_response(struct block *block, uint8_t kind)
{
    switch (kind % 4) {
    case 0: /* headers */
        put_text(block, ":status", "200");
        put_text(block, "content-type", "application/grpc");
        break;
    case 1: /* trailers */
        put_text(block, "grpc-status", "0");
        break;
    case 2: /* both */
        put_text(block, ":status", "200");
        put_text(block, "content-type", "application/grpc");
        put_text(block, "grpc-status", "7");
        put_text(block, "grpc-message", "you%20may%20not");
        break;
    default:
        break;
    }
}

/* Fields of the list, or, where it ends, of the input's own bytes. */
static void put_more(struct block *block, struct fuzz_input *input)
{
    for (unsigned len = fuzz_byte(input) % (FIELDS_LEN_MAX + 1); len > 0; len--) {
        uint8_t which = fuzz_byte(input);

        if (which < FIELDS_LEN) {
            put_text(block, fields[which].name, fields[which].value);
        } else {
            struct pl_bytes name = fuzz_take(input, fuzz_byte(input) % 32);

            put_field(block, name, fuzz_take(input, fuzz_byte(input) % 127));
        }
    }
}

static int32_t stream_of(struct fuzz_input *input)
{
    uint8_t byte = fuzz_byte(input);

    return byte == 255 ? INT32_MAX : byte;
}

static void put_head(struct pl_bytebuf *out, size_t size, uint8_t type, uint8_t flags, int32_t id)
{
    const uint8_t head[] = {
        (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size,      type,        flags,
        (uint8_t)(id >> 24),   (uint8_t)(id >> 16),  (uint8_t)(id >> 8), (uint8_t)id,
    };

    pl_bytebuf_append(out, head, sizeof head);
}

static void put_frame(struct pl_bytebuf *out, uint8_t type, uint8_t flags, int32_t id,
                      struct pl_bytes data)
{
    put_head(out, data.size, type, flags, id);
    pl_bytebuf_append(out, data.data, data.size);
}

static void put_number(struct pl_bytebuf *out, uint8_t type, int32_t id, uint32_t number)
{
    const uint8_t data[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                            (uint8_t)(number >> 8), (uint8_t)number};

    put_frame(out, type, 0, id, (struct pl_bytes){data, sizeof data});
}

static void add_headers(struct fuzz_input *input, bool to_server, struct pl_bytebuf *out)
{
    static struct block block;
    int32_t id = stream_of(input);
    uint8_t flags = fuzz_byte(input) ^ NGHTTP2_FLAG_END_HEADERS; /* 0 is a good start */

    block.size = 0;
    if (to_server)
        put_request(&block, fuzz_byte(input));
    else
        put_response(&block, fuzz_byte(input));
    put_more(&block, input);
    if ((flags & NGHTTP2_FLAG_END_HEADERS) == 0 && block.size > 10) {
        put_frame(out, NGHTTP2_HEADERS, flags, id, (struct pl_bytes){block.data, 10});
        put_frame(out, NGHTTP2_CONTINUATION,
                  fuzz_byte(input) % 2 == 0 ? NGHTTP2_FLAG_END_HEADERS : 0, id,
                  (struct pl_bytes){block.data + 10, block.size - 10});
    } else {
        put_frame(out, NGHTTP2_HEADERS, flags, id, (struct pl_bytes){block.data, block.size});
    }
}

/* DATA with an enveloped message: `size` bytes of it are there, but it may claim
 * to have more. */
static void add_message(struct fuzz_input *input, struct pl_bytebuf *out)
{
    int32_t id = stream_of(input);
    uint8_t flags = fuzz_byte(input) & NGHTTP2_FLAG_END_STREAM, envelope = fuzz_byte(input);
    size_t size = fuzz_short(input) % 16000, claimed = size;
    uint8_t head[PL_RPC_ENVELOPE_SIZE];

    if (envelope & 0x40)
        claimed += (size_t)fuzz_short(input) << (fuzz_byte(input) % 17);
    pl_rpc_envelope_write(head, envelope & 3, claimed & UINT32_MAX);
    put_head(out, sizeof head + size, NGHTTP2_DATA, flags, id);
    pl_bytebuf_append(out, head, sizeof head);
    for (size_t i = 0; i < size; i++)
        pl_bytebuf_append_byte(out, (uint8_t)(1 + i % 251));
}

static void add_setting(struct fuzz_input *input, struct pl_bytebuf *out)
{
    uint8_t id = fuzz_byte(input);
    uint32_t value = (uint32_t)fuzz_short(input) << (fuzz_byte(input) % 17);
    const uint8_t data[] = {0,
                            id,
                            (uint8_t)(value >> 24),
                            (uint8_t)(value >> 16),
                            (uint8_t)(value >> 8),
                            (uint8_t)value};

    put_frame(out, NGHTTP2_SETTINGS, id == 255 ? NGHTTP2_FLAG_ACK : 0, 0,
              (struct pl_bytes){data, id == 255 ? 0 : sizeof data});
}

void fuzz_h2_add(struct fuzz_input *input, bool to_server, struct pl_bytebuf *out)
{
    uint8_t type, flags;
    int32_t id;

    switch (fuzz_byte(input) % 8) {
    case 0:
    case 1:
        add_headers(input, to_server, out);
        return;
    case 2:
        add_message(input, out);
        return;
    case 3:
        add_setting(input, out);
        return;
    case 4:
        id = stream_of(input);
        put_number(out, NGHTTP2_WINDOW_UPDATE, id,
                   (uint32_t)fuzz_short(input) << (fuzz_byte(input) % 16));
        return;
    case 5:
        id = stream_of(input);
        put_number(out, NGHTTP2_RST_STREAM, id, fuzz_byte(input));
        return;
    case 6: {
        struct pl_bytes bytes = fuzz_take(input, fuzz_byte(input));

        pl_bytebuf_append(out, bytes.data, bytes.size);
        return;
    }
    default:
        type = fuzz_byte(input);
        flags = fuzz_byte(input);
        id = stream_of(input);
        put_frame(out, type % 12, flags, id, fuzz_take(input, fuzz_byte(input)));
    }
}

void fuzz_h2_preface(struct pl_bytebuf *out)
{
    pl_bytebuf_append(out, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    put_frame(out, NGHTTP2_SETTINGS, 0, 0, (struct pl_bytes){NULL, 0});
}

/* What has been sent on a stream. */
enum { HAS_HEADERS = 1, HAS_ENDED = 2, HAS_RESET = 4 };

void fuzz_h2_check_init(struct fuzz_h2_check *check, bool from_server)
{
    *check = (struct fuzz_h2_check){.from_server = from_server};
    check->skip = from_server ? 0 : NGHTTP2_CLIENT_MAGIC_LEN;
}

/* RFC 9113, section 5.1: what a stream's state allows. */
static void check_stream(struct fuzz_h2_check *check, uint8_t type, uint8_t flags, uint32_t id)
{
    uint8_t *state;

    PL_ASSERT(id != 0);
    if (id >= FUZZ_H2_STREAMS_LEN)
        return;
    state = &check->streams[id];
    if (type == NGHTTP2_RST_STREAM) {
        *state |= HAS_RESET;
        return;
    }
    PL_ASSERT((*state & HAS_RESET) == 0);
    if (type == NGHTTP2_WINDOW_UPDATE)
        return;
    PL_ASSERT((*state & HAS_ENDED) == 0);
    if (type == NGHTTP2_DATA)
        PL_ASSERT((*state & HAS_HEADERS) != 0);
    if (type == NGHTTP2_HEADERS) {
        *state |= HAS_HEADERS;
        check->in_headers = (flags & NGHTTP2_FLAG_END_HEADERS) == 0;
    }
    if ((flags & NGHTTP2_FLAG_END_STREAM) != 0)
        *state |= HAS_ENDED;
}

static void check_frame(struct fuzz_h2_check *check)
{
    const uint8_t *head = check->head;
    size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    uint8_t type = head[3], flags = head[4];
    uint32_t id =
        (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];

    check->left = size;
    if (check->in_headers) {
        PL_ASSERT(type == NGHTTP2_CONTINUATION);
        check->in_headers = (flags & NGHTTP2_FLAG_END_HEADERS) == 0;
        return;
    }
    switch (type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM:
        check_stream(check, type, flags, id);
        return;
    case NGHTTP2_WINDOW_UPDATE:
        PL_ASSERT(size == 4);
        if (id != 0)
            check_stream(check, type, flags, id);
        return;
    case NGHTTP2_SETTINGS:
        PL_ASSERT(id == 0 && size % 6 == 0);
        PL_ASSERT((flags & NGHTTP2_FLAG_ACK) == 0 || size == 0);
        return;
    case NGHTTP2_PING:
        PL_ASSERT(id == 0 && size == 8);
        return;
    default:
        PL_ASSERT(type == NGHTTP2_GOAWAY && id == 0 && size >= 8);
    }
}

void fuzz_h2_check_pass(struct fuzz_h2_check *check, struct pl_bytes data)
{
    while (data.size > 0) {
        size_t *gap = check->skip > 0 ? &check->skip : &check->left;

        if (*gap > 0) {
            size_t size = *gap < data.size ? *gap : data.size;

            *gap -= size;
            data.data += size;
            data.size -= size;
            continue;
        }
        check->head[check->head_size++] = *data.data++;
        data.size--;
        if (check->head_size == sizeof check->head) {
            check->head_size = 0;
            check_frame(check);
        }
    }
}
