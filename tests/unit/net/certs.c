/* certs.c - see certs.h; failures fail the test that runs. */
#include "certs.h"

#include "base/err.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 24 * 60 * 60 };

struct spec {
    const char *name;
    const char *issuer; /* its name; NULL: itself */
    const char *hosts;  /* as X.509 configuration has it; or NULL */
    bool is_ca;
    bool expired;
    bool rsa;
};

static const char server_hosts[] = "DNS:localhost,DNS:*.parla.test,IP:127.0.0.1,IP:::1";

static const struct spec specs[] = {
    {.name = "ca", .is_ca = true},
    {.name = "other-ca", .is_ca = true},
    {.name = "sub-ca", .issuer = "ca", .is_ca = true},
    {.name = "server", .issuer = "ca", .hosts = server_hosts},
    {.name = "elsewhere", .issuer = "ca", .hosts = "DNS:elsewhere.test"},
    {.name = "expired", .issuer = "ca", .hosts = server_hosts, .expired = true},
    {.name = "strange", .issuer = "other-ca", .hosts = server_hosts},
    {.name = "self", .hosts = "DNS:localhost"},
    {.name = "client", .issuer = "ca"},
    {.name = "stranger", .issuer = "other-ca"},
    {.name = "rsa", .issuer = "ca", .hosts = server_hosts, .rsa = true},
    {.name = "sub", .issuer = "sub-ca", .hosts = server_hosts},
};

const char *certs_path(const struct certs *certs, const char *name)
{
    static char paths[16][1024];
    static size_t next;
    char *path = paths[next++ % 16];

    assert_true(snprintf(path, sizeof paths[0], "%s/%s", certs->folder, name) <
                (int)sizeof paths[0]);
    return path;
}

static const char *path_of(const struct certs *certs, const char *name, const char *kind)
{
    char file[64];

    snprintf(file, sizeof file, "%s.%s", name, kind);
    return certs_path(certs, file);
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);

    assert_non_null(file);
    return file;
}

const char *certs_write(const struct certs *certs, const char *name, const char *text)
{
    const char *path = certs_path(certs, name);
    FILE *file = open_file(path, "w");

    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static X509 *read_cert(const struct certs *certs, const char *name)
{
    FILE *file = open_file(path_of(certs, name, "crt"), "r");
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);

    assert_non_null(cert);
    fclose(file);
    return cert;
}

static EVP_PKEY *read_key(const struct certs *certs, const char *name)
{
    FILE *file = open_file(path_of(certs, name, "key"), "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

    assert_non_null(key);
    fclose(file);
    return key;
}

static void add_extension(X509 *cert, X509V3_CTX *context, int id, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, id, value);

    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void describe(X509 *cert, const struct spec *spec, X509 *issuer)
{
    static long serial;
    X509_NAME *subject = X509_get_subject_name(cert);
    X509V3_CTX context;

    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -2 * DAY_S));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), spec->expired ? -DAY_S : DAY_S));
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)spec->name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), 1);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    add_extension(cert, &context, NID_basic_constraints,
                  spec->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (spec->hosts != NULL)
        add_extension(cert, &context, NID_subject_alt_name, spec->hosts);
}

/* `passphrase` may be NULL. */
static void write_key(const struct certs *certs, const char *name, EVP_PKEY *key, char *passphrase)
{
    FILE *file = open_file(path_of(certs, name, "key"), "w");

    assert_int_equal(PEM_write_PrivateKey(file, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL,
                                          NULL, 0, NULL, passphrase),
                     1);
    assert_int_equal(fclose(file), 0);
}

/* What is by an authority below another has that one's certificate with it. */
static void write_cert(const struct certs *certs, const struct spec *spec, X509 *cert, X509 *issuer)
{
    FILE *file = open_file(path_of(certs, spec->name, "crt"), "w");

    assert_int_equal(PEM_write_X509(file, cert), 1);
    if (X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(issuer)) != 0)
        assert_int_equal(PEM_write_X509(file, issuer), 1);
    assert_int_equal(fclose(file), 0);
}

static void make(const struct certs *certs, const struct spec *spec)
{
    EVP_PKEY *key = spec->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509 *issuer = cert;
    EVP_PKEY *issuer_key = key;

    assert_non_null(key);
    assert_non_null(cert);
    if (spec->issuer != NULL) {
        issuer = read_cert(certs, spec->issuer);
        issuer_key = read_key(certs, spec->issuer);
    }
    describe(cert, spec, issuer);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    write_key(certs, spec->name, key, NULL);
    if (strcmp(spec->name, "server") == 0)
        write_key(certs, "secret", key, (char[]){"open sesame"});
    write_cert(certs, spec, cert, issuer);
    if (spec->issuer != NULL) {
        X509_free(issuer);
        EVP_PKEY_free(issuer_key);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}

void certs_init(struct certs *certs)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(certs->folder, sizeof certs->folder, "%s/parla-certs-XXXXXX",
             tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    assert_non_null(mkdtemp(certs->folder));
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        make(certs, &specs[i]);
}

void certs_done(struct certs *certs)
{
    DIR *folder = opendir(certs->folder);
    struct dirent *entry;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(certs_path(certs, entry->d_name)), 0);
    closedir(folder);
    assert_int_equal(rmdir(certs->folder), 0);
}

struct pl_tls_context *certs_server(const struct certs *certs, const char *name,
                                    const char *client_ca)
{
    struct pl_tls_server_files files = {
        .cert_file = path_of(certs, name, "crt"),
        .key_file = path_of(certs, name, "key"),
        .client_ca_file = client_ca != NULL ? certs_path(certs, client_ca) : NULL,
    };
    struct pl_tls_context *context;
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, 1000);
    assert_int_equal(pl_tls_server_context_new(&files, &text, &context), PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&text), "");
    pl_bytebuf_done(&text);
    return context;
}

struct pl_tls_context *certs_client(const struct certs *certs, const char *ca, const char *name)
{
    struct pl_tls_client_files files = {
        .ca_file = ca != NULL ? certs_path(certs, ca) : NULL,
        .cert_file = name != NULL ? path_of(certs, name, "crt") : NULL,
        .key_file = name != NULL ? path_of(certs, name, "key") : NULL,
    };
    struct pl_tls_context *context;
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, 1000);
    assert_int_equal(pl_tls_client_context_new(&files, &text, &context), PL_OK);
    assert_string_equal(pl_bytebuf_cstr(&text), "");
    pl_bytebuf_done(&text);
    return context;
}
