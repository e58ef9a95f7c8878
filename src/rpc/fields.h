/*
 * fields.h - a list of header fields, in one run of bytes.
 *
 * Names are lower case. Values are raw: those of "-bin" names are base64 on the
 * wire only.
 *
 * Ownership: the list owns its bytes; what is found in it is borrowed until the
 *            next change.
 */
#ifndef PL_RPC_FIELDS_H
#define PL_RPC_FIELDS_H

#include "base/bytes.h"

#include <stdbool.h>

struct pl_rpc_fields_block;

struct pl_rpc_fields {
    struct pl_rpc_fields_block *block; /* NULL while the list is empty */
    uint32_t size_max;
    uint32_t len;
};

/* An empty list of at most size_max bytes. Allocates nothing. */
void pl_rpc_fields_init(struct pl_rpc_fields *fields, size_t size_max);
void pl_rpc_fields_done(struct pl_rpc_fields *fields);

/* Makes it as new, with the memory that it has, if that is what a list begins with. */
void pl_rpc_fields_reset(struct pl_rpc_fields *fields, size_t size_max);

/* Adds a copy at the end. PL_E_NOMEM, PL_E_LIMIT. */
int pl_rpc_fields_add(struct pl_rpc_fields *fields, struct pl_bytes name, struct pl_bytes value);

/* The first value of that name. */
bool pl_rpc_fields_find(const struct pl_rpc_fields *fields, const char *name,
                        struct pl_bytes *ret_value);

/* Walks the list: start with *pos = 0; false at the end. */
bool pl_rpc_fields_next(const struct pl_rpc_fields *fields, size_t *pos, struct pl_bytes *ret_name,
                        struct pl_bytes *ret_value);

/* Whether the name ends in "-bin". */
bool pl_rpc_field_is_binary(struct pl_bytes name);

/* Whether it is a call's metadata, and not one by which HTTP speaks of the connection
 * or of the body (RFC 9110, section 7.6.1), or a pseudo-header. */
bool pl_rpc_field_is_metadata(struct pl_bytes name);

/* Takes the next item off a list with commas (RFC 9110, section 5.6.1), without the
 * blanks around it; false at the end. An item may be empty. */
bool pl_rpc_list_next(struct pl_bytes *list, struct pl_bytes *ret_item);

/* Adds a field as it came from the wire: of a "-bin" name, each value of the list is
 * decoded and added (PROTOCOL-HTTP2, "Custom-Metadata"). PL_E_INVALID where one is no
 * base64; PL_E_NOMEM, PL_E_LIMIT: some may have been added. */
int pl_rpc_fields_add_wire(struct pl_rpc_fields *fields, struct pl_bytes name,
                           struct pl_bytes value);

/* Adds a field for the wire: a "-bin" value is encoded. PL_E_INVALID where name or
 * value is not allowed as custom metadata (PROTOCOL-HTTP2, "Custom-Metadata"), or
 * the name is one of gRPC's or HTTP's own; PL_E_NOMEM, PL_E_LIMIT. */
int pl_rpc_fields_add_custom(struct pl_rpc_fields *fields, const char *name, struct pl_bytes value);

#endif
