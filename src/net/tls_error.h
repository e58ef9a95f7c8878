/*
 * tls_error.h - why OpenSSL failed, in a line.
 *
 * Inside net only. Threads: any; OpenSSL keeps its errors by thread.
 */
#ifndef PL_NET_TLS_ERROR_H
#define PL_NET_TLS_ERROR_H

#include <stddef.h>

/* Forgets earlier errors of this thread: before a call whose failure is asked
 * about. */
void pl_tls_error_clear(void);

/* What the failed call left, and forgets it: PL_E_NOMEM, PL_E_NOTFOUND or PL_E_IO
 * (of a file), else `other`. `text` gets the reason in OpenSSL's words or, for
 * what is known better, in ours. */
int pl_tls_error_take(int other, char *text, size_t size);

#endif
