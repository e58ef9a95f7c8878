/* base64.c - see base64.h; bits are gathered, six in or eight out. */
#include "rpc/base64.h"

#include "base/err.h"

void pl_rpc_base64_encode(struct pl_bytes data, struct pl_bytebuf *to)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned bits_len = 0;

    for (size_t i = 0; i < data.size; i++) {
        bits = (bits << 8 | data.data[i]) & 0xffff;
        bits_len += 8;
        while (bits_len >= 6) {
            bits_len -= 6;
            pl_bytebuf_append_byte(to, (uint8_t)letters[bits >> bits_len & 63]);
        }
    }
    if (bits_len > 0)
        pl_bytebuf_append_byte(to, (uint8_t)letters[bits << (6 - bits_len) & 63]);
}

static int letter_value(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '+')
        return 62;
    if (byte == '/')
        return 63;
    return -1;
}

int pl_rpc_base64_decode(struct pl_bytes text, struct pl_bytebuf *to)
{
    uint32_t bits = 0;
    unsigned bits_len = 0;
    size_t pad = 0;

    while (pad < 2 && text.size > 0 && text.data[text.size - 1] == '=') {
        text.size--;
        pad++;
    }
    if (text.size % 4 == 1 || (pad > 0 && (text.size + pad) % 4 != 0))
        return PL_E_INVALID;

    for (size_t i = 0; i < text.size; i++) {
        int value = letter_value(text.data[i]);

        if (value < 0)
            return PL_E_INVALID;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        bits_len += 6;
        if (bits_len >= 8) {
            bits_len -= 8;
            pl_bytebuf_append_byte(to, (uint8_t)(bits >> bits_len & 0xff));
        }
    }
    return to->err;
}
