/* test_socket.c - reading, writing, closing: both ends on one loop. */
#include "world.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/socket.h"

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

/* --- echo ---------------------------------------------------------------- */

static void echo_or_count(struct end *end, struct pl_bytes data)
{
    struct world *world = end->world_weak;

    if (end == &world->server) {
        end->read_size += data.size;
        pl_socket_write(end->socket, data); /* copies what is not taken */
        return;
    }
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], world_pattern(end->read_size + i));
    end->read_size += data.size;
    if (end->read_size == BIG_SIZE)
        pl_socket_close(end->socket);
}

static void send_big(struct world *world)
{
    assert_int_equal(world->connect_err, PL_OK);
    world->client.left = BIG_SIZE;
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
    end_pump(&world->client);
}

static void echo_returns_all_bytes_in_order(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = world_read_server;
    world.on_connected = send_big;
    world.on_read = echo_or_count;
    world.on_drained = end_pump;
    world.on_end = end_close;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    assert_int_equal(world.server.read_size, BIG_SIZE);
    assert_int_equal(world.client.read_size, BIG_SIZE);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.server.end_err, PL_OK);
    world_done(&world);
}

/* --- flow control -------------------------------------------------------- */

static void fill_client(struct world *world)
{
    if (world->accept_len == 0 || world->connect_len == 0)
        return;
    world->client.left = BIG_SIZE;
    while (world->client.left > 0 && !pl_socket_writing(world->client.socket))
        end_pump(&world->client);
    assert_true(pl_socket_writing(world->client.socket)); /* the reader does not read */
    assert_int_equal(world->client.drained_len, 0);
    world_read_server(world);
}

static void stop_when_all_read(struct end *end, struct pl_bytes data)
{
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], world_pattern(end->read_size + i));
    end->read_size += data.size;
    if (end->read_size == BIG_SIZE)
        pl_loop_stop(end->world_weak->loop);
}

static void a_reader_that_stopped_gets_all_once_it_goes_on(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = fill_client;
    world.on_connected = fill_client;
    world.on_read = stop_when_all_read;
    world.on_drained = end_pump;
    world_run(&world);
    assert_int_equal(world.server.read_size, BIG_SIZE);
    assert_true(world.client.drained_len > 0);
    world_done(&world);
}

/* A connection that always has more. */
struct full {
    struct world world;
    int turn_reads_len; /* in this turn */
    int reads_len;
};

static void count_read(struct end *end, struct pl_bytes data)
{
    struct full *full = (struct full *)end->world_weak; /* its first member */

    assert_int_equal(++full->turn_reads_len, 1);
    full->reads_len++;
    stop_when_all_read(end, data);
}

static void begin_turn(struct world *world)
{
    ((struct full *)world)->turn_reads_len = 0;
}

static void a_socket_is_read_from_once_a_turn(void **state)
{
    struct full full = {.turn_reads_len = 0};

    (void)state;
    world_init(&full.world, "127.0.0.1");
    full.world.on_accepted = fill_client;
    full.world.on_connected = fill_client;
    full.world.on_read = count_read;
    full.world.on_drained = end_pump;
    full.world.on_turn_end = begin_turn;
    world_run(&full.world);
    assert_int_equal(full.world.server.read_size, BIG_SIZE);
    assert_true(full.reads_len >= BIG_SIZE / PL_LOOP_READ_SIZE);
    world_done(&full.world);
}

/* Fills the connection, lets the reader take one piece, and looks for more during
 * a few turns in which the kernel has more. */
struct glance {
    struct world world;
    struct pl_timer *timer;
    int turns_len;
};

static void read_once_then_stop(struct end *end, struct pl_bytes data)
{
    struct glance *glance = PL_CONTAINER(end->world_weak, struct glance, world);

    assert_int_equal(end->read_size, 0); /* never again */
    end->read_size += data.size;
    pl_socket_read_stop(end->socket);
    pl_timer_start(glance->timer, 1, 1);
}

static void stop_after_some_turns(void *self)
{
    struct glance *glance = self;

    if (++glance->turns_len == 5)
        pl_loop_stop(glance->world.loop);
}

static void nothing_is_read_after_read_stop(void **state)
{
    struct glance glance = {.turns_len = 0};

    (void)state;
    world_init(&glance.world, "127.0.0.1");
    assert_int_equal(pl_timer_new(glance.world.loop, stop_after_some_turns, &glance, &glance.timer),
                     PL_OK);
    glance.world.on_accepted = fill_client;
    glance.world.on_connected = fill_client;
    glance.world.on_read = read_once_then_stop;
    world_run(&glance.world);
    assert_true(glance.world.server.read_size > 0);
    world_done(&glance.world);
}

