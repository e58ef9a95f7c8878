/* bytes.c - the growth rule is doubling, cut at the buffer's own maximum. */
#include "base/bytes.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BYTEBUF_CAP_MIN = 64 };

bool pl_bytes_are_ascii(struct pl_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] >= 0x80)
            return false;
    return true;
}

void pl_bytebuf_init(struct pl_bytebuf *buf, size_t size_max)
{
    *buf = (struct pl_bytebuf){.size_max = size_max};
}

void pl_bytebuf_done(struct pl_bytebuf *buf)
{
    pl_free(buf->data);
    *buf = (struct pl_bytebuf){0};
}

void pl_bytebuf_clear(struct pl_bytebuf *buf)
{
    buf->size = 0;
    buf->err = PL_OK;
}

/* There is always memory for a NUL behind the content, which does not count. */
uint8_t *pl_bytebuf_reserve(struct pl_bytebuf *buf, size_t size)
{
    size_t need, cap;
    uint8_t *data;

    if (buf->err < 0)
        return NULL;
    if (size > buf->size_max - buf->size || size > PTRDIFF_MAX - buf->size - 1) {
        buf->err = PL_E_LIMIT;
        return NULL;
    }
    need = buf->size + size + 1;
    if (need <= buf->cap)
        return buf->data + buf->size;

    cap = buf->cap > 0 ? buf->cap : BYTEBUF_CAP_MIN;
    while (cap < need)
        cap *= 2;
    if (cap - 1 > buf->size_max)
        cap = buf->size_max + 1;
    data = pl_realloc(buf->data, cap);
    if (data == NULL) {
        buf->err = PL_E_NOMEM;
        return NULL;
    }
    buf->data = data;
    buf->cap = cap;
    return buf->data + buf->size;
}

void pl_bytebuf_added(struct pl_bytebuf *buf, size_t size)
{
    PL_ASSERT(size <= buf->cap - buf->size);
    buf->size += size;
}

void pl_bytebuf_append(struct pl_bytebuf *buf, const void *data, size_t size)
{
    uint8_t *to = pl_bytebuf_reserve(buf, size);

    if (to == NULL || size == 0)
        return;
    memcpy(to, data, size);
    buf->size += size;
}

void pl_bytebuf_append_byte(struct pl_bytebuf *buf, uint8_t byte)
{
    pl_bytebuf_append(buf, &byte, 1);
}

void pl_bytebuf_append_str(struct pl_bytebuf *buf, const char *str)
{
    pl_bytebuf_append(buf, str, strlen(str));
}

void pl_bytebuf_printf(struct pl_bytebuf *buf, const char *format, ...)
{
    va_list args;
    uint8_t *to;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    PL_ASSERT(size >= 0);

    to = pl_bytebuf_reserve(buf, (size_t)size);
    if (to == NULL)
        return;
    va_start(args, format);
    vsnprintf((char *)to, (size_t)size + 1, format, args);
    va_end(args);
    buf->size += (size_t)size;
}

void pl_bytebuf_consume(struct pl_bytebuf *buf, size_t size)
{
    PL_ASSERT(size <= buf->size);
    buf->size -= size;
    if (buf->size > 0)
        memmove(buf->data, buf->data + size, buf->size);
}

const char *pl_bytebuf_cstr(struct pl_bytebuf *buf)
{
    uint8_t *end = pl_bytebuf_reserve(buf, 0);

    if (end == NULL)
        return "";
    *end = 0;
    return (const char *)buf->data;
}
