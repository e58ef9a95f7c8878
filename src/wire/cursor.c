/* cursor.c - see the format in cursor.h. */
#include "wire/cursor.h"

#include "base/err.h"
#include "base/secret.h"
#include "model/limits.h"
#include "wire/varint.h"

#include <string.h>

enum { CURSOR_VERSION = 1, CURSOR_CHECK_SIZE = 8, CURSOR_HEAD_SIZE = 1 + 8 };

/* What the binary form of the longest text may be. */
#define CURSOR_BYTES_MAX (PL_CURSOR_SIZE_MAX / 4 * 3)

static void put_check(struct pl_bytes bytes, uint8_t check[CURSOR_CHECK_SIZE])
{
    struct pl_hash hash = pl_hash_of(bytes);

    memcpy(check, hash.v, CURSOR_CHECK_SIZE);
}

static void put_backlog(const struct pl_backlog *backlog, struct pl_bytebuf *bytes)
{
    uint64_t before = 0;

    pl_varint_append(bytes, backlog->until);
    if (backlog->kind != PL_BACKLOG_UNREAD)
        return;
    pl_varint_append(bytes, backlog->rooms_len);
    for (uint32_t i = 0; i < backlog->rooms_len; i++) {
        pl_varint_append(bytes, backlog->rooms[i].room.v - before);
        pl_varint_append(bytes, backlog->rooms[i].after);
        before = backlog->rooms[i].room.v;
    }
}

static size_t put_head(uint8_t *to, uint64_t log, pl_position position)
{
    size_t size = 0;

    to[size++] = CURSOR_VERSION;
    for (unsigned i = 0; i < 8; i++)
        to[size++] = (uint8_t)(log >> (8 * i));
    return size + pl_varint_put(to + size, position);
}

static void append_text(struct pl_bytes bytes, struct pl_bytebuf *out)
{
    size_t text_size = PL_BASE64_SIZE(bytes.size);
    uint8_t *to = pl_bytebuf_reserve(out, text_size);

    if (to == NULL)
        return;
    pl_base64url_encode(bytes.data, bytes.size, (char *)to);
    pl_bytebuf_added(out, text_size - 1);
}

void pl_cursor_encode(uint64_t log, pl_position position, const struct pl_backlog *backlog,
                      struct pl_bytebuf *out)
{
    uint8_t small[CURSOR_HEAD_SIZE + PL_VARINT_SIZE_MAX + 1 + CURSOR_CHECK_SIZE];
    struct pl_bytebuf bytes;
    size_t size;

    if (backlog == NULL || backlog->kind == PL_BACKLOG_NONE || backlog->until <= position) {
        /* the common case: on the stack */
        size = put_head(small, log, position);
        small[size++] = PL_BACKLOG_NONE;
        put_check((struct pl_bytes){small, size}, small + size);
        append_text((struct pl_bytes){small, size + CURSOR_CHECK_SIZE}, out);
        return;
    }
    pl_bytebuf_init(&bytes, CURSOR_BYTES_MAX);
    size = put_head(small, log, position);
    pl_bytebuf_append(&bytes, small, size);
    pl_bytebuf_append_byte(&bytes, (uint8_t)backlog->kind);
    put_backlog(backlog, &bytes);
    if (bytes.err == PL_OK) {
        uint8_t check[CURSOR_CHECK_SIZE];

        put_check((struct pl_bytes){bytes.data, bytes.size}, check);
        pl_bytebuf_append(&bytes, check, sizeof check);
    }
    if (bytes.err == PL_OK)
        append_text((struct pl_bytes){bytes.data, bytes.size}, out);
    else
        out->err = bytes.err;
    pl_bytebuf_done(&bytes);
}

static int take_rooms(struct pl_bytes *data, struct pl_arena *arena, struct pl_backlog *backlog)
{
    struct pl_backlog_room *rooms;
    uint64_t len, room = 0;

    if (!pl_varint_take(data, &len) || len > PL_STREAM_ROOMS_LEN_MAX + PL_USER_ROOMS_LEN_MAX)
        return PL_E_INVALID;
    rooms = pl_arena_alloc(arena, (size_t)len * sizeof *rooms);
    if (rooms == NULL)
        return PL_E_NOMEM;
    for (uint64_t i = 0; i < len; i++) {
        uint64_t step, after;

        if (!pl_varint_take(data, &step) || !pl_varint_take(data, &after))
            return PL_E_INVALID;
        room += step;
        rooms[i] = (struct pl_backlog_room){{room}, after};
    }
    backlog->rooms = rooms;
    backlog->rooms_len = (uint32_t)len;
    return PL_OK;
}

static int take_body(struct pl_bytes *data, struct pl_arena *arena, struct pl_cursor *cursor)
{
    struct pl_backlog *backlog = &cursor->backlog;
    uint8_t kind;

    if (!pl_varint_take(data, &cursor->position) || cursor->position > PL_POSITION_MAX)
        return PL_E_INVALID;
    if (data->size == 0)
        return PL_E_INVALID;
    kind = data->data[0];
    data->data++;
    data->size--;
    if (kind > PL_BACKLOG_UNREAD)
        return PL_E_INVALID;
    backlog->kind = (enum pl_backlog_kind)kind;
    if (backlog->kind == PL_BACKLOG_NONE)
        return PL_OK;
    if (!pl_varint_take(data, &backlog->until) || backlog->until > PL_POSITION_MAX)
        return PL_E_INVALID;
    return backlog->kind == PL_BACKLOG_UNREAD ? take_rooms(data, arena, backlog) : PL_OK;
}

int pl_cursor_decode(const char *text, struct pl_arena *arena, struct pl_cursor *ret_cursor)
{
    struct pl_cursor cursor = {0};
    uint8_t check[CURSOR_CHECK_SIZE];
    struct pl_bytes data;
    size_t text_size = strlen(text), size = 0;
    uint8_t *bytes;
    int rc;

    if (text_size > PL_CURSOR_SIZE_MAX)
        return PL_E_INVALID;
    bytes = pl_arena_alloc(arena, text_size + 1);
    if (bytes == NULL)
        return PL_E_NOMEM;
    rc = pl_base64url_decode((struct pl_bytes){(const uint8_t *)text, text_size}, bytes,
                             text_size + 1, &size);
    if (rc < 0)
        return rc;
    if (size < CURSOR_HEAD_SIZE + 2 + CURSOR_CHECK_SIZE || bytes[0] != CURSOR_VERSION)
        return PL_E_INVALID;
    data = (struct pl_bytes){bytes, size - CURSOR_CHECK_SIZE};
    put_check(data, check);
    if (memcmp(check, bytes + data.size, sizeof check) != 0)
        return PL_E_INVALID;
    for (unsigned i = 0; i < 8; i++)
        cursor.log |= (uint64_t)bytes[1 + i] << (8 * i);

    data.data += CURSOR_HEAD_SIZE;
    data.size -= CURSOR_HEAD_SIZE;
    rc = take_body(&data, arena, &cursor);
    if (rc < 0)
        return rc;
    if (data.size != 0)
        return PL_E_INVALID;
    *ret_cursor = cursor;
    return PL_OK;
}