/* --- closing ------------------------------------------------------------- */

/* The client has sent what the server never reads; the server says its last words,
 * more than the kernel hands over at once, and closes. */
static void last_words(struct end *end, struct pl_bytes data)
{
    struct world *world = end->world_weak;

    if (end == &world->server) {
        pl_socket_read_stop(end->socket);
        end->left = BIG_SIZE;
        while (end->left > 0)
            end_pump(end);
        pl_socket_close(end->socket);
        return;
    }
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], world_pattern(end->read_size + i));
    end->read_size += data.size;
}

static void send_much(struct world *world)
{
    world->client.left = 1000 * 1000;
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
    end_pump(&world->client);
}

static void last_words_arrive_though_the_peers_were_not_read(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = world_read_server;
    world.on_connected = send_much;
    world.on_read = last_words;
    world.on_end = end_close;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    assert_int_equal(world.client.read_size, BIG_SIZE);
    assert_int_equal(world.client.end_err, PL_OK);
    assert_int_equal(world.client.end_len, 1);
    world_done(&world);
}

static void write_all_and_close(struct world *world)
{
    struct end *end = &world->server;

    end->left = BIG_SIZE;
    while (end->left > 0)
        end_pump(end); /* also what is not drained: it is queued */
    assert_true(pl_socket_writing(end->socket));
    pl_socket_close(end->socket);
    pl_socket_close(end->socket); /* twice is once */
    assert_false(pl_socket_write(end->socket, pl_bytes_str("more")));
    assert_int_equal(pl_socket_read_start(end->socket), PL_E_CLOSED);
}

static void read_client(struct world *world)
{
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
}

static void what_was_written_before_close_arrives(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = write_all_and_close;
    world.on_connected = read_client;
    world.on_end = end_close;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    assert_int_equal(world.client.read_size, BIG_SIZE);
    assert_int_equal(world.server.drained_len, 0); /* only on_close after close */
    world_done(&world);
}

static void close_server(struct world *world)
{
    pl_socket_close(world->server.socket);
}

static void stop_at_server_close(struct end *end)
{
    if (end == &end->world_weak->server)
        pl_loop_stop(end->world_weak->loop);
}

static void a_peer_that_does_not_close_is_not_waited_for(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = close_server;
    world.on_close = stop_at_server_close; /* the client neither reads nor closes */
    world_run(&world);
    assert_int_equal(world.server.close_len, 1);
    world_done(&world);
}

static void abort_client(struct end *end)
{
    pl_socket_abort(end->world_weak->client.socket);
}

static void abort_at_read(struct end *end, struct pl_bytes data)
{
    (void)data;
    abort_client(end);
    pl_socket_abort(end->world_weak->server.socket);
    pl_socket_abort(end->world_weak->server.socket);
}

static void sockets_may_be_aborted_in_on_read(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = world_read_server;
    world.on_connected = send_big;
    world.on_read = abort_at_read;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    assert_int_equal(world.server.end_len, 0);
    assert_int_equal(world.client.drained_len, 0);
    world_done(&world);
}

static void abort_both(struct end *end)
{
    pl_socket_abort(end->world_weak->client.socket);
    pl_socket_abort(end->world_weak->server.socket);
}

static void sockets_may_be_aborted_in_on_drained(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = fill_client;
    world.on_connected = fill_client;
    world.on_drained = abort_both;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    assert_int_equal(world.client.drained_len, 1);
    world_done(&world);
}

static void abort_accepted(struct world *world)
{
    pl_socket_abort(world->server.socket);
}

static void sockets_may_be_aborted_as_they_come(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = abort_accepted;
    world.on_connected = world_abort_connected;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    world_done(&world);
}

static void look_at_keepalive(struct world *world)
{
    socklen_t size = sizeof(int);
    uv_os_fd_t fd;
    int on = 0, idle_s = 0;

    assert_int_equal(uv_fileno((uv_handle_t *)&world->server.socket->uv, &fd), 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, &size), 0);
    assert_int_equal(on, 1);
    assert_int_equal(idle_s, 60);
    world_abort_connected(world);
    pl_socket_abort(world->server.socket);
}

static void peers_that_vanish_are_noticed_by_the_kernel(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = look_at_keepalive;
    world.on_close = end_stop_when_both_closed;
    world_run(&world);
    world_done(&world);
}

static void a_socket_may_be_closed_while_it_connects(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world_connect(&world, pl_bound_address(world.bound));
    pl_socket_close(world.client.socket);
    world.on_close = end_stop_loop;
    pl_loop_run(world.loop);
    assert_int_equal(world.client.close_len, 1);
    assert_int_equal(world.connect_len, 0);
    world_done(&world);
}

