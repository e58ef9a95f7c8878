/* tls_world.c - see tls_world.h; failures fail the test that runs. */
#include "tls_world.h"

#include "base/err.h"
#include "net/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include <cmocka.h>

struct certs tls_certs;
struct pl_tls_context *tls_server, *tls_client;
const char *tls_name;

int tls_fd(struct end *end)
{
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno((uv_handle_t *)&end->socket->uv, &fd), 0);
    return fd;
}

void tls_start(struct end *end, struct pl_bytes first)
{
    bool of_client = end == &end->world_weak->client;

    assert_int_equal(pl_socket_start_tls(end->socket, of_client ? tls_client : tls_server,
                                         of_client ? tls_name : NULL, first),
                     PL_OK);
    assert_int_equal(end->secured_len, 0);
}

void tls_start_server(struct world *world)
{
    tls_start(&world->server, (struct pl_bytes){0});
    assert_int_equal(pl_socket_read_start(world->server.socket), PL_OK);
}

void tls_start_client(struct world *world)
{
    assert_int_equal(world->connect_err, PL_OK);
    tls_start(&world->client, (struct pl_bytes){0});
    assert_int_equal(pl_socket_read_start(world->client.socket), PL_OK);
}

void tls_world_init(struct world *world)
{
    tls_server = certs_server(&tls_certs, "server", NULL);
    tls_client = certs_client(&tls_certs, "ca.crt", NULL);
    tls_name = "localhost";
    world_init(world, "127.0.0.1");
    world->on_accepted = tls_start_server;
    world->on_connected = tls_start_client;
    world->on_end = end_close;
    world->on_close = end_stop_when_both_closed;
}

void tls_world_done(struct world *world)
{
    world_done(world);
    pl_tls_context_unref(tls_server);
    pl_tls_context_unref(tls_client);
}

void tls_assert_secured(struct end *end)
{
    assert_string_equal(end->tls_error, "");
    assert_int_equal(end->secured_len, 1);
    assert_int_equal(end->secured_err, PL_OK);
    assert_string_equal(end->alpn, "h2");
}

void tls_check_pattern(struct end *end, struct pl_bytes data)
{
    for (size_t i = 0; i < data.size; i++)
        assert_int_equal(data.data[i], world_pattern(end->read_size + i));
    end->read_size += data.size;
}

void tls_squeeze(struct end *end)
{
    int size = 4096;

    assert_int_equal(setsockopt(tls_fd(end), SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

void tls_squeeze_and_start_server(struct world *world)
{
    tls_squeeze(&world->server);
    tls_start_server(world);
}
