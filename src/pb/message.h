/*
 * message.h - protobuf messages in and out, with everything checked.
 *
 * protobuf-c takes invalid UTF-8 and cuts strings at U+0000 without a word. So
 * before unpacking, the raw bytes are walked along the message's descriptor.
 *
 * Threads: none of its own. Ownership: what is unpacked lives in the arena.
 */
#ifndef PL_PB_MESSAGE_H
#define PL_PB_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

enum {
    PL_PB_DEPTH_MAX = 32,       /* messages within messages */
    PL_PB_FIELDS_LEN_MAX = 8192 /* fields on the wire, in one message and all it holds */
};

/* What is wrong with bytes that were refused. */
struct pl_pb_fault {
    char field[64];   /* its path, such as "room.title"; "" where no field is to blame */
    const char *text; /* what is wrong, in English, static */
    bool malformed;   /* the bytes are no message of that type at all */
};

/* Checks the wire format (protobuf.dev, "Encoding"): tags, wire types, lengths,
 * strings UTF-8 without U+0000, depth and count within the limits above. Unknown
 * fields are skipped, but must be well-formed. PL_E_INVALID with *ret_fault set,
 * PL_E_LIMIT likewise. */
int pl_pb_check(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                struct pl_pb_fault *ret_fault);

/* Checks, then unpacks into the arena. The message is not to be freed. Also
 * PL_E_NOMEM where the arena or memory is short. */
int pl_pb_unpack(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                 struct pl_arena *arena, struct pl_pb_fault *ret_fault, ProtobufCMessage **ret);

/* Packs into a new buffer, one reference. PL_E_NOMEM; PL_E_LIMIT over
 * PL_BUF_SIZE_MAX. */
int pl_pb_pack(const ProtobufCMessage *message, struct pl_buf **ret_buf);

#endif
