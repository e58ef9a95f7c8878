/*
 * number.h - decimal numbers of header fields.
 */
#ifndef PL_RPC_NUMBER_H
#define PL_RPC_NUMBER_H

#include "base/bytes.h"

#include <stdint.h>

/* The number; UINT64_MAX where the text is none, or one too large. */
uint64_t pl_rpc_number(struct pl_bytes text);

#endif
