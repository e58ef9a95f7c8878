/*
 * colour.h - colours on a terminal, none elsewhere or where NO_COLOR is set
 * (no-color.org).
 */
#ifndef PL_CLIENT_COLOUR_H
#define PL_CLIENT_COLOUR_H

#include <stdbool.h>

struct pl_colour {
    bool on;
};

/* Whether standard output may be coloured. */
struct pl_colour pl_colour_of_stdout(void);

/* Escape sequences, or "" without colour. */
const char *pl_colour_name(struct pl_colour colour, const char *name); /* the same for a name */
const char *pl_colour_dim(struct pl_colour colour);
const char *pl_colour_bold(struct pl_colour colour);
const char *pl_colour_alert(struct pl_colour colour);
const char *pl_colour_off(struct pl_colour colour);

#endif
