/*
 * certs.h - certificates and keys made for a test, in a folder of their own.
 *
 * certs_init() makes, each as NAME.crt and NAME.key:
 *   ca         an authority          other-ca    another
 *   server     by ca, for localhost, *.parla.test, 127.0.0.1 and ::1
 *   elsewhere  by ca, for elsewhere.test
 *   expired    as server, but its time is over
 *   strange    as server, by other-ca
 *   self       for localhost, by itself
 *   client     by ca                 stranger    a client, by other-ca
 *   rsa        as server, with an RSA key
 *   sub-ca     an authority by ca    sub         as server, by sub-ca; the file has both
 *   secret.key is server's key, protected by a passphrase
 */
#ifndef PL_TESTS_NET_CERTS_H
#define PL_TESTS_NET_CERTS_H

#include "net/tls.h"

struct certs {
    char folder[900];
};

void certs_init(struct certs *certs);
void certs_done(struct certs *certs); /* with the folder */

/* The path of a file in the folder; valid until 16 more were asked for. */
const char *certs_path(const struct certs *certs, const char *name);

/* Writes a file of that name; returns its path. */
const char *certs_write(const struct certs *certs, const char *name, const char *text);

/* Contexts with these files: `client_ca`, `ca` and `name` may be NULL. */
struct pl_tls_context *certs_server(const struct certs *certs, const char *name,
                                    const char *client_ca);
struct pl_tls_context *certs_client(const struct certs *certs, const char *ca, const char *name);

#endif
