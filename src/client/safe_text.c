/*
 * safe_text.c - which characters may reach a terminal as they are.
 *
 * The rule is by what a character does, not by a list of attacks: whatever the
 * C library gives no width to (controls, unassigned ones) is escaped, and of
 * the rest those that reorder or break lines.
 */
#include "client/safe_text.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* Unicode's Bidi_Control characters and its line separators (UAX #9, section
 * 2), and the marks that hide text or that nothing shows. */
static bool is_treacherous(uint32_t point)
{
    return point == 0x061c || point == 0x200b || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) ||
           point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
           (point >= 0xe0000 && point <= 0xe007f);
}

static unsigned escape(uint32_t point, char text[PL_SAFE_POINT_SIZE])
{
    const char *format = point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x";

    return (unsigned)snprintf(text, PL_SAFE_POINT_SIZE, format, (unsigned)point);
}

static void encode(uint32_t point, char text[PL_SAFE_POINT_SIZE])
{
    size_t size = 0;

    if (point < 0x80) {
        text[size++] = (char)point;
    } else if (point < 0x800) {
        text[size++] = (char)(0xc0 | point >> 6);
        text[size++] = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        text[size++] = (char)(0xe0 | point >> 12);
        text[size++] = (char)(0x80 | (point >> 6 & 0x3f));
        text[size++] = (char)(0x80 | (point & 0x3f));
    } else {
        text[size++] = (char)(0xf0 | point >> 18);
        text[size++] = (char)(0x80 | (point >> 12 & 0x3f));
        text[size++] = (char)(0x80 | (point >> 6 & 0x3f));
        text[size++] = (char)(0x80 | (point & 0x3f));
    }
    text[size] = 0;
}

unsigned pl_safe_point(uint32_t point, char text[PL_SAFE_POINT_SIZE])
{
    int width;

    if (is_treacherous(point) || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return escape(point, text);
    width = point == 0 ? -1 : wcwidth((wchar_t)point);
    if (width < 0)
        return escape(point, text);
    encode(point, text);
    return (unsigned)width;
}

void pl_safe_append(struct pl_bytebuf *out, struct pl_bytes text, const char *newline)
{
    size_t at = 0;

    while (at < text.size) {
        char glyph[PL_SAFE_POINT_SIZE];
        uint32_t point;
        size_t size = pl_utf8_decode(text.data + at, text.size - at, &point);

        if (size == 0) {
            pl_bytebuf_printf(out, "\\x%02x", text.data[at++]);
            continue;
        }
        at += size;
        if (point == '\r' && newline != NULL && at < text.size && text.data[at] == '\n')
            continue;
        if (point == '\n' && newline != NULL) {
            pl_bytebuf_append_str(out, newline);
        } else if (point == '\t') {
            pl_bytebuf_append_str(out, "    ");
        } else {
            pl_safe_point(point, glyph);
            pl_bytebuf_append_str(out, glyph);
        }
    }
}
