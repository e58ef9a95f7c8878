/*
 * tls_session.c - OpenSSL over a pipe in memory.
 *
 * Writing to the pipe never blocks, so OpenSSL wants nothing but more input, or
 * it has failed; a failure is final, and asked about once, right after the call. A
 * write that wants more input is a failure too.
 *
 * What a peer may send without anything coming of it is bounded: before the
 * handshake is done, and afterwards too, since empty records and key updates are
 * dealt with below whoever counts requests.
 */
#include "net/tls_session.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/sockaddr.h"
#include "net/tls_context.h"
#include "net/tls_error.h"
#include "net/tls_pipe.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_SIZE_MAX = 255,
    ALPN_SIZE_MAX = 8,
    ERROR_SIZE = 256,
    RECORD_SIZE = 16 * 1024, /* of plaintext (RFC 8446, section 5.1) */
    RECORD_OVERHEAD = 64,    /* with room to spare */
};

enum session_state {
    SESSION_SHAKING = 1,
    SESSION_OPEN,
    SESSION_SHUT,   /* close_notify is on its way; reading goes on */
    SESSION_FAILED, /* and `err` says how */
};

struct pl_tls_session {
    struct pl_tls_context *context;
    SSL *ssl;
    struct pl_tls_pipe pipe;
    bool renegotiates; /* the peer has asked for it */
    enum session_state state;
    int err;
    char alpn[ALPN_SIZE_MAX + 1]; /* "": none was agreed */
    char *error;                  /* NULL: it has not failed, or there was no memory to say why */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct pl_tls_session) <= 128,
               "each connection with TLS has one");

static void set_state(struct pl_tls_session *session, enum session_state state)
{
    PL_ASSERT(state > session->state);
    session->state = state;
}

/* --- whom a client wants to speak to ------------------------------------- */

/* A name is asked for and must be the certificate's; a final dot is part of
 * neither (RFC 6066, section 3). */
static int expect_name(SSL *ssl, const char *server_name)
{
    char name[NAME_SIZE_MAX + 1];
    size_t size = strlen(server_name);

    if (size > 0 && server_name[size - 1] == '.')
        size--;
    if (size == 0 || size > NAME_SIZE_MAX || server_name[0] == '.')
        return PL_E_INVALID; /* to OpenSSL an empty one means: any, ".test" any below it */
    memcpy(name, server_name, size);
    name[size] = '\0';
    /* by its alternative names only (RFC 9525, section 2) */
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (SSL_set1_host(ssl, name) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
        return PL_E_NOMEM;
    return PL_OK;
}

/* An address must be the certificate's, and is not asked for (RFC 6066, section
 * 3: names only). */
static int expect_address(SSL *ssl, const struct sockaddr_storage *address)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    int done;

    if (address->ss_family == AF_INET)
        done = X509_VERIFY_PARAM_set1_ip(param, (const unsigned char *)&v4->sin_addr,
                                         sizeof v4->sin_addr);
    else
        done = X509_VERIFY_PARAM_set1_ip(param, (const unsigned char *)&v6->sin6_addr,
                                         sizeof v6->sin6_addr);
    return done == 1 ? PL_OK : PL_E_NOMEM;
}

static int expect(SSL *ssl, const char *server_name)
{
    struct sockaddr_storage address;

    if (pl_sockaddr_of_numeric(server_name, 0, &address) == PL_OK)
        return expect_address(ssl, &address);
    return expect_name(ssl, server_name);
}

/* --- life ---------------------------------------------------------------- */

/* OpenSSL refuses a renegotiation with a warning and goes on, as often as it is
 * asked to; to us it is the end (RFC 9113, section 9.2.1). */
