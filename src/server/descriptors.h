/*
 * descriptors.h - the .proto files that the server speaks, for reflection.
 */
#ifndef PL_SERVER_DESCRIPTORS_H
#define PL_SERVER_DESCRIPTORS_H

#include "base/bytes.h"

/* A google.protobuf.FileDescriptorSet, made at build time; lives for ever. */
struct pl_bytes pl_descriptors(void);

#endif
