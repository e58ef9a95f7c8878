/*
 * fuzz_safe_text.c - what others wrote, on a terminal: no control character and
 * nothing that reorders text comes through, whatever the bytes.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"
#include "client/layout.h"
#include "client/safe_text.h"

#include <locale.h>
#include <stdlib.h>

enum { GROWTH_MAX = 12 };

static void append(struct pl_bytes text, const char *newline, const char *allowed)
{
    struct pl_bytebuf out;

    pl_bytebuf_init(&out, text.size * GROWTH_MAX + 1);
    pl_safe_append(&out, text, newline);
    PL_ASSERT(out.err == PL_OK);
    PL_ASSERT(fuzz_is_tame((struct pl_bytes){out.data, out.size}, allowed));
    pl_bytebuf_done(&out);
}

/* Cut to a width, it takes no more columns. */
static void cut(struct pl_bytes bytes)
{
    char *text = fuzz_string(bytes);
    size_t cols = 2 + bytes.size % 40;
    struct pl_bytebuf out;

    pl_bytebuf_init(&out, bytes.size * GROWTH_MAX + 16);
    pl_layout_cut(&out, text, cols);
    PL_ASSERT(out.err == PL_OK);
    PL_ASSERT(fuzz_is_tame((struct pl_bytes){out.data, out.size}, ""));
    PL_ASSERT(pl_layout_width(pl_bytebuf_cstr(&out)) <= cols);
    pl_bytebuf_done(&out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *locale;
    struct pl_bytes text = {data, size};

    if (locale == NULL)
        locale = setlocale(LC_CTYPE, "C.UTF-8");
    PL_ASSERT(locale != NULL);
    append(text, NULL, "");
    append(text, "\n", "\n");
    append(text, " / ", "");
    cut(text);
    return 0;
}
