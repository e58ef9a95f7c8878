/*
 * frame.c - StreamMessagesResponse by hand: a tag, a length and the bytes, for
 * the one message that is made for every event and must copy it but once.
 */
#include "wire/frame.h"

#include "base/arena.h"
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "wire/convert.h"
#include "wire/cursor.h"
#include "wire/varint.h"

#include <string.h>

enum { ENVELOPE_SIZE = 5, SMALL_SIZE = 512 };

/* What the protobuf-c structs of one piece of a room's state take. */
enum { ROOM_STATE_ARENA_SIZE = 512 * 1024 };

/* What a cursor takes, as text and read. */
enum { CURSOR_ARENA_SIZE = 256 * 1024 };

/* Field numbers of StreamMessagesResponse, with wire type 2. */
enum {
    TAG_CURSOR = 1 << 3 | 2,
    TAG_EVENT = 2 << 3 | 2,
    TAG_CAUGHT_UP = 3 << 3 | 2,
    TAG_READ_MARKER = 6 << 3 | 2,
    TAG_HEARTBEAT = 7 << 3 | 2,
    TAG_DRAINING = 8 << 3 | 2,
    TAG_ROOM_STATE = 9 << 3 | 2,
};

static void put_u32(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

/* One frame: a cursor (may be empty) and one item. */
static void append_frame(struct pl_bytes cursor, uint8_t tag, struct pl_bytes item,
                         struct pl_bytebuf *out)
{
    uint8_t head[ENVELOPE_SIZE] = {0};
    uint8_t cursor_len[PL_VARINT_SIZE_MAX], item_len[PL_VARINT_SIZE_MAX];
    size_t cursor_len_size = pl_varint_put(cursor_len, cursor.size);
    size_t item_len_size = pl_varint_put(item_len, item.size);
    size_t size = 1 + item_len_size + item.size;

    if (cursor.size > 0)
        size += 1 + cursor_len_size + cursor.size;
    if (pl_bytebuf_reserve(out, ENVELOPE_SIZE + size) == NULL)
        return;
    put_u32(head + 1, size);
    pl_bytebuf_append(out, head, sizeof head);
    if (cursor.size > 0) {
        pl_bytebuf_append_byte(out, TAG_CURSOR);
        pl_bytebuf_append(out, cursor_len, cursor_len_size);
        pl_bytebuf_append(out, cursor.data, cursor.size);
    }
    pl_bytebuf_append_byte(out, tag);
    pl_bytebuf_append(out, item_len, item_len_size);
    pl_bytebuf_append(out, item.data, item.size);
}

static void append_with_cursor(const struct pl_wire_framer *framer, pl_position position,
                               const struct pl_backlog *backlog, uint8_t tag, struct pl_bytes item,
                               struct pl_bytebuf *out)
{
    struct pl_bytebuf cursor;

    pl_bytebuf_init(&cursor, PL_CURSOR_SIZE_MAX + 1);
    pl_cursor_encode(framer->log, position, backlog, &cursor);
    if (cursor.err < 0)
        out->err = cursor.err;
    else
        append_frame((struct pl_bytes){cursor.data, cursor.size}, tag, item, out);
    pl_bytebuf_done(&cursor);
}

static void append_item(const struct pl_wire_framer *framer, pl_position position,
                        const struct pl_backlog *backlog, bool with_cursor, uint8_t tag,
                        struct pl_bytes item, struct pl_bytebuf *out)
{
    if (with_cursor)
        append_with_cursor(framer, position, backlog, tag, item, out);
    else
        append_frame((struct pl_bytes){NULL, 0}, tag, item, out);
}

static void frame_event(void *self, struct pl_bytes event, pl_position position,
                        const struct pl_backlog *backlog, bool with_cursor, struct pl_bytebuf *out)
{
    append_item(self, position, backlog, with_cursor, TAG_EVENT, event, out);
}

static void frame_room_state(void *self, struct pl_bytes state, pl_position position,
                             const struct pl_backlog *backlog, bool with_cursor,
                             struct pl_bytebuf *out)
{
    append_item(self, position, backlog, with_cursor, TAG_ROOM_STATE, state, out);
}

static int pack_room_state(const struct pl_room_state *state, struct pl_arena *arena,
                           struct pl_bytebuf *out)
{
    Parla__V1__RoomState to = PARLA__V1__ROOM_STATE__INIT;
    size_t size;
    uint8_t *at;

    to.as_of_sequence = state->room.last_sequence;
    to.more_members = state->more_members;
    to.room = pl_wire_room(arena, &state->room);
    to.members = pl_arena_alloc(arena, state->members_len * sizeof(Parla__V1__Member *));
    if (to.room == NULL || to.members == NULL)
        return PL_E_NOMEM;
    for (; to.n_members < state->members_len; to.n_members++) {
        const struct pl_state_member *member = &state->members[to.n_members];

        to.members[to.n_members] = pl_wire_member(arena, &member->member, member->name);
        if (to.members[to.n_members] == NULL)
            return PL_E_NOMEM;
    }
    size = protobuf_c_message_get_packed_size(&to.base);
    at = pl_bytebuf_reserve(out, size);
    if (at != NULL)
        pl_bytebuf_added(out, protobuf_c_message_pack(&to.base, at));
    return out->err;
}

static void room_state_bytes(void *self, const struct pl_room_state *state, struct pl_bytebuf *out)
{
    struct pl_arena arena;
    int rc;

    (void)self;
    pl_arena_init(&arena, ROOM_STATE_ARENA_SIZE);
    rc = pack_room_state(state, &arena, out);
    pl_arena_done(&arena);
    if (rc < 0)
        out->err = rc;
}

/* Packs a small item of fixed kind into `to`. */
static struct pl_bytes pack_small(const ProtobufCMessage *message, uint8_t to[SMALL_SIZE])
{
    return (struct pl_bytes){to, protobuf_c_message_pack(message, to)};
}

static void frame_read_marker(void *self, const char *room, pl_sequence sequence,
                              struct pl_bytebuf *out)
{
    Parla__V1__ReadMarker marker = PARLA__V1__READ_MARKER__INIT;
    uint8_t item[SMALL_SIZE];
    char name[PL_ROOM_NAME_SIZE_MAX + 1];

    (void)self;
    memcpy(name, room, strnlen(room, PL_ROOM_NAME_SIZE_MAX) + 1);
    name[PL_ROOM_NAME_SIZE_MAX] = 0;
    marker.room = name;
    marker.sequence = sequence;
    append_frame((struct pl_bytes){NULL, 0}, TAG_READ_MARKER, pack_small(&marker.base, item), out);
}

static void frame_caught_up(void *self, pl_position position, const struct pl_backlog *backlog,
                            struct pl_bytebuf *out)
{
    append_with_cursor(self, position, backlog, TAG_CAUGHT_UP, (struct pl_bytes){NULL, 0}, out);
}

static void frame_heartbeat(void *self, int64_t now_ms, pl_position position,
                            const struct pl_backlog *backlog, struct pl_bytebuf *out)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Parla__V1__Heartbeat heartbeat = PARLA__V1__HEARTBEAT__INIT;
    uint8_t item[SMALL_SIZE];

    time.seconds = now_ms / 1000;
    time.nanos = (int32_t)(now_ms % 1000) * 1000000;
    heartbeat.time = &time;
    append_with_cursor(self, position, backlog, TAG_HEARTBEAT, pack_small(&heartbeat.base, item),
                       out);
}

