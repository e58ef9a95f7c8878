/*
 * input.h - messages from bytes that come in pieces.
 *
 * Messages that lie whole in what came are parsed where they are; only an
 * unfinished one is kept, and only that one is copied.
 *
 * Threads:   none of its own.
 * Ownership: owns what is kept.
 * Limits:    a message of at most PL_PEER_MESSAGE_SIZE_MAX bytes.
 */
#ifndef PL_BENCH_PEERS_INPUT_H
#define PL_BENCH_PEERS_INPUT_H

#include "base/bytes.h"

enum { PL_PEER_MESSAGE_SIZE_MAX = 64 * 1024 };

struct pl_peer_input {
    struct pl_bytebuf rest;
};

/* Takes one message from the front of the data, which is borrowed. Returns how many
 * bytes it had, 0 where its end is still missing, or a negative enum pl_err. A
 * message never has more than the data. */
typedef int pl_peer_parse_fn(void *self, struct pl_bytes data);

void pl_peer_input_init(struct pl_peer_input *input);
void pl_peer_input_done(struct pl_peer_input *input);

/* Parses all messages whose end is there. Errors: those of `parse`; PL_E_LIMIT for a
 * message too long, PL_E_NOMEM. */
int pl_peer_input_feed(struct pl_peer_input *input, struct pl_bytes data, pl_peer_parse_fn *parse,
                       void *self);

/* A line from the front of the data, without its CR LF. Returns the size with them,
 * or 0 where they are missing. */
int pl_peer_line(struct pl_bytes data, struct pl_bytes *ret_line);

/* The last word of the text, which then is the text before it; empty where there is none. */
struct pl_bytes pl_peer_last_word(struct pl_bytes *text);

/* A number of one digit or more, and nothing else. Errors: PL_E_PROTO; also where it is
 * more than PL_PEER_MESSAGE_SIZE_MAX. */
int pl_peer_number(struct pl_bytes text, uint32_t *ret_number);

#endif
