/* test_socket_tls_hello.c - clients whose hello comes byte by byte, or never ends. */
#include "tls_world.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/socket.h"
#include "net/socket_tls.h"
#include "net/tls_context.h"
#include "net/tls_hello.h"
#include "net/tls_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

/* A client that sends a byte in each turn of the server's loop. */
struct trickle {
    struct world world;
    int fd;
    struct pl_watch *watch;
    struct pl_tls_session *session;
    struct pl_bytebuf out; /* to be sent */
    size_t sent_size;
    size_t hello_size; /* of it; the rest has no bound */
    bool secured;
};

static void collect(struct trickle *trickle)
{
    struct pl_bytes out = pl_tls_session_out(trickle->session);

    pl_bytebuf_append(&trickle->out, out.data, out.size);
    assert_int_equal(trickle->out.err, PL_OK);
    pl_tls_session_sent(trickle->session);
}

/* Goes on with what the server has sent. An error of its own. */
static int go_on(struct trickle *trickle, struct pl_bytes data)
{
    int rc;

    pl_tls_session_feed(trickle->session, data);
    rc = pl_tls_session_handshake(trickle->session);
    if (rc == PL_OK && !trickle->secured) {
        trickle->secured = true;
        rc = pl_tls_session_write(trickle->session, pl_bytes_str("at last"));
    }
    pl_tls_session_feed(trickle->session, (struct pl_bytes){0});
    collect(trickle);
    return rc;
}

static void on_readable(void *self)
{
    struct trickle *trickle = self;
    uint8_t data[4096];
    ssize_t size = recv(trickle->fd, data, sizeof data, MSG_DONTWAIT);
    int rc = PL_E_CLOSED;

    if (size > 0)
        rc = go_on(trickle, (struct pl_bytes){data, (size_t)size});
    if (rc < 0 && rc != PL_E_AGAIN) {
        pl_watch_free(trickle->watch);
        trickle->watch = NULL;
        shutdown(trickle->fd, SHUT_RDWR);
    }
}

static struct trickle *trickle_of(struct world *world)
{
    return PL_CONTAINER(world, struct trickle, world);
}

/* OpenSSL hears of it when the hello is whole. */
static void expect_no_session(struct trickle *trickle)
{
    struct pl_socket *socket = trickle->world.server.socket;

    if (socket != NULL && socket->tls != NULL && trickle->sent_size < trickle->hello_size)
        assert_null(pl_socket_tls_session(socket));
}

static void send_a_byte(struct world *world)
{
    struct trickle *trickle = trickle_of(world);

    expect_no_session(trickle);
    if (trickle->sent_size == trickle->out.size || trickle->watch == NULL)
        return;
    if (send(trickle->fd, trickle->out.data + trickle->sent_size, 1, 0) == 1)
        trickle->sent_size++;
    else
        assert_true(errno == ECONNRESET || errno == EPIPE);
}

static void read_text_and_close(struct end *end, struct pl_bytes data)
{
    static const char text[] = "at last";

    assert_true(end->read_size + data.size <= strlen(text));
    assert_memory_equal(data.data, text + end->read_size, data.size);
    end->read_size += data.size;
    if (end->read_size == strlen(text))
        pl_socket_close(end->socket);
}

static void start_or_close(struct world *world)
{
    struct pl_socket *socket = world->server.socket;

    if (pl_socket_start_tls(socket, tls_server, NULL, (struct pl_bytes){0}) < 0 ||
        pl_socket_read_start(socket) < 0)
        pl_socket_close(socket);
}

static void close_if_failed(struct end *end)
{
    if (end->secured_err < 0)
        pl_socket_close(end->socket);
}

static void abort_it(struct end *end)
{
    pl_socket_abort(end->socket);
}

