/*
 * fuzz_text_body.c - gRPC-Web's text form: the same bytes come out however the text
 * is cut; and what is written, flushed anywhere, is read as what went in.
 *
 * Input: two bytes that say how to cut, then text, or bytes to write.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/text_body.h"

#include <stdlib.h>

enum { OUT_SIZE_MAX = 1 << 21 };

static struct pl_bytes content(const struct pl_bytebuf *buf)
{
    return (struct pl_bytes){buf->data, buf->size};
}

/* Reads all of it; random 0: in one piece. */
static int read_all(struct pl_bytes text, uint64_t random, struct pl_bytebuf *out, bool *ret_whole)
{
    struct pl_rpc_text_in in = {.size = 0};
    bool cut = random != 0;
    int rc = PL_OK;

    pl_bytebuf_init(out, OUT_SIZE_MAX);
    while (text.size > 0 && rc == PL_OK) {
        size_t size = cut ? fuzz_chunk(&random, text.size) : text.size;
        uint8_t *copy = fuzz_copy((struct pl_bytes){text.data, size});

        rc = pl_rpc_text_in_feed(&in, (struct pl_bytes){copy, size}, out);
        free(copy);
        text.data += size;
        text.size -= size;
    }
    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID);
    *ret_whole = pl_rpc_text_in_between(&in);
    return rc;
}

static void read_both(struct pl_bytes text, uint64_t random)
{
    struct pl_bytebuf whole, cut;
    bool whole_ends, cut_ends;
    int rc = read_all(text, 0, &whole, &whole_ends);

    PL_ASSERT(read_all(text, 1 + random, &cut, &cut_ends) == rc);
    PL_ASSERT(whole.size <= text.size / 4 * 3 + 3);
    if (rc == PL_OK) {
        PL_ASSERT(whole_ends == cut_ends);
        PL_ASSERT(pl_bytes_equal(content(&whole), content(&cut)));
    }
    pl_bytebuf_done(&whole);
    pl_bytebuf_done(&cut);
}

/* Writes all of it, with room for few characters at a time. */
static void write_all(struct pl_bytes data, uint64_t random, struct pl_bytebuf *text)
{
    struct pl_rpc_text_out out = {.bytes_size = 0};

    for (;;) {
        size_t size = fuzz_chunk(&random, 64), written;
        size_t room = pl_rpc_text_out_room(&out, size);
        uint8_t *to = malloc(size);
        struct pl_bytes part = {data.data, room < data.size ? room : data.size};
        size_t given = part.size;

        PL_ASSERT(to != NULL);
        written = pl_rpc_text_out_pull(
            &out, &part, part.size == data.size || fuzz_next(&random) % 4 == 0, to, size);
        PL_ASSERT(written <= size && part.size == 0);
        pl_bytebuf_append(text, to, written);
        free(to);
        if (given > 0)
            data.data += given;
        data.size -= given;
        if (data.size == 0 && pl_rpc_text_out_empty(&out))
            return;
    }
}

static void round_trip(struct pl_bytes data, uint64_t random)
{
    struct pl_bytebuf text, back;
    bool whole;

    pl_bytebuf_init(&text, OUT_SIZE_MAX);
    write_all(data, random, &text);
    PL_ASSERT(text.err == PL_OK && text.size % 4 == 0);
    PL_ASSERT(read_all(content(&text), random, &back, &whole) == PL_OK);
    PL_ASSERT(whole && pl_bytes_equal(content(&back), data));
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint64_t random = fuzz_short(&input);
    struct pl_bytes rest = fuzz_rest(&input);

    read_both(rest, random);
    round_trip(rest, random);
    return 0;
}