static void a_socket_may_be_closed_while_its_name_is_resolved(void **state)
{
    struct pl_address address = {.host = "localhost", .port = 1};
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world_connect(&world, &address);
    pl_socket_abort(world.client.socket);
    world.on_close = end_stop_loop;
    pl_loop_run(world.loop);
    assert_int_equal(world.client.close_len, 1);
    assert_int_equal(world.connect_len, 0);
    world_done(&world);
}

static void a_loop_never_run_closes_its_sockets(void **state)
{
    struct pl_address address = {.host = "localhost", .port = 1};
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world_connect(&world, pl_bound_address(world.bound));
    world_connect(&world, &address);
    world_done(&world);
    assert_int_equal(world.client.close_len, 2);
    assert_int_equal(world.connect_len, 0);
}

/* --- what a peer's or our own failures look like ------------------------- */

static void a_reset_is_told_as_an_error(void **state)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0}; /* close() resets */
    struct world world;
    int fd;

    (void)state;
    world_init(&world, "127.0.0.1");
    fd = world_plain_client(&world);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
    world.on_accepted = world_read_server;
    world.on_end = end_stop_loop;
    pl_loop_run(world.loop);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.server.end_err, PL_E_CLOSED);
    world_done(&world);
}

/* The server goes on writing to a client that is gone, inside its own call. */
static void write_to_the_dead(struct end *end)
{
    struct world *world = end->world_weak;
    int end_len = world->server.end_len;

    if (end != &world->client)
        return;
    for (int i = 0; i < 1000; i++)
        if (!pl_socket_write(world->server.socket, pl_bytes_str("is anybody there?")))
            break;
    assert_int_equal(world->server.end_len, end_len); /* told later, never in the call */
}

static void write_again_or_stop(struct end *end)
{
    if (end->end_err < 0)
        pl_loop_stop(end->world_weak->loop);
    else
        write_to_the_dead(&end->world_weak->client);
}

static void write_once(struct world *world)
{
    world_read_server(world);
}

static void a_failed_write_is_told_by_on_end_later(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = write_once;
    world.on_connected = world_abort_connected;
    world.on_close = write_to_the_dead;
    world.on_end = write_again_or_stop;
    world_run(&world);
    assert_true(world.server.end_err == PL_E_CLOSED);
    assert_false(world.server.end_len > 2); /* the end of input, and the broken pipe */
    world_done(&world);
}

static void write_without_memory(struct world *world)
{
    struct end *end = &world->server;

    end->left = BIG_SIZE;
    while (end->left > 0 && world->server.end_len == 0) {
        uint8_t part[200000] = {0};

        pl_mem_fail_at(1);
        if (!pl_socket_write(end->socket, (struct pl_bytes){part, sizeof part}))
            break;
    }
    assert_true(pl_mem_failed());
    pl_mem_fail_at(0);
    assert_false(pl_socket_writing(end->socket));
}

static void a_write_without_memory_is_told_by_on_end(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = write_without_memory;
    world.on_end = end_stop_loop;
    world_run(&world);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.server.end_err, PL_E_NOMEM);
    world_done(&world);
}

/* Ends libuv's resolving threads, so that what they keep is freed. */
static int shut_down(void **state)
{
    (void)state;
    uv_library_shutdown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_returns_all_bytes_in_order),
        cmocka_unit_test(a_reader_that_stopped_gets_all_once_it_goes_on),
        cmocka_unit_test(a_socket_is_read_from_once_a_turn),
        cmocka_unit_test(nothing_is_read_after_read_stop),
        cmocka_unit_test(last_words_arrive_though_the_peers_were_not_read),
        cmocka_unit_test(what_was_written_before_close_arrives),
        cmocka_unit_test(a_peer_that_does_not_close_is_not_waited_for),
        cmocka_unit_test(sockets_may_be_aborted_in_on_read),
        cmocka_unit_test(sockets_may_be_aborted_in_on_drained),
        cmocka_unit_test(sockets_may_be_aborted_as_they_come),
        cmocka_unit_test(peers_that_vanish_are_noticed_by_the_kernel),
        cmocka_unit_test(a_socket_may_be_closed_while_it_connects),
        cmocka_unit_test(a_socket_may_be_closed_while_its_name_is_resolved),
        cmocka_unit_test(a_loop_never_run_closes_its_sockets),
        cmocka_unit_test(a_reset_is_told_as_an_error),
        cmocka_unit_test(a_failed_write_is_told_by_on_end_later),
        cmocka_unit_test(a_write_without_memory_is_told_by_on_end),
    };

    return cmocka_run_group_tests(tests, NULL, shut_down);
}
