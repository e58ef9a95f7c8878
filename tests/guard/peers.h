/*
 * peers.h - clients of HTTP/2 made of bytes: each connection carries some streams
 * of messages, and reads all of them.
 *
 * Windows are given back as they are used up, by half of them at a time.
 */
#ifndef GUARD_PEERS_H
#define GUARD_PEERS_H

#include "base/bytes.h"

#include <stdbool.h>

/* A stream, as its subscriber sees it. */
struct peer_stream {
    uint32_t unread; /* of its window, in bytes */
    uint8_t head[5]; /* of the message under way */
    uint32_t head_size;
    uint32_t left;     /* of its bytes */
    uint64_t messages; /* whole ones */
    uint64_t hash;     /* of all bytes */
};

struct peer {
    struct peer_stream *streams;
    uint32_t streams_len;
    uint32_t unread; /* of the connection's window */
    uint8_t head[9]; /* of the frame under way */
    uint32_t head_size;
    uint32_t left;           /* of its payload */
    struct pl_bytebuf to_be; /* bytes for the server */
};

/* A client that opens so many streams at `path`; `to_be` has its first bytes. */
void peer_init(struct peer *peer, uint32_t streams_len, const char *path);
void peer_done(struct peer *peer);

/* Takes what the server has sent; `to_be` then has what is to be said to it. */
void peer_take(struct peer *peer, struct pl_bytes data);

#endif
