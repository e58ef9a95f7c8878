/*
 * fuzz_base64.c - base64, both alphabets: what is encoded decodes to itself, padded
 * or not; what decodes has only letters of the alphabet.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "rpc/base64.h"

#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static struct pl_bytes content(const struct pl_bytebuf *buf)
{
    return (struct pl_bytes){buf->data, buf->size};
}

/* Whether it is of that form: letters, then up to two '=' that fill it up to
 * fours, or none. */
static bool has_form(struct pl_bytes text, const char *others, bool may_pad)
{
    size_t pad = 0;

    while (may_pad && pad < 2 && pad < text.size && text.data[text.size - 1 - pad] == '=')
        pad++;
    if (pad > 0 && text.size % 4 != 0)
        return false;
    if ((text.size - pad) % 4 == 1)
        return false;
    for (size_t i = 0; i < text.size - pad; i++)
        if (text.data[i] == 0 ||
            (strchr(letters, text.data[i]) == NULL && strchr(others, text.data[i]) == NULL))
            return false;
    return true;
}

static void decode_any(struct pl_bytes text)
{
    struct pl_bytebuf out;
    int rc;

    pl_bytebuf_init(&out, text.size + 1);
    rc = pl_rpc_base64_decode(text, &out);
    PL_ASSERT(rc == (has_form(text, "+/", true) ? PL_OK : PL_E_INVALID));
    if (rc == PL_OK)
        PL_ASSERT(out.size <= text.size / 4 * 3 + 2);
    pl_bytebuf_done(&out);
}

static void round_trip(struct pl_bytes data)
{
    struct pl_bytebuf text, back;

    pl_bytebuf_init(&text, data.size * 2 + 8);
    pl_bytebuf_init(&back, data.size + 1);
    pl_rpc_base64_encode(data, &text);
    PL_ASSERT(text.err == PL_OK && has_form(content(&text), "+/", false));
    PL_ASSERT(pl_rpc_base64_decode(content(&text), &back) == PL_OK);
    PL_ASSERT(pl_bytes_equal(content(&back), data));

    while (text.size % 4 != 0)
        pl_bytebuf_append_byte(&text, '=');
    pl_bytebuf_clear(&back);
    PL_ASSERT(pl_rpc_base64_decode(content(&text), &back) == PL_OK);
    PL_ASSERT(pl_bytes_equal(content(&back), data));
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&back);
}

static void url_alphabet(struct pl_bytes input)
{
    char *text = malloc(PL_BASE64_SIZE(input.size));
    uint8_t *data = malloc(input.size + 1);
    size_t size = 0;
    int rc;

    PL_ASSERT(text != NULL && data != NULL);
    pl_base64url_encode(input.data, input.size, text);
    PL_ASSERT(pl_base64url_decode(pl_bytes_str(text), data, input.size, &size) == PL_OK);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){data, size}, input));
    if (input.size > 0)
        PL_ASSERT(pl_base64url_decode(pl_bytes_str(text), data, input.size - 1, &size) ==
                  PL_E_INVALID);

    rc = pl_base64url_decode(input, data, input.size, &size);
    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID);
    if (rc == PL_OK)
        PL_ASSERT(has_form(input, "-_", false) && size == input.size * 3 / 4);
    free(text);
    free(data);
}

/* Either alphabet: stricter about bits left over, else the same. */
static void either_alphabet(struct pl_bytes input)
{
    struct pl_bytebuf strict, lax;
    int rc;

    pl_bytebuf_init(&strict, input.size * 2 + 8);
    pl_bytebuf_init(&lax, input.size + 1);
    rc = pl_base64_decode(input, &strict);
    PL_ASSERT(rc == PL_OK || (rc == PL_E_INVALID && strict.size == 0));
    if (rc == PL_OK)
        PL_ASSERT(has_form(input, "+/", true) || has_form(input, "-_", true));
    if (rc == PL_OK && has_form(input, "+/", true)) {
        PL_ASSERT(pl_rpc_base64_decode(input, &lax) == PL_OK);
        PL_ASSERT(pl_bytes_equal(content(&strict), content(&lax)));
    }
    pl_bytebuf_clear(&strict);
    pl_bytebuf_clear(&lax);
    pl_base64_encode(input, &strict);
    PL_ASSERT(strict.err == PL_OK && has_form(content(&strict), "+/", true));
    PL_ASSERT(pl_base64_decode(content(&strict), &lax) == PL_OK);
    PL_ASSERT(pl_bytes_equal(content(&lax), input));
    pl_bytebuf_done(&strict);
    pl_bytebuf_done(&lax);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes input = {data, size};

    decode_any(input);
    round_trip(input);
    url_alphabet(input);
    either_alphabet(input);
    return 0;
}
