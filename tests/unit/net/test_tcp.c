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
#include <unistd.h>

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
    assert_int_equal(
        pl_listener_new(world->loop, world->bound, on_accept, world, &world->listener), PL_OK);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_returns_all_bytes_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
