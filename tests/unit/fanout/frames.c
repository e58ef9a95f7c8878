/* frames.c - see frames.h. */
#include "frames.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void append_u64(struct pl_bytebuf *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        pl_bytebuf_append_byte(out, (uint8_t)(value >> (8 * i)));
}

static void append(char letter, pl_position position, const struct pl_backlog *backlog,
                   struct pl_bytes rest, struct pl_bytebuf *out)
{
    uint32_t size = FRAME_CURSOR_SIZE + (uint32_t)rest.size;

    if (pl_bytebuf_reserve(out, FRAME_HEAD_SIZE + size) == NULL)
        return;
    pl_bytebuf_append_byte(out, 0);
    for (int i = 3; i >= 0; i--)
        pl_bytebuf_append_byte(out, (uint8_t)(size >> (8 * i)));
    pl_bytebuf_append_byte(out, (uint8_t)letter);
    append_u64(out, position);
    pl_bytebuf_append_byte(out, backlog == NULL ? PL_BACKLOG_NONE : (uint8_t)backlog->kind);
    pl_bytebuf_append(out, rest.data, rest.size);
}

static void append_number(char letter, pl_position position, const struct pl_backlog *backlog,
                          uint64_t number, const char *text, struct pl_bytebuf *out)
{
    struct pl_bytebuf rest;

    pl_bytebuf_init(&rest, 1024);
    append_u64(&rest, number);
    pl_bytebuf_append_str(&rest, text);
    if (rest.err != PL_OK)
        out->err = rest.err;
    else
        append(letter, position, backlog, (struct pl_bytes){rest.data, rest.size}, out);
    pl_bytebuf_done(&rest);
}

static void event(void *self, struct pl_bytes bytes, pl_position position,
                  const struct pl_backlog *backlog, bool with_cursor, struct pl_bytebuf *out)
{
    (void)self;
    append(FRAME_EVENT, with_cursor ? position : 0, backlog, bytes, out);
}

static void read_marker(void *self, const char *room, pl_sequence sequence, struct pl_bytebuf *out)
{
    (void)self;
    append_number(FRAME_MARKER, 0, NULL, sequence, room, out);
}

static void caught_up(void *self, pl_position position, const struct pl_backlog *backlog,
                      struct pl_bytebuf *out)
{
    (void)self;
    append(FRAME_CAUGHT_UP, position, backlog, (struct pl_bytes){NULL, 0}, out);
}

static void heartbeat(void *self, int64_t now_ms, pl_position position,
                      const struct pl_backlog *backlog, struct pl_bytebuf *out)
{
    (void)self;
    append_number(FRAME_HEARTBEAT, position, backlog, (uint64_t)now_ms, "", out);
}

static void draining(void *self, uint32_t retry_after_ms, pl_position position,
                     const struct pl_backlog *backlog, struct pl_bytebuf *out)
{
    (void)self;
    append_number(FRAME_DRAINING, position, backlog, retry_after_ms, "", out);
}

static pl_position position(void *self, struct pl_bytes frame)
{
    (void)self;
    return frames_get_u64(frame.data + FRAME_HEAD_SIZE + 1);
}

const struct pl_framer frames_framer = {
    .event = event,
    .read_marker = read_marker,
    .caught_up = caught_up,
    .heartbeat = heartbeat,
    .draining = draining,
    .position = position,
};

uint64_t frames_get_u64(const uint8_t *data)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | data[i];
    return value;
}

size_t frames_parse(struct pl_bytes bytes, struct frame *ret_frame)
{
    const uint8_t *data = bytes.data;
    struct frame frame = {0};
    size_t size;
    size_t rest_size;

    if (bytes.size < FRAME_HEAD_SIZE)
        return 0;
    assert_int_equal(data[0], 0);
    size = (size_t)data[1] << 24 | (size_t)data[2] << 16 | (size_t)data[3] << 8 | data[4];
    assert_true(size >= FRAME_CURSOR_SIZE && size < 100000);
    if (bytes.size < FRAME_HEAD_SIZE + size)
        return 0;
    data += FRAME_HEAD_SIZE;
    frame.letter = (char)data[0];
    frame.position = frames_get_u64(data + 1);
    frame.backlog = data[9];
    data += FRAME_CURSOR_SIZE;
    rest_size = size - FRAME_CURSOR_SIZE;
    switch (frame.letter) {
    case FRAME_MARKER:
    case FRAME_HEARTBEAT:
    case FRAME_DRAINING:
        assert_true(rest_size >= 8);
        frame.number = frames_get_u64(data);
        frame.bytes = (struct pl_bytes){data + 8, rest_size - 8};
        break;
    default:
        assert_true(frame.letter == FRAME_EVENT || frame.letter == FRAME_CAUGHT_UP);
        frame.bytes = (struct pl_bytes){data, rest_size};
        break;
    }
    *ret_frame = frame;
    return FRAME_HEAD_SIZE + size;
}
