/*
 * client.c - parla-interop-client: runs one interop case with the client side of
 * src/rpc, over TLS if a CA is given.
 */
#include "run.h"

#include "base/bytes.h"
#include "base/err.h"
#include "net/tcp.h"
#include "net/tls.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_SIZE = 300, TICK_MS = 10, SEND_SIZE = 64 * 1024, TEXT_SIZE_MAX = 1024 };

struct options {
    const char *server;
    const char *test_case;
    const char *ca_file;
    struct pl_address address;
    const struct interop_case *what;
};

struct client {
    struct pl_loop *loop;
    struct pl_tls_context *tls; /* NULL: in the clear */
    const char *server_name_weak;
    struct pl_socket *socket; /* NULL once it is gone */
    struct pl_rpc_client *rpc;
    struct pl_timer *ticker;
    bool open; /* for HTTP/2 */
    struct interop_run run;
};

static void lost(struct client *client, const char *why)
{
    client->open = false;
    interop_run_fail(&client->run, "the connection is lost: %s", why);
}

static void flush(struct client *client)
{
    static uint8_t buf[SEND_SIZE];
    ssize_t size = 0;

    while (client->open && !pl_socket_writing(client->socket)) {
        size = pl_rpc_client_fill(client->rpc, buf, sizeof buf);
        if (size <= 0)
            break;
        (void)pl_socket_write(client->socket, (struct pl_bytes){buf, (size_t)size});
    }
    if (size < 0)
        lost(client, pl_rpc_client_why(client->rpc));
}

static void on_turn_end(void *self)
{
    struct client *client = self;

    do
        flush(client);
    while (client->open && interop_run_go_on(&client->run));
    if (client->run.done)
        pl_loop_stop(client->loop);
}

static void on_tick(void *self)
{
    struct client *client = self;

    if (client->open && pl_rpc_client_tick(client->rpc, pl_loop_now_ms(client->loop)) < 0)
        lost(client, pl_rpc_client_why(client->rpc));
}

/* The socket */

static void on_read(void *self, struct pl_bytes data)
{
    struct client *client = self;

    if (client->open && pl_rpc_client_recv(client->rpc, data, pl_loop_now_ms(client->loop)) < 0)
        lost(client, pl_rpc_client_why(client->rpc));
}

static void on_end(void *self, int err)
{
    lost(self, err < 0 ? pl_err_text(err) : "the server has closed it");
}

static void on_close(void *self)
{
    struct client *client = self;

    client->socket = NULL;
}

static void on_secured(void *self, int err, const char *alpn)
{
    struct client *client = self;

    (void)alpn;
    if (err < 0)
        lost(client, pl_socket_tls_error(client->socket));
    else
        client->open = true;
}

static void on_connect(void *self, int err)
{
    struct client *client = self;

    if (err == PL_OK && client->tls != NULL)
        err = pl_socket_start_tls(client->socket, client->tls, client->server_name_weak,
                                  (struct pl_bytes){0});
    else
        client->open = err == PL_OK;
    if (err == PL_OK)
        err = pl_socket_read_start(client->socket);
    if (err < 0)
        lost(client, pl_err_text(err));
}

static void on_want_send(void *self)
{
    (void)self; /* each turn ends with a flush */
}

static int client_start(struct client *client, const struct options *options)
{
    const struct pl_rpc_client_config config = {
        .authority = options->server,
        .scheme = client->tls == NULL ? "http" : "https",
        .user_agent = "parla-interop-client",
    };
    const struct pl_socket_ops ops = {
        .self = client,
        .on_read = on_read,
        .on_end = on_end,
        .on_close = on_close,
        .on_secured = on_secured,
    };
    int rc = pl_loop_new(&(struct pl_loop_ops){.self = client, .on_turn_end = on_turn_end}, 1,
                         &client->loop);

    if (rc == PL_OK)
        rc = pl_rpc_client_new_with(&(struct pl_rpc_client_ops){client, on_want_send}, &config,
                                    pl_loop_now_ms(client->loop), &client->rpc);
    if (rc == PL_OK)
        rc = pl_timer_new(client->loop, on_tick, client, &client->ticker);
    if (rc < 0)
        return rc;
    interop_run_init(&client->run, options->what, client->rpc);
    pl_timer_start(client->ticker, TICK_MS, TICK_MS);
    return pl_socket_connect(client->loop, &options->address, on_connect, &ops, &client->socket);
}

static void client_done(struct client *client)
{
    client->open = false;
    pl_rpc_client_free(client->rpc);
    pl_timer_free(client->ticker);
    pl_loop_free(client->loop);
    pl_tls_context_unref(client->tls);
}

/* The program */

static void usage(void)
{
    fprintf(stderr, "usage: parla-interop-client --server HOST:PORT --test-case NAME [--ca FILE]\n"
                    "cases:\n");
    for (size_t i = 0; interop_case_name(i) != NULL; i++)
        fprintf(stderr, "  %s\n", interop_case_name(i));
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"server", required_argument, NULL, 's'},
        {"test-case", required_argument, NULL, 't'},
        {"ca", required_argument, NULL, 'c'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            options->server = optarg;
        else if (option == 't')
            options->test_case = optarg;
        else if (option == 'c')
            options->ca_file = optarg;
        else
            return false;
    }
    if (optind != argc || options->server == NULL || options->test_case == NULL ||
        pl_address_parse(options->server, &options->address) < 0)
        return false;
    options->what = interop_case_find(options->test_case);
    return options->what != NULL;
}

static bool make_tls(struct client *client, const struct options *options)
{
    struct pl_bytebuf text;
    int rc = PL_OK;

    pl_bytebuf_init(&text, TEXT_SIZE_MAX);
    if (options->ca_file != NULL)
        rc = pl_tls_client_context_new(&(struct pl_tls_client_files){.ca_file = options->ca_file},
                                       &text, &client->tls);
    if (rc < 0)
        fprintf(stderr, "parla-interop-client: %s\n", pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    return rc == PL_OK;
}

int main(int argc, char **argv)
{
    struct client client = {0};
    struct options options = {0};
    int rc;

    if (!read_options(argc, argv, &options)) {
        usage();
        return 2;
    }
    if (!make_tls(&client, &options))
        return EXIT_FAILURE;
    client.server_name_weak = options.address.host;
    rc = client_start(&client, &options);
    if (rc == PL_OK)
        pl_loop_run(client.loop);
    client_done(&client);
    if (rc < 0) {
        fprintf(stderr, "parla-interop-client: %s\n", pl_err_text(rc));
        return EXIT_FAILURE;
    }
    if (client.run.fault[0] != 0) {
        fprintf(stderr, "%s: %s\n", options.test_case, client.run.fault);
        return EXIT_FAILURE;
    }
    printf("%s: passed\n", options.test_case);
    return EXIT_SUCCESS;
}
