/* colour.c - the few escape sequences for colours. */
#include "client/colour.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pl_colour pl_colour_of_stdout(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool dumb = term != NULL && strcmp(term, "dumb") == 0;

    return (struct pl_colour){.on = isatty(STDOUT_FILENO) && (no == NULL || no[0] == 0) && !dumb};
}

const char *pl_colour_name(struct pl_colour colour, const char *name)
{
    /* readable on dark and on light ground alike */
    static const char *const colours[] = {"\x1b[31m", "\x1b[32m", "\x1b[33m",
                                          "\x1b[34m", "\x1b[35m", "\x1b[36m"};
    uint32_t hash = 2166136261U; /* FNV-1a: the same colour in every run */

    if (!colour.on)
        return "";
    for (; *name != 0; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619U;
    return colours[hash % (sizeof colours / sizeof colours[0])];
}

const char *pl_colour_dim(struct pl_colour colour)
{
    return colour.on ? "\x1b[2m" : "";
}

const char *pl_colour_bold(struct pl_colour colour)
{
    return colour.on ? "\x1b[1m" : "";
}

const char *pl_colour_alert(struct pl_colour colour)
{
    return colour.on ? "\x1b[1;31m" : "";
}

const char *pl_colour_off(struct pl_colour colour)
{
    return colour.on ? "\x1b[0m" : "";
}
