/*
 * base64.c - by libsodium, which knows four variants one at a time: the one to
 * read is told by the letters that differ and by the padding.
 */
#include "base/base64.h"

#include "base/err.h"

#include <sodium.h>
#include <string.h>

static void encode(struct pl_bytes data, struct pl_bytebuf *to, int variant)
{
    uint8_t *text;
    size_t size;

    if (data.size > PTRDIFF_MAX / 2) {
        to->err = to->err < 0 ? to->err : PL_E_LIMIT;
        return;
    }
    size = sodium_base64_ENCODED_LEN(data.size, (unsigned)variant); /* with the NUL */
    text = pl_bytebuf_reserve(to, size - 1);
    if (text == NULL)
        return;
    /* Behind what is reserved there is always room for a NUL. */
    sodium_bin2base64((char *)text, size, data.data, data.size, variant);
    pl_bytebuf_added(to, size - 1);
}

void pl_base64_encode(struct pl_bytes data, struct pl_bytebuf *to)
{
    encode(data, to, sodium_base64_VARIANT_ORIGINAL);
}

void pl_base64_encode_bare(struct pl_bytes data, struct pl_bytebuf *to)
{
    encode(data, to, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

static int variant_of(struct pl_bytes text)
{
    bool padded = text.size > 0 && text.data[text.size - 1] == '=';
    bool url = text.size > 0 && (memchr(text.data, '-', text.size) != NULL ||
                                 memchr(text.data, '_', text.size) != NULL);

    if (url)
        return padded ? sodium_base64_VARIANT_URLSAFE : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    return padded ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
}

int pl_base64_decode(struct pl_bytes text, struct pl_bytebuf *to)
{
    size_t letters = text.size;
    size_t size, size_max;
    uint8_t *data;

    /* libsodium 1.0.18 takes bytes beyond ASCII for letters, as chars have signs. */
    if (!pl_bytes_are_ascii(text))
        return PL_E_INVALID;
    for (int i = 0; i < 2 && letters > 0 && text.data[letters - 1] == '='; i++)
        letters--;
    size_max = letters / 4 * 3 + letters % 4 * 6 / 8;
    data = pl_bytebuf_reserve(to, size_max);
    if (data == NULL)
        return to->err;
    if (sodium_base642bin(data, size_max, (const char *)text.data, text.size, NULL, &size, NULL,
                          variant_of(text)) != 0)
        return PL_E_INVALID;
    pl_bytebuf_added(to, size);
    return PL_OK;
}
