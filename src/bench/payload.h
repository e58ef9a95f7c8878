/*
 * payload.h - the text of a measured message: who sent it, which it is, and when.
 *
 * Forty letters, then padding. Each letter is a nibble, 'a' for 0 to 'p' for 15,
 * the high one first:
 *
 *      0.. 7  run           8..11  publisher    12..15  channel
 *     16..23  number       24..39  time, in microseconds of the sender's clock
 *     40..    '.'
 *
 * So it is valid text for every server, and eight letters are read in one go.
 */
#ifndef PL_BENCH_PAYLOAD_H
#define PL_BENCH_PAYLOAD_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { PL_BENCH_PAYLOAD_SIZE_MIN = 40, PL_BENCH_PAYLOAD_SIZE_MAX = 16 * 1024 };

struct pl_bench_payload {
    uint32_t run;
    uint16_t publisher;
    uint16_t channel;
    uint32_t number;
    uint64_t time_us;
};

/* Writes it into `size` bytes, PL_BENCH_PAYLOAD_SIZE_MIN at least. */
void pl_bench_payload_write(const struct pl_bench_payload *payload, char *to, size_t size);

/* Whether the bytes are such a text, padding and all. */
bool pl_bench_payload_read(struct pl_bytes text, struct pl_bench_payload *ret_payload);

/* Eight letters. */
void pl_bench_letters_write(uint32_t value, char to[8]);

#endif
