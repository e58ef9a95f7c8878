/*
 * field.h - fields of protobuf messages, written by hand (protobuf.dev, "Encoding").
 *
 * For the messages that are made for every send, where protobuf-c takes several times
 * as long. First the size of all fields is found, then they are written to memory of
 * that size. A number of 0 and bytes that are empty are left out, as proto3 has it.
 *
 * Limits: field numbers to 15, whose tags are one byte.
 */
#ifndef PL_WIRE_FIELD_H
#define PL_WIRE_FIELD_H

#include "wire/varint.h"

#include <string.h>

enum { PL_FIELD_NUMBER = 0, PL_FIELD_64 = 1, PL_FIELD_BYTES = 2, PL_FIELD_32 = 5 }; /* wire types */

static inline size_t pl_field_number_size(uint64_t value)
{
    return value == 0 ? 0 : 1 + pl_varint_size(value);
}

/* Each writes a field and returns where the next one goes. */
static inline uint8_t *pl_field_put_number(uint8_t *to, unsigned number, uint64_t value)
{
    if (value == 0)
        return to;
    *to++ = (uint8_t)(number << 3 | PL_FIELD_NUMBER);
    return to + pl_varint_put(to, value);
}

/* A message within a message, which may be empty and is there all the same. */
static inline size_t pl_field_message_size(size_t size)
{
    return 1 + pl_varint_size(size) + size;
}

/* Its head; its fields are to follow. */
static inline uint8_t *pl_field_put_head(uint8_t *to, unsigned number, size_t size)
{
    *to++ = (uint8_t)(number << 3 | PL_FIELD_BYTES);
    return to + pl_varint_put(to, size);
}

static inline uint8_t *pl_field_put_message(uint8_t *to, unsigned number, struct pl_bytes bytes)
{
    to = pl_field_put_head(to, number, bytes.size);
    if (bytes.size > 0)
        memcpy(to, bytes.data, bytes.size);
    return to + bytes.size;
}

static inline size_t pl_field_bytes_size(struct pl_bytes bytes)
{
    return bytes.size == 0 ? 0 : pl_field_message_size(bytes.size);
}

static inline uint8_t *pl_field_put_bytes(uint8_t *to, unsigned number, struct pl_bytes bytes)
{
    return bytes.size == 0 ? to : pl_field_put_message(to, number, bytes);
}

/* A field that was read: a number or bytes, by its type. One of 32 or 64 bits is
 * neither: no message that is read here has any. */
struct pl_field {
    unsigned number;
    unsigned type;
    uint64_t value;
    struct pl_bytes bytes;
};

/* Takes a field off the front; false where it is cut off, or of no type. */
static inline bool pl_field_take(struct pl_bytes *data, struct pl_field *ret)
{
    uint64_t tag, skip;

    if (!pl_varint_take(data, &tag) || tag > UINT32_MAX)
        return false;
    *ret = (struct pl_field){.number = (unsigned)(tag >> 3), .type = (unsigned)(tag & 7)};
    switch (ret->type) {
    case PL_FIELD_NUMBER:
        return pl_varint_take(data, &ret->value);
    case PL_FIELD_64:
        skip = 8;
        break;
    case PL_FIELD_BYTES:
        if (!pl_varint_take(data, &skip))
            return false;
        break;
    case PL_FIELD_32:
        skip = 4;
        break;
    default:
        return false;
    }
    if (skip > data->size)
        return false;
    if (ret->type == PL_FIELD_BYTES)
        ret->bytes = (struct pl_bytes){data->data, (size_t)skip};
    data->data += skip;
    data->size -= (size_t)skip;
    return true;
}

#endif
