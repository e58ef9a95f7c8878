/* test_gzip.c - messages compressed and decompressed, honest ones and others. */
#define ZLIB_CONST
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "rpc/gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ROOM = 64 << 20, MIB = 1 << 20 };

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Text that compresses well, or bytes that do not. */
static uint8_t *make_data(size_t size, bool random)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    uint32_t seed = 7;

    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = random ? (uint8_t)next_random(&seed) : (uint8_t)("a room is a log. "[i % 17]);
    return data;
}

static struct pl_bytes bytes_of(const struct pl_bytebuf *buf)
{
    return (struct pl_bytes){buf->data, buf->size};
}

static void round_trips_of_all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 4095, 4096, 4097, 65536, 3 * MIB + 1};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i / 2];
        uint8_t *data = make_data(size, i % 2 == 0);
        struct pl_bytebuf packed, plain;

        pl_bytebuf_init(&packed, ROOM);
        pl_bytebuf_init(&plain, ROOM);
        assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, size}, &packed), PL_OK);
        assert_int_equal(pl_rpc_gunzip(bytes_of(&packed), size, &plain), PL_OK);
        assert_true(pl_bytes_equal(bytes_of(&plain), (struct pl_bytes){data, size}));
        pl_bytebuf_done(&packed);
        pl_bytebuf_done(&plain);
        free(data);
    }
}

static void both_append(void **state)
{
    struct pl_bytebuf packed, plain;

    (void)state;
    pl_bytebuf_init(&packed, ROOM);
    pl_bytebuf_init(&plain, ROOM);
    pl_bytebuf_append_str(&packed, "12345");
    pl_bytebuf_append_str(&plain, "before ");
    assert_int_equal(pl_rpc_gzip(pl_bytes_str("after"), &packed), PL_OK);
    assert_memory_equal(packed.data, "12345\x1f\x8b", 7);
    assert_int_equal(pl_rpc_gunzip((struct pl_bytes){packed.data + 5, packed.size - 5}, 5, &plain),
                     PL_OK);
    assert_true(pl_bytes_is(bytes_of(&plain), "before after"));
    pl_bytebuf_done(&packed);
    pl_bytebuf_done(&plain);
}

