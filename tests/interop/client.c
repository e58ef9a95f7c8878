/*
 * client.c - parla-interop-client: runs one interop case over a channel, over TLS if
 * a CA is given.
 */
#include "run.h"

#include "base/bytes.h"
#include "base/err.h"
#include "net/tls.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_SIZE_MAX = 1024 };

struct options {
    const char *test_case;
    const char *ca_file; /* NULL: in the clear, or whom the system trusts */
    struct pl_target target;
    const struct interop_case *what;
};

struct client {
    struct pl_loop *loop;
    struct pl_tls_context *tls;
    struct pl_channel *channel;
    struct interop_run run;
};

static void on_turn_end(void *self)
{
    struct client *client = self;

    if (client->channel == NULL)
        return; /* half-built, or being freed */
    do
        pl_channel_flush(client->channel);
    while (interop_run_go_on(&client->run));
    if (client->run.done)
        pl_loop_stop(client->loop);
}

static int make_tls(struct client *client, const struct options *options)
{
    struct pl_bytebuf text;
    int rc;

    if (!options->target.tls)
        return PL_OK;
    pl_bytebuf_init(&text, TEXT_SIZE_MAX);
    rc = pl_tls_client_context_new(&(struct pl_tls_client_files){.ca_file = options->ca_file},
                                   &text, &client->tls);
    if (rc < 0)
        fprintf(stderr, "parla-interop-client: %s\n", pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    return rc;
}

static int client_init(struct client *client, const struct options *options)
{
    const struct pl_loop_ops loop_ops = {.self = client, .on_turn_end = on_turn_end};
    struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    int rc = make_tls(client, options);

    if (rc == PL_OK)
        rc = pl_loop_new(&loop_ops, 1, &client->loop);
    if (rc < 0)
        return rc;
    config.target = options->target;
    config.tls = client->tls;
    rc = pl_channel_new(client->loop, &config, &(struct pl_channel_ops){0}, &client->channel);
    if (rc < 0)
        return rc;
    interop_run_init(&client->run, options->what, client->channel);
    pl_channel_connect(client->channel);
    return PL_OK;
}

static void client_done(struct client *client)
{
    struct pl_channel *channel = client->channel;

    client->channel = NULL;
    pl_channel_free(channel);
    pl_loop_free(client->loop);
    pl_tls_context_unref(client->tls);
}

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
    const char *server = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 's')
            server = optarg;
        else if (option == 't')
            options->test_case = optarg;
        else if (option == 'c')
            options->ca_file = optarg;
        else
            return false;
    }
    if (optind != argc || server == NULL || options->test_case == NULL ||
        pl_target_parse(server, &options->target) < 0)
        return false;
    if (options->ca_file != NULL)
        options->target.tls = true;
    options->what = interop_case_find(options->test_case);
    return options->what != NULL;
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
    rc = client_init(&client, &options);
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
