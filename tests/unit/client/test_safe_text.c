/* test_safe_text.c - what may reach a terminal as it is. */
#include "client/safe_text.h"

#include "base/err.h"
#include "base/utf8.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void shows(const char *text, size_t size, const char *newline, const char *expected)
{
    struct pl_bytebuf out;

    pl_bytebuf_init(&out, 4096);
    pl_safe_append(&out, (struct pl_bytes){(const uint8_t *)text, size}, newline);
    assert_int_equal(out.err, PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&out), expected);
    pl_bytebuf_done(&out);
}

#define SHOWS(text, expected) shows((text), sizeof(text) - 1, NULL, (expected))

static void plain_text_passes(void **state)
{
    (void)state;
    SHOWS("", "");
    SHOWS("hello, world!", "hello, world!");
    SHOWS("a\\b", "a\\b");
    SHOWS("Gr\u00fc\u00dfe \u6f22\u5b57 \U0001f44d e\u0301 \u05e9\u05dc\u05d5\u05dd",
          "Gr\u00fc\u00dfe \u6f22\u5b57 \U0001f44d e\u0301 \u05e9\u05dc\u05d5\u05dd");
}

static void control_and_escape_characters_are_escaped(void **state)
{
    (void)state;
    SHOWS("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m");
    SHOWS("\x1b]0;title\x07", "\\x1b]0;title\\x07");
    SHOWS("a\x00z", "a\\x00z");
    SHOWS("\x7f", "\\x7f");
    SHOWS("\xc2\x9b"
          "31m",
          "\\x9b31m"); /* CSI as one character of C1 */
    SHOWS("a\rb\nc", "a\\x0db\\x0ac");
}

static void bidi_and_hidden_characters_are_escaped(void **state)
{
    (void)state;
    SHOWS("\u202egnp.exe\u202c", "\\u202egnp.exe\\u202c");
    SHOWS("\u2066a\u2069", "\\u2066a\\u2069");
    SHOWS("\u200e\u200f\u061c", "\\u200e\\u200f\\u061c");
    SHOWS("a\u200bb\ufeff", "a\\u200bb\\ufeff");
    SHOWS("\u2028\u2029", "\\u2028\\u2029");
    SHOWS("\U000e0041", "\\U000e0041");
    SHOWS("\uffff", "\\uffff");
}

static void an_emoji_of_several_characters_stays_whole(void **state)
{
    (void)state;
    SHOWS("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680");
}

static void bytes_that_are_no_utf8_are_escaped_one_by_one(void **state)
{
    (void)state;
    SHOWS("\xff\xfe", "\\xff\\xfe");
    SHOWS("a\xc3", "a\\xc3");
    SHOWS("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
    SHOWS("\xc0\x80", "\\xc0\\x80");          /* overlong */
}

static void a_line_break_is_what_the_caller_says(void **state)
{
    (void)state;
    shows("a\nb\r\nc\rd", 8, "\n  | ", "a\n  | b\n  | c\\x0dd");
}

static void a_tab_becomes_blanks(void **state)
{
    (void)state;
    SHOWS("a\tb", "a    b");
}

static void widths_are_those_of_columns(void **state)
{
    char text[PL_SAFE_POINT_SIZE];

    (void)state;
    assert_int_equal(pl_safe_point('a', text), 1);
    assert_int_equal(pl_safe_point(0x6f22, text), 2);
    assert_int_equal(pl_safe_point(0x1f44d, text), 2);
    assert_int_equal(pl_safe_point(0x301, text), 0);
    assert_int_equal(pl_safe_point(0x1b, text), 4);
    assert_string_equal(text, "\\x1b");
    assert_int_equal(pl_safe_point(0x202e, text), 6);
    assert_int_equal(pl_safe_point(0xe0041, text), 10);
    assert_int_equal(pl_safe_point(0x110000, text), 10);
    assert_int_equal(pl_safe_point(0xd800, text), 6);
}

/* Whatever comes in, nothing goes out that a terminal acts on. */
static void no_bytes_get_through_as_controls(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[64];
        struct pl_bytebuf out;

        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        pl_bytebuf_init(&out, 4096);
        pl_safe_append(&out, (struct pl_bytes){bytes, sizeof bytes}, NULL);
        assert_int_equal(out.err, PL_OK);
        assert_true(pl_utf8_valid((struct pl_bytes){out.data, out.size}));
        for (size_t i = 0; i < out.size; i++) {
            assert_true(out.data[i] >= 0x20 && out.data[i] != 0x7f);
            assert_false(out.data[i] == 0xc2 && out.data[i + 1] < 0xa0); /* C1 */
        }
        pl_bytebuf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_passes),
        cmocka_unit_test(control_and_escape_characters_are_escaped),
        cmocka_unit_test(bidi_and_hidden_characters_are_escaped),
        cmocka_unit_test(an_emoji_of_several_characters_stays_whole),
        cmocka_unit_test(bytes_that_are_no_utf8_are_escaped_one_by_one),
        cmocka_unit_test(a_line_break_is_what_the_caller_says),
        cmocka_unit_test(a_tab_becomes_blanks),
        cmocka_unit_test(widths_are_those_of_columns),
        cmocka_unit_test(no_bytes_get_through_as_controls),
    };

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
