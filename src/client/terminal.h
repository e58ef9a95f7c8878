/*
 * terminal.h - the terminal's settings: raw while we edit, and always as they
 * were when we are gone.
 *
 * There is one terminal, so its state is global; the handlers of deadly signals
 * restore it too.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_TERMINAL_H
#define PL_CLIENT_TERMINAL_H

#include <stddef.h>

/* Remembers the settings; before anything changes them. PL_E_IO. */
int pl_terminal_open(void);

/* Input comes key by key, unechoed; Ctrl-C is a key; a paste is bracketed. */
void pl_terminal_raw(void);

/* As it was. Harmless when it is so already. */
void pl_terminal_restore(void);

/* Its size; 80 by 24 where that is not known. cols >= 2, rows >= 1. */
void pl_terminal_size(size_t *ret_cols, size_t *ret_rows);

#endif
