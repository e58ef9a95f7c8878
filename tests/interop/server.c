/*
 * server.c - parla-interop-server: grpc.testing.TestService on src/rpc, for clients
 * that others wrote. One line says where it listens; it ends on SIGTERM.
 */
#include "service.h"

#include "base/err.h"
#include "transport/simple_server.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_SIZE = 300 };

struct options {
    const char *listen;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'l':
            options->listen = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == argc && options->listen != NULL;
}

static int serve(struct pl_simple_server *server, const struct options *options)
{
    char text[ADDRESS_SIZE];
    struct pl_address address;
    int rc = interop_service_add(pl_simple_server_host(server), pl_simple_server_loop(server));

    if (rc == PL_OK)
        rc = pl_simple_server_listen(server, options->listen, &address);
    if (rc < 0)
        return rc;
    pl_address_format(&address, text, sizeof text);
    printf("listening on %s\n", text);
    if (fflush(stdout) != 0)
        return PL_E_IO;
    return pl_simple_server_run(server);
}

int main(int argc, char **argv)
{
    const struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    struct pl_simple_server *server = NULL;
    struct options options = {0};
    int rc;

    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: parla-interop-server --listen HOST:PORT\n");
        return 2;
    }
    rc = pl_simple_server_new(&config, &server);
    if (rc == PL_OK)
        rc = serve(server, &options);
    pl_simple_server_free(server);
    if (rc < 0)
        fprintf(stderr, "parla-interop-server: %s\n", pl_err_text(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
