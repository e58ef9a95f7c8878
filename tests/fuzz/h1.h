/*
 * h1.h - requests of HTTP/1.1 out of an input: gRPC-Web, Connect and what browsers
 * send, right in their form more often than chance would have it; and a look at the
 * responses.
 */
#ifndef PL_FUZZ_H1_H
#define PL_FUZZ_H1_H

#include "fuzz.h"

#include <llhttp.h>

/* Appends what the input asks for: a byte that says what, then its parts. */
void fuzz_h1_add(struct fuzz_input *input, struct pl_bytebuf *out);

/* Reads responses as a client does. */
struct fuzz_h1_check {
    llhttp_t parser;
    llhttp_settings_t settings;
};

void fuzz_h1_check_init(struct fuzz_h1_check *check);

/* Aborts where they are no HTTP/1.1. None may answer HEAD: whether a body follows
 * is not known then. */
void fuzz_h1_check_pass(struct fuzz_h1_check *check, struct pl_bytes data);

#endif
