/* test_tcp.c - sockets over loopback: both ends on one loop. */
#include "net/tcp.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
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

enum { INBOX_LEN_MAX = 16, BIG_SIZE = 8 * 1024 * 1024 };

/* One end of a connection, and what has happened to it. */
struct end {
    struct world *world_weak;
    struct pl_socket *socket; /* NULL once closed */
    size_t read_size;
    size_t left; /* to be written, of the pattern */
    size_t written_size;
    int drained_len;
    int end_len;
    int end_err;
    int close_len;
};

/* A loop with a listener, a client, and the server's end of its connection. */
struct world {
    struct pl_loop *loop;
    struct pl_bound *bound;
    struct pl_listener *listener;
    struct end client, server;
    int connect_len;
    int connect_err;
    int accept_len;
    void (*on_connected)(struct world *world);
    void (*on_accepted)(struct world *world);
    void (*on_read)(struct end *end, struct pl_bytes data);
    void (*on_drained)(struct end *end);
    void (*on_end)(struct end *end);
    void (*on_close)(struct end *end);
};

/* The byte at that place of a stream: finds what is lost, doubled or moved. */
static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static void on_read(void *self, struct pl_bytes data)
{
    struct end *end = self;

    assert_true(data.size > 0);
    if (end->world_weak->on_read != NULL) {
        end->world_weak->on_read(end, data);
        return;
    }
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], pattern(end->read_size + i));
    end->read_size += data.size;
}

static void on_drained(void *self)
{
    struct end *end = self;

    end->drained_len++;
    if (end->world_weak->on_drained != NULL)
        end->world_weak->on_drained(end);
}

static void on_end(void *self, int err)
{
    struct end *end = self;

    end->end_len++;
    end->end_err = err;
    if (end->world_weak->on_end != NULL)
        end->world_weak->on_end(end);
}

static void on_close(void *self)
{
    struct end *end = self;

    end->close_len++;
    end->socket = NULL;
    if (end->world_weak->on_close != NULL)
        end->world_weak->on_close(end);
}

static struct pl_socket_ops ops_of(struct end *end)
{
    return (struct pl_socket_ops){end, on_read, on_drained, on_end, on_close};
}

static void on_accept(void *self, struct pl_socket *socket)
{
    struct world *world = self;
    struct pl_socket_ops ops = ops_of(&world->server);

    world->accept_len++;
    world->server.socket = socket;
    pl_socket_set_ops(socket, &ops);
    if (world->on_accepted != NULL)
        world->on_accepted(world);
}

static void on_connect(void *self, int err)
{
    struct end *end = self;
    struct world *world = end->world_weak;

    world->connect_len++;
    world->connect_err = err;
    if (world->on_connected != NULL)
        world->on_connected(world);
}

static void world_init(struct world *world, const char *host)
{
    struct pl_loop_ops ops = {.self = world};
    struct pl_address address = {.port = 0};

    *world = (struct world){.client = {.world_weak = world}, .server = {.world_weak = world}};
    strcpy(address.host, host);
    assert_int_equal(pl_loop_new(&ops, INBOX_LEN_MAX, &world->loop), PL_OK);
    assert_int_equal(pl_bound_open(&address, &world->bound), PL_OK);
    assert_int_equal(pl_listener_new(world->loop, world->bound, on_accept, world, &world->listener),
                     PL_OK);
}

static void world_connect(struct world *world, const struct pl_address *address)
{
    struct pl_socket_ops ops = ops_of(&world->client);

    assert_int_equal(
        pl_socket_connect(world->loop, address, on_connect, &ops, &world->client.socket), PL_OK);
}

static void world_run(struct world *world)
{
    world_connect(world, pl_bound_address(world->bound));
    pl_loop_run(world->loop);
    assert_null(world->client.socket);
    assert_null(world->server.socket);
    assert_true(world->client.close_len <= 1);
    assert_true(world->server.close_len <= 1);
}

static void world_done(struct world *world)
{
    pl_bound_close(world->bound);
    pl_loop_free(world->loop);
}

/* Writes the pattern until the kernel takes no more, then goes on when drained. */
static void pump(struct end *end)
{
    while (end->left > 0) {
        uint8_t part[50000];
        size_t size = end->left < sizeof part ? end->left : sizeof part;

        for (size_t i = 0; i < size; i++)
            part[i] = pattern(end->written_size + i);
        end->written_size += size;
        end->left -= size;
        if (!pl_socket_write(end->socket, (struct pl_bytes){part, size}))
            return;
    }
}

static void stop_when_both_closed(struct end *end)
{
    struct world *world = end->world_weak;

    if (world->client.close_len == 1 && world->server.close_len == 1)
        pl_loop_stop(world->loop);
}

static void stop_loop(struct end *end)
{
    pl_loop_stop(end->world_weak->loop);
}

static void close_end(struct end *end)
{
    pl_socket_close(end->socket);
}

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
        assert_int_equal(data.data[i], pattern(end->read_size + i));
    end->read_size += data.size;
    if (end->read_size == BIG_SIZE)
        pl_socket_close(end->socket);
}

static void send_big(struct world *world)
{
    assert_int_equal(world->connect_err, PL_OK);
    world->client.left = BIG_SIZE;
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
    pump(&world->client);
}

