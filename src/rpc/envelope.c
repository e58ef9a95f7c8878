/*
 * envelope.c - a message that lies whole in the input is not copied; one that
 * comes in parts is gathered.
 */
#include "rpc/envelope.h"

#include "base/assert.h"
#include "base/err.h"

#include <string.h>

enum { KEPT_CAP_MAX = 1024 }; /* of a small message */

void pl_rpc_envelope_write(uint8_t to[PL_RPC_ENVELOPE_SIZE], uint8_t flags, size_t size)
{
    PL_ASSERT(size <= UINT32_MAX);
    to[0] = flags;
    to[1] = (uint8_t)(size >> 24 & 0xff);
    to[2] = (uint8_t)(size >> 16 & 0xff);
    to[3] = (uint8_t)(size >> 8 & 0xff);
    to[4] = (uint8_t)(size & 0xff);
}

static void advance(struct pl_bytes *data, size_t size)
{
    if (size == 0)
        return;
    data->data += size;
    data->size -= size;
}

void pl_rpc_reader_init(struct pl_rpc_reader *reader, size_t size_max)
{
    *reader = (struct pl_rpc_reader){.size_max = size_max};
    pl_bytebuf_init(&reader->body, size_max);
}

void pl_rpc_reader_done(struct pl_rpc_reader *reader)
{
    pl_bytebuf_done(&reader->body);
    reader->head_size = 0;
}

static int feed_head(struct pl_rpc_reader *reader, struct pl_bytes *data)
{
    size_t size = sizeof reader->head - reader->head_size;

    if (size > data->size)
        size = data->size;
    if (size > 0)
        memcpy(reader->head + reader->head_size, data->data, size);
    reader->head_size = (uint8_t)(reader->head_size + size);
    advance(data, size);
    if (reader->head_size < sizeof reader->head)
        return PL_RPC_READ_MORE;
    if (pl_rpc_reader_size(reader) > reader->size_max)
        return PL_E_LIMIT;
    return PL_RPC_READ_HEAD;
}

int pl_rpc_reader_feed(struct pl_rpc_reader *reader, struct pl_bytes *data,
                       struct pl_bytes *ret_message)
{
    size_t size;

    if (reader->head_size < sizeof reader->head) {
        if (reader->head_size == 0 && data->size > 0)
            pl_rpc_reader_drop(reader); /* of the message before */
        return feed_head(reader, data);
    }

    size = pl_rpc_reader_size(reader);
    if (reader->body.size == 0 && data->size >= size) {
        *ret_message = (struct pl_bytes){data->data, size};
        advance(data, size);
        reader->head_size = 0;
        return PL_RPC_READ_MESSAGE;
    }
    if (size - reader->body.size > data->size)
        size = data->size;
    else
        size -= reader->body.size;
    pl_bytebuf_append(&reader->body, data->data, size);
    if (reader->body.err < 0)
        return reader->body.err;
    advance(data, size);
    if (reader->body.size < pl_rpc_reader_size(reader))
        return PL_RPC_READ_MORE;
    *ret_message = (struct pl_bytes){reader->body.data, reader->body.size};
    reader->head_size = 0;
    return PL_RPC_READ_MESSAGE;
}

int pl_rpc_reader_feed_bare(struct pl_rpc_reader *reader, struct pl_bytes data)
{
    pl_bytebuf_append(&reader->body, data.data, data.size);
    return reader->body.err;
}

struct pl_bytes pl_rpc_reader_bare(const struct pl_rpc_reader *reader)
{
    return (struct pl_bytes){reader->body.data, reader->body.size};
}

int pl_rpc_reader_keep(struct pl_rpc_reader *reader, struct pl_bytes *message)
{
    if (message->data == reader->body.data || message->size == 0)
        return PL_OK;
    pl_bytebuf_append(&reader->body, message->data, message->size);
    if (reader->body.err < 0)
        return reader->body.err;
    message->data = reader->body.data;
    return PL_OK;
}

void pl_rpc_reader_drop(struct pl_rpc_reader *reader)
{
    pl_bytebuf_done(&reader->body);
    reader->body.size_max = reader->size_max;
}

void pl_rpc_reader_reset(struct pl_rpc_reader *reader, size_t size_max)
{
    struct pl_bytebuf body = reader->body;

    if (body.cap > KEPT_CAP_MAX)
        pl_bytebuf_done(&body);
    pl_bytebuf_clear(&body);
    body.size_max = size_max;
    *reader = (struct pl_rpc_reader){.size_max = size_max, .body = body};
}

uint8_t pl_rpc_reader_flags(const struct pl_rpc_reader *reader)
{
    return reader->head[0];
}

size_t pl_rpc_reader_size(const struct pl_rpc_reader *reader)
{
    return pl_rpc_envelope_message_size(reader->head);
}

bool pl_rpc_reader_between(const struct pl_rpc_reader *reader)
{
    return reader->head_size == 0;
}

size_t pl_rpc_reader_held(const struct pl_rpc_reader *reader)
{
    return reader->body.size;
}

/* The message under way, or its head, goes by. */
static void pass_part(struct pl_rpc_tracker *tracker, struct pl_bytes *data)
{
    size_t size = tracker->left;

    if (size > 0) {
        if (size > data->size)
            size = data->size;
        tracker->left -= (uint32_t)size;
        advance(data, size);
        return;
    }
    size = sizeof tracker->head - tracker->head_size;
    if (size > data->size)
        size = data->size;
    memcpy(tracker->head + tracker->head_size, data->data, size);
    tracker->head_size = (uint8_t)(tracker->head_size + size);
    advance(data, size);
    if (tracker->head_size == sizeof tracker->head) {
        tracker->head_size = 0;
        tracker->left = (uint32_t)pl_rpc_envelope_message_size(tracker->head);
    }
}

void pl_rpc_tracker_pass(struct pl_rpc_tracker *tracker, struct pl_bytes data)
{
    while (data.size > 0) {
        /* whole messages need no state */
        while (pl_rpc_tracker_between(tracker) && data.size >= PL_RPC_ENVELOPE_SIZE &&
               data.size - PL_RPC_ENVELOPE_SIZE >= pl_rpc_envelope_message_size(data.data))
            advance(&data, PL_RPC_ENVELOPE_SIZE + pl_rpc_envelope_message_size(data.data));
        if (data.size > 0)
            pass_part(tracker, &data);
    }
}

bool pl_rpc_tracker_between(const struct pl_rpc_tracker *tracker)
{
    return tracker->left == 0 && tracker->head_size == 0;
}
