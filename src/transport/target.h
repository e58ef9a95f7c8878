/*
 * target.h - which server, and how it is spoken to, in one text.
 *
 * "HOST:PORT" and "grpc://HOST:PORT" mean gRPC in the clear, "grpcs://HOST:PORT"
 * gRPC over TLS.
 */
#ifndef PL_TRANSPORT_TARGET_H
#define PL_TRANSPORT_TARGET_H

#include "net/tcp.h"

#include <stdbool.h>
#include <stddef.h>

enum { PL_TARGET_TEXT_SIZE = 320 };

struct pl_target {
    struct pl_address address;
    bool tls;
};

/* PL_E_INVALID where the text is of none of these forms. */
int pl_target_parse(const char *text, struct pl_target *ret_target);

/* Writes it: "HOST:PORT" in the clear, "grpcs://HOST:PORT" over TLS. `size` is at
 * least PL_TARGET_TEXT_SIZE. */
void pl_target_format(const struct pl_target *target, char *text, size_t size);

#endif
