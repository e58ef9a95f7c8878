/* test_tls_session.c - two sessions, and the bytes between them. */
#include "certs.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/tls_context.h"
#include "net/tls_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL ((size_t)-1)

static struct certs certs;

/* --- a pair -------------------------------------------------------------- */

/* One side: its session, what is on its way to it, what it has read. */
struct side {
    struct pl_tls_session *session;
    struct pl_bytebuf wire;
    struct pl_bytebuf plain;
    bool secured;
    int err; /* PL_OK until it ends; PL_E_CLOSED: the peer's end */
};

struct pair {
    struct pl_tls_context *server_context;
    struct pl_tls_context *client_context;
    struct side server, client;
    size_t chunk_size; /* ciphertext is fed in such pieces */
};

static void side_init(struct side *side, struct pl_tls_context *context, const char *name)
{
    *side = (struct side){0};
    pl_bytebuf_init(&side->wire, 64 << 20);
    pl_bytebuf_init(&side->plain, 64 << 20);
    assert_int_equal(pl_tls_session_new(context, name, &side->session), PL_OK);
}

static void side_done(struct side *side)
{
    pl_tls_session_free(side->session);
    pl_bytebuf_done(&side->wire);
    pl_bytebuf_done(&side->plain);
}

/* Consumes the contexts. */
static void pair_init_with(struct pair *pair, struct pl_tls_context *of_server,
                           struct pl_tls_context *of_client, const char *name)
{
    *pair = (struct pair){.server_context = of_server, .client_context = of_client};
    pair->chunk_size = ALL;
    side_init(&pair->server, of_server, NULL);
    side_init(&pair->client, of_client, name);
}

static void pair_init(struct pair *pair, const char *server, const char *name)
{
    pair_init_with(pair, certs_server(&certs, server, NULL), certs_client(&certs, "ca.crt", NULL),
                   name);
}

static void pair_done(struct pair *pair)
{
    side_done(&pair->server);
    side_done(&pair->client);
    pl_tls_context_unref(pair->server_context);
    pl_tls_context_unref(pair->client_context);
}

static void collect(struct side *side, struct side *peer)
{
    struct pl_bytes out = pl_tls_session_out(side->session);

    pl_bytebuf_append(&peer->wire, out.data, out.size);
    assert_int_equal(peer->wire.err, PL_OK);
    pl_tls_session_sent(side->session);
}

/* Reads all there is, into a small buffer, so that there is a rest inside. */
static void read_all(struct side *side)
{
    while (side->err == PL_OK) {
        uint8_t part[1000];
        size_t size;
        int rc = pl_tls_session_read(side->session, part, sizeof part, &size);

        if (rc == PL_E_AGAIN)
            return;
        if (rc == PL_OK)
            pl_bytebuf_append(&side->plain, part, size);
        else
            side->err = rc;
    }
}

static void go_on(struct side *side)
{
    if (!side->secured && side->err == PL_OK) {
        int rc = pl_tls_session_handshake(side->session);

        side->secured = rc == PL_OK;
        if (rc < 0 && rc != PL_E_AGAIN)
            side->err = rc;
    }
    if (side->secured)
        read_all(side);
}

/* Feeds one piece, if there is any; returns whether there was. */
static bool step(struct pair *pair, struct side *side, struct side *peer)
{
    size_t size = side->wire.size < pair->chunk_size ? side->wire.size : pair->chunk_size;

    if (size == 0)
        return false;
    pl_tls_session_feed(side->session, (struct pl_bytes){side->wire.data, size});
    go_on(side);
    if (side->err == PL_OK)
        assert_int_equal(pl_tls_session_unread(side->session).size, 0);
    pl_tls_session_feed(side->session, (struct pl_bytes){0});
    pl_bytebuf_consume(&side->wire, size);
    collect(side, peer);
    return true;
}

/* Until nothing is on its way. */
static void settle(struct pair *pair)
{
    bool more = true;

    while (more) {
        more = step(pair, &pair->server, &pair->client);
        more = step(pair, &pair->client, &pair->server) || more;
    }
}

