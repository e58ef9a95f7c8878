/*
 * stream_ids.h - which identifiers of streams a peer has passed over.
 *
 * A new stream closes those of lower identifiers that were never used (RFC 9113,
 * section 5.1.1): to use one later is an error of the connection, while a frame for a
 * stream that was used and has closed is none. nghttp2 knows open streams only, and
 * takes both for the latter.
 */
#ifndef PL_RPC_STREAM_IDS_H
#define PL_RPC_STREAM_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Clients seldom pass over any; gaps before the last so many are forgotten. */
enum { PL_RPC_STREAM_GAPS_MAX = 8 };

struct pl_rpc_stream_gap {
    int32_t first;
    int32_t last;
};

/* All zero to begin with. */
struct pl_rpc_stream_ids {
    int32_t next; /* no higher one was used */
    uint32_t gaps_len;
    struct pl_rpc_stream_gap *gaps; /* NULL until there is one */
};

void pl_rpc_stream_ids_done(struct pl_rpc_stream_ids *ids);

/* HEADERS have come for that stream of the client's. False: it was passed over. Where
 * memory is short, what is passed over now is forgotten. */
bool pl_rpc_stream_ids_use(struct pl_rpc_stream_ids *ids, int32_t stream_id);

#endif
