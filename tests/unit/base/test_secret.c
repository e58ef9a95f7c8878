/* test_secret.c - randomness, hashes, comparisons, base64. */
#include "base/secret.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    (void)state;
    return pl_secret_init();
}

static void random_bytes_differ(void **state)
{
    uint8_t a[32] = {0}, b[32] = {0};

    (void)state;
    pl_random(a, sizeof a);
    pl_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* BLAKE2b-256 of the empty string, as any implementation computes it. */
static void the_hash_is_blake2b_256(void **state)
{
    static const uint8_t expected[PL_HASH_SIZE] = {
        0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2, 0xe8, 0xab, 0x2e,
        0xb0, 0x60, 0x99, 0xda, 0xa1, 0xd1, 0xe5, 0xdf, 0x47, 0x77, 0x8f,
        0x77, 0x87, 0xfa, 0xab, 0x45, 0xcd, 0xf1, 0x2f, 0xe3, 0xa8,
    };
    struct pl_hash empty = pl_hash_of((struct pl_bytes){NULL, 0});
    struct pl_hash a = pl_hash_of(pl_bytes_str("a")), b = pl_hash_of(pl_bytes_str("b"));

    (void)state;
    assert_memory_equal(empty.v, expected, sizeof expected);
    assert_memory_not_equal(a.v, b.v, sizeof a.v);
}

static void the_lasting_hash_never_changes(void **state)
{
    static const uint8_t key[PL_HASH_KEY_SIZE] = "parla's lasting";
    static const uint8_t other[PL_HASH_KEY_SIZE] = "another's";

    (void)state;
    assert_true(pl_hash_lasting(key, "", 0) == UINT64_C(0x504c6568558ea63f));
    assert_true(pl_hash_lasting(key, "parla", 5) == UINT64_C(0xcdfb2d73a14d3c44));
    assert_true(pl_hash_lasting(other, "parla", 5) != UINT64_C(0xcdfb2d73a14d3c44));
}

static void secrets_are_compared_to_their_last_byte(void **state)
{
    uint8_t a[32] = {0}, b[32] = {0};

    (void)state;
    assert_true(pl_secret_equal(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 1;
        assert_false(pl_secret_equal(a, b, sizeof a));
        assert_true(pl_secret_equal(a, b, i));
        b[i] = 0;
    }
    assert_true(pl_secret_equal(a, b, 0));
}

static void base64_is_that_of_rfc_4648(void **state)
{
    static const char *const pairs[][2] = {
        /* section 10, without padding */
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        /* section 5: the URL alphabet */
        {"\xfb\xff\xbf", "-_-_"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        size_t size = strlen(pairs[i][0]), decoded_size = 99;
        char text[16], data[16];

        assert_int_equal(PL_BASE64_SIZE(size), strlen(pairs[i][1]) + 1);
        pl_base64url_encode(pairs[i][0], size, text);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(pl_base64url_decode(pl_bytes_str(text), data, size, &decoded_size), PL_OK);
        assert_int_equal(decoded_size, size);
        assert_memory_equal(data, pairs[i][0], size);
    }
}

static void every_size_goes_there_and_back(void **state)
{
    uint8_t data[100], again[100];

    (void)state;
    pl_random(data, sizeof data);
    for (size_t size = 0; size <= sizeof data; size++) {
        char text[PL_BASE64_SIZE(sizeof data) + 1];
        size_t again_size;

        text[PL_BASE64_SIZE(size)] = '!'; /* not written */
        pl_base64url_encode(data, size, text);
        assert_int_equal(text[PL_BASE64_SIZE(size)], '!');
        assert_int_equal(strlen(text) + 1, PL_BASE64_SIZE(size));
        assert_int_equal(pl_base64url_decode(pl_bytes_str(text), again, sizeof again, &again_size),
                         PL_OK);
        assert_int_equal(again_size, size);
        assert_memory_equal(again, data, size);
        if (size > 0) /* no room for its last byte */
            assert_int_equal(pl_base64url_decode(pl_bytes_str(text), again, size - 1, &again_size),
                             PL_E_INVALID);
    }
}

static void anything_else_is_no_base64(void **state)
{
    static const char *const bad[] = {
        "Z",
        "Zm9vY", /* no such length */
        "Zh",
        "Zm9", /* bits left over that are not 0 */
        "Zg==",
        "Zg=", /* padding */
        "Zm9v\n",
        " Zm9v",
        "Zm 9v", /* blanks */
        "Zm+v",
        "Zm/v", /* the other alphabet */
        "Zm9v*",
        "*",
        "Zm9v\xc3\xa4",
        "=",
        "\xd3\xa0\xd2\xa3", /* taken for letters where chars have signs */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t data[16];
        size_t size = 99;

        assert_int_equal(pl_base64url_decode(pl_bytes_str(bad[i]), data, sizeof data, &size),
                         PL_E_INVALID);
        assert_int_equal(size, 99); /* untouched */
    }
    {
        uint8_t data[16];
        size_t size;

        assert_int_equal(pl_base64url_decode((struct pl_bytes){(const uint8_t *)"Zg\0Zg", 5}, data,
                                             sizeof data, &size),
                         PL_E_INVALID);
        assert_int_equal(pl_base64url_decode((struct pl_bytes){NULL, 0}, data, 0, &size), PL_OK);
        assert_int_equal(size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(the_hash_is_blake2b_256),
        cmocka_unit_test(the_lasting_hash_never_changes),
        cmocka_unit_test(secrets_are_compared_to_their_last_byte),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(every_size_goes_there_and_back),
        cmocka_unit_test(anything_else_is_no_base64),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
