/*
 * head.h - the head of a response: its HTTP status and its header fields; or a
 * list of trailers. HTTP/2 and HTTP/1.1 each write it in their way.
 *
 * Ownership: it borrows all that is added, until it has been handed on.
 * Limits:    PL_RPC_HEAD_LEN_MAX fields, which those who add keep to.
 */
#ifndef PL_RPC_HEAD_H
#define PL_RPC_HEAD_H

#include "base/bytes.h"
#include "rpc/fields.h"
#include "rpc/limits.h"

#include <stdbool.h>

/* A handler's headers and trailers, what a protocol adds, and what CORS does. */
enum { PL_RPC_HEAD_LEN_MAX = 2 * PL_RPC_FIELDS_LEN_MAX + 24 };

struct pl_rpc_head_field {
    struct pl_bytes name;  /* lower case */
    struct pl_bytes value; /* as on the wire */
    bool lasting;          /* both outlive every connection: need not be copied */
};

struct pl_rpc_head {
    int status; /* HTTP's; 0 for trailers */
    bool sized; /* the body has this size; it is told as content-length */
    size_t size;
    size_t len;
    struct pl_rpc_head_field items[PL_RPC_HEAD_LEN_MAX];
};

void pl_rpc_head_init(struct pl_rpc_head *head, int status);

/* Adds a field, of constants or not. */
void pl_rpc_head_add_lasting(struct pl_rpc_head *head, struct pl_bytes name, struct pl_bytes value);
void pl_rpc_head_add(struct pl_rpc_head *head, struct pl_bytes name, struct pl_bytes value);

/* Adds a field of constants; here, so that the compiler knows their sizes. */
static inline void pl_rpc_head_add_const(struct pl_rpc_head *head, const char *name,
                                         const char *value)
{
    pl_rpc_head_add_lasting(head, pl_bytes_str(name), pl_bytes_str(value));
}

/* How large the body is. */
void pl_rpc_head_set_size(struct pl_rpc_head *head, size_t size);

/* Adds all fields of a list. */
void pl_rpc_head_add_all(struct pl_rpc_head *head, const struct pl_rpc_fields *fields);

#endif
