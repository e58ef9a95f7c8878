/* test_connect.c - how sockets come into being: connecting, accepting, their peers. */
#include "world.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

/* --- connecting ---------------------------------------------------------- */

static void stop_connected(struct world *world)
{
    pl_loop_stop(world->loop);
}

static void a_port_without_listener_refuses(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    pl_listener_free(world.listener); /* the address is held, but nobody listens */
    world.on_close = end_stop_loop;
    world_run(&world);
    assert_int_equal(world.connect_len, 1);
    assert_int_equal(world.connect_err, PL_E_REFUSED);
    assert_int_equal(world.client.close_len, 1); /* it closes by itself */
    assert_int_equal(world.client.end_len, 0);
    world_done(&world);
}

static void a_refused_socket_may_be_closed_by_its_owner_too(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    pl_listener_free(world.listener);
    world.on_connected = world_abort_connected;
    world.on_close = end_stop_loop;
    world_run(&world);
    assert_int_equal(world.connect_err, PL_E_REFUSED);
    assert_int_equal(world.client.close_len, 1);
    world_done(&world);
}

static void a_name_is_resolved_and_its_addresses_tried_in_turn(void **state)
{
    struct world world;
    struct pl_address address;

    (void)state;
    world_init(&world, "127.0.0.1");
    address = *pl_bound_address(world.bound);
    strcpy(address.host, "localhost"); /* [::1] too, where the system says so */
    world_connect(&world, &address);
    world.on_connected = stop_connected;
    pl_loop_run(world.loop);
    assert_int_equal(world.connect_len, 1);
    assert_int_equal(world.connect_err, PL_OK);
    world_done(&world);
}

static void a_name_without_listener_refuses_at_last(void **state)
{
    struct world world;
    struct pl_address address;

    (void)state;
    world_init(&world, "127.0.0.1");
    pl_listener_free(world.listener);
    address = *pl_bound_address(world.bound);
    strcpy(address.host, "localhost");
    world_connect(&world, &address);
    world.on_close = end_stop_loop;
    pl_loop_run(world.loop);
    assert_int_equal(world.connect_len, 1);
    assert_true(world.connect_err == PL_E_REFUSED || world.connect_err == PL_E_ADDRESS);
    assert_int_equal(world.client.close_len, 1);
    world_done(&world);
}

static void an_unknown_name_is_an_address_error(void **state)
{
    struct world world;
    struct pl_address address = {.port = 1};

    (void)state;
    world_init(&world, "127.0.0.1");
    memset(address.host, 'x', 100); /* a label that no name may have: nobody is asked */
    world_connect(&world, &address);
    world.on_close = end_stop_loop;
    pl_loop_run(world.loop);
    assert_int_equal(world.connect_err, PL_E_ADDRESS);
    world_done(&world);
}

static void check_peers(struct world *world)
{
    if (world->accept_len == 0 || world->connect_len == 0)
        return;
    assert_memory_equal(pl_socket_peer(world->server.socket), "127.0.0.1:", 10);
    assert_memory_equal(pl_socket_peer(world->client.socket), "127.0.0.1:", 10);
    pl_loop_stop(world->loop);
}

static void peers_are_told_by_their_addresses(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = check_peers;
    world.on_connected = check_peers;
    world_run(&world);
    assert_int_equal(world.accept_len, 1);
    world_done(&world);
}

/* Whether the machine has IPv6 at all. */
static bool has_ipv6(void)
{
    struct pl_address address = {.host = "::1"};
    struct pl_bound *bound = NULL;
    int rc = pl_bound_open(&address, &bound);

    assert_true(rc == PL_OK || rc == PL_E_ADDRESS);
    pl_bound_close(bound);
    return rc == PL_OK;
}

static void check_peers6(struct world *world)
{
    if (world->accept_len == 0 || world->connect_len == 0)
        return;
    assert_memory_equal(pl_socket_peer(world->server.socket), "[::1]:", 6);
    assert_memory_equal(pl_socket_peer(world->client.socket), "[::1]:", 6);
    pl_loop_stop(world->loop);
}

static void ipv6_works(void **state)
{
    struct world world;

    (void)state;
    if (!has_ipv6())
        return;
    world_init(&world, "::1");
    world.on_accepted = check_peers6;
    world.on_connected = check_peers6;
    world_run(&world);
    world_done(&world);
}

static void the_ipv6_wildcard_takes_ipv4_too(void **state)
{
    struct world world;
    struct pl_address address;

    (void)state;
    if (!has_ipv6())
        return;
    world_init(&world, "::");
    address = *pl_bound_address(world.bound);
    strcpy(address.host, "127.0.0.1");
    world.on_accepted = check_peers;
    world.on_connected = check_peers;
    world_connect(&world, &address);
    pl_loop_run(world.loop);
    assert_int_equal(world.accept_len, 1);
    world_done(&world);
}

/* --- want of descriptors and memory -------------------------------------- */

struct shortage {
    struct world world;
    pid_t child;
    int fd; /* to it */
    int turns_len;
};

static void count_turn(void *self)
{
    struct shortage *shortage = self;

    shortage->turns_len++;
}

/* A child takes the parent's descriptors away when it is told to, and gives them
 * back when it is told again. (Of a limit that a process sets on itself valgrind
 * plays the system's part, and would drop the connection.) */
