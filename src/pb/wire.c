/*
 * wire.c - see wire.h. A length is written before its bytes are known: one byte is
 * kept for it, and the bytes move up by what it needs beyond that.
 */
#include "pb/wire.h"

#include "base/assert.h"

#include <string.h>

enum { VARINT_SIZE_MAX = 10 };

enum pl_pb_wire_type pl_pb_wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PL_PB_WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PL_PB_WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PL_PB_WIRE_LEN;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return PL_PB_WIRE_VARINT;
    }
    PL_UNREACHABLE();
}

bool pl_pb_read_long_varint(struct pl_bytes *data, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < VARINT_SIZE_MAX && i < data->size; i++) {
        uint8_t byte = data->data[i];

        if (i == VARINT_SIZE_MAX - 1 && byte > 1)
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

bool pl_pb_read_number(struct pl_bytes *data, enum pl_pb_wire_type type, uint64_t *ret_value)
{
    size_t size = type == PL_PB_WIRE_32 ? 4 : 8;
    const uint8_t *from = data->data;
    uint64_t value = 0;

    PL_ASSERT(type == PL_PB_WIRE_VARINT || type == PL_PB_WIRE_32 || type == PL_PB_WIRE_64);
    if (type == PL_PB_WIRE_VARINT)
        return pl_pb_read_varint(data, ret_value);
    if (!pl_pb_skip(data, size))
        return false;
    while (size-- > 0)
        value = value << 8 | from[size];
    *ret_value = value;
    return true;
}

static size_t put_varint(uint8_t to[VARINT_SIZE_MAX], uint64_t value)
{
    size_t size = 0;

    while (value >= 0x80) {
        to[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[size++] = (uint8_t)value;
    return size;
}

void pl_pb_write_varint(struct pl_bytebuf *out, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];

    pl_bytebuf_append(out, bytes, put_varint(bytes, value));
}

void pl_pb_write_tag(struct pl_bytebuf *out, uint32_t number, enum pl_pb_wire_type type)
{
    pl_pb_write_varint(out, (uint64_t)number << 3 | type);
}

void pl_pb_write_number(struct pl_bytebuf *out, enum pl_pb_wire_type type, uint64_t value)
{
    size_t size = type == PL_PB_WIRE_32 ? 4 : 8;
    uint8_t bytes[8];

    PL_ASSERT(type == PL_PB_WIRE_VARINT || type == PL_PB_WIRE_32 || type == PL_PB_WIRE_64);
    if (type == PL_PB_WIRE_VARINT) {
        pl_pb_write_varint(out, value);
        return;
    }
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    pl_bytebuf_append(out, bytes, size);
}

size_t pl_pb_open_len(struct pl_bytebuf *out)
{
    pl_bytebuf_append_byte(out, 0);
    return out->size;
}

void pl_pb_close_len(struct pl_bytebuf *out, size_t mark)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    size_t len_size, size;

    if (out->err < 0)
        return;
    PL_ASSERT(mark > 0 && mark <= out->size);
    size = out->size - mark;
    len_size = put_varint(bytes, size);
    if (pl_bytebuf_reserve(out, len_size - 1) == NULL)
        return;
    memmove(out->data + mark - 1 + len_size, out->data + mark, size);
    memcpy(out->data + mark - 1, bytes, len_size);
    pl_bytebuf_added(out, len_size - 1);
}
