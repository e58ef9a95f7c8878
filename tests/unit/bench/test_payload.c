/* test_payload.c - the text of a measured message, there and back. */
#include "bench/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 100 };

static const struct pl_bench_payload sample = {.run = 0x01234567,
                                               .publisher = 0x89ab,
                                               .channel = 0xcdef,
                                               .number = 0xfedcba98,
                                               .time_us = UINT64_C(0x0011223344556677)};

static struct pl_bytes bytes_of(const char *text, size_t size)
{
    return (struct pl_bytes){(const uint8_t *)text, size};
}

static void it_is_letters_with_the_high_nibble_first(void **state)
{
    char text[SIZE];

    (void)state;
    pl_bench_payload_write(&sample, text, sizeof text);
    assert_memory_equal(text, "abcdefghijklmnop", 16);
    assert_memory_equal(text + 16, "ponmlkji", 8);
    assert_memory_equal(text + 24, "aabbccddeeffgghh", 16);
    assert_memory_equal(text + 40, "....", 4);
    assert_int_equal(text[SIZE - 1], '.');
}

static void what_is_written_is_read_again_in_every_size(void **state)
{
    char text[SIZE];
    struct pl_bench_payload read;

    (void)state;
    for (size_t size = PL_BENCH_PAYLOAD_SIZE_MIN; size <= sizeof text; size++) {
        memset(&read, 0, sizeof read);
        pl_bench_payload_write(&sample, text, size);
        assert_true(pl_bench_payload_read(bytes_of(text, size), &read));
        assert_int_equal(read.run, sample.run);
        assert_int_equal(read.publisher, sample.publisher);
        assert_int_equal(read.channel, sample.channel);
        assert_int_equal(read.number, sample.number);
        assert_true(read.time_us == sample.time_us);
    }
}

static void a_text_with_any_byte_changed_to_another_kind_is_refused(void **state)
{
    char text[SIZE];
    struct pl_bench_payload read;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        pl_bench_payload_write(&sample, text, sizeof text);
        text[i] = i < PL_BENCH_PAYLOAD_SIZE_MIN ? '.' : 'a';
        assert_false(pl_bench_payload_read(bytes_of(text, sizeof text), &read));
        text[i] = (char)0xe1; /* 'a' with the high bit */
        assert_false(pl_bench_payload_read(bytes_of(text, sizeof text), &read));
        text[i] = i < PL_BENCH_PAYLOAD_SIZE_MIN ? 'q' : '/';
        assert_false(pl_bench_payload_read(bytes_of(text, sizeof text), &read));
    }
}

static void what_is_too_short_is_refused(void **state)
{
    char text[SIZE];
    struct pl_bench_payload read;

    (void)state;
    pl_bench_payload_write(&sample, text, sizeof text);
    for (size_t size = 0; size < PL_BENCH_PAYLOAD_SIZE_MIN; size++)
        assert_false(pl_bench_payload_read(bytes_of(text, size), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_letters_with_the_high_nibble_first),
        cmocka_unit_test(what_is_written_is_read_again_in_every_size),
        cmocka_unit_test(a_text_with_any_byte_changed_to_another_kind_is_refused),
        cmocka_unit_test(what_is_too_short_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
