/*
 * text_body.h - gRPC-Web's text form (PROTOCOL-WEB, "Protocol differences"): the
 * whole body in base64, which may be padded in its midst, wherever the sender had
 * nothing more at the time.
 */
#ifndef PL_RPC_TEXT_BODY_H
#define PL_RPC_TEXT_BODY_H

#include "base/bytes.h"

#include <stdbool.h>

enum { PL_RPC_TEXT_GROUP_BYTES = 3 };

/* Reading: the start of a group of four characters. All zero at first. */
struct pl_rpc_text_in {
    uint8_t group[4];
    uint8_t size;
};

/* Appends what the text stands for: fewer bytes than the text, and a group's for what
 * came before. PL_E_INVALID, or the buffer's error. */
int pl_rpc_text_in_feed(struct pl_rpc_text_in *in, struct pl_bytes text, struct pl_bytebuf *to);

/* Whether it stands between groups. */
bool pl_rpc_text_in_between(const struct pl_rpc_text_in *in);

/* Writing: bytes that do not fill a group, and characters that found no room. All
 * zero at first. */
struct pl_rpc_text_out {
    uint8_t bytes[3];
    uint8_t bytes_size;
    uint8_t chars[4];
    uint8_t chars_size;
};

/* How many bytes it can take where there is room for `size` characters. */
size_t pl_rpc_text_out_room(const struct pl_rpc_text_out *out, size_t size);

/* Takes the bytes off the front of `data`, writes characters to `to`, and returns
 * how many. `flush`: nothing follows at the moment, so that a group is padded. */
size_t pl_rpc_text_out_pull(struct pl_rpc_text_out *out, struct pl_bytes *data, bool flush,
                            uint8_t *to, size_t size);

/* Whether nothing is left in it. */
bool pl_rpc_text_out_empty(const struct pl_rpc_text_out *out);

#endif
