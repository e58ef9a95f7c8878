/* raw.c - see raw.h. */
#include "raw.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

enum { HEAD_SIZE = 9, BLOCK_SIZE_MAX = 64 * 1024 };

void raw_init(struct raw *raw)
{
    raw->out_size = raw->in_size = raw->frames_len = 0;
    PL_ASSERT(nghttp2_hd_inflate_new(&raw->inflater) == 0);
}

void raw_done(struct raw *raw)
{
    nghttp2_hd_inflate_del(raw->inflater);
}

void raw_clear(struct raw *raw)
{
    raw->frames_len = 0;
}

void raw_bytes(struct raw *raw, const void *data, size_t size)
{
    PL_ASSERT(size <= sizeof raw->out - raw->out_size);
    if (size > 0)
        memcpy(raw->out + raw->out_size, data, size);
    raw->out_size += size;
}

void raw_frame(struct raw *raw, uint8_t type, uint8_t flags, int32_t stream_id, const void *data,
               size_t size)
{
    uint32_t id = (uint32_t)stream_id;
    const uint8_t head[HEAD_SIZE] = {
        (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size,      type,        flags,
        (uint8_t)(id >> 24),   (uint8_t)(id >> 16),  (uint8_t)(id >> 8), (uint8_t)id,
    };

    raw_bytes(raw, head, sizeof head);
    raw_bytes(raw, data, size);
}

void raw_preface(struct raw *raw)
{
    raw_bytes(raw, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* A string literal of HPACK, without Huffman (RFC 7541, section 5.2). */
static size_t put_string(uint8_t *to, const char *str)
{
    size_t size = strlen(str), at = 0, rest = size;

    if (size < 127) {
        to[at++] = (uint8_t)size;
    } else {
        to[at++] = 127;
        rest -= 127;
        while (rest >= 128) {
            to[at++] = (uint8_t)(0x80 | (rest & 0x7f));
            rest >>= 7;
        }
        to[at++] = (uint8_t)rest;
    }
    memcpy(to + at, str, size);
    return at + size;
}

static size_t put_fields(uint8_t *to, const char *const *fields)
{
    size_t at = 0;

    for (; fields != NULL && fields[0] != NULL; fields += 2) {
        to[at++] = 0; /* literal, not indexed, new name */
        at += put_string(to + at, fields[0]);
        at += put_string(to + at, fields[1]);
    }
    return at;
}

void raw_headers(struct raw *raw, int32_t stream_id, uint8_t flags, const char *const *fields)
{
    static uint8_t block[BLOCK_SIZE_MAX];
    size_t size = put_fields(block, fields);

    raw_frame(raw, NGHTTP2_HEADERS, flags, stream_id, block, size);
}

void raw_request(struct raw *raw, int32_t stream_id, uint8_t flags, const char *path,
                 const char *const *extra)
{
    static uint8_t block[BLOCK_SIZE_MAX];
    const char *const fields[] = {
        ":method", "POST", ":scheme",  "http",         ":authority",       "test", ":path",
        path,      "te",   "trailers", "content-type", "application/grpc", NULL,
    };
    size_t size = put_fields(block, fields);

    size += put_fields(block + size, extra);
    raw_frame(raw, NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS, stream_id, block, size);
}

static void parse_headers(struct raw *raw, struct raw_frame *frame, const uint8_t *data,
                          size_t size)
{
    size_t at = 0;

    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(raw->inflater, &nv, &flags, data, size, 1);

        PL_ASSERT(used >= 0);
        data += used;
        size -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && at < sizeof frame->text)
            at += (size_t)snprintf(frame->text + at, sizeof frame->text - at, "%.*s: %.*s\n",
                                   (int)nv.namelen, nv.name, (int)nv.valuelen, nv.value);
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            nghttp2_hd_inflate_end_headers(raw->inflater);
            return;
        }
        if (used == 0 && (flags & NGHTTP2_HD_INFLATE_EMIT) == 0)
            return;
    }
}

static uint32_t read_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void copy_text(struct raw_frame *frame, const uint8_t *data, size_t size)
{
    if (size > sizeof frame->text - 1)
        size = sizeof frame->text - 1;
    if (size > 0)
        memcpy(frame->text, data, size);
    frame->text[size] = 0;
}

static void parse_frame(struct raw *raw, const uint8_t *head, size_t size)
{
    struct raw_frame *frame = &raw->frames[raw->frames_len++];
    const uint8_t *data = head + HEAD_SIZE;

    PL_ASSERT(raw->frames_len < RAW_FRAMES_MAX);
    *frame = (struct raw_frame){
        .type = head[3], .flags = head[4], .stream_id = (int32_t)read_u32(head + 5), .size = size};
    if (frame->type == NGHTTP2_HEADERS)
        parse_headers(raw, frame, data, size);
    if (frame->type == NGHTTP2_DATA)
        copy_text(frame, data, size);
    if (frame->type == NGHTTP2_RST_STREAM)
        frame->error_code = read_u32(data);
    if (frame->type == NGHTTP2_WINDOW_UPDATE)
        frame->increment = read_u32(data);
    if (frame->type == NGHTTP2_GOAWAY) {
        frame->error_code = read_u32(data + 4);
        copy_text(frame, data + 8, size - 8);
    }
}

void raw_take(struct raw *raw, struct pl_bytes data)
{
    size_t at = 0;

    PL_ASSERT(data.size <= sizeof raw->in - raw->in_size);
    memcpy(raw->in + raw->in_size, data.data, data.size);
    raw->in_size += data.size;
    while (raw->in_size - at >= HEAD_SIZE) {
        const uint8_t *head = raw->in + at;
        size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        if (raw->in_size - at < HEAD_SIZE + size)
            break;
        parse_frame(raw, head, size);
        at += HEAD_SIZE + size;
    }
    raw->in_size -= at;
    memmove(raw->in, raw->in + at, raw->in_size);
}

const struct raw_frame *raw_find(const struct raw *raw, uint8_t type, int32_t stream_id)
{
    for (size_t i = 0; i < raw->frames_len; i++)
        if (raw->frames[i].type == type && (stream_id < 0 || raw->frames[i].stream_id == stream_id))
            return &raw->frames[i];
    return NULL;
}

bool raw_has_field(const struct raw *raw, int32_t stream_id, const char *line)
{
    char whole[256];

    snprintf(whole, sizeof whole, "%s\n", line);
    for (size_t i = 0; i < raw->frames_len; i++)
        if (raw->frames[i].type == NGHTTP2_HEADERS && raw->frames[i].stream_id == stream_id &&
            strstr(raw->frames[i].text, whole) != NULL)
            return true;
    return false;
}
