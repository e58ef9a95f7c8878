/*
 * fuzz_keys.c - what a terminal sends: the same keys come out however it is cut.
 *
 * Input: a byte that says how to cut, then the terminal's bytes.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "client/keys.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_SIZE_MAX = 1 << 22 };

static void on_point(void *self, uint32_t point)
{
    PL_ASSERT(point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
    pl_bytebuf_printf(self, "\npoint %x", (unsigned)point);
}

static void on_sequence(void *self, const char *sequence)
{
    PL_ASSERT(strlen(sequence) <= PL_KEYS_SEQUENCE_SIZE_MAX);
    pl_bytebuf_printf(self, "\nsequence %s", sequence);
}

static void on_paste(void *self, struct pl_bytes text, bool cut)
{
    PL_ASSERT(text.size <= PL_KEYS_PASTE_SIZE_MAX);
    PL_ASSERT(text.size == 0 || memchr(text.data, '\r', text.size) == NULL);
    pl_bytebuf_printf(self, "\npaste %d %zu ", cut, text.size);
    pl_bytebuf_append(self, text.data, text.size);
}

static void run(struct pl_bytes data, bool cut, uint64_t random, struct pl_bytebuf *seen)
{
    struct pl_keys keys;

    pl_bytebuf_init(seen, LOG_SIZE_MAX);
    pl_keys_init(&keys, &(struct pl_keys_ops){seen, on_point, on_sequence, on_paste});
    while (data.size > 0) {
        size_t size = cut ? fuzz_chunk(&random, data.size) : data.size;
        uint8_t *copy = fuzz_copy((struct pl_bytes){data.data, size});

        pl_keys_feed(&keys, (struct pl_bytes){copy, size});
        free(copy);
        data.data += size;
        data.size -= size;
    }
    pl_keys_done(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint64_t random = fuzz_byte(&input);
    struct pl_bytes bytes = fuzz_rest(&input);
    struct pl_bytebuf whole, cut;

    run(bytes, false, 0, &whole);
    run(bytes, true, random, &cut);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){whole.data, whole.size},
                             (struct pl_bytes){cut.data, cut.size}));
    pl_bytebuf_done(&whole);
    pl_bytebuf_done(&cut);
    return 0;
}
