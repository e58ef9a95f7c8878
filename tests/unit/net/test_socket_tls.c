/* test_socket_tls.c - TLS on sockets: both ends on one loop. */
#include "certs.h"
#include "world.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/socket_tls.h"
#include "net/thread.h"
#include "net/tls_context.h"
#include "net/tls_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

static struct certs certs;
static struct pl_tls_context *server_context, *client_context;
static const char *server_name;

/* --- helpers ------------------------------------------------------------- */

static int fd_of(struct end *end)
{
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno((uv_handle_t *)&end->socket->uv, &fd), 0);
    return fd;
}

static void start(struct end *end, struct pl_bytes first)
{
    bool of_client = end == &end->world_weak->client;

    assert_int_equal(pl_socket_start_tls(end->socket, of_client ? client_context : server_context,
                                         of_client ? server_name : NULL, first),
                     PL_OK);
    assert_int_equal(end->secured_len, 0);
}

static void start_server(struct world *world)
{
    start(&world->server, (struct pl_bytes){0});
    assert_int_equal(pl_socket_read_start(world->server.socket), PL_OK);
}

static void start_client(struct world *world)
{
    assert_int_equal(world->connect_err, PL_OK);
    start(&world->client, (struct pl_bytes){0});
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
}

/* With the usual contexts and both ends at TLS. */
static void tls_world_init(struct world *world)
{
    server_context = certs_server(&certs, "server", NULL);
    client_context = certs_client(&certs, "ca.crt", NULL);
    server_name = "localhost";
    world_init(world, "127.0.0.1");
    world->on_accepted = start_server;
    world->on_connected = start_client;
    world->on_end = end_close;
    world->on_close = end_stop_when_both_closed;
}

static void tls_world_done(struct world *world)
{
    world_done(world);
    pl_tls_context_unref(server_context);
    pl_tls_context_unref(client_context);
}

static void assert_secured(struct end *end)
{
    assert_string_equal(end->tls_error, "");
    assert_int_equal(end->secured_len, 1);
    assert_int_equal(end->secured_err, PL_OK);
    assert_string_equal(end->alpn, "h2");
}

static void check_pattern(struct end *end, struct pl_bytes data)
{
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], world_pattern(end->read_size + i));
    end->read_size += data.size;
}

/* --- data ---------------------------------------------------------------- */

/* A send buffer as small as the kernel has it. (With a small receive buffer too, the
 * kernel itself waits for its timers.) */
