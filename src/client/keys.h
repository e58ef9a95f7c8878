/*
 * keys.h - what a terminal sends, cut into whole keys.
 *
 * A key is a character, or an escape sequence (ECMA-48, section 5.4: CSI and
 * SS3; or ESC and one byte), or a bracketed paste. Incomplete ones wait for
 * their rest. So whoever gets a key never has to wait in its middle.
 *
 * Threads: none of its own. Limits: a paste holds at most PASTE_SIZE_MAX bytes,
 * the rest of it is dropped and told of.
 */
#ifndef PL_CLIENT_KEYS_H
#define PL_CLIENT_KEYS_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { PL_KEYS_SEQUENCE_SIZE_MAX = 32, PL_KEYS_PASTE_SIZE_MAX = 256 * 1024 };

struct pl_keys_ops {
    void *self;
    /* A character; U+FFFD for bytes that are no UTF-8. */
    void (*on_point)(void *self, uint32_t point);
    /* An escape sequence, with a NUL after it. */
    void (*on_sequence)(void *self, const char *sequence);
    /* A paste; its line ends are line feeds. cut: there was more of it. */
    void (*on_paste)(void *self, struct pl_bytes text, bool cut);
};

enum pl_keys_state {
    PL_KEYS_GROUND,
    PL_KEYS_ESCAPE, /* ESC has come */
    PL_KEYS_CSI,    /* ESC [ */
    PL_KEYS_SS3,    /* ESC O */
    PL_KEYS_PASTE,  /* until ESC [ 2 0 1 ~ */
};

struct pl_keys {
    struct pl_keys_ops ops;
    enum pl_keys_state state;
    char sequence[PL_KEYS_SEQUENCE_SIZE_MAX + 1]; /* so far; or a character's bytes */
    size_t sequence_size;
    struct pl_bytebuf paste;
    bool cut;
};

void pl_keys_init(struct pl_keys *keys, const struct pl_keys_ops *ops);
void pl_keys_done(struct pl_keys *keys);

/* Takes what was read, and calls the ops for each key that is complete. */
void pl_keys_feed(struct pl_keys *keys, struct pl_bytes data);

#endif
