/*
 * h2.h - HTTP/2 frames out of an input, right in their form more often than
 * chance would have it; and a look at those that come back.
 */
#ifndef PL_FUZZ_H2_H
#define PL_FUZZ_H2_H

#include "fuzz.h"

/* Appends what the input asks for: a byte that says which kind of frame, then its
 * parts. `to_server`: HEADERS are requests, else responses. */
void fuzz_h2_add(struct fuzz_input *input, bool to_server, struct pl_bytebuf *out);

/* The client's preface and an empty SETTINGS. */
void fuzz_h2_preface(struct pl_bytebuf *out);

enum { FUZZ_H2_STREAMS_LEN = 1024 };

/* Follows frames as they are sent. */
struct fuzz_h2_check {
    bool from_server;
    size_t skip; /* bytes of the client's preface still to come */
    uint8_t head[9];
    size_t head_size;
    size_t left;                          /* of the payload */
    bool in_headers;                      /* a CONTINUATION must follow */
    uint8_t streams[FUZZ_H2_STREAMS_LEN]; /* by id; see h2.c */
};

void fuzz_h2_check_init(struct fuzz_h2_check *check, bool from_server);

/* Aborts where the frames break RFC 9113. */
void fuzz_h2_check_pass(struct fuzz_h2_check *check, struct pl_bytes data);

#endif