static void trickle_init(struct trickle *trickle, int version)
{
    int on = 1;

    *trickle = (struct trickle){0};
    tls_world_init(&trickle->world);
    SSL_CTX_set_max_proto_version(tls_client->ssl, version);
    trickle->world.on_accepted = start_or_close;
    trickle->world.on_secured = close_if_failed;
    trickle->world.on_turn_end = send_a_byte;
    trickle->world.on_read = read_text_and_close;
    trickle->world.on_close = end_stop_loop;
    trickle->fd = world_plain_client(&trickle->world);
    assert_int_equal(setsockopt(trickle->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    assert_int_equal(
        pl_watch_new(trickle->world.loop, trickle->fd, on_readable, trickle, &trickle->watch),
        PL_OK);
    assert_int_equal(pl_tls_session_new(tls_client, tls_name, &trickle->session), PL_OK);
    pl_bytebuf_init(&trickle->out, 1 << 20);
    pl_bytebuf_reserve(&trickle->out, 1 << 16);
    assert_int_equal(pl_tls_session_handshake(trickle->session), PL_E_AGAIN);
    collect(trickle);
    trickle->hello_size = trickle->out.size;
}

static void trickle_done(struct trickle *trickle)
{
    pl_watch_free(trickle->watch);
    tls_world_done(&trickle->world);
    pl_tls_session_free(trickle->session);
    pl_bytebuf_done(&trickle->out);
    close(trickle->fd);
}

static void a_hello_may_come_byte_by_byte(void **state)
{
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct trickle trickle;

        trickle_init(&trickle, versions[i]);
        pl_loop_run(trickle.world.loop);
        tls_assert_secured(&trickle.world.server);
        assert_true(trickle.world.server.read_size > 0);
        trickle_done(&trickle);
    }
}

/* Whoever is short of memory, the server's end comes to its end. */
static bool live_a_life(uint64_t nth)
{
    struct trickle trickle;
    bool failed;

    trickle_init(&trickle, TLS1_3_VERSION);
    pl_mem_fail_at(nth);
    pl_loop_run(trickle.world.loop);
    failed = pl_mem_failed();
    pl_mem_fail_at(0);
    assert_null(trickle.world.server.socket);
    if (!failed)
        assert_int_equal(trickle.world.server.read_size, strlen("at last"));
    trickle_done(&trickle);
    return failed;
}

static void a_slow_hello_survives_each_failing_allocation(void **state)
{
    (void)state;
    for (uint64_t nth = 1; live_a_life(nth); nth += 1 + nth / 20)
        continue;
}

/* --- what comes to nothing ----------------------------------------------- */

/* What a client sends that then waits; why it is refused. Returns what it is told first, or 0. */
static int refuse(const char *sent, size_t size, int err, const char *reason)
{
    struct trickle trickle;
    uint8_t answer = 0;

    trickle_init(&trickle, TLS1_3_VERSION);
    pl_watch_free(trickle.watch); /* it says nothing else */
    trickle.watch = NULL;
    assert_int_equal(send(trickle.fd, sent, size, 0), (ssize_t)size);
    trickle.world.on_secured = abort_it;
    pl_loop_run(trickle.world.loop);
    assert_int_equal(trickle.world.server.secured_len, 1);
    assert_int_equal(trickle.world.server.secured_err, err);
    assert_string_equal(trickle.world.server.tls_error, reason);
    recv(trickle.fd, &answer, 1, MSG_DONTWAIT);
    trickle_done(&trickle);
    return answer;
}

static void what_can_be_no_hello_is_refused_at_once(void **state)
{
    static const char none[] = "the peer does not speak TLS";
    static const char data[] = "\x17\x03\x03\x01\x01hello";
    static const char warning[] = "\x16\x03\x01\x00\x01\x01\x15\x03\x01\x00\x02\x01\x5a";
    static const char empty[] = "\x16\x03\x01\x00\x00";
    static const char other[] = "\x16\x03\x01\x00\x05\x02\x00\x01\x00?";
    static const char large[] = "\x16\x03\x01\xff\xff";

    (void)state;
    refuse(data, sizeof data - 1, PL_E_PROTO, none);
    assert_int_equal(refuse(warning, sizeof warning - 1, PL_E_PROTO, "unexpected message"), 21);
    refuse(empty, sizeof empty - 1, PL_E_PROTO, none);
    assert_int_equal(refuse(other, sizeof other - 1, PL_E_PROTO, "unexpected message"), 21);
    assert_int_equal(refuse(large, sizeof large - 1, PL_E_PROTO, "packet length too long"), 21);
}

static void a_hello_that_is_too_long_is_refused_at_once(void **state)
{
    static const char full[] = "\x16\x03\x01\x40\x00";
    static const char says[] = "\x16\x03\x01\x00\x04\x01\x00\x7f\xff";
    static char many[PL_TLS_HELLO_SIZE_MAX + 6];

    (void)state;
    refuse(full, sizeof full - 1, PL_E_LIMIT, "the hello is too long");
    refuse(says, sizeof says - 1, PL_E_LIMIT, "the hello is too long");
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = "\x16\x03\x01\x00\x01"[i % 6];
    many[5] = 1;
    many[17] = 0x3f; /* the message's size: 16,128 */
    refuse(many, sizeof many, PL_E_LIMIT, "the hello is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_may_come_byte_by_byte),
        cmocka_unit_test(a_slow_hello_survives_each_failing_allocation),
        cmocka_unit_test(what_can_be_no_hello_is_refused_at_once),
        cmocka_unit_test(a_hello_that_is_too_long_is_refused_at_once),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&tls_certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&tls_certs);
    uv_library_shutdown();
    return failed_len;
}