static void shake(struct pair *pair)
{
    go_on(&pair->client);
    collect(&pair->client, &pair->server);
    settle(pair);
}

static void write_text(struct side *side, struct side *peer, const char *text)
{
    assert_int_equal(pl_tls_session_write(side->session, pl_bytes_str(text)), PL_OK);
    collect(side, peer);
}

static void assert_plain(struct side *side, const char *text)
{
    assert_string_equal(pl_bytebuf_cstr(&side->plain), text);
}

static void assert_secured(struct pair *pair)
{
    assert_string_equal(pl_tls_session_error(pair->server.session), "");
    assert_string_equal(pl_tls_session_error(pair->client.session), "");
    assert_true(pair->server.secured);
    assert_true(pair->client.secured);
    assert_int_equal(pair->server.err, PL_OK);
    assert_int_equal(pair->client.err, PL_OK);
}

/* --- tests --------------------------------------------------------------- */

static void exchange(struct pair *pair)
{
    shake(pair);
    assert_secured(pair);
    assert_string_equal(pl_tls_session_alpn(pair->server.session), "h2");
    assert_string_equal(pl_tls_session_alpn(pair->client.session), "h2");
    write_text(&pair->client, &pair->server, "is anybody there?");
    write_text(&pair->server, &pair->client, "yes");
    settle(pair);
    assert_plain(&pair->server, "is anybody there?");
    assert_plain(&pair->client, "yes");

    pl_tls_session_shut(pair->client.session);
    collect(&pair->client, &pair->server);
    settle(pair);
    assert_int_equal(pair->server.err, PL_E_CLOSED);
    write_text(&pair->server, &pair->client, ", still");
    settle(pair);
    assert_plain(&pair->client, "yes, still");
    assert_int_equal(pair->client.err, PL_OK);
}

static void bytes_may_come_in_any_pieces(void **state)
{
    const size_t sizes[] = {ALL, 1, 2, 3, 5, 7, 64, 1000};
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t v = 0; v < 2; v++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct pair pair;
            struct pl_tls_context *of_client = certs_client(&certs, "ca.crt", NULL);

            SSL_CTX_set_min_proto_version(of_client->ssl, versions[v]);
            SSL_CTX_set_max_proto_version(of_client->ssl, versions[v]);
            pair_init_with(&pair, certs_server(&certs, "server", NULL), of_client, "localhost");
            pair.chunk_size = sizes[i];
            exchange(&pair);
            pair_done(&pair);
        }
    }
}

static void much_data_passes_both_ways(void **state)
{
    enum { BIG = 3 * 1000 * 1000 };
    static char big[BIG];
    struct pair pair;

    (void)state;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + i % 23);
    pair_init(&pair, "rsa", "127.0.0.1");
    shake(&pair);
    assert_secured(&pair);
    for (size_t at = 0; at < BIG; at += PL_TLS_WRITE_SIZE_MAX) {
        size_t size = BIG - at < PL_TLS_WRITE_SIZE_MAX ? BIG - at : PL_TLS_WRITE_SIZE_MAX;
        struct pl_bytes part = {(const uint8_t *)big + at, size};

        assert_int_equal(pl_tls_session_write(pair.server.session, part), PL_OK);
        assert_int_equal(pl_tls_session_write(pair.client.session, part), PL_OK);
        collect(&pair.server, &pair.client);
        collect(&pair.client, &pair.server);
    }
    pair.chunk_size = 54321;
    settle(&pair);
    assert_int_equal(pair.server.plain.size, BIG);
    assert_int_equal(pair.client.plain.size, BIG);
    assert_memory_equal(pair.server.plain.data, big, BIG);
    assert_memory_equal(pair.client.plain.data, big, BIG);
    pair_done(&pair);
}

/* --- whom to trust ------------------------------------------------------- */

