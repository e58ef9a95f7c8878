/*
 * parla_walk.c - tags, and what they stand for; the numbers are those of
 * proto/parla/v1.
 */
#include "bench/parla_walk.h"

#include "pb/wire.h"

#define LEN(number)    ((uint64_t)(number) << 3 | PL_PB_WIRE_LEN)
#define VARINT(number) ((uint64_t)(number) << 3 | PL_PB_WIRE_VARINT)

/* Leaves out the value of a field. */
static inline bool skip(struct pl_bytes *data, uint64_t tag)
{
    struct pl_bytes bytes;
    uint64_t number;

    switch (tag & 7) {
    case PL_PB_WIRE_LEN:
        return pl_pb_read_len(data, &bytes);
    case PL_PB_WIRE_VARINT:
        return pl_pb_read_varint(data, &number);
    case PL_PB_WIRE_64:
        return pl_pb_skip(data, 8);
    case PL_PB_WIRE_32:
        return pl_pb_skip(data, 4);
    default:
        return false;
    }
}

bool pl_bench_walk_item(struct pl_bytes data, struct pl_bench_item *ret_item)
{
    struct pl_bench_item item = {0};
    uint64_t tag;

    while (data.size > 0) {
        if (!pl_pb_read_varint(&data, &tag))
            return false;
        if (tag == LEN(1)) {
            if (!pl_pb_read_len(&data, &item.cursor))
                return false;
        } else if (tag == LEN(2)) {
            if (!pl_pb_read_len(&data, &item.event))
                return false;
        } else {
            item.caught_up |= tag == LEN(3);
            if (!skip(&data, tag))
                return false;
        }
    }
    *ret_item = item;
    return true;
}

/* A MessageSent's text. */
static inline bool walk_sent_event(struct pl_bytes data, struct pl_bytes *text)
{
    uint64_t tag;

    while (data.size > 0) {
        if (!pl_pb_read_varint(&data, &tag))
            return false;
        if (tag == LEN(1) ? !pl_pb_read_len(&data, text) : !skip(&data, tag))
            return false;
    }
    return true;
}

bool pl_bench_walk_event(struct pl_bytes data, struct pl_bench_event *ret_event)
{
    struct pl_bytes room = {0}, text = {0}, sent;
    uint64_t tag, sequence = 0;

    while (data.size > 0) {
        if (!pl_pb_read_varint(&data, &tag))
            return false;
        if (tag == LEN(1)) {
            if (!pl_pb_read_len(&data, &room))
                return false;
        } else if (tag == VARINT(2)) {
            if (!pl_pb_read_varint(&data, &sequence))
                return false;
        } else if (tag == LEN(10)) {
            if (!pl_pb_read_len(&data, &sent) || !walk_sent_event(sent, &text))
                return false;
        } else if (!skip(&data, tag)) {
            return false;
        }
    }
    *ret_event = (struct pl_bench_event){.room = room, .text = text, .sequence = sequence};
    return true;
}

bool pl_bench_walk_message(struct pl_bytes data, struct pl_bench_event *ret_message)
{
    struct pl_bench_event message = {0};
    uint64_t tag;

    while (data.size > 0) {
        bool whole;

        if (!pl_pb_read_varint(&data, &tag))
            return false;
        if (tag == LEN(1))
            whole = pl_pb_read_len(&data, &message.room);
        else if (tag == VARINT(2))
            whole = pl_pb_read_varint(&data, &message.sequence);
        else if (tag == LEN(4))
            whole = pl_pb_read_len(&data, &message.text);
        else
            whole = skip(&data, tag);
        if (!whole)
            return false;
    }
    *ret_message = message;
    return true;
}

bool pl_bench_walk_sent(struct pl_bytes data, uint64_t *ret_sequence,
                        enum pl_bench_durability *ret_durability)
{
    struct pl_bench_event message = {0};
    struct pl_bytes bytes;
    uint64_t tag, durability = 0;

    while (data.size > 0) {
        bool whole;

        if (!pl_pb_read_varint(&data, &tag))
            return false;
        if (tag == LEN(1))
            whole = pl_pb_read_len(&data, &bytes) && pl_bench_walk_message(bytes, &message);
        else if (tag == VARINT(3))
            whole = pl_pb_read_varint(&data, &durability);
        else
            whole = skip(&data, tag);
        if (!whole)
            return false;
    }
    *ret_sequence = message.sequence;
    *ret_durability = durability <= PL_BENCH_DURABILITY_REPLICATED
                          ? (enum pl_bench_durability)durability
                          : PL_BENCH_DURABILITY_NONE;
    return true;
}

bool pl_bench_walk_page(struct pl_bytes *page, struct pl_bytes *ret_message)
{
    uint64_t tag;

    while (page->size > 0) {
        if (!pl_pb_read_varint(page, &tag))
            return false;
        if (tag == LEN(1))
            return pl_pb_read_len(page, ret_message);
        if (!skip(page, tag))
            return false;
    }
    *ret_message = (struct pl_bytes){0};
    return true;
}
