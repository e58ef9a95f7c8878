/*
 * wire.h - protobuf's wire format, piece by piece (protobuf.dev, "Encoding").
 *
 * For this folder's own sources, and for who walks messages too many to be unpacked.
 * Reading never goes past the end of what it is given. Writing leaves its error in
 * the buffer.
 *
 * Threads: any.
 */
#ifndef PL_PB_WIRE_H
#define PL_PB_WIRE_H

#include "base/bytes.h"
#include "pb/message.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

enum pl_pb_wire_type {
    PL_PB_WIRE_VARINT = 0,
    PL_PB_WIRE_64 = 1,
    PL_PB_WIRE_LEN = 2,
    PL_PB_WIRE_START_GROUP = 3,
    PL_PB_WIRE_END_GROUP = 4,
    PL_PB_WIRE_32 = 5,
};

/* How a value of that type is written, outside a packed list. */
enum pl_pb_wire_type pl_pb_wire_type_of(ProtobufCType type);

/* The varints of more than one byte, for pl_pb_read_varint(). */
bool pl_pb_read_long_varint(struct pl_bytes *data, uint64_t *ret_value);

/* Reads a varint of at most ten bytes; false where it is cut or longer. Most are of
 * one byte, so that is done here; the copies let a walk stay in registers. */
static inline bool pl_pb_read_varint(struct pl_bytes *data, uint64_t *ret_value)
{
    struct pl_bytes rest = *data;
    uint64_t value;

    if (rest.size > 0 && rest.data[0] < 0x80) {
        value = *rest.data++;
        rest.size--;
    } else {
        struct pl_bytes copy = rest;

        if (!pl_pb_read_long_varint(&copy, &value))
            return false;
        rest = copy;
    }
    *data = rest;
    *ret_value = value;
    return true;
}

/* Leaves out `size` bytes; false where there are fewer. */
static inline bool pl_pb_skip(struct pl_bytes *data, uint64_t size)
{
    if (size > data->size)
        return false;
    data->data += size;
    data->size -= (size_t)size;
    return true;
}

/* Reads a number of a wire type that is not LEN; false where it is cut. */
bool pl_pb_read_number(struct pl_bytes *data, enum pl_pb_wire_type type, uint64_t *ret_value);

/* Reads a length and the bytes that it counts; false where they are cut. */
static inline bool pl_pb_read_len(struct pl_bytes *data, struct pl_bytes *ret_bytes)
{
    const uint8_t *from;
    uint64_t size;

    if (!pl_pb_read_varint(data, &size))
        return false;
    from = data->data;
    if (!pl_pb_skip(data, size))
        return false;
    *ret_bytes = (struct pl_bytes){from, (size_t)size};
    return true;
}

void pl_pb_write_varint(struct pl_bytebuf *out, uint64_t value);
void pl_pb_write_tag(struct pl_bytebuf *out, uint32_t number, enum pl_pb_wire_type type);

/* Writes a number as its wire type says: `value` is what pl_pb_read_number()
 * gives back. */
void pl_pb_write_number(struct pl_bytebuf *out, enum pl_pb_wire_type type, uint64_t value);

/* Begins a run of bytes whose length comes first and is not known yet. Returns
 * its mark for pl_pb_close_len(). */
size_t pl_pb_open_len(struct pl_bytebuf *out);

/* Ends it: the length is put before what has been written since. */
void pl_pb_close_len(struct pl_bytebuf *out, size_t mark);

/* pl_pb_check() with another maximum of fields. */
int pl_pb_check_within(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                       uint32_t fields_len_max, struct pl_pb_fault *ret_fault);

#endif
