/* world.c - see world.h; failures fail the test that runs. */
#include "world.h"

#include "base/err.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

uint8_t world_pattern(size_t at)
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
        assert_int_equal(data.data[i], world_pattern(end->read_size + i));
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

static void on_secured(void *self, int err, const char *alpn)
{
    struct end *end = self;

    end->secured_len++;
    end->secured_err = err;
    snprintf(end->alpn, sizeof end->alpn, "%s", alpn != NULL ? alpn : "");
    snprintf(end->tls_error, sizeof end->tls_error, "%s", pl_socket_tls_error(end->socket));
    if (end->world_weak->on_secured != NULL)
        end->world_weak->on_secured(end);
}

struct pl_socket_ops end_ops(struct end *end)
{
    return (struct pl_socket_ops){end, on_read, on_drained, on_end, on_close, on_secured};
}

void world_on_accept(void *self, struct pl_socket *socket)
{
    struct world *world = self;
    struct pl_socket_ops ops = end_ops(&world->server);

    world->accept_len++;
    world->server.socket = socket;
    pl_socket_set_ops(socket, &ops);
    if (world->on_accepted != NULL)
        world->on_accepted(world);
}

void world_on_connect(void *self, int err)
{
    struct end *end = self;
    struct world *world = end->world_weak;

    world->connect_len++;
    world->connect_err = err;
    if (world->on_connected != NULL)
        world->on_connected(world);
}

static void on_turn_end(void *self)
{
    struct world *world = self;

    if (world->on_turn_end != NULL)
        world->on_turn_end(world);
}

void world_init(struct world *world, const char *host)
{
    struct pl_loop_ops ops = {.self = world, .on_turn_end = on_turn_end};
    struct pl_address address = {.port = 0};

    *world = (struct world){.client = {.world_weak = world}, .server = {.world_weak = world}};
    strcpy(address.host, host);
    assert_int_equal(pl_loop_new(&ops, INBOX_LEN_MAX, &world->loop), PL_OK);
    assert_int_equal(pl_bound_open(&address, &world->bound), PL_OK);
    assert_int_equal(
        pl_listener_new(world->loop, world->bound, world_on_accept, world, &world->listener),
        PL_OK);
}

void world_connect(struct world *world, const struct pl_address *address)
{
    struct pl_socket_ops ops = end_ops(&world->client);

    assert_int_equal(
        pl_socket_connect(world->loop, address, world_on_connect, &ops, &world->client.socket),
        PL_OK);
}

void world_run(struct world *world)
{
    world_connect(world, pl_bound_address(world->bound));
    pl_loop_run(world->loop);
    assert_null(world->client.socket);
    assert_null(world->server.socket);
    assert_true(world->client.close_len <= 1);
    assert_true(world->server.close_len <= 1);
}

void world_done(struct world *world)
{
    pl_bound_close(world->bound);
    pl_loop_free(world->loop);
}

void end_pump(struct end *end)
{
    while (end->left > 0) {
        uint8_t part[50000];
        size_t size = end->left < sizeof part ? end->left : sizeof part;

        for (size_t i = 0; i < size; i++)
            part[i] = world_pattern(end->written_size + i);
        end->written_size += size;
        end->left -= size;
        if (!pl_socket_write(end->socket, (struct pl_bytes){part, size}))
            return;
    }
}

void end_stop_when_both_closed(struct end *end)
{
    struct world *world = end->world_weak;

    if (world->client.close_len == 1 && world->server.close_len == 1)
        pl_loop_stop(world->loop);
}

void end_stop_loop(struct end *end)
{
    pl_loop_stop(end->world_weak->loop);
}

void end_close(struct end *end)
{
    pl_socket_close(end->socket);
}

void world_read_server(struct world *world)
{
    assert_int_equal(pl_socket_read_start(world->server.socket), PL_OK);
}

int world_plain_client(const struct world *world)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    addr.sin_port = htons(pl_bound_address(world->bound)->port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

void world_abort_connected(struct world *world)
{
    pl_socket_abort(world->client.socket);
}
