/* test_socket_tls_refusal.c - peers that a socket with TLS does not put up with. */
#include "tls_world.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/socket_tls.h"
#include "net/tls_context.h"
#include "net/tls_session.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

/* --- handshakes that fail ------------------------------------------------ */

static void close_if_failed(struct end *end)
{
    if (end->secured_err < 0) {
        assert_false(pl_socket_write(end->socket, pl_bytes_str("hello?")));
        assert_int_equal(pl_socket_read_start(end->socket), PL_E_CLOSED);
        pl_socket_close(end->socket);
    }
}

static void a_server_that_is_not_trusted_is_refused(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    pl_tls_context_unref(tls_server);
    tls_server = certs_server(&tls_certs, "self", NULL);
    world.on_secured = close_if_failed;
    world_run(&world);
    assert_int_equal(world.client.secured_len, 1);
    assert_int_equal(world.client.secured_err, PL_E_PROTO);
    assert_string_equal(world.client.tls_error,
                        "certificate verify failed: self-signed certificate");
    assert_int_equal(world.server.secured_err, PL_E_PROTO);
    assert_string_equal(world.server.tls_error, "the peer sent the alert: unknown CA");
    assert_int_equal(world.client.end_len + world.server.end_len, 0);
    tls_world_done(&world);
}

static void keep_error_and_close(struct end *end)
{
    strncpy(end->tls_error, pl_socket_tls_error(end->socket), sizeof end->tls_error - 1);
    pl_socket_close(end->socket);
}

static void expect_client(const char *name, int server_err, int client_end_err)
{
    struct world world;

    tls_world_init(&world);
    pl_tls_context_unref(tls_server);
    pl_tls_context_unref(tls_client);
    tls_server = certs_server(&tls_certs, "server", "ca.crt");
    tls_client = certs_client(&tls_certs, "ca.crt", name);
    world.on_secured = server_err < 0 ? close_if_failed : end_close;
    world.on_end = keep_error_and_close;
    world_run(&world);
    assert_int_equal(world.client.secured_err, PL_OK); /* the server decides after that */
    assert_int_equal(world.server.secured_len, 1);
    assert_int_equal(world.server.secured_err, server_err);
    if (server_err < 0) {
        assert_int_equal(world.client.end_len, 1);
        assert_int_equal(world.client.end_err, client_end_err);
        assert_memory_equal(world.client.tls_error, "the peer sent the alert: ", 25);
    }
    tls_world_done(&world);
}

static void clients_without_a_certificate_are_refused_where_they_need_one(void **state)
{
    (void)state;
    expect_client("client", PL_OK, PL_OK);
    expect_client("stranger", PL_E_PROTO, PL_E_PROTO);
    expect_client(NULL, PL_E_PROTO, PL_E_PROTO);
}

static void stop_at_server_close(struct end *end)
{
    if (end == &end->world_weak->server)
        pl_loop_stop(end->world_weak->loop);
}

/* What a plain client sends to a server, and whether it ends or resets then. */
static void expect_of_plain(const char *sent, bool resets, int err, const char *reason)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct world world;
    uint8_t answer[100];
    ssize_t size;
    int fd;

    tls_world_init(&world);
    world.on_secured = close_if_failed;
    world.on_close = stop_at_server_close;
    fd = world_plain_client(&world);
    assert_int_equal(send(fd, sent, strlen(sent), 0), (ssize_t)strlen(sent));
    if (resets) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        close(fd);
    } else {
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    }
    pl_loop_run(world.loop);
    assert_int_equal(world.server.secured_len, 1);
    assert_int_equal(world.server.secured_err, err);
    assert_string_equal(world.server.tls_error, reason);
    assert_int_equal(world.server.end_len, 0);
    if (err == PL_E_PROTO && sent[0] == 22) { /* to others OpenSSL says nothing */
        size = recv(fd, answer, sizeof answer, 0);
        assert_int_equal(size, 7);
        assert_int_equal(answer[0], 21); /* an alert's record */
    }
    if (!resets)
        close(fd);
    tls_world_done(&world);
}

static void who_does_not_speak_tls_is_told_so(void **state)
{
    (void)state;
    expect_of_plain("GET / HTTP/1.1\r\nhost: a\r\n\r\n", false, PL_E_PROTO,
                    "the peer speaks plain HTTP");
    expect_of_plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false, PL_E_PROTO,
                    "the peer does not speak TLS");
    expect_of_plain("\x16\x03\x01\xff\xff and so on", false, PL_E_PROTO, "packet length too long");
}

