/*
 * keys.c - from bytes to keys.
 *
 * A lone ESC is held until the next byte makes it a key: in this line editor it
 * does nothing by itself, so no clock is needed.
 */
#include "client/keys.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"

#include <string.h>

#define PASTE_BEGIN "\x1b[200~"
#define PASTE_END   "\x1b[201~"

enum { ESC = 0x1b, REPLACEMENT = 0xfffd };

void pl_keys_init(struct pl_keys *keys, const struct pl_keys_ops *ops)
{
    *keys = (struct pl_keys){.ops = *ops};
    pl_bytebuf_init(&keys->paste, PL_KEYS_PASTE_SIZE_MAX);
}

void pl_keys_done(struct pl_keys *keys)
{
    pl_bytebuf_done(&keys->paste);
}

static void set_state(struct pl_keys *keys, enum pl_keys_state state)
{
    keys->state = state;
    if (state == PL_KEYS_GROUND || state == PL_KEYS_PASTE)
        keys->sequence_size = 0;
}

/* False where the sequence is longer than any that is known. */
static bool add(struct pl_keys *keys, uint8_t byte)
{
    if (keys->sequence_size == PL_KEYS_SEQUENCE_SIZE_MAX)
        return false;
    keys->sequence[keys->sequence_size++] = (char)byte;
    keys->sequence[keys->sequence_size] = 0;
    return true;
}

static void end_sequence(struct pl_keys *keys)
{
    if (strcmp(keys->sequence, PASTE_BEGIN) == 0) {
        pl_bytebuf_clear(&keys->paste);
        keys->cut = false;
        set_state(keys, PL_KEYS_PASTE);
        return;
    }
    set_state(keys, PL_KEYS_GROUND);
    keys->ops.on_sequence(keys->ops.self, keys->sequence);
}

/* How many bytes a character has that begins so; 1 also for what begins none. */
static size_t point_size(uint8_t first)
{
    return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
}

static void feed_ground(struct pl_keys *keys, uint8_t byte)
{
    const uint8_t *data = (const uint8_t *)keys->sequence;
    uint32_t point;

    /* a character cut short by what cannot continue it */
    if (keys->sequence_size > 0 && (byte & 0xc0) != 0x80) {
        keys->sequence_size = 0;
        keys->ops.on_point(keys->ops.self, REPLACEMENT);
    }
    add(keys, byte);
    if (byte == ESC) {
        set_state(keys, PL_KEYS_ESCAPE);
        return;
    }
    if (keys->sequence_size < point_size(data[0]))
        return;
    if (pl_utf8_decode(data, keys->sequence_size, &point) != keys->sequence_size)
        point = REPLACEMENT;
    keys->sequence_size = 0;
    keys->ops.on_point(keys->ops.self, point);
}

static void feed_escape(struct pl_keys *keys, uint8_t byte)
{
    if (byte == ESC)
        return; /* ESC ESC is as one */
    add(keys, byte);
    if (byte == '[')
        set_state(keys, PL_KEYS_CSI);
    else if (byte == 'O')
        set_state(keys, PL_KEYS_SS3);
    else
        end_sequence(keys);
}

static void feed_csi(struct pl_keys *keys, uint8_t byte)
{
    if (byte == ESC) { /* it was torn; another begins */
        keys->sequence_size = 0;
        add(keys, byte);
        set_state(keys, PL_KEYS_ESCAPE);
    } else if (!add(keys, byte)) {
        set_state(keys, PL_KEYS_GROUND);
    } else if (byte >= 0x40 && byte <= 0x7e) {
        end_sequence(keys);
    }
}

static void end_paste(struct pl_keys *keys)
{
    struct pl_bytebuf *paste = &keys->paste;
    size_t to = 0;

    for (size_t at = 0; at < paste->size; at++) {
        uint8_t byte = paste->data[at];

        if (byte == '\r' && at + 1 < paste->size && paste->data[at + 1] == '\n')
            continue;
        paste->data[to++] = byte == '\r' ? '\n' : byte;
    }
    paste->size = to;
    set_state(keys, PL_KEYS_GROUND);
    keys->ops.on_paste(keys->ops.self, (struct pl_bytes){paste->data, paste->size}, keys->cut);
    pl_bytebuf_clear(paste);
}

/* The end mark is looked for at the end of what has come; it is kept in
 * `sequence` as long as it may be one. */
static void feed_paste(struct pl_keys *keys, uint8_t byte)
{
    static const char mark[] = PASTE_END;

    PL_ASSERT(keys->sequence_size < sizeof mark - 1);
    if (byte != (uint8_t)mark[keys->sequence_size]) {
        /* the mark has its first byte only once: what looked like one is text */
        pl_bytebuf_append(&keys->paste, keys->sequence, keys->sequence_size);
        keys->sequence_size = 0;
    }
    if (byte == (uint8_t)mark[keys->sequence_size]) {
        add(keys, byte);
        if (keys->sequence_size == sizeof mark - 1)
            end_paste(keys);
    } else {
        pl_bytebuf_append_byte(&keys->paste, byte);
    }
    if (keys->paste.err != PL_OK)
        keys->cut = true;
}

void pl_keys_feed(struct pl_keys *keys, struct pl_bytes data)
{
    for (size_t i = 0; i < data.size; i++) {
        uint8_t byte = data.data[i];

        switch (keys->state) {
        case PL_KEYS_GROUND:
            feed_ground(keys, byte);
            break;
        case PL_KEYS_ESCAPE:
            feed_escape(keys, byte);
            break;
        case PL_KEYS_CSI:
            feed_csi(keys, byte);
            break;
        case PL_KEYS_SS3:
            add(keys, byte);
            end_sequence(keys);
            break;
        case PL_KEYS_PASTE:
            feed_paste(keys, byte);
            break;
        }
    }
}
