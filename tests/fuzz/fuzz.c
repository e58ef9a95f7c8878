/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include "base/assert.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

uint8_t fuzz_byte(struct fuzz_input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

uint16_t fuzz_short(struct fuzz_input *input)
{
    uint8_t high = fuzz_byte(input);

    return (uint16_t)(high << 8 | fuzz_byte(input));
}

struct pl_bytes fuzz_take(struct fuzz_input *input, size_t size)
{
    struct pl_bytes bytes = {input->data, size < input->size ? size : input->size};

    if (bytes.size > 0)
        input->data += bytes.size;
    input->size -= bytes.size;
    return bytes;
}

struct pl_bytes fuzz_rest(struct fuzz_input *input)
{
    return fuzz_take(input, input->size);
}

uint8_t *fuzz_copy(struct pl_bytes bytes)
{
    uint8_t *copy = malloc(bytes.size > 0 ? bytes.size : 1);

    PL_ASSERT(copy != NULL);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}

char *fuzz_string(struct pl_bytes bytes)
{
    const uint8_t *end = bytes.size > 0 ? memchr(bytes.data, 0, bytes.size) : NULL;
    size_t size = end != NULL ? (size_t)(end - bytes.data) : bytes.size;
    char *copy = malloc(size + 1);

    PL_ASSERT(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes.data, size);
    copy[size] = 0;
    return copy;
}

uint32_t fuzz_next(uint64_t *state)
{
    /* SplitMix64 */
    uint64_t x = *state += 0x9e3779b97f4a7c15U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (uint32_t)(x >> 32);
}

size_t fuzz_chunk(uint64_t *state, size_t size)
{
    static const size_t most[] = {1, 1, 2, 5, 9, 16, 64, SIZE_MAX};
    size_t max = most[fuzz_next(state) % (sizeof most / sizeof most[0])];

    if (max > size)
        max = size;
    return 1 + fuzz_next(state) % max;
}

static bool is_tame(uint32_t point, const char *allowed)
{
    if (point > 0 && point < 0x80 && strchr(allowed, (int)point) != NULL)
        return true;
    if (point < 0x20 || (point >= 0x7f && point < 0xa0))
        return false;
    return point != 0x061c && point != 0x200e && point != 0x200f &&
           (point < 0x2028 || point > 0x202e) && (point < 0x2066 || point > 0x2069);
}

bool fuzz_is_tame(struct pl_bytes text, const char *allowed)
{
    while (text.size > 0) {
        uint32_t point;
        size_t size = pl_utf8_decode(text.data, text.size, &point);

        if (size == 0 || !is_tame(point, allowed))
            return false;
        text.data += size;
        text.size -= size;
    }
    return true;
}