static void frame_draining(void *self, uint32_t retry_after_ms, pl_position position,
                           const struct pl_backlog *backlog, struct pl_bytebuf *out)
{
    Parla__V1__Draining draining = PARLA__V1__DRAINING__INIT;
    uint8_t item[SMALL_SIZE];

    draining.retry_after_ms = retry_after_ms;
    append_with_cursor(self, position, backlog, TAG_DRAINING, pack_small(&draining.base, item),
                       out);
}

/* The cursor, where there is one, is the first field. */
static pl_position frame_position(void *self, struct pl_bytes frame)
{
    struct pl_bytes text = {frame.data + ENVELOPE_SIZE, frame.size - ENVELOPE_SIZE};
    struct pl_cursor cursor = {0};
    struct pl_arena arena;
    uint64_t size;
    char *copy;

    (void)self;
    if (text.size == 0 || text.data[0] != TAG_CURSOR)
        return 0;
    text.data++;
    text.size--;
    if (!pl_varint_take(&text, &size) || size > text.size)
        return 0;
    pl_arena_init(&arena, CURSOR_ARENA_SIZE);
    copy = pl_arena_copy(&arena, text.data, (size_t)size);
    if (copy == NULL || pl_cursor_decode(copy, &arena, &cursor) < 0)
        cursor.position = 0; /* the frame is then as one without */
    pl_arena_done(&arena);
    return cursor.position;
}

struct pl_framer pl_wire_framer_iface(struct pl_wire_framer *framer)
{
    return (struct pl_framer){
        .self = framer,
        .event = frame_event,
        .room_state_bytes = room_state_bytes,
        .room_state = frame_room_state,
        .read_marker = frame_read_marker,
        .caught_up = frame_caught_up,
        .heartbeat = frame_heartbeat,
        .draining = frame_draining,
        .position = frame_position,
    };
}
