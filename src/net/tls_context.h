/*
 * tls_context.h - a TLS context as its parts in net see it.
 *
 * Inside net, and for tests; the rest is in net/tls.h.
 */
#ifndef PL_NET_TLS_CONTEXT_H
#define PL_NET_TLS_CONTEXT_H

#include "net/tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

struct pl_tls_context {
    atomic_uint refs;
    bool of_server;
    SSL_CTX *ssl;
    BIO_METHOD *pipe_method;
};

/* Makes OpenSSL allocate through base/mem.h. Only before anything else is asked
 * of OpenSSL: later it does nothing. Any thread. */
void pl_tls_use_mem(void);

#endif