static void expect_refusal(const char *server, const char *ca, const char *name, const char *reason,
                           const char *alert)
{
    struct pair pair;

    pair_init_with(&pair, certs_server(&certs, server, NULL), certs_client(&certs, ca, NULL), name);
    shake(&pair);
    assert_false(pair.client.secured);
    assert_int_equal(pair.client.err, PL_E_PROTO);
    assert_string_equal(pl_tls_session_error(pair.client.session), reason);
    assert_int_equal(pair.server.err, PL_E_PROTO);
    assert_string_equal(pl_tls_session_error(pair.server.session), alert);
    pair_done(&pair);
}

static void a_server_that_is_not_trusted_is_refused(void **state)
{
    (void)state;
    expect_refusal("strange", "ca.crt", "localhost",
                   "certificate verify failed: unable to get local issuer certificate",
                   "the peer sent the alert: unknown CA");
    expect_refusal("self", "ca.crt", "localhost",
                   "certificate verify failed: self-signed certificate",
                   "the peer sent the alert: unknown CA");
    expect_refusal("expired", "ca.crt", "localhost",
                   "certificate verify failed: certificate has expired",
                   "the peer sent the alert: certificate expired");
    expect_refusal("elsewhere", "ca.crt", "localhost",
                   "certificate verify failed: hostname mismatch",
                   "the peer sent the alert: bad certificate");
    expect_refusal("elsewhere", "ca.crt", "127.0.0.1",
                   "certificate verify failed: IP address mismatch",
                   "the peer sent the alert: bad certificate");
    expect_refusal("server", "ca.crt", "a.b.parla.test",
                   "certificate verify failed: hostname mismatch",
                   "the peer sent the alert: bad certificate");
    /* the subject's name is no host's */
    expect_refusal("client", "ca.crt", "client", "certificate verify failed: hostname mismatch",
                   "the peer sent the alert: bad certificate");
}

static void a_server_that_is_trusted_is_accepted(void **state)
{
    static const struct {
        const char *server, *ca, *name;
    } rows[] = {
        {"server", "ca.crt", "localhost"},     {"server", "ca.crt", "localhost."},
        {"server", "ca.crt", "LOCALHOST"},     {"server", "ca.crt", "a.parla.test"},
        {"server", "ca.crt", "127.0.0.1"},     {"server", "ca.crt", "::1"},
        {"rsa", "ca.crt", "localhost"},        {"sub", "ca.crt", "localhost"},
        {"sub", "sub-ca.crt", "localhost"},    {"self", "self.crt", "localhost"},
        {"server", "server.crt", "localhost"}, /* the very certificate */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair pair;

        pair_init_with(&pair, certs_server(&certs, rows[i].server, NULL),
                       certs_client(&certs, rows[i].ca, NULL), rows[i].name);
        shake(&pair);
        assert_secured(&pair);
        pair_done(&pair);
    }
}

static void names_are_asked_for_and_addresses_are_not(void **state)
{
    struct pl_tls_context *context = certs_client(&certs, "ca.crt", NULL);
    struct pl_tls_session *session;
    char longest[300];

    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[256] = '\0';
    assert_int_equal(pl_tls_session_new(context, longest, &session), PL_E_INVALID);
    assert_int_equal(pl_tls_session_new(context, "", &session), PL_E_INVALID);
    assert_int_equal(pl_tls_session_new(context, ".", &session), PL_E_INVALID);

    for (int i = 0; i < 2; i++) {
        struct pl_bytes out;

        assert_int_equal(pl_tls_session_new(context, i == 0 ? "localhost." : "127.0.0.1", &session),
                         PL_OK);
        assert_int_equal(pl_tls_session_handshake(session), PL_E_AGAIN);
        out = pl_tls_session_out(session);
        assert_int_equal(memmem(out.data, out.size, "localhost", 9) != NULL, i == 0);
        assert_null(memmem(out.data, out.size, "localhost.", 10));
        assert_null(memmem(out.data, out.size, "127.0.0.1", 9));
        pl_tls_session_free(session);
    }
    pl_tls_context_unref(context);
}

