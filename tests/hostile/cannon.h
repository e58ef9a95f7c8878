/*
 * cannon.h - peers that mean harm, many at once and cheap: bytes from a file, over and
 * over, from several addresses.
 *
 * A peer connects, sends `open`, then `again` from its start to its end, over and over. What the
 * bytes say is not its concern. A peer that is hung up on connects again at once.
 *
 * Threads: one.
 */
#ifndef HOSTILE_CANNON_H
#define HOSTILE_CANNON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cannon_read {
    CANNON_READ_ALL,
    CANNON_READ_NONE,
    CANNON_READ_FIRST, /* and hang up once something has come */
};

struct cannon_shot {
    uint8_t *data;
    size_t size;
};

struct cannon_options {
    struct sockaddr_in server;
    uint32_t from_first, from_len; /* source addresses: 127.0.0.from_first, … */
    uint32_t connections;
    struct cannon_shot open, again;
    uint32_t chunk_size;   /* sent at a time; 0: as much as goes */
    uint32_t every_ms;     /* between two times; 0: no pause */
    uint32_t connect_rate; /* connections begun in a second; 0: as they come */
    bool next_ids;         /* stream ids of HTTP/2 go on where the last time ended */
    bool tls;              /* a handshake comes first */
    bool key_updates;      /* over TLS: each time also asks for new keys */
    enum cannon_read read;
};

/* False, and said why on standard error, where they are not understood. */
bool cannon_options_parse(int argc, char **argv, struct cannon_options *ret_options);

#endif