static void read_server(struct world *world)
{
    assert_int_equal(pl_socket_read_start(world->server.socket), PL_OK);
}

static void echo_returns_all_bytes_in_order(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = read_server;
    world.on_connected = send_big;
    world.on_read = echo_or_count;
    world.on_drained = pump;
    world.on_end = close_end;
    world.on_close = stop_when_both_closed;
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
        pump(&world->client);
    assert_true(pl_socket_writing(world->client.socket)); /* the reader does not read */
    assert_int_equal(world->client.drained_len, 0);
    read_server(world);
}

static void stop_when_all_read(struct end *end, struct pl_bytes data)
{
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], pattern(end->read_size + i));
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
    world.on_drained = pump;
    world_run(&world);
    assert_int_equal(world.server.read_size, BIG_SIZE);
    assert_true(world.client.drained_len > 0);
    world_done(&world);
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
            pump(end);
        pl_socket_close(end->socket);
        return;
    }
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], pattern(end->read_size + i));
    end->read_size += data.size;
}

static void send_much(struct world *world)
{
    world->client.left = 1000 * 1000;
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
    pump(&world->client);
}

static void last_words_arrive_though_the_peers_were_not_read(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = read_server;
    world.on_connected = send_much;
    world.on_read = last_words;
    world.on_end = close_end;
    world.on_close = stop_when_both_closed;
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
        pump(end); /* also what is not drained: it is queued */
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
    world.on_end = close_end;
    world.on_close = stop_when_both_closed;
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
    world.on_accepted = read_server;
    world.on_connected = send_big;
    world.on_read = abort_at_read;
    world.on_close = stop_when_both_closed;
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
    world.on_close = stop_when_both_closed;
    world_run(&world);
    assert_int_equal(world.client.drained_len, 1);
    world_done(&world);
}

static void abort_accepted(struct world *world)
{
    pl_socket_abort(world->server.socket);
}

static void abort_connected(struct world *world)
{
    pl_socket_abort(world->client.socket);
}

static void sockets_may_be_aborted_as_they_come(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = abort_accepted;
    world.on_connected = abort_connected;
    world.on_close = stop_when_both_closed;
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
    world.on_close = stop_loop;
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
    world.on_close = stop_loop;
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

/* A client of the system's own, for what a decent one does not do. */
static int plain_client(const struct world *world)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    addr.sin_port = htons(pl_bound_address(world->bound)->port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void a_reset_is_told_as_an_error(void **state)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0}; /* close() resets */
    struct world world;
    int fd;

    (void)state;
    world_init(&world, "127.0.0.1");
    fd = plain_client(&world);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
    world.on_accepted = read_server;
    world.on_end = stop_loop;
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
    read_server(world);
}

static void a_failed_write_is_told_by_on_end_later(void **state)
{
    struct world world;

    (void)state;
    world_init(&world, "127.0.0.1");
    world.on_accepted = write_once;
    world.on_connected = abort_connected;
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
    world.on_end = stop_loop;
    world_run(&world);
    assert_int_equal(world.server.end_len, 1);
    assert_int_equal(world.server.end_err, PL_E_NOMEM);
    world_done(&world);
}

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
    world.on_close = stop_loop;
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
    world.on_connected = abort_connected;
    world.on_close = stop_loop;
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
    world.on_close = stop_loop;
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
    world.on_close = stop_loop;
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
    assert_int_equal(pl_listener_new(world->loop, world->bound, on_accept, world, &world->listener),
                     PL_OK);
    assert_int_equal(pl_timer_new(world->loop, end_shortage, &shortage, &timer), PL_OK);
    pl_timer_start(timer, 30, 0);
    world->on_accepted = stop_connected;
    fd = plain_client(world);
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
    fd = plain_client(&world);
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
            ops = ops_of(&world.client);
            strcpy(address.host, hosts[i]);
            pl_mem_fail_at(nth);
            rc = pl_socket_connect(world.loop, &address, on_connect, &ops, &world.client.socket);
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
        cmocka_unit_test(echo_returns_all_bytes_in_order),
        cmocka_unit_test(a_reader_that_stopped_gets_all_once_it_goes_on),
        cmocka_unit_test(nothing_is_read_after_read_stop),
        cmocka_unit_test(last_words_arrive_though_the_peers_were_not_read),
        cmocka_unit_test(what_was_written_before_close_arrives),
        cmocka_unit_test(a_peer_that_does_not_close_is_not_waited_for),
        cmocka_unit_test(sockets_may_be_aborted_in_on_read),
        cmocka_unit_test(sockets_may_be_aborted_in_on_drained),
        cmocka_unit_test(sockets_may_be_aborted_as_they_come),
        cmocka_unit_test(a_socket_may_be_closed_while_it_connects),
        cmocka_unit_test(a_socket_may_be_closed_while_its_name_is_resolved),
        cmocka_unit_test(a_loop_never_run_closes_its_sockets),
        cmocka_unit_test(a_reset_is_told_as_an_error),
        cmocka_unit_test(a_failed_write_is_told_by_on_end_later),
        cmocka_unit_test(a_write_without_memory_is_told_by_on_end),
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
