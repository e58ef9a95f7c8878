/*
 * fuzz_base64.c - base64, both alphabets: what is encoded decodes to itself, padded
 * or not; what decodes is exactly what a naive reader takes.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static struct pl_bytes content(const struct pl_bytebuf *buf)
{
    return (struct pl_bytes){buf->data, buf->size};
}

static int value_of(uint8_t byte, const char *last_two)
{
    const char *at = byte == 0 ? NULL : strchr(letters, byte);

    if (at != NULL)
        return (int)(at - letters);
    if (byte == (uint8_t)last_two[0])
        return 62;
    return byte == (uint8_t)last_two[1] ? 63 : -1;
}

/* Whether it is base64 of that alphabet: letters, then up to two '=' that fill it
 * up to fours, or none; what is left of the last letter is zero. */
static bool has_form(struct pl_bytes text, const char *last_two, bool may_pad)
{
    size_t pad = 0, size;
    int value = 0;

    while (may_pad && pad < 2 && pad < text.size && text.data[text.size - 1 - pad] == '=')
        pad++;
    size = text.size - pad;
    if ((pad > 0 && text.size % 4 != 0) || size % 4 == 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        value = value_of(text.data[i], last_two);
        if (value < 0)
            return false;
    }
    return (size % 4 != 2 || value % 16 == 0) && (size % 4 != 3 || value % 4 == 0);
}

static void decode_any(struct pl_bytes text)
{
    bool good = has_form(text, "+/", true) || has_form(text, "-_", true);
    struct pl_bytebuf out;

    pl_bytebuf_init(&out, text.size + 1);
    PL_ASSERT(pl_base64_decode(text, &out) == (good ? PL_OK : PL_E_INVALID));
    PL_ASSERT(good || out.size == 0);
    pl_bytebuf_done(&out);
}

static void round_trip(struct pl_bytes data)
{
    struct pl_bytebuf text, back;

    pl_bytebuf_init(&text, data.size * 2 + 8);
    pl_bytebuf_init(&back, data.size + 1);
    pl_base64_encode(data, &text);
    PL_ASSERT(text.err == PL_OK && text.size % 4 == 0 && has_form(content(&text), "+/", true));
    PL_ASSERT(pl_base64_decode(content(&text), &back) == PL_OK);
    PL_ASSERT(pl_bytes_equal(content(&back), data));

    pl_bytebuf_clear(&text);
    pl_bytebuf_clear(&back);
    pl_base64_encode_bare(data, &text);
    PL_ASSERT(text.err == PL_OK && has_form(content(&text), "+/", false));
    PL_ASSERT(pl_base64_decode(content(&text), &back) == PL_OK);
    PL_ASSERT(pl_bytes_equal(content(&back), data));
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&back);
}

/* That of cursors and tokens: the URL-safe alphabet, never padded. */
static void url_alphabet(struct pl_bytes input)
{
    char *text = malloc(PL_BASE64_SIZE(input.size));
    uint8_t *data = malloc(input.size + 1);
    bool good = has_form(input, "-_", false);
    size_t size = 0;

    PL_ASSERT(text != NULL && data != NULL);
    pl_base64url_encode(input.data, input.size, text);
    PL_ASSERT(pl_base64url_decode(pl_bytes_str(text), data, input.size, &size) == PL_OK);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){data, size}, input));
    if (input.size > 0)
        PL_ASSERT(pl_base64url_decode(pl_bytes_str(text), data, input.size - 1, &size) ==
                  PL_E_INVALID);

    PL_ASSERT(pl_base64url_decode(input, data, input.size, &size) == (good ? PL_OK : PL_E_INVALID));
    if (good)
        PL_ASSERT(size == input.size * 3 / 4);
    free(text);
    free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes input = {data, size};

    decode_any(input);
    round_trip(input);
    url_alphabet(input);
    return 0;
}