static void expect_client(const char *name, int version, const char *reason, const char *alert)
{
    struct pl_tls_context *of_client = certs_client(&certs, "ca.crt", name);
    struct pair pair;

    SSL_CTX_set_max_proto_version(of_client->ssl, version);
    pair_init_with(&pair, certs_server(&certs, "server", "ca.crt"), of_client, "localhost");
    shake(&pair);
    assert_string_equal(pl_tls_session_error(pair.server.session), reason);
    assert_string_equal(pl_tls_session_error(pair.client.session), alert);
    assert_int_equal(pair.server.err, reason[0] != '\0' ? PL_E_PROTO : PL_OK);
    assert_int_equal(pair.client.err, alert[0] != '\0' ? PL_E_PROTO : PL_OK);
    pair_done(&pair);
}

static void clients_show_certificates_where_they_must(void **state)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t v = 0; v < 2; v++) {
        expect_client("client", versions[v], "", "");
        expect_client("stranger", versions[v],
                      "certificate verify failed: unable to get local issuer certificate",
                      "the peer sent the alert: unknown CA");
        expect_client(NULL, versions[v], "peer did not return a certificate",
                      versions[v] == TLS1_2_VERSION
                          ? "the peer sent the alert: handshake failure"
                          : "the peer sent the alert: certificate required");
    }
}

static void a_server_without_client_ca_asks_for_none(void **state)
{
    struct pair pair;

    (void)state;
    pair_init_with(&pair, certs_server(&certs, "server", NULL),
                   certs_client(&certs, "ca.crt", "stranger"), "localhost");
    shake(&pair);
    assert_secured(&pair);
    pair_done(&pair);
}

/* --- what is agreed on --------------------------------------------------- */

/* `offer` as the extension has it; NULL: none is made. */
static void expect_alpn(const char *offer, const char *agreed)
{
    struct pl_tls_context *of_client = certs_client(&certs, "ca.crt", NULL);
    struct pair pair;
    const char *name;

    assert_int_equal(SSL_CTX_set_alpn_protos(of_client->ssl, (const unsigned char *)offer,
                                             offer != NULL ? (unsigned)strlen(offer) : 0),
                     0);
    pair_init_with(&pair, certs_server(&certs, "server", NULL), of_client, "localhost");
    shake(&pair);
    if (agreed == NULL) {
        assert_int_equal(pair.server.err, PL_E_PROTO);
        assert_string_equal(pl_tls_session_error(pair.server.session), "no application protocol");
        assert_string_equal(pl_tls_session_error(pair.client.session),
                            "the peer sent the alert: no application protocol");
    } else {
        assert_secured(&pair);
        name = pl_tls_session_alpn(pair.server.session);
        assert_string_equal(name != NULL ? name : "", agreed);
        name = pl_tls_session_alpn(pair.client.session);
        assert_string_equal(name != NULL ? name : "", agreed);
    }
    pair_done(&pair);
}

static void protocols_are_agreed_on(void **state)
{
    (void)state;
    expect_alpn("\x02h2", "h2");
    expect_alpn("\x08http/1.1", "http/1.1");
    expect_alpn("\x08http/1.1\x02h2", "h2");
    expect_alpn("\x06spdy/1\x08http/1.1", "http/1.1");
    expect_alpn(NULL, "");
    expect_alpn("\x06spdy/1", NULL);
    expect_alpn("\x03h2c\x08http/1.0", NULL);
}

static int on_any_offer(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                        const unsigned char *offered, unsigned offered_size, void *self)
{
    static const char name[] = "of our own making";

    (void)ssl;
    (void)offered;
    (void)offered_size;
    (void)self;
    *ret_name = (const unsigned char *)name;
    *ret_size = sizeof name - 1;
    return SSL_TLSEXT_ERR_OK;
}

static void a_protocol_that_was_not_offered_is_not_agreed_on(void **state)
{
    struct pl_tls_context *of_server = certs_server(&certs, "server", NULL);
    struct pair pair;

    (void)state;
    SSL_CTX_set_alpn_select_cb(of_server->ssl, on_any_offer, NULL);
    pair_init_with(&pair, of_server, certs_client(&certs, "ca.crt", NULL), "localhost");
    shake(&pair);
    assert_null(pl_tls_session_alpn(pair.client.session)); /* later OpenSSLs end it besides */
    pair_done(&pair);
}

