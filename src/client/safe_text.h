/*
 * safe_text.h - what others wrote, made harmless for a terminal.
 *
 * Control, escape and bidi characters, line separators and what has no glyph
 * appear as visible escapes: "\x1b", "\u202e", "\U000e0001"; bytes that are no
 * UTF-8 as "\xff". The locale's character set must be UTF-8.
 */
#ifndef PL_CLIENT_SAFE_TEXT_H
#define PL_CLIENT_SAFE_TEXT_H

#include "base/bytes.h"

#include <stdint.h>

enum { PL_SAFE_POINT_SIZE = 16 };

/* The visible form of a code point, a NUL after it; returns the columns that it
 * takes: 0 for a combining mark, 2 for a wide character. */
unsigned pl_safe_point(uint32_t point, char text[PL_SAFE_POINT_SIZE]);

/* Appends the text's visible form. `newline` stands for each line break (a
 * carriage return before it is dropped); NULL shows it as an escape. A tab
 * becomes four blanks. */
void pl_safe_append(struct pl_bytebuf *out, struct pl_bytes text, const char *newline);

#endif
