/*
 * types.h - every message type that comes from outside, by name.
 */
#ifndef PL_FUZZ_TYPES_H
#define PL_FUZZ_TYPES_H

#include "fuzz.h"

#include <protobuf-c/protobuf-c.h>

/* Adds a type, and those that it holds, to what can be named. */
void fuzz_message_add_type(const ProtobufCMessageDescriptor *type);

/* The type that the input's first line names, such as "SendMessageRequest" or
 * "google.rpc.Status"; any other line is some type too. */
const ProtobufCMessageDescriptor *fuzz_message_type(struct fuzz_input *input);

/* The first line, without its line feed. */
struct pl_bytes fuzz_line(struct fuzz_input *input);

/* Aborts unless its strings are UTF-8, and so are those of what it holds. */
void fuzz_message_check(const ProtobufCMessage *message);

#endif
