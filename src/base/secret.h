/*
 * secret.h - randomness, hashes and comparisons that keep secrets (libsodium).
 *
 * Threads: any, after pl_secret_init().
 */
#ifndef PL_BASE_SECRET_H
#define PL_BASE_SECRET_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_HASH_SIZE = 32 };

/* A BLAKE2b-256 digest. */
struct pl_hash {
    uint8_t v[PL_HASH_SIZE];
};

/* Makes the library ready; call once before any thread starts. PL_E_IO where
 * the system has no randomness. */
int pl_secret_init(void);

/* Fills with random bytes from the system. */
void pl_random(void *data, size_t size);

/* BLAKE2b-256 of the bytes. */
struct pl_hash pl_hash_of(struct pl_bytes data);

enum { PL_HASH_KEY_SIZE = 16 };

/* A short hash that is the same on every machine and for ever (SipHash-2-4): what is
 * kept may be found by it. Who does not know the key cannot choose inputs whose hashes
 * fall on each other. */
uint64_t pl_hash_lasting(const uint8_t key[PL_HASH_KEY_SIZE], const void *data, size_t size);

/* Compares in constant time. */
bool pl_secret_equal(const void *a, const void *b, size_t size);

/* Base64 of RFC 4648, section 5 (URL alphabet), without padding. `text` must
 * hold PL_BASE64_SIZE(size) bytes; gets a NUL. Not constant in time. */
#define PL_BASE64_SIZE(size) (((size)*4 + 2) / 3 + 1)
void pl_base64url_encode(const void *data, size_t size, char *text);

/* Decodes it. PL_E_INVALID for anything but that alphabet, or where it is over
 * `data_size` bytes. */
int pl_base64url_decode(struct pl_bytes text, void *data, size_t data_size, size_t *ret_size);

#endif
