/* test_socket_tls.c - TLS on sockets: both ends on one loop. */
#include "tls_world.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/thread.h"
#include "net/tls_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include <cmocka.h>

/* --- data ---------------------------------------------------------------- */

static void squeeze_and_start_client(struct world *world)
{
    tls_squeeze(&world->client);
    tls_start_client(world);
}

static void send_much_once_secured(struct end *end)
{
    tls_assert_secured(end);
    assert_false(pl_socket_writing(end->socket) && end == &end->world_weak->server);
    end->left = BIG_SIZE / 4;
    end_pump(end);
}

static void close_once_all_was_read(struct end *end, struct pl_bytes data)
{
    struct world *world = end->world_weak;

    tls_check_pattern(end, data);
    if (world->client.read_size == BIG_SIZE / 4 && world->server.read_size == BIG_SIZE / 4)
        pl_socket_close(end->socket);
}

static void exchange_much(int version, bool small_buffers)
{
    struct world world;

    tls_world_init(&world);
    SSL_CTX_set_max_proto_version(tls_client->ssl, version);
    world.on_secured = send_much_once_secured;
    world.on_drained = end_pump;
    world.on_read = close_once_all_was_read;
    if (small_buffers) {
        world.on_accepted = tls_squeeze_and_start_server;
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
    tls_check_pattern(end, data);
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
    tls_start(end, data);
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
        assert_int_equal(shutdown(tls_fd(end), SHUT_WR), 0);
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
    tls_start_server(world);
    close_at(&world->server, AT_START);
}

static void moment_of_connect(struct world *world)
{
    tls_start_client(world);
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
    tls_check_pattern(end, data);
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
    tls_start_client(world);
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

/* --- contexts ------------------------------------------------------------ */

/* Contexts are replaced while connections by them live. */
static void replace_contexts(struct end *end)
{
    struct world *world = end->world_weak;

    if (world->client.secured_len == 1 && world->server.secured_len == 1) {
        pl_tls_context_unref(tls_server);
        pl_tls_context_unref(tls_client);
        tls_server = certs_server(&tls_certs, "rsa", NULL);
        tls_client = certs_client(&tls_certs, "other-ca.crt", NULL);
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
    int rc = pl_socket_start_tls(end->socket, of_client ? tls_client : tls_server,
                                 of_client ? tls_name : NULL, (struct pl_bytes){0});

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

    tls_check_pattern(end, data);
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
    tls_server = certs_server(&tls_certs, "server", "ca.crt");
    tls_client = certs_client(&tls_certs, "ca.crt", "client");
    tls_name = "localhost";
    for (uint64_t nth = 1; live_a_life(nth); nth += 1 + nth / 40)
        continue;
    pl_tls_context_unref(tls_server);
    pl_tls_context_unref(tls_client);
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
        worlds[i].on_accepted = tls_start_server;
        worlds[i].on_connected = tls_start_client;
        worlds[i].on_secured = send_much_once_secured;
        worlds[i].on_drained = end_pump;
        worlds[i].on_read = close_once_all_was_read;
        worlds[i].on_end = end_close;
        worlds[i].on_close = end_stop_when_both_closed;
    }
    tls_server = certs_server(&tls_certs, "server", NULL);
    tls_client = certs_client(&tls_certs, "ca.crt", NULL);
    tls_name = "localhost";
    for (size_t i = 0; i < THREADS_LEN; i++)
        assert_int_equal(pl_thread_start("world", run_a_world, &worlds[i], &threads[i]), PL_OK);
    for (size_t i = 0; i < THREADS_LEN; i++)
        pl_thread_join(threads[i]);
    for (size_t i = 0; i < THREADS_LEN; i++) {
        assert_int_equal(worlds[i].client.read_size, BIG_SIZE / 4);
        assert_int_equal(worlds[i].server.read_size, BIG_SIZE / 4);
        world_done(&worlds[i]);
    }
    pl_tls_context_unref(tls_server);
    pl_tls_context_unref(tls_client);
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
        cmocka_unit_test(connections_keep_the_context_they_began_with),
        cmocka_unit_test(a_connection_survives_each_failing_allocation),
        cmocka_unit_test(contexts_are_shared_by_threads),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&tls_certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&tls_certs);
    uv_library_shutdown();
    return failed_len;
}
