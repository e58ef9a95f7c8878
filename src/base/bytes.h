/*
 * bytes.h - a borrowed run of bytes, and a buffer that grows.
 *
 * Threads:   none of its own; a pl_bytebuf belongs to one thread.
 * Ownership: pl_bytes borrows; pl_bytebuf owns its data until done or taken.
 */
#ifndef PL_BASE_BYTES_H
#define PL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pl_bytes {
    const uint8_t *data;
    size_t size;
};

/* These three are here so that with a constant the compiler knows its size. */

/* The bytes of a string, without its NUL. */
static inline struct pl_bytes pl_bytes_str(const char *str)
{
    return (struct pl_bytes){(const uint8_t *)str, strlen(str)};
}

/* Whether both hold the same bytes. Not for secrets: see pl_secret_equal(). */
static inline bool pl_bytes_equal(struct pl_bytes a, struct pl_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, b.size) == 0);
}

/* Whether the bytes are those of `str`. */
static inline bool pl_bytes_is(struct pl_bytes a, const char *str)
{
    return pl_bytes_equal(a, pl_bytes_str(str));
}

/* Whether all of them are below 0x80. */
bool pl_bytes_are_ascii(struct pl_bytes bytes);

/* A buffer that grows up to size_max bytes. An append that fails (for memory
 * or the maximum) sets `err` and changes nothing; every later one then does
 * nothing, so that one check at the end is enough. */
struct pl_bytebuf {
    uint8_t *data;
    size_t size;
    size_t cap;
    size_t size_max;
    int err; /* PL_OK, PL_E_NOMEM or PL_E_LIMIT */
};

void pl_bytebuf_init(struct pl_bytebuf *buf, size_t size_max);
void pl_bytebuf_done(struct pl_bytebuf *buf);

/* Forgets content and error, keeps the memory. */
void pl_bytebuf_clear(struct pl_bytebuf *buf);

void pl_bytebuf_append(struct pl_bytebuf *buf, const void *data, size_t size);
void pl_bytebuf_append_byte(struct pl_bytebuf *buf, uint8_t byte);
void pl_bytebuf_append_str(struct pl_bytebuf *buf, const char *str);
void pl_bytebuf_printf(struct pl_bytebuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for `size` more bytes and returns where they go, or NULL with
 * `err` set. The caller fills them and then calls pl_bytebuf_added(). */
uint8_t *pl_bytebuf_reserve(struct pl_bytebuf *buf, size_t size);
void pl_bytebuf_added(struct pl_bytebuf *buf, size_t size);

/* Drops the first `size` bytes. */
void pl_bytebuf_consume(struct pl_bytebuf *buf, size_t size);

/* The content as a NUL-terminated string, valid until the next change; "" when
 * `err` is set. */
const char *pl_bytebuf_cstr(struct pl_bytebuf *buf);

#endif
