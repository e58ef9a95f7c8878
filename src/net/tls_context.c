/*
 * tls_context.c - certificates and settings, made once.
 *
 * What is set here is said outright, also where it is OpenSSL's default: the
 * system's openssl.cnf may have changed that.
 */
#include "net/tls_context.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/tls_error.h"
#include "net/tls_pipe.h"
#include "net/uverr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum {
    SECURITY_LEVEL = 2, /* keys and signatures of 112 bits' strength: RSA from 2,048 bits on */
    CHAIN_SIZE_MAX = 48 * 1024,
    REASON_SIZE = 160,
};

/* Forward secrecy and AEAD (RFC 9113, section 9.2.2); TLS 1.3 has no others. */
static const char ciphers_of_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

/* None that costs the server much more than the client. */
static const char groups[] = "X25519:P-256:P-384";

/* As the extension has them, each after its length (RFC 7301, section 3.1). */
static const unsigned char protocols_of_server[] = "\x02h2\x08http/1.1";
static const unsigned char protocols_of_client[] = "\x02h2";

/* --- memory -------------------------------------------------------------- */

/* OpenSSL's own allocator has it that nothing is allocated for a size of 0. */
static void *mem_alloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size > 0 ? pl_alloc(size) : NULL;
}

static void mem_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    pl_free(ptr);
}

static void *mem_realloc(void *ptr, size_t size, const char *file, int line)
{
    if (size > 0)
        return pl_realloc(ptr, size);
    mem_free(ptr, file, line);
    return NULL;
}

static void use_mem(void)
{
    /* refused once it has allocated: then it goes on with malloc(), which is what
     * base/mem.h hands out too */
    CRYPTO_set_mem_functions(mem_alloc, mem_realloc, mem_free);
}

void pl_tls_use_mem(void)
{
    static uv_once_t once = UV_ONCE_INIT;

    uv_once(&once, use_mem);
}

/* --- files --------------------------------------------------------------- */

/* Whether it can be read at all: the system's word tells more than OpenSSL's. */
static int check_readable(const char *what, const char *file, struct pl_bytebuf *error_text)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    int number = 0;

    if (fd < 0 || fstat(fd, &status) < 0)
        number = errno;
    else if (S_ISDIR(status.st_mode))
        number = EISDIR;
    if (fd >= 0)
        close(fd);
    if (number == 0)
        return PL_OK;
    pl_bytebuf_printf(error_text, "%s %s: %s", what, file,
                      uv_strerror(uv_translate_sys_error(number)));
    return pl_err_of_errno(number);
}

/* Without this OpenSSL would ask on the terminal. */
static int on_passphrase(char *text, int size, int writing, void *self)
{
    bool *asked = self;

    (void)text;
    (void)size;
    (void)writing;
    *asked = true;
    return -1;
}

/* Of the failed call: what it was about, the file, why. */
static int fail_of_file(const char *what, const char *file, struct pl_bytebuf *error_text)
{
    char reason[REASON_SIZE];
    int err = pl_tls_error_take(PL_E_INVALID, reason, sizeof reason);

    pl_bytebuf_printf(error_text, "%s %s: %s", what, file, reason);
    return err;
}

static int use_key(SSL_CTX *ssl, const char *file, struct pl_bytebuf *error_text)
{
    bool asked = false;
    int done;

    SSL_CTX_set_default_passwd_cb(ssl, on_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, &asked);
    done = SSL_CTX_use_PrivateKey_file(ssl, file, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);
    if (asked) {
        pl_tls_error_clear();
        pl_bytebuf_printf(error_text, "key %s: it is protected by a passphrase", file);
        return PL_E_INVALID;
    }
    if (done != 1 || SSL_CTX_check_private_key(ssl) != 1)
        return fail_of_file("key", file, error_text);
    return PL_OK;
}

static int use_cert(SSL_CTX *ssl, const char *cert_file, const char *key_file,
                    struct pl_bytebuf *error_text)
{
    int rc = check_readable("certificate", cert_file, error_text);

    if (rc == PL_OK)
        rc = check_readable("key", key_file, error_text);
    if (rc < 0)
        return rc;
    pl_tls_error_clear();
    if (SSL_CTX_use_certificate_chain_file(ssl, cert_file) != 1)
        return fail_of_file("certificate", cert_file, error_text);
    return use_key(ssl, key_file, error_text);
}

/* Trusts the file's certificates and no others; what is in it need not be a root
 * (RFC 5280, section 6.1: a trust anchor is whom one chooses to trust). */
static int use_ca(SSL_CTX *ssl, const char *file, struct pl_bytebuf *error_text)
{
    int rc = check_readable("CA", file, error_text);

    if (rc < 0)
        return rc;
    pl_tls_error_clear();
    if (SSL_CTX_load_verify_file(ssl, file) != 1)
        return fail_of_file("CA", file, error_text);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    return PL_OK;
}

