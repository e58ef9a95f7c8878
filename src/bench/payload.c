/*
 * payload.c - letters are nibbles: eight of them become 32 bits with three shifts,
 * since every subscriber reads every message.
 */
#include "bench/payload.h"

#include "base/assert.h"

#include <string.h>

enum { TIME_AT = 24, LETTERS = 8 };

#define ALL_A UINT64_C(0x6161616161616161)

void pl_bench_letters_write(uint32_t value, char to[8])
{
    for (unsigned i = 0; i < LETTERS; i++)
        to[i] = (char)('a' + (value >> (28 - 4 * i) & 0xf));
}

/* The first letter is the lowest byte. */
static uint64_t load(const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Sets bits of *fault where the letters are none. The first is the highest nibble of
 * the value. */
static uint32_t letters_read(const uint8_t *from, uint64_t *fault)
{
    uint64_t word = load(from) - ALL_A;

    *fault |= word & UINT64_C(0xf0f0f0f0f0f0f0f0);
    word = (word << 4 | word >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word << 8 | word >> 16) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(word << 16 | word >> 32);
}

void pl_bench_payload_write(const struct pl_bench_payload *payload, char *to, size_t size)
{
    PL_ASSERT(size >= PL_BENCH_PAYLOAD_SIZE_MIN);
    pl_bench_letters_write(payload->run, to);
    pl_bench_letters_write((uint32_t)payload->publisher << 16 | payload->channel, to + LETTERS);
    pl_bench_letters_write(payload->number, to + 2 * LETTERS);
    pl_bench_letters_write((uint32_t)(payload->time_us >> 32), to + TIME_AT);
    pl_bench_letters_write((uint32_t)payload->time_us, to + TIME_AT + LETTERS);
    memset(to + PL_BENCH_PAYLOAD_SIZE_MIN, '.', size - PL_BENCH_PAYLOAD_SIZE_MIN);
}

/* All of them '.'? The first is looked at, then each is compared with the one
 * before it. */
static bool is_padding(const uint8_t *from, size_t size)
{
    return size == 0 || (from[0] == '.' && memcmp(from, from + 1, size - 1) == 0);
}

bool pl_bench_payload_read(struct pl_bytes text, struct pl_bench_payload *ret_payload)
{
    struct pl_bench_payload payload;
    uint64_t fault = 0;
    uint32_t from;

    if (text.size < PL_BENCH_PAYLOAD_SIZE_MIN)
        return false;
    payload.run = letters_read(text.data, &fault);
    from = letters_read(text.data + LETTERS, &fault);
    payload.publisher = (uint16_t)(from >> 16);
    payload.channel = (uint16_t)(from & 0xffff);
    payload.number = letters_read(text.data + 2 * LETTERS, &fault);
    payload.time_us = (uint64_t)letters_read(text.data + TIME_AT, &fault) << 32;
    payload.time_us |= letters_read(text.data + TIME_AT + LETTERS, &fault);
    if (fault != 0 ||
        !is_padding(text.data + PL_BENCH_PAYLOAD_SIZE_MIN, text.size - PL_BENCH_PAYLOAD_SIZE_MIN))
        return false;
    *ret_payload = payload;
    return true;
}
