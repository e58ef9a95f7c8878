/*
 * h2.h - what host and client share of nghttp2: memory, header fields, and what
 * HTTP/2's and HTTP's codes mean to gRPC.
 */
#ifndef PL_RPC_H2_H
#define PL_RPC_H2_H

#include "base/bytes.h"
#include "base/err.h"

#include <nghttp2/nghttp2.h>
#include <stdint.h>

/* Makes nghttp2 allocate through base/mem.h. */
nghttp2_mem *pl_rpc_h2_mem(void);

/* The error of an nghttp2 function that failed. */
int pl_rpc_h2_err(int rv);

/* A field of constants, which nghttp2 need not copy; or one that it copies. */
nghttp2_nv pl_rpc_h2_const(const char *name, const char *value);
nghttp2_nv pl_rpc_h2_field(struct pl_bytes name, struct pl_bytes value);

/* Has on_begin_frame told of frames of unknown types too, which are ignored then (RFC
 * 9113, section 5.5): so that a flood of them is seen. Both are needed. */
void pl_rpc_h2_callbacks_see_unknown(nghttp2_session_callbacks *callbacks);
void pl_rpc_h2_option_see_unknown(nghttp2_option *option);

/* What RST_STREAM's error means (PROTOCOL-HTTP2, "Errors"). */
enum pl_code pl_rpc_h2_code(uint32_t error_code);

/* The code of a response that had no grpc-status (http-grpc-status-mapping.md). */
enum pl_code pl_rpc_http_code(int http_status);

#endif