/* Clients must show a certificate; they are told by whom. */
static int ask_for_certs(SSL_CTX *ssl, const char *ca_file, struct pl_bytebuf *error_text)
{
    int rc = use_ca(ssl, ca_file, error_text);
    STACK_OF(X509_NAME) * names;

    if (rc < 0)
        return rc;
    names = SSL_load_client_CA_file(ca_file);
    if (names == NULL)
        return fail_of_file("CA", ca_file, error_text);
    SSL_CTX_set_client_CA_list(ssl, names);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return PL_OK;
}

/* --- protocols ----------------------------------------------------------- */

static int on_protocols(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                        const unsigned char *offered, unsigned offered_size, void *self)
{
    unsigned char *name = NULL;

    (void)ssl;
    (void)self;
    if (SSL_select_next_proto(&name, ret_size, protocols_of_server, sizeof protocols_of_server - 1,
                              offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

/* What both sides have in common. PL_E_NOMEM, PL_E_UNSUPPORTED. */
static int set_up(SSL_CTX *ssl)
{
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ssl, ciphers_of_12) != 1 ||
        SSL_CTX_set1_groups_list(ssl, groups) != 1)
        return PL_E_UNSUPPORTED;
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(ssl, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                   SSL_OP_LEGACY_SERVER_CONNECT |
                                   SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_max_early_data(ssl, 0);
    SSL_CTX_set_max_cert_list(ssl, CHAIN_SIZE_MAX);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ssl, 0); /* tls_pipe.c counts on it */
    return PL_OK;
}

static int context_new(bool of_server, struct pl_bytebuf *error_text,
                       struct pl_tls_context **ret_context)
{
    struct pl_tls_context *context;
    int rc = PL_E_NOMEM;

    pl_tls_use_mem();
    context = pl_zalloc(sizeof *context);
    if (context == NULL)
        goto fail;
    atomic_init(&context->refs, 1);
    context->of_server = of_server;
    context->pipe_method = pl_tls_pipe_method_new();
    context->ssl = SSL_CTX_new(of_server ? TLS_server_method() : TLS_client_method());
    if (context->pipe_method == NULL || context->ssl == NULL)
        goto fail;
    rc = set_up(context->ssl);
    if (rc < 0)
        goto fail;
    *ret_context = context;
    return PL_OK;

fail:
    pl_tls_error_clear();
    pl_bytebuf_printf(error_text, "TLS: %s", pl_err_text(rc));
    pl_tls_context_unref(context);
    return rc;
}

int pl_tls_server_context_new(const struct pl_tls_server_files *files,
                              struct pl_bytebuf *error_text, struct pl_tls_context **ret_context)
{
    struct pl_tls_context *context;
    int rc = context_new(true, error_text, &context);

    if (rc < 0)
        return rc;
    rc = use_cert(context->ssl, files->cert_file, files->key_file, error_text);
    if (rc == PL_OK && files->client_ca_file != NULL)
        rc = ask_for_certs(context->ssl, files->client_ca_file, error_text);
    if (rc < 0) {
        pl_tls_context_unref(context);
        return rc;
    }
    SSL_CTX_set_alpn_select_cb(context->ssl, on_protocols, NULL);
    *ret_context = context;
    return PL_OK;
}

/* Returns what OpenSSL has it: 0 is well. */
static int offer_protocols(SSL_CTX *ssl)
{
    return SSL_CTX_set_alpn_protos(ssl, protocols_of_client, sizeof protocols_of_client - 1);
}

int pl_tls_client_context_new(const struct pl_tls_client_files *files,
                              struct pl_bytebuf *error_text, struct pl_tls_context **ret_context)
{
    struct pl_tls_context *context;
    int rc;

    PL_ASSERT((files->cert_file == NULL) == (files->key_file == NULL));
    rc = context_new(false, error_text, &context);
    if (rc < 0)
        return rc;
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    pl_tls_error_clear();
    if (files->ca_file != NULL)
        rc = use_ca(context->ssl, files->ca_file, error_text);
    else if (SSL_CTX_set_default_verify_paths(context->ssl) != 1)
        rc = fail_of_file("CA", "of the system", error_text);
    if (rc == PL_OK && files->cert_file != NULL)
        rc = use_cert(context->ssl, files->cert_file, files->key_file, error_text);
    if (rc == PL_OK && offer_protocols(context->ssl) != 0) {
        pl_bytebuf_printf(error_text, "TLS: %s", pl_err_text(PL_E_NOMEM));
        rc = PL_E_NOMEM;
    }
    if (rc < 0) {
        pl_tls_context_unref(context);
        return rc;
    }
    *ret_context = context;
    return PL_OK;
}

struct pl_tls_context *pl_tls_context_ref(struct pl_tls_context *context)
{
    unsigned before = atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);

    PL_ASSERT(before > 0);
    return context;
}

void pl_tls_context_unref(struct pl_tls_context *context)
{
    unsigned before;

    if (context == NULL)
        return;
    before = atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel);
    PL_ASSERT(before > 0);
    if (before > 1)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->pipe_method);
    pl_free(context);
}
