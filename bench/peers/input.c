/*
 * input.c - an unfinished message gets more bytes in growing pieces, until it is
 * whole: so of a large read behind it, little is copied.
 */
#include "peers/input.h"

#include "base/assert.h"
#include "base/err.h"

#include <string.h>

enum { PIECE_SIZE = 256 };

void pl_peer_input_init(struct pl_peer_input *input)
{
    pl_bytebuf_init(&input->rest, PL_PEER_MESSAGE_SIZE_MAX);
}

void pl_peer_input_done(struct pl_peer_input *input)
{
    pl_bytebuf_done(&input->rest);
}

static struct pl_bytes behind(struct pl_bytes data, size_t size)
{
    return (struct pl_bytes){data.data + size, data.size - size};
}

/* Completes the message that is kept, if the data has its end. Returns how much of
 * the data is used, or a negative enum pl_err. */
static int64_t complete(struct pl_peer_input *input, struct pl_bytes data, pl_peer_parse_fn *parse,
                        void *self)
{
    const size_t kept = input->rest.size;
    size_t used = 0;
    size_t piece = PIECE_SIZE;

    while (used < data.size) {
        size_t size = data.size - used < piece ? data.size - used : piece;
        int taken;

        pl_bytebuf_append(&input->rest, data.data + used, size);
        if (input->rest.err < 0)
            return input->rest.err;
        used += size;
        piece *= 2;
        taken = parse(self, (struct pl_bytes){input->rest.data, input->rest.size});
        if (taken < 0)
            return taken;
        if (taken == 0)
            continue;
        /* It was unfinished before, so its end is in the data. */
        PL_ASSERT((size_t)taken > kept && (size_t)taken <= input->rest.size);
        pl_bytebuf_clear(&input->rest);
        return taken - (int64_t)kept;
    }
    return (int64_t)used;
}

int pl_peer_input_feed(struct pl_peer_input *input, struct pl_bytes data, pl_peer_parse_fn *parse,
                       void *self)
{
    if (input->rest.size > 0) {
        int64_t used = complete(input, data, parse, self);

        if (used < 0)
            return (int)used;
        data = behind(data, (size_t)used);
    }
    while (data.size > 0) {
        int taken = parse(self, data);

        if (taken < 0)
            return taken;
        if (taken == 0)
            break;
        PL_ASSERT((size_t)taken <= data.size);
        data = behind(data, (size_t)taken);
    }
    if (data.size > 0)
        pl_bytebuf_append(&input->rest, data.data, data.size);
    return input->rest.err;
}

int pl_peer_line(struct pl_bytes data, struct pl_bytes *ret_line)
{
    const uint8_t *end;

    if (data.size == 0)
        return 0;
    end = memchr(data.data, '\n',
                 data.size < PL_PEER_MESSAGE_SIZE_MAX ? data.size : PL_PEER_MESSAGE_SIZE_MAX);
    if (end == NULL)
        return 0;
    ret_line->data = data.data;
    ret_line->size = (size_t)(end - data.data);
    if (ret_line->size > 0 && end[-1] == '\r')
        ret_line->size--;
    return (int)(end - data.data) + 1;
}

struct pl_bytes pl_peer_last_word(struct pl_bytes *text)
{
    struct pl_bytes word = {text->data + text->size, 0};

    while (word.data > text->data && word.data[-1] != ' ') {
        word.data--;
        word.size++;
    }
    text->size -= word.size;
    while (text->size > 0 && text->data[text->size - 1] == ' ')
        text->size--;
    return word;
}

int pl_peer_number(struct pl_bytes text, uint32_t *ret_number)
{
    uint32_t number = 0;

    if (text.size == 0)
        return PL_E_PROTO;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return PL_E_PROTO;
        number = number * 10 + (uint32_t)(text.data[i] - '0');
        if (number > PL_PEER_MESSAGE_SIZE_MAX)
            return PL_E_PROTO;
    }
    *ret_number = number;
    return PL_OK;
}
