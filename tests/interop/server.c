/*
 * server.c - parla-interop-server: grpc.testing.TestService on src/rpc, for clients
 * that others wrote. One line says where it listens; it ends on SIGTERM.
 */
#include "service.h"

#include "base/bytes.h"
#include "base/err.h"
#include "net/tls.h"
#include "transport/simple_server.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_SIZE = 300, TEXT_SIZE_MAX = 1024 };

struct options {
    const char *listen;
    struct pl_tls_server_files tls; /* both, or neither */
};

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'},
        {"tls-cert", required_argument, NULL, 'c'},
        {"tls-key", required_argument, NULL, 'k'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'l')
            options->listen = optarg;
        else if (option == 'c')
            options->tls.cert_file = optarg;
        else if (option == 'k')
            options->tls.key_file = optarg;
        else
            return false;
    }
    return optind == argc && options->listen != NULL &&
           (options->tls.cert_file == NULL) == (options->tls.key_file == NULL);
}

static int make_tls(const struct options *options, struct pl_tls_context **ret_tls)
{
    struct pl_bytebuf text;
    int rc;

    if (options->tls.cert_file == NULL)
        return PL_OK;
    pl_bytebuf_init(&text, TEXT_SIZE_MAX);
    rc = pl_tls_server_context_new(&options->tls, &text, ret_tls);
    if (rc < 0)
        fprintf(stderr, "parla-interop-server: %s\n", pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    return rc;
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
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    struct pl_simple_server *server = NULL;
    struct options options = {0};
    int rc;

    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: parla-interop-server --listen HOST:PORT"
                        " [--tls-cert FILE --tls-key FILE]\n");
        return 2;
    }
    rc = make_tls(&options, &config.port.tls);
    if (rc == PL_OK)
        rc = pl_simple_server_new(&config, &server);
    if (rc == PL_OK)
        rc = serve(server, &options);
    pl_simple_server_free(server);
    pl_tls_context_unref(config.port.tls);
    if (rc < 0)
        fprintf(stderr, "parla-interop-server: %s\n", pl_err_text(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