static void old_versions_and_ciphers_are_refused(void **state)
{
    static const char *const refused[] = {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
                                          "ECDHE-ECDSA-AES128-SHA"};
    struct pl_tls_context *of_client;
    struct pair pair;

    (void)state;
    of_client = certs_client(&certs, "ca.crt", NULL);
    SSL_CTX_set_security_level(of_client->ssl, 0);
    SSL_CTX_set_min_proto_version(of_client->ssl, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(of_client->ssl, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(of_client->ssl, "ALL:@SECLEVEL=0");
    pair_init_with(&pair, certs_server(&certs, "server", NULL), of_client, "localhost");
    shake(&pair);
    assert_string_equal(pl_tls_session_error(pair.server.session), "unsupported protocol");
    assert_string_equal(pl_tls_session_error(pair.client.session),
                        "the peer sent the alert: protocol version");
    pair_done(&pair);

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        of_client = certs_client(&certs, "ca.crt", NULL);
        SSL_CTX_set_max_proto_version(of_client->ssl, TLS1_2_VERSION);
        assert_int_equal(SSL_CTX_set_cipher_list(of_client->ssl, refused[i]), 1);
        pair_init_with(&pair, certs_server(&certs, "server", NULL), of_client, "localhost");
        shake(&pair);
        assert_string_equal(pl_tls_session_error(pair.server.session), "no shared cipher");
        pair_done(&pair);
    }

    of_client = certs_client(&certs, "ca.crt", NULL);
    assert_int_equal(SSL_CTX_set1_groups_list(of_client->ssl, "ffdhe8192:P-521"), 1);
    pair_init_with(&pair, certs_server(&certs, "server", NULL), of_client, "localhost");
    shake(&pair);
    assert_string_equal(pl_tls_session_error(pair.server.session), "no suitable key share");
    pair_done(&pair);
}

/* --- peers that misbehave ------------------------------------------------ */

static void garbage_is_refused_with_an_alert(void **state)
{
    static const struct {
        const char *bytes, *reason;
    } rows[] = {
        {"GET / HTTP/1.1\r\nhost: a\r\n\r\n", "the peer speaks plain HTTP"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the peer does not speak TLS"},
        {"\x16\x03\x01\xff\xff hello, hello, hello", "packet length too long"},
        {"\x17\x03\x03\x01\x01 hello, hello, hello", NULL},
        {"\x16\x03\x01\x01\x05\x01\xff\xff\xff hello", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_bytes bytes = pl_bytes_str(rows[i].bytes);
        struct pair pair;

        pair_init(&pair, "server", "localhost");
        pl_bytebuf_append(&pair.server.wire, bytes.data, bytes.size);
        for (int more = 0; more < 300 && pair.server.err == PL_OK; more++) {
            step(&pair, &pair.server, &pair.client);
            pl_bytebuf_append_byte(&pair.server.wire, 0);
        }
        assert_int_equal(pair.server.err, PL_E_PROTO);
        if (rows[i].reason != NULL)
            assert_string_equal(pl_tls_session_error(pair.server.session), rows[i].reason);
        assert_true(pl_tls_session_error(pair.server.session)[0] != '\0');
        assert_int_equal(pl_tls_session_handshake(pair.server.session), PL_E_PROTO);
        pair_done(&pair);
    }
}

/* Records of a handshake message that goes on and on. */
static void a_handshake_that_does_not_end_is_refused(void **state)
{
    static const uint8_t first[] = {22, 3, 1, 0, 4, 1, 1, 0xff, 0xff};
    static const uint8_t next[] = {22, 3, 1, 0, 1, 'x'};
    struct pair pair;
    size_t size = sizeof first;

    (void)state;
    pair_init(&pair, "server", "localhost");
    pl_bytebuf_append(&pair.server.wire, first, sizeof first);
    while (pair.server.err == PL_OK) {
        assert_true(size < PL_TLS_HANDSHAKE_SIZE_MAX + 100);
        pl_bytebuf_append(&pair.server.wire, next, sizeof next);
        size += sizeof next;
        step(&pair, &pair.server, &pair.client);
    }
    assert_int_equal(pair.server.err, PL_E_LIMIT);
    assert_string_equal(pl_tls_session_error(pair.server.session), "the handshake is too long");
    assert_true(size >= PL_TLS_HANDSHAKE_SIZE_MAX);
    pair_done(&pair);
}

/* The file `name` of the folder, as text. */
static void read_file(const char *name, struct pl_bytebuf *to)
{
    FILE *file = fopen(certs_path(&certs, name), "r");
    int byte;

    assert_non_null(file);
    while ((byte = getc(file)) != EOF)
        pl_bytebuf_append_byte(to, (uint8_t)byte);
    assert_int_equal(fclose(file), 0);
}

/* A client's certificates, the same one again and again, come to more than 48 KiB. */
static void a_chain_that_is_too_long_is_refused(void **state)
{
    struct pl_tls_context *of_client;
    struct pl_bytebuf cert, chain;
    struct pair pair;

    (void)state;
    pl_bytebuf_init(&cert, 1 << 20);
    pl_bytebuf_init(&chain, 1 << 20);
    read_file("client.crt", &cert);
    while (chain.size < 80 * 1024)
        pl_bytebuf_append(&chain, cert.data, cert.size);
    certs_write(&certs, "long.crt", pl_bytebuf_cstr(&chain));
    pl_bytebuf_clear(&cert);
    read_file("client.key", &cert);
    certs_write(&certs, "long.key", pl_bytebuf_cstr(&cert));

    of_client = certs_client(&certs, "ca.crt", "long");
    pair_init_with(&pair, certs_server(&certs, "server", "ca.crt"), of_client, "localhost");
    shake(&pair);
    assert_true(pair.server.err < 0);
    assert_non_null(strstr(pl_tls_session_error(pair.server.session), "excessive message size"));
    pair_done(&pair);
    pl_bytebuf_done(&cert);
    pl_bytebuf_done(&chain);
}

/* A peer of our own making: what OpenSSL can be made to send. */
static SSL *raw(struct pl_tls_session *session)
{
    return pl_tls_session_ssl(session);
}

static void key_updates_are_answered_and_a_flood_of_them_ends(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair, "server", "localhost");
    shake(&pair);
    assert_secured(&pair);
    assert_int_equal(SSL_key_update(raw(pair.client.session), SSL_KEY_UPDATE_REQUESTED), 1);
    write_text(&pair.client, &pair.server, "new keys");
    settle(&pair);
    assert_plain(&pair.server, "new keys");
    write_text(&pair.server, &pair.client, "to you too");
    settle(&pair);
    assert_plain(&pair.client, "to you too");

    for (int i = 0; i < 10000; i++) { /* with data between, there may be many */
        assert_int_equal(SSL_key_update(raw(pair.client.session), SSL_KEY_UPDATE_REQUESTED), 1);
        write_text(&pair.client, &pair.server, ".");
        if (i % 100 == 0) {
            settle(&pair);
            write_text(&pair.server, &pair.client, ".");
        }
    }
    settle(&pair);
    assert_secured(&pair);

    while (pair.server.err == PL_OK) {
        assert_int_equal(SSL_key_update(raw(pair.client.session), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(raw(pair.client.session)), 1);
        collect(&pair.client, &pair.server);
        settle(&pair);
    }
    assert_int_equal(pair.server.err, PL_E_LIMIT);
    assert_string_equal(pl_tls_session_error(pair.server.session), "too much without data in it");
    pair_done(&pair);
}

static void a_renegotiation_is_refused(void **state)
{
    struct pl_tls_context *of_client = certs_client(&certs, "ca.crt", NULL);
    struct pair pair;

    (void)state;
    SSL_CTX_set_max_proto_version(of_client->ssl, TLS1_2_VERSION);
    SSL_CTX_clear_options(of_client->ssl, SSL_OP_NO_RENEGOTIATION);
    pair_init_with(&pair, certs_server(&certs, "server", NULL), of_client, "localhost");
    shake(&pair);
    assert_secured(&pair);
    assert_int_equal(SSL_renegotiate(raw(pair.client.session)), 1);
    SSL_do_handshake(raw(pair.client.session));
    collect(&pair.client, &pair.server);
    settle(&pair);
    assert_int_equal(pair.server.err, PL_E_PROTO);
    assert_string_equal(pl_tls_session_error(pair.server.session), "the peer wants to renegotiate");
    assert_int_equal(pair.client.err, PL_E_PROTO);
    assert_string_equal(pl_tls_session_error(pair.client.session), "no renegotiation");
    pair_done(&pair);
}

/* Two records, of which the first is read in two parts. */
static void a_session_knows_whether_there_is_more(void **state)
{
    struct pair pair;
    uint8_t part[2];
    size_t size;

    (void)state;
    pair_init(&pair, "server", "localhost");
    shake(&pair);
    assert_false(pl_tls_session_has_more(pair.server.session));
    write_text(&pair.client, &pair.server, "one");
    write_text(&pair.client, &pair.server, "2");
    pl_tls_session_feed(pair.server.session,
                        (struct pl_bytes){pair.server.wire.data, pair.server.wire.size});
    for (int i = 0; i < 3; i++) {
        assert_true(pl_tls_session_has_more(pair.server.session));
        assert_int_equal(pl_tls_session_read(pair.server.session, part, sizeof part, &size), PL_OK);
    }
    assert_false(pl_tls_session_has_more(pair.server.session));
    pair_done(&pair);
}

static void a_changed_byte_ends_the_connection(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair, "server", "localhost");
    shake(&pair);
    write_text(&pair.client, &pair.server, "one");
    write_text(&pair.client, &pair.server, "two");
    pair.server.wire.data[pair.server.wire.size - 1] ^= 1;
    settle(&pair);
    assert_plain(&pair.server, "one");
    assert_int_equal(pair.server.err, PL_E_PROTO);
    assert_string_equal(pl_tls_session_error(pair.server.session),
                        "decryption failed or bad record mac");
    assert_int_equal(pair.client.err, PL_E_PROTO);
    assert_int_equal(pl_tls_session_write(pair.server.session, pl_bytes_str("x")), PL_E_PROTO);
    assert_int_equal(pl_tls_session_out(pair.server.session).size, 0);
    pair_done(&pair);
}

static void an_end_in_the_handshake_is_a_failure(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair, "server", "localhost");
    pl_tls_session_end(pair.server.session);
    assert_int_equal(pl_tls_session_handshake(pair.server.session), PL_E_CLOSED);
    assert_string_equal(pl_tls_session_error(pair.server.session),
                        "the peer closed the connection during the handshake");
    pair_done(&pair);

    pair_init(&pair, "server", "localhost");
    shake(&pair);
    pl_tls_session_end(pair.server.session);
    assert_secured(&pair);
    pair_done(&pair);
}

static void nothing_is_resumed(void **state)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct pl_tls_context *of_client = certs_client(&certs, "ca.crt", NULL);
        struct pl_tls_context *of_server = certs_server(&certs, "server", NULL);
        SSL_SESSION *first;
        struct pair pair;

        SSL_CTX_set_max_proto_version(of_client->ssl, versions[v]);
        SSL_CTX_clear_options(of_client->ssl, SSL_OP_NO_TICKET);
        pair_init_with(&pair, pl_tls_context_ref(of_server), pl_tls_context_ref(of_client),
                       "localhost");
        exchange(&pair);
        first = SSL_get1_session(raw(pair.client.session));
        assert_int_equal(SSL_SESSION_has_ticket(first), 0);
        pair_done(&pair);

        pair_init_with(&pair, of_server, of_client, "localhost");
        SSL_set_session(raw(pair.client.session), first);
        exchange(&pair);
        assert_int_equal(SSL_session_reused(raw(pair.client.session)), 0);
        SSL_SESSION_free(first);
        pair_done(&pair);
    }
}

