/*
 * base64.h - base64 in text that people and other programs write (RFC 4648).
 *
 * Threads: any.
 */
#ifndef PL_BASE_BASE64_H
#define PL_BASE_BASE64_H

#include "base/bytes.h"

/* Appends the encoded bytes: the standard alphabet, padded (section 4). */
void pl_base64_encode(struct pl_bytes data, struct pl_bytebuf *to);

/* The same without padding. */
void pl_base64_encode_bare(struct pl_bytes data, struct pl_bytebuf *to);

/* Appends what `text` stands for: the standard alphabet or the URL-safe one
 * (section 5), padded or not. PL_E_INVALID where it is neither, mixes both, is cut
 * or has bits left over that are not zero; or the buffer's error. Nothing is
 * appended then. */
int pl_base64_decode(struct pl_bytes text, struct pl_bytebuf *to);

#endif