static void what_another_program_compressed_is_read(void **state)
{
    /* Python's gzip module, of "hello, hello, hello"; and the same with a name, as
     * the gzip program stores it. */
    static const uint8_t plain_head[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
        "\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\x00\x9f\xa1\xca\x09\x13\x00\x00\x00";
    static const uint8_t named[] =
        "\x1f\x8b\x08\x08\x00\x00\x00\x00\x02\x03"
        "greeting\0"
        "\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\x00\x9f\xa1\xca\x09\x13\x00\x00\x00";
    const struct pl_bytes cases[] = {{plain_head, sizeof plain_head - 1},
                                     {named, sizeof named - 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_bytebuf out;

        pl_bytebuf_init(&out, ROOM);
        assert_int_equal(pl_rpc_gunzip(cases[i], 100, &out), PL_OK);
        assert_true(pl_bytes_is(bytes_of(&out), "hello, hello, hello"));
        pl_bytebuf_done(&out);
    }
}

static void append_u32(struct pl_bytebuf *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        pl_bytebuf_append_byte(to, (uint8_t)(value >> 8 * i));
}

/* A gzip member of `mib` MiB of zeros: the blocks of one MiB, over and over. */
static void make_bomb(size_t mib, struct pl_bytebuf *to)
{
    uint8_t *zeros = calloc(1, MIB), blocks[8192];
    z_stream stream = {.next_in = zeros, .avail_in = MIB};
    uLong crc = crc32(0, NULL, 0), crc_of_one;
    size_t size;

    assert_non_null(zeros);
    crc_of_one = crc32(crc, zeros, MIB);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = blocks;
    stream.avail_out = sizeof blocks;
    assert_int_equal(deflate(&stream, Z_FULL_FLUSH), Z_OK);
    assert_int_equal(stream.avail_in, 0);
    assert_true(stream.avail_out > 0);
    size = sizeof blocks - stream.avail_out;
    deflateEnd(&stream);
    free(zeros);

    pl_bytebuf_append(to, "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
    for (size_t i = 0; i < mib; i++) {
        pl_bytebuf_append(to, blocks, size);
        crc = crc32_combine(crc, crc_of_one, MIB);
    }
    pl_bytebuf_append(to, "\3\0", 2); /* an empty last block */
    append_u32(to, (uint32_t)crc);
    append_u32(to, (uint32_t)(mib << 20));
    assert_int_equal(to->err, PL_OK);
}

static void bombs_are_stopped_at_the_limit(void **state)
{
    struct pl_bytebuf bomb, out;

    (void)state;
    pl_bytebuf_init(&bomb, ROOM);
    make_bomb(4, &bomb); /* it is one only where the limit is lower */
    pl_bytebuf_init(&out, ROOM);
    assert_int_equal(pl_rpc_gunzip(bytes_of(&bomb), 4 * MIB, &out), PL_OK);
    assert_int_equal(out.size, 4 * MIB);
    pl_bytebuf_done(&out);
    pl_bytebuf_init(&out, ROOM);
    assert_int_equal(pl_rpc_gunzip(bytes_of(&bomb), 4 * MIB - 1, &out), PL_E_LIMIT);
    pl_bytebuf_done(&out);

    pl_bytebuf_clear(&bomb);
    make_bomb(1024, &bomb);
    pl_bytebuf_init(&out, ROOM);
    assert_int_equal(pl_rpc_gunzip(bytes_of(&bomb), 4 * MIB, &out), PL_E_LIMIT);
    assert_int_equal(out.size, 0);
    assert_int_equal(out.err, PL_OK);
    assert_true(out.cap <= 2 * 4 * MIB);
    pl_bytebuf_done(&out);
    pl_bytebuf_done(&bomb);
}

static void limits_are_exact(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8191, 8192, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *data = make_data(sizes[i], false);
        struct pl_bytebuf packed, out;

        pl_bytebuf_init(&packed, ROOM);
        assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, sizes[i]}, &packed), PL_OK);
        pl_bytebuf_init(&out, sizes[i]); /* the buffer's own maximum */
        assert_int_equal(pl_rpc_gunzip(bytes_of(&packed), SIZE_MAX, &out), PL_OK);
        assert_int_equal(out.size, sizes[i]);
        pl_bytebuf_done(&out);
        if (sizes[i] > 0) {
            pl_bytebuf_init(&out, sizes[i] - 1);
            assert_int_equal(pl_rpc_gunzip(bytes_of(&packed), SIZE_MAX, &out), PL_E_LIMIT);
            assert_int_equal(out.size, 0);
            assert_int_equal(pl_rpc_gunzip(bytes_of(&packed), sizes[i] - 1, &out), PL_E_LIMIT);
            pl_bytebuf_done(&out);
        }
        pl_bytebuf_init(&out, packed.size);
        assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, sizes[i]}, &out), PL_OK);
        pl_bytebuf_done(&out);
        pl_bytebuf_init(&out, packed.size - 1);
        assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, sizes[i]}, &out), PL_E_LIMIT);
        assert_int_equal(out.size, 0);
        pl_bytebuf_done(&out);
        pl_bytebuf_done(&packed);
        free(data);
    }
}

static void what_is_cut_short_is_invalid(void **state)
{
    uint8_t *data = make_data(300, true);
    struct pl_bytebuf packed, out;

    (void)state;
    pl_bytebuf_init(&packed, ROOM);
    pl_bytebuf_init(&out, ROOM);
    assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, 300}, &packed), PL_OK);
    for (size_t size = 0; size < packed.size; size++)
        for (int tight = 0; tight < 2; tight++) {
            struct pl_bytes part = {packed.data, size};

            assert_int_equal(pl_rpc_gunzip(part, tight ? 300 : 1000, &out), PL_E_INVALID);
            assert_int_equal(out.size, 0);
        }
    pl_bytebuf_append_byte(&packed, 0);
    assert_int_equal(pl_rpc_gunzip(bytes_of(&packed), 1000, &out), PL_E_INVALID);
    packed.size--;
    assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, 300}, &packed), PL_OK);
    assert_int_equal(pl_rpc_gunzip(bytes_of(&packed), 1000, &out), PL_E_INVALID); /* two members */
    pl_bytebuf_done(&packed);
    pl_bytebuf_done(&out);
    free(data);
}

