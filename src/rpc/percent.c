/* percent.c - see percent.h. */
#include "rpc/percent.h"

void pl_rpc_percent_encode(struct pl_bytes text, struct pl_bytebuf *to)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte >= ' ' && byte <= '~' && byte != '%') {
            pl_bytebuf_append_byte(to, byte);
            continue;
        }
        pl_bytebuf_append_byte(to, '%');
        pl_bytebuf_append_byte(to, (uint8_t)digits[byte >> 4]);
        pl_bytebuf_append_byte(to, (uint8_t)digits[byte & 15]);
    }
}

static int digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

void pl_rpc_percent_decode(struct pl_bytes text, struct pl_bytebuf *to)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '%' && text.size - i > 2) {
            int high = digit_value(text.data[i + 1]), low = digit_value(text.data[i + 2]);

            if (high >= 0 && low >= 0) {
                byte = (uint8_t)(high << 4 | low);
                i += 2;
            }
        }
        pl_bytebuf_append_byte(to, byte);
    }
}
