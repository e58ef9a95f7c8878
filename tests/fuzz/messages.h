/*
 * messages.h - every message type that comes from outside, by name.
 */
#ifndef PL_FUZZ_MESSAGES_H
#define PL_FUZZ_MESSAGES_H

#include "fuzz.h"

#include <protobuf-c/protobuf-c.h>

/* The type that the input's first line names, such as "SendMessageRequest" or
 * "google.rpc.Status"; any other line is some type too. */
const ProtobufCMessageDescriptor *fuzz_message_type(struct fuzz_input *input);

/* The first line, without its line feed. */
struct pl_bytes fuzz_line(struct fuzz_input *input);

/* Aborts unless its strings are UTF-8, and so are those of what it holds. */
void fuzz_message_check(const ProtobufCMessage *message);

#endif
