/*
 * tls.h - what TLS connections of one kind have in common: certificates, keys,
 * whom they trust.
 *
 * TLS 1.2 and 1.3 only, forward secrecy and AEAD only, neither compression nor
 * renegotiation (RFC 9113, section 9.2), no tickets and no early data: every
 * connection makes a full handshake. Sockets use it with pl_socket_start_tls(),
 * in net/tcp.h.
 *
 * Threads:   any; a context never changes. New certificates are a new context:
 *            connections keep the one they began with.
 * Ownership: reference-counted; a connection keeps a reference of its own.
 */
#ifndef PL_NET_TLS_H
#define PL_NET_TLS_H

#include "base/bytes.h"

struct pl_tls_context;

/* Paths of PEM files. */
struct pl_tls_server_files {
    const char *cert_file; /* the server's certificate, then the rest of its chain */
    const char *key_file;
    const char *client_ca_file; /* NULL: clients need no certificate; else one by these */
};

struct pl_tls_client_files {
    const char *ca_file;   /* whom to trust; NULL: whom the system trusts */
    const char *cert_file; /* for servers that ask for one; both or neither */
    const char *key_file;
};

/* A server's: with a client that names protocols it agrees on h2, else on
 * http/1.1, else it refuses; a client that names none is welcome. A
 * client's: it verifies the server's chain and name, and offers h2.
 *
 * PL_E_NOTFOUND, PL_E_IO (a file that cannot be read), PL_E_INVALID (one that does
 * not hold what it should, or a key of another certificate), PL_E_NOMEM:
 * `error_text` gets one line that names the file and what is wrong. */
int pl_tls_server_context_new(const struct pl_tls_server_files *files,
                              struct pl_bytebuf *error_text, struct pl_tls_context **ret_context);
int pl_tls_client_context_new(const struct pl_tls_client_files *files,
                              struct pl_bytebuf *error_text, struct pl_tls_context **ret_context);

/* Takes one more reference; returns `context`. */
struct pl_tls_context *pl_tls_context_ref(struct pl_tls_context *context);

/* Gives a reference back; the last one frees. NULL is fine. */
void pl_tls_context_unref(struct pl_tls_context *context);

#endif
