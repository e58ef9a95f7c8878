/*
 * utf8.c - by the table of well-formed sequences in RFC 3629, section 4.
 *
 * Most text is ASCII, which is looked at eight bytes at a time. One is taken from each
 * byte of the word: from a zero it borrows and leaves a high bit, from 1 to 0x7f it
 * does neither.
 */
#include "base/utf8.h"

#include <string.h>

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

size_t pl_utf8_decode(const uint8_t *data, size_t size, uint32_t *ret_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = data[0];
    uint32_t point;
    size_t len;

    if (lead < 0x80) {
        *ret_point = lead;
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size < len)
        return 0;
    point = lead & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (data[i] & 0x3fU);
    }
    if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return len;
}

/* How many bytes from the start are ASCII without NUL, in whole words. */
static size_t skip_ascii(const uint8_t *data, size_t size)
{
    size_t at = 0;
    uint64_t word;

    for (; size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, data + at, sizeof word);
        if (((word | (word - EACH_BYTE(1))) & EACH_BYTE(0x80)) != 0)
            break;
    }
    return at;
}

bool pl_utf8_valid(struct pl_bytes text)
{
    size_t at = 0;

    while (at < text.size) {
        uint32_t point;
        size_t len;

        at += skip_ascii(text.data + at, text.size - at);
        if (at == text.size)
            break;
        len = pl_utf8_decode(text.data + at, text.size - at, &point);
        if (len == 0 || point == 0)
            return false;
        at += len;
    }
    return true;
}
