/*
 * descriptor_index.h - which .proto file declares what, from the bytes of a
 * google.protobuf.FileDescriptorSet.
 *
 * Ownership: borrows the bytes of the set, which must outlive it.
 */
#ifndef PL_RPC_DESCRIPTOR_INDEX_H
#define PL_RPC_DESCRIPTOR_INDEX_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

/* A FileDescriptorProto. */
struct pl_rpc_file {
    const char *name;
    struct pl_bytes bytes; /* as they are in the set */
    const struct pl_rpc_file **deps_weak;
    size_t deps_len;
    const char **dep_names;
};

/* An extension field (proto2). */
struct pl_rpc_extension {
    const char *extendee; /* the full name of the message that it extends */
    int32_t number;
    const struct pl_rpc_file *file_weak;
};

struct pl_rpc_descriptor_index {
    struct pl_arena arena; /* holds all of it, but not the bytes of files */
    struct pl_rpc_file *files;
    size_t files_len;
    struct pl_map symbols;
    struct pl_rpc_extension *extensions;
    size_t extensions_len;
    size_t extensions_cap;
};

/* PL_E_NOMEM; PL_E_CORRUPT where the bytes are no FileDescriptorSet, or one that
 * does not hold all that its files import. done() takes what a failure left. */
int pl_rpc_descriptor_index_init(struct pl_rpc_descriptor_index *index, struct pl_bytes set);
void pl_rpc_descriptor_index_done(struct pl_rpc_descriptor_index *index);

/* The file of that name; the one that declares a message, enum, value of an enum,
 * service, method or extension, by its full name; or NULL. */
const struct pl_rpc_file *pl_rpc_file_by_name(const struct pl_rpc_descriptor_index *index,
                                              const char *name);
const struct pl_rpc_file *pl_rpc_file_by_symbol(const struct pl_rpc_descriptor_index *index,
                                                const char *symbol, bool *ret_is_message);

#endif