/* --- memory -------------------------------------------------------------- */

/* Handshake, some data both ways, the end. What fails, fails for good and with a
 * reason. Returns whether the nth allocation was come to, and failed. */
static bool live_a_life(struct pl_tls_context *of_server, struct pl_tls_context *of_client,
                        uint64_t nth)
{
    static uint8_t data[40000];
    struct pair pair = {.chunk_size = ALL};
    struct side *sides[] = {&pair.server, &pair.client};
    bool failed;

    for (size_t i = 0; i < 2; i++) {
        pl_bytebuf_init(&sides[i]->wire, 1 << 20);
        pl_bytebuf_init(&sides[i]->plain, 1 << 20);
        pl_bytebuf_reserve(&sides[i]->wire, 100000);
        pl_bytebuf_reserve(&sides[i]->plain, 100000);
    }
    pl_mem_fail_at(nth);
    if (pl_tls_session_new(of_server, NULL, &pair.server.session) == PL_OK &&
        pl_tls_session_new(of_client, "localhost", &pair.client.session) == PL_OK) {
        shake(&pair);
        for (size_t i = 0; i < 2; i++) {
            struct side *side = sides[i], *peer = sides[1 - i];

            if (!side->secured)
                continue;
            pl_tls_session_write(side->session, (struct pl_bytes){data, sizeof data});
            collect(side, peer);
        }
        settle(&pair);
        pl_tls_session_shut(pair.client.session);
        collect(&pair.client, &pair.server);
        settle(&pair);
        for (size_t i = 0; i < 2; i++)
            if (sides[i]->err < 0 && sides[i]->err != PL_E_CLOSED)
                assert_true(pl_tls_session_error(sides[i]->session)[0] != '\0');
    }
    side_done(&pair.server);
    side_done(&pair.client);
    failed = pl_mem_failed();
    pl_mem_fail_at(0);
    return failed;
}