static void who_leaves_in_the_handshake_is_told_of(void **state)
{
    (void)state;
    expect_of_plain("\x16\x03", false, PL_E_CLOSED,
                    "the peer closed the connection during the handshake");
    expect_of_plain("", false, PL_E_CLOSED, "the peer closed the connection during the handshake");
    expect_of_plain("", true, PL_E_CLOSED, pl_err_text(PL_E_CLOSED));
}

/* Bytes that are no record of this connection. */
static void write_rubbish(struct end *end)
{
    static const char rubbish[] = "this is not what was agreed on";

    if (end != &end->world_weak->client)
        return;
    assert_true(pl_socket_write(end->socket, (struct pl_bytes){(const uint8_t *)"\xff", 0}));
    assert_int_equal(send(tls_fd(end), rubbish, sizeof rubbish, 0), sizeof rubbish);
}

static void broken_records_end_a_connection(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_secured = write_rubbish;
    world.on_end = keep_error_and_close;
    world_run(&world);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.server.end_err, PL_E_PROTO);
    assert_string_equal(world.server.tls_error, "the peer does not speak TLS");
    assert_int_equal(world.client.end_len, 1);
    assert_int_equal(world.client.end_err, PL_E_PROTO);
    tls_world_done(&world);
}

/* The client asks for new keys again and again, and reads no answer. The server's
 * owner sees data, and nothing of that. */
static void ask_for_keys(struct end *end)
{
    struct pl_tls_session *session = pl_socket_tls_session(end->socket);

    if (end != &end->world_weak->client)
        return;
    pl_socket_read_stop(end->socket);
    while (!pl_socket_writing(end->socket)) {
        assert_int_equal(SSL_key_update(pl_tls_session_ssl(session), SSL_KEY_UPDATE_REQUESTED), 1);
        pl_socket_write(end->socket, pl_bytes_str("."));
    }
}

static void keep_error_and_abort_both(struct end *end)
{
    keep_error_and_close(end);
    pl_socket_abort(end->world_weak->client.socket);
}

static void count(struct end *end, struct pl_bytes data)
{
    end->read_size += data.size;
    assert_true(end->read_size < BIG_SIZE); /* each stands for an answer */
}

static void who_does_not_take_the_answers_is_cut_off(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_accepted = tls_squeeze_and_start_server;
    world.on_connected = tls_start_client;
    world.on_secured = ask_for_keys;
    world.on_drained = ask_for_keys;
    world.on_read = count;
    world.on_end = keep_error_and_abort_both;
    world_run(&world);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.server.end_err, PL_E_LIMIT);
    assert_string_equal(world.server.tls_error, "the peer does not take what it asks for");
    tls_world_done(&world);
}

/* --- a message that is cut in two ---------------------------------------- */

enum { SECRET_SIZE = 32, KEY_SIZE = 16, IV_SIZE = 12, TAG_SIZE = 16, HEAD_SIZE = 5 };

/* What the client encrypts with: of TLS 1.3 with AES-128-GCM. */
static uint8_t client_secret[SECRET_SIZE];

static void keep_secret(const SSL *ssl, const char *line)
{
    static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
    unsigned char *secret;
    long size;

    (void)ssl;
    if (strncmp(line, label, strlen(label)) != 0)
        return;
    secret = OPENSSL_hexstr2buf(strrchr(line, ' ') + 1, &size);
    assert_non_null(secret);
    assert_int_equal(size, SECRET_SIZE);
    memcpy(client_secret, secret, SECRET_SIZE);
    OPENSSL_free(secret);
}

