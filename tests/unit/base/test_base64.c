/* test_base64.c - both alphabets, padded and not, against RFC 4648's own examples. */
#include "base/base64.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *plain, *padded, *bare;
} examples[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
    {"\xff", "/w==", "_w"},
};

static void bytes_are_written_in_the_standard_alphabet(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct pl_bytebuf to;

        pl_bytebuf_init(&to, 100);
        pl_bytebuf_append_str(&to, ">");
        pl_base64_encode(pl_bytes_str(examples[i].plain), &to);
        assert_string_equal(pl_bytebuf_cstr(&to) + 1, examples[i].padded);
        pl_bytebuf_clear(&to);
        pl_base64_encode_bare(pl_bytes_str(examples[i].plain), &to);
        assert_int_equal(to.size, strcspn(examples[i].padded, "="));
        assert_memory_equal(pl_bytebuf_cstr(&to), examples[i].padded, to.size);
        pl_bytebuf_done(&to);
    }
}

static void assert_decoded(const char *text, const char *plain)
{
    struct pl_bytebuf to;

    pl_bytebuf_init(&to, 100);
    pl_bytebuf_append_str(&to, ">");
    assert_int_equal(pl_base64_decode(pl_bytes_str(text), &to), PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&to) + 1, plain);
    pl_bytebuf_done(&to);
}

static void both_alphabets_are_read_padded_and_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        assert_decoded(examples[i].padded, examples[i].plain);
        assert_decoded(examples[i].bare, examples[i].plain);
    }
    assert_decoded("_w==", "\xff");
    assert_decoded("/w", "\xff");
}

static void what_is_no_base64_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z",
        "Zg=",
        "Zg===",
        "=",
        "==",
        "Zh==",
        "Zm9=",
        "Z g=",
        "Zm9v=",
        "+_+_",
        "Zm\n9v",
        "Zm9v====",
        "Zg==Zg==",
        "Z*==",
        "Zm9vY",
        "\xc3\xa9==",
        "\xd3\xa0\xd2\xa3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pl_bytebuf to;

        pl_bytebuf_init(&to, 100);
        pl_bytebuf_append_str(&to, ">");
        assert_int_equal(pl_base64_decode(pl_bytes_str(bad[i]), &to), PL_E_INVALID);
        assert_string_equal(pl_bytebuf_cstr(&to), ">");
        pl_bytebuf_done(&to);
    }
}

static void a_buffer_that_is_too_small_says_so(void **state)
{
    struct pl_bytebuf to;

    (void)state;
    pl_bytebuf_init(&to, 3);
    pl_base64_encode(pl_bytes_str("foo"), &to);
    assert_int_equal(to.err, PL_E_LIMIT);
    pl_bytebuf_clear(&to);
    assert_int_equal(pl_base64_decode(pl_bytes_str("Zm9v"), &to), PL_OK);
    assert_int_equal(pl_base64_decode(pl_bytes_str("Zg=="), &to), PL_E_LIMIT);
    pl_bytebuf_done(&to);
}

static void short_memory_is_told(void **state)
{
    struct pl_bytebuf to;

    (void)state;
    pl_bytebuf_init(&to, 100);
    pl_mem_fail_at(1);
    assert_int_equal(pl_base64_decode(pl_bytes_str("Zm9v"), &to), PL_E_NOMEM);
    pl_mem_fail_at(0);
    pl_bytebuf_done(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_in_the_standard_alphabet),
        cmocka_unit_test(both_alphabets_are_read_padded_and_not),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(a_buffer_that_is_too_small_says_so),
        cmocka_unit_test(short_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
