/*
 * tls_hello.h - whether a client's first message has come whole.
 *
 * Inside net only.
 *
 * Threads: none of its own.
 * Limits:  PL_TLS_HELLO_SIZE_MAX bytes, with the heads of its records.
 */
#ifndef PL_NET_TLS_HELLO_H
#define PL_NET_TLS_HELLO_H

#include "base/bytes.h"

/* Some come to 2 KiB, with keys of the kind that no quantum computer breaks. */
#define PL_TLS_HELLO_SIZE_MAX ((size_t)16 * 1024)

/* Looks at all that has come so far. PL_OK: the hello is whole, or it will never be one: either
 * can be answered. PL_E_AGAIN: it goes on. PL_E_LIMIT: it is too long. How it was cut on its way
 * changes nothing. */
int pl_tls_hello_check(struct pl_bytes come);

#endif
