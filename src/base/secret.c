/* secret.c - a thin cover over libsodium, so that one file names it. */
#include "base/secret.h"

#include "base/assert.h"
#include "base/err.h"

#include <sodium.h>

int pl_secret_init(void)
{
    return sodium_init() >= 0 ? PL_OK : PL_E_IO;
}

void pl_random(void *data, size_t size)
{
    randombytes_buf(data, size);
}

struct pl_hash pl_hash_of(struct pl_bytes data)
{
    struct pl_hash hash;

    PL_ASSERT(crypto_generichash(hash.v, sizeof hash.v, data.data, data.size, NULL, 0) == 0);
    return hash;
}

uint64_t pl_hash_lasting(const uint8_t key[PL_HASH_KEY_SIZE], const void *data, size_t size)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash = 0;

    _Static_assert(sizeof out == sizeof hash, "SipHash-2-4 gives 64 bits");
    _Static_assert(PL_HASH_KEY_SIZE == crypto_shorthash_KEYBYTES, "of a key of 128 bits");
    PL_ASSERT(crypto_shorthash(out, data, size, key) == 0);
    for (size_t i = 0; i < sizeof out; i++)
        hash |= (uint64_t)out[i] << (8 * i);
    return hash;
}

bool pl_secret_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void pl_base64url_encode(const void *data, size_t size, char *text)
{
    PL_ASSERT(sodium_bin2base64(
                  text, sodium_base64_encoded_len(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                  data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == text);
}

int pl_base64url_decode(struct pl_bytes text, void *data, size_t data_size, size_t *ret_size)
{
    const char *end = NULL;
    size_t size = 0;

    /* libsodium 1.0.18 takes bytes beyond ASCII for letters, as chars have signs. */
    if (!pl_bytes_are_ascii(text))
        return PL_E_INVALID;
    if (sodium_base642bin(data, data_size, (const char *)text.data, text.size, NULL, &size, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return PL_E_INVALID;
    if (text.size > 0 && end != (const char *)text.data + text.size)
        return PL_E_INVALID;
    *ret_size = size;
    return PL_OK;
}
