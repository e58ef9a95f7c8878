/*
 * fuzz.h - what the fuzz targets share: choices and bytes taken off an input.
 *
 * A target is one file with LLVMFuzzerTestOneInput(). It aborts (PL_ASSERT)
 * where what it feeds breaks a promise of its header; the sanitizers do the rest.
 *
 * Ownership: copies are malloc()'s, to be freed: each is a block of its own, so
 *            that a sanitizer sees reads beyond its end and after its time, and
 *            pl_mem_fail_at() does not count them.
 */
#ifndef PL_FUZZ_FUZZ_H
#define PL_FUZZ_FUZZ_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's, and of replay.c. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

/* The next byte, 0 at the end. */
uint8_t fuzz_byte(struct fuzz_input *input);

/* The next two bytes as a number, big-endian. */
uint16_t fuzz_short(struct fuzz_input *input);

/* The next `size` bytes, or what is left, borrowed. */
struct pl_bytes fuzz_take(struct fuzz_input *input, size_t size);

/* All that is left, borrowed. */
struct pl_bytes fuzz_rest(struct fuzz_input *input);

/* Copies; the string ends at the first NUL of its bytes, or with them. */
uint8_t *fuzz_copy(struct pl_bytes bytes);
char *fuzz_string(struct pl_bytes bytes);

/* Numbers that look random and follow from `state` only. */
uint32_t fuzz_next(uint64_t *state);

/* The size of the next chunk of `size` > 0 bytes: mostly small, at least 1. */
size_t fuzz_chunk(uint64_t *state, size_t size);

/* Whether it is UTF-8 without control characters (C0 but for those in `allowed`,
 * DEL, C1) and without those that reorder text (UAX #9, section 2). */
bool fuzz_is_tame(struct pl_bytes text, const char *allowed);

#endif
