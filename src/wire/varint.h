/*
 * varint.h - protobuf's base-128 numbers (protobuf.dev, "Encoding").
 */
#ifndef PL_WIRE_VARINT_H
#define PL_WIRE_VARINT_H

#include "base/bytes.h"

enum { PL_VARINT_SIZE_MAX = 10 };

/* How many bytes a number takes. */
static inline size_t pl_varint_size(uint64_t value)
{
    size_t size = 1;

    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

/* Writes the number to `to` (10 bytes) and returns how many bytes it took. */
static inline size_t pl_varint_put(uint8_t *to, uint64_t value)
{
    size_t size = 0;

    while (value >= 0x80) {
        to[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[size++] = (uint8_t)value;
    return size;
}

static inline void pl_varint_append(struct pl_bytebuf *out, uint64_t value)
{
    uint8_t bytes[PL_VARINT_SIZE_MAX];

    pl_bytebuf_append(out, bytes, pl_varint_put(bytes, value));
}

/* Takes a number off the front; false where it is cut off or too long. */
static inline bool pl_varint_take(struct pl_bytes *data, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < PL_VARINT_SIZE_MAX && i < data->size; i++) {
        uint8_t byte = data->data[i];

        if (i == PL_VARINT_SIZE_MAX - 1 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            data->data += i + 1;
            data->size -= i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

#endif
