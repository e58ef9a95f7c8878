/*
 * tls_pipe.h - where OpenSSL reads ciphertext from and writes it to: memory.
 *
 * Inside net only.
 *
 * Threads:   none of its own.
 * Ownership: input is borrowed, output is its own.
 * Limits:    PL_TLS_PIPE_OUT_MAX bytes of output; `taken_max` of input.
 */
#ifndef PL_NET_TLS_PIPE_H
#define PL_NET_TLS_PIPE_H

#include "base/bytes.h"

#include <openssl/bio.h>
#include <stdbool.h>

#define PL_TLS_PIPE_OUT_MAX ((size_t)256 * 1024)

struct pl_tls_pipe {
    struct pl_bytes in;    /* not yet taken */
    struct pl_bytebuf out; /* its err tells why a write failed */
    size_t taken_size;     /* since its owner last set it to 0 */
    size_t taken_max;      /* beyond it reading fails: */
    bool over;             /* then this is set */
};

/* The way in for OpenSSL; or NULL for want of memory. Freed with BIO_meth_free()
 * after the last BIO made of it. */
BIO_METHOD *pl_tls_pipe_method_new(void);

/* A BIO over the pipe, which must outlive it; or NULL for want of memory. */
BIO *pl_tls_pipe_bio_new(const BIO_METHOD *method, struct pl_tls_pipe *pipe);

#endif