static void on_info(const SSL *ssl, int where, int value)
{
    struct pl_tls_session *session = SSL_get_app_data(ssl);

    if (where == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
        session->renegotiates = true;
}

/* PL_E_NOMEM, PL_E_INVALID. */
static int open_ssl(struct pl_tls_session *session, const char *server_name)
{
    BIO *bio;

    session->ssl = SSL_new(session->context->ssl);
    if (session->ssl == NULL)
        return PL_E_NOMEM;
    bio = pl_tls_pipe_bio_new(session->context->pipe_method, &session->pipe);
    if (bio == NULL)
        return PL_E_NOMEM;
    SSL_set_bio(session->ssl, bio, bio); /* consumes it */
    SSL_set_app_data(session->ssl, session);
    SSL_set_info_callback(session->ssl, on_info);
    if (server_name == NULL) {
        SSL_set_accept_state(session->ssl);
        return PL_OK;
    }
    SSL_set_connect_state(session->ssl);
    return expect(session->ssl, server_name);
}

int pl_tls_session_new(struct pl_tls_context *context, const char *server_name,
                       struct pl_tls_session **ret_session)
{
    struct pl_tls_session *session;
    int rc;

    PL_ASSERT(context->of_server == (server_name == NULL));
    session = pl_zalloc(sizeof *session);
    if (session == NULL)
        return PL_E_NOMEM;
    session->context = pl_tls_context_ref(context);
    pl_bytebuf_init(&session->pipe.out, PL_TLS_PIPE_OUT_MAX);
    session->pipe.taken_max = PL_TLS_HANDSHAKE_SIZE_MAX;
    rc = open_ssl(session, server_name);
    if (rc < 0) {
        pl_tls_error_clear();
        pl_tls_session_free(session);
        return rc;
    }
    set_state(session, SESSION_SHAKING);
    *ret_session = session;
    return PL_OK;
}

void pl_tls_session_free(struct pl_tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    pl_bytebuf_done(&session->pipe.out);
    pl_free(session->error);
    pl_tls_context_unref(session->context);
    pl_free(session);
}

void pl_tls_session_feed(struct pl_tls_session *session, struct pl_bytes data)
{
    session->pipe.in = data;
}

struct pl_bytes pl_tls_session_unread(const struct pl_tls_session *session)
{
    return session->pipe.in;
}

/* --- going on ------------------------------------------------------------ */

/* It has failed, for that reason. */
static int set_error(struct pl_tls_session *session, int err, const char *text)
{
    session->err = err;
    pl_free(session->error);
    session->error = pl_strdup(text);
    return err;
}

/* A failure that is not OpenSSL's own: the pipe's. */
static int fail_of_pipe(struct pl_tls_session *session)
{
    int err = session->pipe.out.err;

    pl_tls_error_clear();
    if (err < 0)
        return set_error(session, err, pl_err_text(err));
    return set_error(session, PL_E_LIMIT,
                     SSL_is_init_finished(session->ssl) ? "too much without data in it"
                                                        : "the handshake is too long");
}

/* A failure that OpenSSL sees none in. */
static int fail_of_peer(struct pl_tls_session *session, const char *text)
{
    set_state(session, SESSION_FAILED);
    pl_tls_error_clear();
    return set_error(session, PL_E_PROTO, text);
}

/* Why the call failed that returned `rc`. PL_E_AGAIN and PL_E_CLOSED are no
 * failures. */
static int fail(struct pl_tls_session *session, int rc)
{
    int reason = SSL_get_error(session->ssl, rc);
    char text[ERROR_SIZE];
    long verified;

    if (reason == SSL_ERROR_WANT_READ)
        return PL_E_AGAIN;
    if (reason == SSL_ERROR_ZERO_RETURN)
        return PL_E_CLOSED;
    set_state(session, SESSION_FAILED);
    if (session->pipe.out.err < 0 || session->pipe.over)
        return fail_of_pipe(session);
    rc = pl_tls_error_take(PL_E_PROTO, text, sizeof text);
    verified = SSL_get_verify_result(session->ssl);
    if (rc == PL_E_PROTO && verified != X509_V_OK)
        snprintf(text, sizeof text, "certificate verify failed: %s",
                 X509_verify_cert_error_string(verified));
    return set_error(session, rc, text);
}

void pl_tls_session_end(struct pl_tls_session *session)
{
    if (session->state != SESSION_SHAKING)
        return;
    set_state(session, SESSION_FAILED);
    set_error(session, PL_E_CLOSED, PL_TLS_ENDED_TEXT);
}

static void note_alpn(struct pl_tls_session *session)
{
    const unsigned char *name = NULL;
    unsigned size = 0;

    SSL_get0_alpn_selected(session->ssl, &name, &size);
    /* a longer one was never offered: not every OpenSSL looks at that */
    if (size > 0 && size <= ALPN_SIZE_MAX)
        memcpy(session->alpn, name, size);
}

int pl_tls_session_handshake(struct pl_tls_session *session)
{
    int rc;

    if (session->state == SESSION_FAILED)
        return session->err;
    if (session->state != SESSION_SHAKING)
        return PL_OK;
    pl_tls_error_clear();
    rc = SSL_do_handshake(session->ssl);
    if (rc != 1) {
        rc = fail(session, rc);
        if (rc == PL_E_CLOSED)
            pl_tls_session_end(session);
        return rc;
    }
    note_alpn(session);
    session->pipe.taken_size = 0;
    session->pipe.taken_max = PL_TLS_IDLE_SIZE_MAX;
    set_state(session, SESSION_OPEN);
    return PL_OK;
}

const char *pl_tls_session_alpn(const struct pl_tls_session *session)
{
    return session->alpn[0] != '\0' ? session->alpn : NULL;
}

int pl_tls_session_read(struct pl_tls_session *session, uint8_t *data, size_t size,
                        size_t *ret_size)
{
    int rc;

    PL_ASSERT(session->state != SESSION_SHAKING);
    if (session->state == SESSION_FAILED)
        return session->err;
    pl_tls_error_clear();
    rc = SSL_read_ex(session->ssl, data, size, ret_size);
    if (session->renegotiates)
        return fail_of_peer(session, "the peer wants to renegotiate");
    if (rc != 1)
        return fail(session, rc);
    session->pipe.taken_size = 0;
    return PL_OK;
}

bool pl_tls_session_has_more(const struct pl_tls_session *session)
{
    return session->pipe.in.size > 0 || SSL_has_pending(session->ssl) == 1;
}

int pl_tls_session_write(struct pl_tls_session *session, struct pl_bytes data)
{
    size_t records_len = data.size / RECORD_SIZE + 1;
    size_t written_size;
    int rc;

    PL_ASSERT(session->state != SESSION_SHAKING && session->state != SESSION_SHUT);
    PL_ASSERT(data.size <= PL_TLS_WRITE_SIZE_MAX);
    if (session->state == SESSION_FAILED)
        return session->err;
    if (data.size == 0)
        return PL_OK;
    pl_tls_error_clear();
    /* at once, rather than by doubling; if it fails, so does the write */
    pl_bytebuf_reserve(&session->pipe.out, data.size + records_len * RECORD_OVERHEAD);
    rc = SSL_write_ex(session->ssl, data.data, data.size, &written_size);
    if (rc == 1)
        return PL_OK;
    rc = fail(session, rc);
    /* a message of the handshake's kind (a key update) that is cut in two stops OpenSSL's
     * writing until its rest has come, which may be never */
    return rc == PL_E_AGAIN ? fail_of_peer(session, "the peer has sent half a message") : rc;
}

void pl_tls_session_shut(struct pl_tls_session *session)
{
    if (session->state != SESSION_OPEN)
        return;
    pl_tls_error_clear();
    if (SSL_shutdown(session->ssl) < 0)
        fail(session, -1);
    else
        set_state(session, SESSION_SHUT);
}

struct pl_bytes pl_tls_session_out(const struct pl_tls_session *session)
{
    return (struct pl_bytes){session->pipe.out.data, session->pipe.out.size};
}

void pl_tls_session_sent(struct pl_tls_session *session)
{
    int err = session->pipe.out.err;

    pl_bytebuf_done(&session->pipe.out);
    pl_bytebuf_init(&session->pipe.out, PL_TLS_PIPE_OUT_MAX);
    session->pipe.out.err = err;
}

const char *pl_tls_session_error(const struct pl_tls_session *session)
{
    if (session->err == PL_OK)
        return "";
    return session->error != NULL ? session->error : pl_err_text(session->err);
}

struct ssl_st *pl_tls_session_ssl(struct pl_tls_session *session)
{
    return session->ssl;
}
