/* test_utf8.c - every boundary of RFC 3629, and what lies beyond them. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Encodes by RFC 3629, section 3, also what it forbids; `len` may be too long. */
static void encode(uint32_t point, size_t len, uint8_t *to)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    if (len == 1) {
        to[0] = (uint8_t)point;
        return;
    }
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (uint8_t)(leads[len] | point);
}

static size_t len_of(uint32_t point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void every_code_point_is_read_back(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        size_t len = len_of(point);
        uint32_t read = 0xffffffff;
        uint8_t data[4];

        encode(point, len, data);
        if (point >= 0xd800 && point <= 0xdfff) {
            assert_int_equal(pl_utf8_decode(data, len, &read), 0); /* a surrogate */
            assert_int_equal(read, 0xffffffff);
            continue;
        }
        if (pl_utf8_decode(data, len, &read) != len || read != point)
            fail_msg("U+%04X", (unsigned)point);
    }
}

static void points_past_the_last_are_refused(void **state)
{
    uint32_t read;

    (void)state;
    for (uint32_t point = 0x110000; point < 0x200000; point++) {
        uint8_t data[4];

        encode(point, 4, data);
        if (pl_utf8_decode(data, 4, &read) != 0)
            fail_msg("U+%04X", (unsigned)point);
    }
    assert_int_equal(pl_utf8_decode((const uint8_t *)"\xf8\x88\x80\x80\x80", 5, &read), 0);
    assert_int_equal(pl_utf8_decode((const uint8_t *)"\xfc\x84\x80\x80\x80\x80", 6, &read), 0);
    assert_int_equal(pl_utf8_decode((const uint8_t *)"\xfe", 1, &read), 0);
    assert_int_equal(pl_utf8_decode((const uint8_t *)"\xff", 1, &read), 0);
}

static void overlong_forms_are_refused(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x10000; point++) {
        for (size_t len = len_of(point) + 1; len <= 4; len++) {
            uint8_t data[4];
            uint32_t read;

            encode(point, len, data);
            if (pl_utf8_decode(data, len, &read) != 0)
                fail_msg("U+%04X in %u bytes", (unsigned)point, (unsigned)len);
        }
    }
}

static void what_is_cut_off_is_refused(void **state)
{
    static const uint32_t points[] = {0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff};

    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        size_t len = len_of(points[i]);
        uint8_t data[4];
        uint32_t read;

        encode(points[i], len, data);
        for (size_t size = 1; size < len; size++)
            assert_int_equal(pl_utf8_decode(data, size, &read), 0);
    }
}

static void each_continuation_byte_is_checked(void **state)
{
    static const uint32_t points[] = {0x7ff, 0xfffd, 0x10fffd};

    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        size_t len = len_of(points[i]);

        for (size_t at = 1; at < len; at++) {
            static const uint8_t wrong[] = {0x00, 0x41, 0x7f, 0xc0, 0xff};

            for (size_t j = 0; j < sizeof wrong; j++) {
                uint8_t data[4];
                uint32_t read;

                encode(points[i], len, data);
                data[at] = wrong[j];
                assert_int_equal(pl_utf8_decode(data, len, &read), 0);
            }
        }
    }
}

static void a_continuation_byte_begins_nothing(void **state)
{
    (void)state;
    for (unsigned lead = 0x80; lead < 0xc2; lead++) { /* 0xc0 and 0xc1 could only be overlong */
        uint8_t data[4] = {(uint8_t)lead, 0x80, 0x80, 0x80};
        uint32_t read;

        assert_int_equal(pl_utf8_decode(data, 4, &read), 0);
    }
}

static bool valid(const char *text)
{
    return pl_utf8_valid(pl_bytes_str(text));
}

static void text_is_checked_to_its_end(void **state)
{
    (void)state;
    assert_true(pl_utf8_valid((struct pl_bytes){NULL, 0}));
    assert_true(valid("plain"));
    assert_true(valid("gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x99\x82"));
    assert_true(valid("\xef\xbb\xbf")); /* a byte order mark is a character like others */
    assert_false(valid("cut \xe4\xbd"));
    assert_false(valid("latin-1: gr\xfc\xdf"));
    assert_false(valid("\xed\xa0\x80")); /* U+D800 */
    assert_false(valid("\xc0\x80"));     /* an overlong NUL */
    assert_false(valid("ok\x80"));
}

static void a_nul_is_wrong_anywhere(void **state)
{
    (void)state;
    for (size_t at = 0; at < 5; at++) {
        uint8_t text[5] = "abcde";

        text[at] = 0;
        assert_false(pl_utf8_valid((struct pl_bytes){text, sizeof text}));
    }
}

/* Beside others of every size, so that no place in a word is different. */
static void each_byte_counts_wherever_it_is(void **state)
{
    enum { SIZE = 40 };
    const unsigned around[] = {'a', 0x01, 0x7f};

    (void)state;
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
        for (unsigned byte = 0; byte <= 0xff; byte++)
            for (size_t at = 0; at < SIZE; at++) {
                uint8_t text[SIZE];
                bool right = byte > 0 && byte < 0x80;

                memset(text, (int)around[i], sizeof text);
                text[at] = (uint8_t)byte;
                if (pl_utf8_valid((struct pl_bytes){text, sizeof text}) != right)
                    fail_msg("%02x at %u", byte, (unsigned)at);
                if (!pl_utf8_valid((struct pl_bytes){text, at}))
                    fail_msg("%02x after %u", byte, (unsigned)at);
            }
}

static void characters_count_wherever_they_are(void **state)
{
    (void)state;
    for (size_t at = 0; at < 20; at++) {
        uint8_t text[24];

        memset(text, 'a', sizeof text);
        memcpy(text + at, "\xf0\x9f\x99\x82", 4);
        for (size_t size = 0; size <= sizeof text; size++)
            if (pl_utf8_valid((struct pl_bytes){text, size}) != (size <= at || size >= at + 4))
                fail_msg("at %u of %u", (unsigned)at, (unsigned)size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_read_back),
        cmocka_unit_test(points_past_the_last_are_refused),
        cmocka_unit_test(overlong_forms_are_refused),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(each_continuation_byte_is_checked),
        cmocka_unit_test(a_continuation_byte_begins_nothing),
        cmocka_unit_test(text_is_checked_to_its_end),
        cmocka_unit_test(a_nul_is_wrong_anywhere),
        cmocka_unit_test(each_byte_counts_wherever_it_is),
        cmocka_unit_test(characters_count_wherever_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