static void a_life_survives_each_failing_allocation(void **state)
{
    struct pl_tls_context *of_server = certs_server(&certs, "server", "ca.crt");
    struct pl_tls_context *of_client = certs_client(&certs, "ca.crt", "client");

    (void)state;
    assert_false(live_a_life(of_server, of_client, 0)); /* what is made once, is made */
    for (uint64_t nth = 1; live_a_life(of_server, of_client, nth); nth += 1 + nth / 40)
        continue;
    pl_tls_context_unref(of_server);
    pl_tls_context_unref(of_client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_may_come_in_any_pieces),
        cmocka_unit_test(much_data_passes_both_ways),
        cmocka_unit_test(a_server_that_is_not_trusted_is_refused),
        cmocka_unit_test(a_server_that_is_trusted_is_accepted),
        cmocka_unit_test(names_are_asked_for_and_addresses_are_not),
        cmocka_unit_test(clients_show_certificates_where_they_must),
        cmocka_unit_test(a_server_without_client_ca_asks_for_none),
        cmocka_unit_test(protocols_are_agreed_on),
        cmocka_unit_test(a_protocol_that_was_not_offered_is_not_agreed_on),
        cmocka_unit_test(old_versions_and_ciphers_are_refused),
        cmocka_unit_test(garbage_is_refused_with_an_alert),
        cmocka_unit_test(a_handshake_that_does_not_end_is_refused),
        cmocka_unit_test(a_chain_that_is_too_long_is_refused),
        cmocka_unit_test(key_updates_are_answered_and_a_flood_of_them_ends),
        cmocka_unit_test(a_renegotiation_is_refused),
        cmocka_unit_test(a_session_knows_whether_there_is_more),
        cmocka_unit_test(a_changed_byte_ends_the_connection),
        cmocka_unit_test(an_end_in_the_handshake_is_a_failure),
        cmocka_unit_test(nothing_is_resumed),
        cmocka_unit_test(a_life_survives_each_failing_allocation),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&certs);
    return failed_len;
}