static void limit_parent(int fd)
{
    struct rlimit limit, none;
    char byte;

    if (read(fd, &byte, 1) != 1 || prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit) < 0)
        _exit(1);
    none = limit;
    none.rlim_cur = 0;
    if (prlimit(getppid(), RLIMIT_NOFILE, &none, NULL) < 0 || write(fd, &byte, 1) != 1)
        _exit(2);
    if (read(fd, &byte, 1) != 1 || prlimit(getppid(), RLIMIT_NOFILE, &limit, NULL) < 0)
        _exit(3);
    _exit(write(fd, &byte, 1) == 1 ? 0 : 4);
}

static void start_child(struct shortage *shortage)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    shortage->child = fork();
    assert_true(shortage->child >= 0);
    if (shortage->child == 0)
        limit_parent(fds[1]);
    close(fds[1]);
    shortage->fd = fds[0];
}

static void tell_child(struct shortage *shortage)
{
    char byte = 0;

    assert_int_equal(write(shortage->fd, &byte, 1), 1);
    assert_int_equal(read(shortage->fd, &byte, 1), 1);
}

static void end_shortage(void *self)
{
    struct shortage *shortage = self;

    assert_int_equal(shortage->world.accept_len, 0);
    tell_child(shortage);
}

static void connections_wait_while_descriptors_are_short(void **state)
{
    struct shortage shortage = {.turns_len = 0};
    struct pl_loop_ops ops = {.self = &shortage, .on_turn_end = count_turn};
    struct pl_address address = {.host = "127.0.0.1"};
    struct world *world = &shortage.world;
    struct pl_timer *timer;
    int fd, status = -1;

    (void)state;
    start_child(&shortage);
    world->server.world_weak = world;
    assert_int_equal(pl_loop_new(&ops, INBOX_LEN_MAX, &world->loop), PL_OK);
    assert_int_equal(pl_bound_open(&address, &world->bound), PL_OK);
    assert_int_equal(
        pl_listener_new(world->loop, world->bound, world_on_accept, world, &world->listener),
        PL_OK);
    assert_int_equal(pl_timer_new(world->loop, end_shortage, &shortage, &timer), PL_OK);
    pl_timer_start(timer, 30, 0);
    world->on_accepted = stop_connected;
    fd = world_plain_client(world);
    tell_child(&shortage);
    pl_loop_run(world->loop);
    assert_int_equal(world->accept_len, 1);
    assert_true(shortage.turns_len < 20); /* it has not spun */
    assert_int_equal(waitpid(shortage.child, &status, 0), shortage.child);
    assert_int_equal(status, 0);
    close(shortage.fd);
    close(fd);
    world_done(world);
}

static void fail_next_allocation(void *self)
{
    (void)self;
    pl_mem_fail_at(1);
}

static void connections_wait_while_memory_is_short(void **state)
{
    struct world world;
    struct pl_timer *timer;
    int fd;

    (void)state;
    world_init(&world, "127.0.0.1");
    assert_int_equal(pl_timer_new(world.loop, fail_next_allocation, &world, &timer), PL_OK);
    pl_timer_start(timer, 0, 0); /* timers come before what is polled */
    world.on_accepted = stop_connected;
    fd = world_plain_client(&world);
    pl_loop_run(world.loop);
    assert_true(pl_mem_failed());
    assert_int_equal(world.accept_len, 1);
    close(fd);
    world_done(&world);
}

static void connecting_survives_each_failing_allocation(void **state)
{
    const char *const hosts[] = {"127.0.0.1", "localhost"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t nth = 1;; nth++) {
            struct world world;
            struct pl_socket_ops ops;
            struct pl_address address = {.port = 1};
            int rc;

            world_init(&world, "127.0.0.1");
            ops = end_ops(&world.client);
            strcpy(address.host, hosts[i]);
            pl_mem_fail_at(nth);
            rc = pl_socket_connect(world.loop, &address, world_on_connect, &ops,
                                   &world.client.socket);
            if (!pl_mem_failed()) {
                pl_mem_fail_at(0);
                assert_int_equal(rc, PL_OK);
                world_done(&world);
                break;
            }
            pl_mem_fail_at(0);
            assert_int_equal(rc, PL_E_NOMEM);
            assert_null(world.client.socket);
            world_done(&world);
            assert_int_equal(world.client.close_len, 0);
        }
    }
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
        /* first: it forks, and a child has not the threads that resolve names */
        cmocka_unit_test(connections_wait_while_descriptors_are_short),
        cmocka_unit_test(a_port_without_listener_refuses),
        cmocka_unit_test(a_refused_socket_may_be_closed_by_its_owner_too),
        cmocka_unit_test(a_name_is_resolved_and_its_addresses_tried_in_turn),
        cmocka_unit_test(a_name_without_listener_refuses_at_last),
        cmocka_unit_test(an_unknown_name_is_an_address_error),
        cmocka_unit_test(peers_are_told_by_their_addresses),
        cmocka_unit_test(ipv6_works),
        cmocka_unit_test(the_ipv6_wildcard_takes_ipv4_too),
        cmocka_unit_test(connections_wait_while_memory_is_short),
        cmocka_unit_test(connecting_survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, shut_down);
}