static void a_flipped_bit_is_never_taken_for_other_content(void **state)
{
    uint8_t *data = make_data(200, false);
    struct pl_bytebuf packed, out;

    (void)state;
    pl_bytebuf_init(&packed, ROOM);
    pl_bytebuf_init(&out, ROOM);
    assert_int_equal(pl_rpc_gzip((struct pl_bytes){data, 200}, &packed), PL_OK);
    for (size_t bit = 0; bit < packed.size * 8; bit++) {
        int rc;

        packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        rc = pl_rpc_gunzip(bytes_of(&packed), 1000, &out);
        if (rc == PL_OK) { /* the header's time, say, or what pads the last byte */
            assert_true(pl_bytes_equal(bytes_of(&out), (struct pl_bytes){data, 200}));
        } else {
            assert_true(rc == PL_E_INVALID || rc == PL_E_LIMIT);
            assert_int_equal(out.size, 0);
        }
        pl_bytebuf_clear(&out);
        packed.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    pl_bytebuf_done(&packed);
    pl_bytebuf_done(&out);
    free(data);
}

static void other_formats_are_invalid(void **state)
{
    static const uint8_t zlib[] = "\x78\x9c\x4b\x04\x00\x00\x62\x00\x62"; /* of "a" */
    static const uint8_t raw[] = "\x4b\x04\x00";
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, ROOM);
    assert_int_equal(pl_rpc_gunzip((struct pl_bytes){zlib, sizeof zlib - 1}, 100, &out),
                     PL_E_INVALID);
    assert_int_equal(pl_rpc_gunzip((struct pl_bytes){raw, sizeof raw - 1}, 100, &out),
                     PL_E_INVALID);
    assert_int_equal(pl_rpc_gunzip(pl_bytes_str("not compressed at all"), 100, &out), PL_E_INVALID);
    pl_bytebuf_done(&out);
}

static void noise_is_never_taken_for_gzip(void **state)
{
    uint32_t seed = 3;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t data[64] = "\x1f\x8b\x08";
        struct pl_bytebuf out;
        int rc;

        for (size_t at = 3; at < sizeof data; at++)
            data[at] = (uint8_t)next_random(&seed);
        data[3] &= 0x1f;
        pl_bytebuf_init(&out, 4096);
        rc = pl_rpc_gunzip((struct pl_bytes){data, sizeof data}, 4096, &out);
        assert_true(rc == PL_E_INVALID || rc == PL_E_LIMIT);
        pl_bytebuf_done(&out);
    }
}

static void want_of_memory_is_told_and_leaves_no_trace(void **state)
{
    uint8_t *data = make_data(100000, true);
    int failures = 0;

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct pl_bytebuf packed, out;
        int packed_rc, rc = PL_OK;

        pl_bytebuf_init(&packed, ROOM);
        pl_bytebuf_init(&out, ROOM);
        pl_mem_fail_at(nth);
        packed_rc = pl_rpc_gzip((struct pl_bytes){data, 100000}, &packed);
        if (packed_rc == PL_OK)
            rc = pl_rpc_gunzip(bytes_of(&packed), 100000, &out);
        pl_mem_fail_at(0);
        assert_true(packed_rc == PL_OK || (packed_rc == PL_E_NOMEM && packed.size == 0));
        assert_true(rc == PL_OK || (rc == PL_E_NOMEM && out.size == 0));
        assert_int_equal(packed.err, PL_OK);
        assert_int_equal(out.err, PL_OK);
        pl_bytebuf_done(&packed);
        pl_bytebuf_done(&out);
        if (packed_rc == PL_OK && rc == PL_OK)
            break;
        failures++;
    }
    assert_true(failures > 6);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_of_all_sizes),
        cmocka_unit_test(both_append),
        cmocka_unit_test(what_another_program_compressed_is_read),
        cmocka_unit_test(bombs_are_stopped_at_the_limit),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(what_is_cut_short_is_invalid),
        cmocka_unit_test(a_flipped_bit_is_never_taken_for_other_content),
        cmocka_unit_test(other_formats_are_invalid),
        cmocka_unit_test(noise_is_never_taken_for_gzip),
        cmocka_unit_test(want_of_memory_is_told_and_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
