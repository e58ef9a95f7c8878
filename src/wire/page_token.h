/*
 * page_token.h - where a list goes on: an opaque text, good for the same list only.
 *
 * Base64 (URL alphabet) of the key where the page ended and the first 8 bytes of
 * BLAKE2b-256 over the list's own description and that key. No secret: a token
 * proves nothing.
 */
#ifndef PL_WIRE_PAGE_TOKEN_H
#define PL_WIRE_PAGE_TOKEN_H

#include "base/arena.h"

/* `list` tells this list from others: its call and what it was asked for. Returns
 * the text in the arena, or NULL when memory is short. */
char *pl_page_token_make(const char *list, const char *last, struct pl_arena *arena);

/* The key in the arena; "" for an empty token. PL_E_INVALID, PL_E_NOMEM. */
int pl_page_token_open(const char *list, const char *token, struct pl_arena *arena,
                       char **ret_last);

#endif