/* RFC 8446, section 7.3. */
static void derive(const char *label, uint8_t *out, size_t size)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    char digest[] = "SHA256", prefix[] = "tls13 ";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, client_secret, SECRET_SIZE),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, strlen(prefix)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (char *)(uintptr_t)label,
                                          strlen(label)),
        OSSL_PARAM_construct_end(),
    };

    assert_int_equal(EVP_KDF_derive(context, out, size, params), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* Seals one record, the second of its connection's data (RFC 8446, section 5.2). */
static void seal(const uint8_t *plain, size_t size, uint8_t *record)
{
    uint8_t key[KEY_SIZE], iv[IV_SIZE];
    const uint8_t head[HEAD_SIZE] = {0x17, 3, 3, 0, (uint8_t)(size + TAG_SIZE)};
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t *body = record + HEAD_SIZE;
    int done;

    derive("key", key, sizeof key);
    derive("iv", iv, sizeof iv);
    iv[IV_SIZE - 1] ^= 1;
    memcpy(record, head, HEAD_SIZE);
    assert_int_equal(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key, iv), 1);
    assert_int_equal(EVP_EncryptUpdate(cipher, NULL, &done, head, HEAD_SIZE), 1);
    assert_int_equal(EVP_EncryptUpdate(cipher, body, &done, plain, (int)size), 1);
    assert_int_equal(EVP_EncryptFinal_ex(cipher, body + size, &done), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, body + size), 1);
    EVP_CIPHER_CTX_free(cipher);
}

/* A byte of data, then the head of a key update whose body does not come. */
static void write_half_a_message(struct end *end)
{
    static const uint8_t half[] = {24, 0, 0, 1, /* the record's kind: */ 22};
    uint8_t record[HEAD_SIZE + sizeof half + TAG_SIZE];

    if (end != &end->world_weak->client)
        return;
    pl_socket_write(end->socket, pl_bytes_str("."));
    seal(half, sizeof half, record);
    assert_int_equal(send(tls_fd(end), record, sizeof record, 0), sizeof record);
    assert_int_equal(shutdown(tls_fd(end), SHUT_WR), 0); /* both have come by then */
}

static void answer_at_the_end(struct end *end)
{
    if (end == &end->world_weak->server)
        assert_false(pl_socket_write(end->socket, pl_bytes_str("!")));
    keep_error_and_close(end);
}

static void who_sends_half_a_message_gets_no_more(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    SSL_CTX_set_keylog_callback(tls_client->ssl, keep_secret);
    SSL_CTX_set_min_proto_version(tls_client->ssl, TLS1_3_VERSION);
    assert_int_equal(SSL_CTX_set_ciphersuites(tls_client->ssl, "TLS_AES_128_GCM_SHA256"), 1);
    world.on_secured = write_half_a_message;
    world.on_read = count;
    world.on_end = answer_at_the_end;
    world_run(&world);
    assert_int_equal(world.server.end_err, PL_OK);
    assert_string_equal(world.server.tls_error, "the peer has sent half a message");
    assert_int_equal(world.client.end_len, 1);
    tls_world_done(&world);
}

/* --- starting ------------------------------------------------------------ */

static void start_wrongly(struct world *world)
{
    static uint8_t big[64 * 1024 + 1];
    struct pl_socket *socket = world->client.socket;

    assert_string_equal(pl_socket_tls_error(socket), "");
    assert_int_equal(pl_socket_start_tls(socket, tls_client, "", (struct pl_bytes){0}),
                     PL_E_INVALID);
    assert_int_equal(pl_socket_start_tls(socket, tls_client, ".test", (struct pl_bytes){0}),
                     PL_E_INVALID);
    assert_int_equal(
        pl_socket_start_tls(socket, tls_client, "localhost", (struct pl_bytes){big, sizeof big}),
        PL_E_LIMIT);
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_socket_start_tls(socket, tls_client, "localhost", (struct pl_bytes){big, 1});
        pl_mem_fail_at(0);
        if (rc == PL_OK) /* also where OpenSSL can do without what failed */
            break;
        assert_int_equal(rc, PL_E_NOMEM);
    }
    pl_socket_abort(socket);
}

static void a_start_that_fails_leaves_the_socket_as_it_was(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_connected = start_wrongly;
    world.on_secured = close_if_failed;
    world_run(&world);
    assert_int_equal(world.client.secured_len, 0);
    tls_world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_not_trusted_is_refused),
        cmocka_unit_test(clients_without_a_certificate_are_refused_where_they_need_one),
        cmocka_unit_test(who_does_not_speak_tls_is_told_so),
        cmocka_unit_test(who_leaves_in_the_handshake_is_told_of),
        cmocka_unit_test(broken_records_end_a_connection),
        cmocka_unit_test(who_does_not_take_the_answers_is_cut_off),
        cmocka_unit_test(who_sends_half_a_message_gets_no_more),
        cmocka_unit_test(a_start_that_fails_leaves_the_socket_as_it_was),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&tls_certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&tls_certs);
    uv_library_shutdown();
    return failed_len;
}
