/*
 * utf8.h - the checks that text from outside must pass (RFC 3629).
 */
#ifndef PL_BASE_UTF8_H
#define PL_BASE_UTF8_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads one code point at `data`, of which `size` > 0 bytes are there. Returns
 * its length in bytes, 1 to 4, or 0 where the bytes are no UTF-8 (overlong,
 * surrogate, past U+10FFFF, cut off). */
size_t pl_utf8_decode(const uint8_t *data, size_t size, uint32_t *ret_point);

/* Whether all of it is UTF-8; with U+0000 counted as wrong. */
bool pl_utf8_valid(struct pl_bytes text);

#endif
