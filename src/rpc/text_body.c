/* text_body.c - see text_body.h. */
#include "rpc/text_body.h"

#include "base/base64.h"
#include "base/err.h"

#include <string.h>

enum { GROUP_BYTES = PL_RPC_TEXT_GROUP_BYTES, GROUP_CHARS = 4 };

/* How much of the text's start is whole groups, none of which but the last is padded. */
static size_t run_size(struct pl_bytes text)
{
    const uint8_t *pad = memchr(text.data, '=', text.size);
    size_t size = pad == NULL ? text.size : (size_t)(pad - text.data) + GROUP_CHARS;

    if (size > text.size)
        size = text.size;
    return size / GROUP_CHARS * GROUP_CHARS;
}

int pl_rpc_text_in_feed(struct pl_rpc_text_in *in, struct pl_bytes text, struct pl_bytebuf *to)
{
    /* The other alphabet's own letters, wherever the text is cut. */
    if (text.size > 0 &&
        (memchr(text.data, '-', text.size) != NULL || memchr(text.data, '_', text.size) != NULL))
        return PL_E_INVALID;
    while (text.size > 0) {
        struct pl_bytes run = {text.data, in->size > 0 ? 0 : run_size(text)};
        int rc;

        if (run.size > 0) {
            text.data += run.size;
            text.size -= run.size;
        } else {
            in->group[in->size++] = *text.data++;
            text.size--;
            if (in->size < GROUP_CHARS)
                continue;
            in->size = 0;
            run = (struct pl_bytes){in->group, GROUP_CHARS};
        }
        rc = pl_base64_decode(run, to);
        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

bool pl_rpc_text_in_between(const struct pl_rpc_text_in *in)
{
    return in->size == 0;
}

/* Encodes the bytes at hand as a group of characters, padded if they are fewer. */
static void encode_group(struct pl_rpc_text_out *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;

    for (int i = 0; i < GROUP_BYTES; i++)
        bits = bits << 8 | (i < out->bytes_size ? out->bytes[i] : 0);
    for (int i = 0; i < GROUP_CHARS; i++)
        out->chars[i] = i > out->bytes_size ? '=' : (uint8_t)alphabet[bits >> (18 - 6 * i) & 0x3f];
    out->bytes_size = 0;
    out->chars_size = GROUP_CHARS;
}

static void take_bytes(struct pl_rpc_text_out *out, struct pl_bytes *data)
{
    while (out->bytes_size < GROUP_BYTES && data->size > 0) {
        out->bytes[out->bytes_size++] = *data->data++;
        data->size--;
    }
}

size_t pl_rpc_text_out_room(const struct pl_rpc_text_out *out, size_t size)
{
    size_t groups = size > out->chars_size ? (size - out->chars_size) / GROUP_CHARS : 0;

    /* Those that leave, and a last group that waits. */
    return (groups + 1) * GROUP_BYTES - out->bytes_size;
}

size_t pl_rpc_text_out_pull(struct pl_rpc_text_out *out, struct pl_bytes *data, bool flush,
                            uint8_t *to, size_t size)
{
    size_t total = 0;

    while (total < size) {
        if (out->chars_size > 0) {
            to[total++] = out->chars[GROUP_CHARS - out->chars_size];
            out->chars_size--;
            continue;
        }
        take_bytes(out, data);
        if (out->bytes_size < GROUP_BYTES && !(flush && out->bytes_size > 0))
            break;
        encode_group(out);
    }
    take_bytes(out, data);
    return total;
}

bool pl_rpc_text_out_empty(const struct pl_rpc_text_out *out)
{
    return out->bytes_size == 0 && out->chars_size == 0;
}
