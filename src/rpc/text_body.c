/* text_body.c - see text_body.h. */
#include "rpc/text_body.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/base64.h"

#include <string.h>

enum { GROUP_BYTES = 3, GROUP_CHARS = 4 };

int pl_rpc_text_in_feed(struct pl_rpc_text_in *in, struct pl_bytes text, struct pl_bytebuf *to)
{
    for (size_t i = 0; i < text.size; i++) {
        int rc;

        in->group[in->size++] = text.data[i];
        if (in->size < GROUP_CHARS)
            continue;
        in->size = 0;
        rc = pl_rpc_base64_decode((struct pl_bytes){in->group, GROUP_CHARS}, to);
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
