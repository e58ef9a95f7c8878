/*
 * envelope.h - the frame around each message (PROTOCOL-HTTP2,
 * "Length-Prefixed-Message"):
 *
 *     offset  size  what
 *     0       1     flags: bit 0 says that the message is compressed
 *     1       4     size of the message, big-endian
 *     5       size  the message
 *
 * Ownership: a reader owns the part of a message that it holds.
 * Limits:    a message is at most size_max bytes; memory grows with what has come,
 *            not with what was announced.
 */
#ifndef PL_RPC_ENVELOPE_H
#define PL_RPC_ENVELOPE_H

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PL_RPC_ENVELOPE_SIZE = 5,
    PL_RPC_FLAG_COMPRESSED = 1,
};

/* Writes the five bytes. */
void pl_rpc_envelope_write(uint8_t to[PL_RPC_ENVELOPE_SIZE], uint8_t flags, size_t size);

/* The size that the five bytes tell. */
static inline size_t pl_rpc_envelope_message_size(const uint8_t head[PL_RPC_ENVELOPE_SIZE])
{
    return (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
}

struct pl_rpc_reader {
    uint8_t head[PL_RPC_ENVELOPE_SIZE];
    uint8_t head_size; /* how much of it has come */
    size_t size_max;
    struct pl_bytebuf body; /* what has come of the message */
};

void pl_rpc_reader_init(struct pl_rpc_reader *reader, size_t size_max);
void pl_rpc_reader_done(struct pl_rpc_reader *reader);

/* What a step of reading has come to. */
enum pl_rpc_read {
    PL_RPC_READ_MORE,    /* all of the input is used up */
    PL_RPC_READ_HEAD,    /* the five bytes are there: flags and size are known */
    PL_RPC_READ_MESSAGE, /* a whole message */
};

/* Takes bytes off the front of `data` until one of the above holds. `ret_message`
 * is good until the next call, and as long as the input is. PL_E_LIMIT where the
 * message is over size_max, PL_E_NOMEM. */
int pl_rpc_reader_feed(struct pl_rpc_reader *reader, struct pl_bytes *data,
                       struct pl_bytes *ret_message);

/* Takes a message off the front of `data` that lies there whole, without flags, while the
 * reader holds nothing of another; false, and nothing is taken, where that is not so.
 * For many small messages: the reader knows no more of it, not even its size. */
static inline bool pl_rpc_reader_take_plain(const struct pl_rpc_reader *reader,
                                            struct pl_bytes *data, struct pl_bytes *ret_message)
{
    struct pl_bytes rest = *data;
    size_t size;

    if (reader->head_size > 0 || reader->body.size > 0 || rest.size < PL_RPC_ENVELOPE_SIZE ||
        rest.data[0] != 0)
        return false;
    size = pl_rpc_envelope_message_size(rest.data);
    rest.data += PL_RPC_ENVELOPE_SIZE;
    rest.size -= PL_RPC_ENVELOPE_SIZE;
    if (size > rest.size || size > reader->size_max)
        return false;
    *ret_message = (struct pl_bytes){rest.data, size};
    *data = (struct pl_bytes){rest.data + size, rest.size - size};
    return true;
}

/* Takes bytes that have no envelope: all of them are one message. Errors as above.
 * And what has come of it, good until the next call. */
int pl_rpc_reader_feed_bare(struct pl_rpc_reader *reader, struct pl_bytes data);
struct pl_bytes pl_rpc_reader_bare(const struct pl_rpc_reader *reader);

/* Makes the message just returned outlive the input: until the next call. */
int pl_rpc_reader_keep(struct pl_rpc_reader *reader, struct pl_bytes *message);

/* Gives back the memory of the message just returned. */
void pl_rpc_reader_drop(struct pl_rpc_reader *reader);

/* Makes it as new, with what little memory it has, if it is little. */
void pl_rpc_reader_reset(struct pl_rpc_reader *reader, size_t size_max);

/* Of the message under way, once its head is there. */
uint8_t pl_rpc_reader_flags(const struct pl_rpc_reader *reader);
size_t pl_rpc_reader_size(const struct pl_rpc_reader *reader);

/* Whether it stands between two messages. */
bool pl_rpc_reader_between(const struct pl_rpc_reader *reader);

/* How many bytes of a message it holds. */
size_t pl_rpc_reader_held(const struct pl_rpc_reader *reader);

/* Follows messages that pass by, without holding them: where are their ends? */
struct pl_rpc_tracker {
    uint8_t head[PL_RPC_ENVELOPE_SIZE];
    uint8_t head_size;
    uint32_t left; /* bytes of the message still to come */
};

void pl_rpc_tracker_pass(struct pl_rpc_tracker *tracker, struct pl_bytes data);
bool pl_rpc_tracker_between(const struct pl_rpc_tracker *tracker);

#endif