static void squeeze(struct end *end)
{
    int size = 4096;

    assert_int_equal(setsockopt(fd_of(end), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

static void squeeze_and_start_server(struct world *world)
{
    squeeze(&world->server);
    start_server(world);
}

static void squeeze_and_start_client(struct world *world)
{
    squeeze(&world->client);
    start_client(world);
}

static void send_much_once_secured(struct end *end)
{
    assert_secured(end);
    assert_false(pl_socket_writing(end->socket) && end == &end->world_weak->server);
    end->left = BIG_SIZE / 4;
    end_pump(end);
}

static void close_once_all_was_read(struct end *end, struct pl_bytes data)
{
    struct world *world = end->world_weak;

    check_pattern(end, data);
    if (world->client.read_size == BIG_SIZE / 4 && world->server.read_size == BIG_SIZE / 4)
        pl_socket_close(end->socket);
}

static void exchange_much(int version, bool small_buffers)
{
    struct world world;

    tls_world_init(&world);
    SSL_CTX_set_max_proto_version(client_context->ssl, version);
    world.on_secured = send_much_once_secured;
    world.on_drained = end_pump;
    world.on_read = close_once_all_was_read;
    if (small_buffers) {
        world.on_accepted = squeeze_and_start_server;
        world.on_connected = squeeze_and_start_client;
    }
    world_run(&world);
    assert_int_equal(world.client.read_size, BIG_SIZE / 4);
    assert_int_equal(world.server.read_size, BIG_SIZE / 4);
    assert_int_equal(world.client.end_len + world.server.end_len, 1);
    assert_int_equal(world.client.end_err, PL_OK);
    assert_int_equal(world.server.end_err, PL_OK);
    tls_world_done(&world);
}

static void much_data_passes_both_ways(void **state)
{
    (void)state;
    exchange_much(TLS1_2_VERSION, false);
    exchange_much(TLS1_3_VERSION, false);
    exchange_much(TLS1_2_VERSION, true);
    exchange_much(TLS1_3_VERSION, true);
}

/* The server's owner reads nothing at first; then one piece at a time, and asks
 * for the next from a timer. */
struct sips {
    struct world world;
    struct pl_timer *timer;
    bool asked;
    int sips_len;
};

static void fill_once_secured(struct end *end)
{
    struct sips *sips = PL_CONTAINER(end->world_weak, struct sips, world);

    if (end == &end->world_weak->server) {
        pl_socket_read_stop(end->socket);
        pl_timer_start(sips->timer, 1, 1);
        return;
    }
    end->left = BIG_SIZE;
    while (end->left > 0 && !pl_socket_writing(end->socket))
        end_pump(end);
    assert_true(pl_socket_writing(end->socket));
    assert_int_equal(end->drained_len, 0);
}

static void take_one_sip(struct end *end, struct pl_bytes data)
{
    struct sips *sips = PL_CONTAINER(end->world_weak, struct sips, world);

    assert_true(sips->asked); /* never without having been asked for */
    sips->asked = false;
    sips->sips_len++;
    check_pattern(end, data);
    pl_socket_read_stop(end->socket);
    if (end->read_size == BIG_SIZE)
        pl_socket_close(end->socket);
}

static void ask_for_a_sip(void *self)
{
    struct sips *sips = self;

    if (sips->world.server.socket == NULL || sips->world.server.read_size == BIG_SIZE)
        return;
    sips->asked = true;
    assert_int_equal(pl_socket_read_start(sips->world.server.socket), PL_OK);
    assert_int_equal(pl_socket_read_start(sips->world.server.socket), PL_OK);
}

static void what_is_not_read_waits(void **state)
{
    struct sips sips = {.sips_len = 0};

    (void)state;
    tls_world_init(&sips.world);
    assert_int_equal(pl_timer_new(sips.world.loop, ask_for_a_sip, &sips, &sips.timer), PL_OK);
    sips.world.on_secured = fill_once_secured;
    sips.world.on_drained = end_pump;
    sips.world.on_read = take_one_sip;
    world_run(&sips.world);
    assert_int_equal(sips.world.server.read_size, BIG_SIZE);
    assert_true(sips.sips_len > BIG_SIZE / (128 * 1024)); /* a piece is bounded */
    assert_true(sips.world.client.drained_len > 0);
    tls_world_done(&sips.world);
}

/* The owner of a socket looks at the first bytes itself, as a port does that tells
 * TLS from others; they may be all of the first flight, or a part. */
static void start_with_first(struct end *end, struct pl_bytes data)
{
    if (end == &end->world_weak->client || end->secured_len > 0) {
        close_once_all_was_read(end, data);
        return;
    }
    assert_int_equal(data.data[0], 22); /* a handshake's record */
    start(end, data);
}

static void what_the_owner_has_read_is_not_lost(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_accepted = world_read_server;
    world.on_secured = send_much_once_secured;
    world.on_drained = end_pump;
    world.on_read = start_with_first;
    world_run(&world);
    assert_int_equal(world.client.read_size, BIG_SIZE / 4);
    assert_int_equal(world.server.read_size, BIG_SIZE / 4);
    tls_world_done(&world);
}

/* --- ends and closes ----------------------------------------------------- */

static void write_all_and_close(struct end *end)
{
    if (end == &end->world_weak->client)
        return;
    end->left = BIG_SIZE;
    while (end->left > 0)
        end_pump(end);
    assert_true(pl_socket_writing(end->socket));
    pl_socket_close(end->socket);
    pl_socket_close(end->socket);
    assert_false(pl_socket_write(end->socket, pl_bytes_str("more")));
    assert_int_equal(pl_socket_read_start(end->socket), PL_E_CLOSED);
    pl_socket_read_stop(end->socket);
}

static void what_was_written_before_close_arrives_and_then_its_end(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_secured = write_all_and_close;
    world_run(&world);
    assert_int_equal(world.client.read_size, BIG_SIZE);
    assert_int_equal(world.client.end_len, 1);
    assert_int_equal(world.client.end_err, PL_OK);
    assert_int_equal(world.server.drained_len, 0);
    assert_int_equal(world.server.end_len, 0);
    tls_world_done(&world);
}

/* The client ends its half, with close_notify or without; the server answers
 * after that. */
static void end_half(struct end *end)
{
    if (end == &end->world_weak->client)
        assert_int_equal(shutdown(fd_of(end), SHUT_WR), 0);
}

static void answer_the_end(struct end *end)
{
    assert_int_equal(end->end_err, PL_OK);
    if (end == &end->world_weak->server) {
        end->left = BIG_SIZE;
        while (end->left > 0)
            end_pump(end);
    }
    pl_socket_close(end->socket);
}

static void an_end_without_notice_is_an_end(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_secured = end_half;
    world.on_end = answer_the_end;
    world_run(&world);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.client.read_size, BIG_SIZE);
    assert_int_equal(world.client.end_len, 1);
    tls_world_done(&world);
}

/* Closes, or aborts, an end at one of these moments. */
enum moment {
    AT_START,
    AT_SECURED,
    AT_READ,
    AT_DRAINED,
    AT_END,
};

struct closing {
    struct world world;
    enum moment moment;
    bool of_client, both, aborts;
};

static void close_or_abort(struct closing *closing, struct end *end)
{
    if (end->socket == NULL)
        return;
    if (closing->aborts)
        pl_socket_abort(end->socket);
    else
        pl_socket_close(end->socket);
}

static bool close_at(struct end *end, enum moment moment)
{
    struct closing *closing = PL_CONTAINER(end->world_weak, struct closing, world);
    struct world *world = end->world_weak;

    if (moment != closing->moment || (end == &world->client) != closing->of_client)
        return false;
    close_or_abort(closing, end);
    if (closing->both)
        close_or_abort(closing, end == &world->client ? &world->server : &world->client);
    return true;
}

static void moment_of_accept(struct world *world)
{
    start_server(world);
    close_at(&world->server, AT_START);
}

static void moment_of_connect(struct world *world)
{
    start_client(world);
    close_at(&world->client, AT_START);
}

static void moment_of_secured(struct end *end)
{
    if (end->secured_err < 0) {
        pl_socket_close(end->socket);
        return;
    }
    if (close_at(end, AT_SECURED))
        return;
    end->left = BIG_SIZE / 4;
    end_pump(end);
}

static void moment_of_read(struct end *end, struct pl_bytes data)
{
    check_pattern(end, data);
    if (close_at(end, AT_READ))
        return;
    if (end->read_size == BIG_SIZE / 4)
        pl_socket_close(end->socket);
}

static void moment_of_drained(struct end *end)
{
    if (!close_at(end, AT_DRAINED))
        end_pump(end);
}

static void moment_of_end(struct end *end)
{
    if (!close_at(end, AT_END))
        pl_socket_close(end->socket);
}

/* Both are gone, or one is and the other never came. */
static void stop_when_gone(struct end *end)
{
    struct world *world = end->world_weak;

    if (world->client.socket == NULL && world->server.socket == NULL && world->accept_len == 1)
        pl_loop_stop(world->loop);
}

static void close_at_moment(enum moment moment, unsigned how)
{
    struct closing closing = {.moment = moment};

    closing.of_client = (how & 1) != 0;
    closing.both = (how & 2) != 0;
    closing.aborts = (how & 4) != 0;
    tls_world_init(&closing.world);
    closing.world.on_accepted = moment_of_accept;
    closing.world.on_connected = moment_of_connect;
    closing.world.on_secured = moment_of_secured;
    closing.world.on_read = moment_of_read;
    closing.world.on_drained = moment_of_drained;
    closing.world.on_end = moment_of_end;
    closing.world.on_close = stop_when_gone;
    world_run(&closing.world);
    tls_world_done(&closing.world);
}

static void sockets_may_be_closed_at_any_moment(void **state)
{
    (void)state;
    for (int moment = AT_START; moment <= AT_END; moment++)
        for (unsigned how = 0; how < 8; how++)
            close_at_moment((enum moment)moment, how);
}

static void stop_at_once(struct world *world)
{
    start_client(world);
    pl_loop_stop(world->loop);
}

static void a_loop_may_end_in_a_handshake(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_connected = stop_at_once;
    world_run(&world);
    assert_int_equal(world.client.secured_len, 0);
    assert_int_equal(world.client.close_len, 1);
    tls_world_done(&world);
}

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
    pl_tls_context_unref(server_context);
    server_context = certs_server(&certs, "self", NULL);
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
    pl_tls_context_unref(server_context);
    pl_tls_context_unref(client_context);
    server_context = certs_server(&certs, "server", "ca.crt");
    client_context = certs_client(&certs, "ca.crt", name);
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
    assert_int_equal(send(fd_of(end), rubbish, sizeof rubbish, 0), sizeof rubbish);
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
}

static void take_little_and_start_client(struct world *world)
{
    int size = 4096;

    assert_int_equal(setsockopt(fd_of(&world->client), SOL_SOCKET, SO_RCVBUF, &size, sizeof size),
                     0);
    start_client(world);
}

static void who_does_not_take_the_answers_is_cut_off(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_accepted = squeeze_and_start_server;
    world.on_connected = take_little_and_start_client;
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

/* --- starting ------------------------------------------------------------ */

static void start_wrongly(struct world *world)
{
    static uint8_t big[64 * 1024 + 1];
    struct pl_socket *socket = world->client.socket;

    assert_string_equal(pl_socket_tls_error(socket), "");
    assert_int_equal(pl_socket_start_tls(socket, client_context, "", (struct pl_bytes){0}),
                     PL_E_INVALID);
    assert_int_equal(pl_socket_start_tls(socket, client_context, "localhost",
                                         (struct pl_bytes){big, sizeof big}),
                     PL_E_LIMIT);
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_socket_start_tls(socket, client_context, "localhost", (struct pl_bytes){big, 1});
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

/* Contexts are replaced while connections by them live. */
static void replace_contexts(struct end *end)
{
    struct world *world = end->world_weak;

    if (world->client.secured_len == 1 && world->server.secured_len == 1) {
        pl_tls_context_unref(server_context);
        pl_tls_context_unref(client_context);
        server_context = certs_server(&certs, "rsa", NULL);
        client_context = certs_client(&certs, "other-ca.crt", NULL);
    }
    send_much_once_secured(end);
}

static void connections_keep_the_context_they_began_with(void **state)
{
    struct world world;

    (void)state;
    tls_world_init(&world);
    world.on_secured = replace_contexts;
    world.on_drained = end_pump;
    world.on_read = close_once_all_was_read;
    world_run(&world);
    assert_int_equal(world.client.read_size, BIG_SIZE / 4);
    tls_world_done(&world);
}

/* --- want of memory ------------------------------------------------------ */

static void start_or_close(struct end *end)
{
    bool of_client = end == &end->world_weak->client;
    int rc = pl_socket_start_tls(end->socket, of_client ? client_context : server_context,
                                 of_client ? server_name : NULL, (struct pl_bytes){0});

    if (rc < 0 || pl_socket_read_start(end->socket) < 0)
        pl_socket_close(end->socket);
}

static void start_or_close_server(struct world *world)
{
    start_or_close(&world->server);
}

static void start_or_close_client(struct world *world)
{
    start_or_close(&world->client);
}

static void send_some_or_close(struct end *end)
{
    if (end->secured_err < 0) {
        assert_true(end->tls_error[0] != '\0');
        pl_socket_close(end->socket);
        return;
    }
    end->left = 300000;
    end_pump(end);
}

static void close_once_some_was_read(struct end *end, struct pl_bytes data)
{
    struct world *world = end->world_weak;

    check_pattern(end, data);
    if (world->client.read_size == 300000 && world->server.read_size == 300000)
        pl_socket_close(end->socket);
}

/* Whatever is short of memory, both ends come to an end. */
static bool live_a_life(uint64_t nth)
{
    struct world world;
    bool failed;

    world_init(&world, "127.0.0.1");
    world.on_accepted = start_or_close_server;
    world.on_connected = start_or_close_client;
    world.on_secured = send_some_or_close;
    world.on_drained = end_pump;
    world.on_read = close_once_some_was_read;
    world.on_end = end_close;
    world.on_close = stop_when_gone;
    world_connect(&world, pl_bound_address(world.bound));
    pl_mem_fail_at(nth);
    pl_loop_run(world.loop);
    failed = pl_mem_failed();
    pl_mem_fail_at(0);
    assert_null(world.client.socket);
    assert_null(world.server.socket);
    if (!failed)
        assert_int_equal(world.client.read_size + world.server.read_size, 600000);
    world_done(&world);
    return failed;
}

static void a_connection_survives_each_failing_allocation(void **state)
{
    (void)state;
    server_context = certs_server(&certs, "server", "ca.crt");
    client_context = certs_client(&certs, "ca.crt", "client");
    server_name = "localhost";
    for (uint64_t nth = 1; live_a_life(nth); nth += 1 + nth / 40)
        continue;
    pl_tls_context_unref(server_context);
    pl_tls_context_unref(client_context);
}

/* --- threads ------------------------------------------------------------- */

/* Loops of several threads share contexts. */
static void run_a_world(void *self)
{
    struct world *world = self;

    world_run(world);
}

static void contexts_are_shared_by_threads(void **state)
{
    enum { THREADS_LEN = 4 };
    struct world worlds[THREADS_LEN];
    struct pl_thread *threads[THREADS_LEN];

    (void)state;
    for (size_t i = 0; i < THREADS_LEN; i++) {
        world_init(&worlds[i], "127.0.0.1");
        worlds[i].on_accepted = start_server;
        worlds[i].on_connected = start_client;
        worlds[i].on_secured = send_much_once_secured;
        worlds[i].on_drained = end_pump;
        worlds[i].on_read = close_once_all_was_read;
        worlds[i].on_end = end_close;
        worlds[i].on_close = end_stop_when_both_closed;
    }
    server_context = certs_server(&certs, "server", NULL);
    client_context = certs_client(&certs, "ca.crt", NULL);
    server_name = "localhost";
    for (size_t i = 0; i < THREADS_LEN; i++)
        assert_int_equal(pl_thread_start("world", run_a_world, &worlds[i], &threads[i]), PL_OK);
    for (size_t i = 0; i < THREADS_LEN; i++)
        pl_thread_join(threads[i]);
    for (size_t i = 0; i < THREADS_LEN; i++) {
        assert_int_equal(worlds[i].client.read_size, BIG_SIZE / 4);
        assert_int_equal(worlds[i].server.read_size, BIG_SIZE / 4);
        world_done(&worlds[i]);
    }
    pl_tls_context_unref(server_context);
    pl_tls_context_unref(client_context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(much_data_passes_both_ways),
        cmocka_unit_test(what_is_not_read_waits),
        cmocka_unit_test(what_the_owner_has_read_is_not_lost),
        cmocka_unit_test(what_was_written_before_close_arrives_and_then_its_end),
        cmocka_unit_test(an_end_without_notice_is_an_end),
        cmocka_unit_test(sockets_may_be_closed_at_any_moment),
        cmocka_unit_test(a_loop_may_end_in_a_handshake),
        cmocka_unit_test(a_server_that_is_not_trusted_is_refused),
        cmocka_unit_test(clients_without_a_certificate_are_refused_where_they_need_one),
        cmocka_unit_test(who_does_not_speak_tls_is_told_so),
        cmocka_unit_test(who_leaves_in_the_handshake_is_told_of),
        cmocka_unit_test(broken_records_end_a_connection),
        cmocka_unit_test(who_does_not_take_the_answers_is_cut_off),
        cmocka_unit_test(a_start_that_fails_leaves_the_socket_as_it_was),
        cmocka_unit_test(connections_keep_the_context_they_began_with),
        cmocka_unit_test(a_connection_survives_each_failing_allocation),
        cmocka_unit_test(contexts_are_shared_by_threads),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&certs);
    uv_library_shutdown();
    return failed_len;
}
