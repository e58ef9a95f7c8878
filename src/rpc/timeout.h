/*
 * timeout.h - grpc-timeout (PROTOCOL-HTTP2, "Timeout"): one to eight digits and a
 * unit, H M S m u n.
 */
#ifndef PL_RPC_TIMEOUT_H
#define PL_RPC_TIMEOUT_H

#include "base/bytes.h"

#include <stdint.h>

/* "99999999H" and a NUL. */
enum { PL_RPC_TIMEOUT_TEXT_SIZE = 10 };

/* The time in milliseconds, a part of one counted as one. PL_E_INVALID. */
int pl_rpc_timeout_parse(struct pl_bytes text, int64_t *ret_ms);

/* Writes a time >= 0 in the finest unit that has room for it, rounded up. */
void pl_rpc_timeout_format(int64_t ms, char text[PL_RPC_TIMEOUT_TEXT_SIZE]);

/* now_ms + timeout_ms, INT64_MAX where that is too far away. */
int64_t pl_rpc_timeout_after(int64_t now_ms, int64_t timeout_ms);

#endif
