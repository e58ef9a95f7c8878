/*
 * options.c - the command line.
 *
 * Options may stand before and after the command's name and its arguments, up
 * to "--". Which command takes which option is checked by who knows the
 * commands.
 */
#include "client/options.h"

#include "base/err.h"
#include "model/limits.h"
#include "model/user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    int argc;
    const char *const *argv;
    int at;
    struct pl_options *options;
    const char *server;
    const char *user;
    char *fault;
};

static int fault(struct walk *walk, const char *text, const char *what)
{
    snprintf(walk->fault, PL_OPTIONS_FAULT_SIZE, text, what);
    return PL_E_INVALID;
}

/* The value of an option: "--name=VALUE", "-nVALUE", or the next argument. */
static const char *value_of(struct walk *walk, const char *name)
{
    const char *arg = walk->argv[walk->at];
    size_t size = strlen(name);

    if (arg[size] == '=' && arg[1] == '-')
        return arg + size + 1;
    if (arg[size] != 0)
        return arg + size;
    if (walk->at + 1 >= walk->argc)
        return NULL;
    return walk->argv[++walk->at];
}

static bool is_option(const char *arg, const char *name)
{
    size_t size = strlen(name);

    if (strncmp(arg, name, size) != 0)
        return false;
    return arg[size] == 0 || arg[size] == '=' || (name[1] != '-' && arg[size] != 0);
}

static int number(struct walk *walk, const char *text, const char *name, uint32_t max,
                  uint32_t *ret_number)
{
    char *end = NULL;
    unsigned long value;

    errno = 0;
    value = text != NULL && text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    if (end == NULL || *end != 0 || errno != 0 || value < 1 || value > max)
        return fault(walk, "%s takes a whole number from 1 up", name);
    *ret_number = (uint32_t)value;
    return PL_OK;
}

static int read_flag(struct walk *walk, const char *arg)
{
    static const struct {
        const char *name;
        enum pl_option option;
    } flags[] = {
        {"--json", PL_OPTION_JSON},
        {"--unread", PL_OPTION_UNREAD},
        {"--beginning", PL_OPTION_BEGINNING},
        {"--one", PL_OPTION_ONE},
    };

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(arg, flags[i].name) == 0) {
            walk->options->given |= flags[i].option;
            return PL_OK;
        }
    }
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        walk->options->help = true;
        return PL_OK;
    }
    if (strcmp(arg, "--version") == 0) {
        walk->options->version = true;
        return PL_OK;
    }
    return fault(walk, "unknown option: %s", arg);
}

static int read_option(struct walk *walk)
{
    const char *arg = walk->argv[walk->at];
    struct pl_options *options = walk->options;

    if (is_option(arg, "--server")) {
        walk->server = value_of(walk, "--server");
        return walk->server != NULL ? PL_OK : fault(walk, "--server takes %s", "HOST:PORT");
    }
    if (is_option(arg, "--ca")) {
        options->ca_file = value_of(walk, "--ca");
        return options->ca_file != NULL ? PL_OK : fault(walk, "--ca takes %s", "FILE");
    }
    if (is_option(arg, "--user")) {
        walk->user = value_of(walk, "--user");
        return walk->user != NULL ? PL_OK : fault(walk, "--user takes %s", "NAME");
    }
    if (is_option(arg, "--lease")) {
        options->given |= PL_OPTION_LEASE;
        return number(walk, value_of(walk, "--lease"), "--lease", PL_LEASE_S_MAX,
                      &options->lease_s);
    }
    if (is_option(arg, "-n")) {
        options->given |= PL_OPTION_COUNT;
        return number(walk, value_of(walk, "-n"), "-n", 1000000, &options->count);
    }
    return read_flag(walk, arg);
}

static const char *env_of(char *(*get_env)(const char *name), const char *name)
{
    const char *value = get_env(name);

    return value != NULL && value[0] != 0 ? value : NULL;
}

/* The environment fills in what was not said; then both are checked. */
static int settle(struct walk *walk, char *(*get_env)(const char *name))
{
    struct pl_options *options = walk->options;
    const char *server = walk->server;

    if (server == NULL)
        server = env_of(get_env, "PARLA_SERVER");
    if (server == NULL)
        server = PL_SERVER_DEFAULT;
    if (pl_target_parse(server, &options->target) < 0)
        return fault(walk, "'%s' is not an address; HOST:PORT and grpcs://HOST:PORT are", server);
    pl_target_format(&options->target, options->server, sizeof options->server);
    if (options->ca_file != NULL && !options->target.tls)
        return fault(walk, "--ca is for servers with TLS: grpcs://%s", options->server);

    options->user = walk->user != NULL ? walk->user : env_of(get_env, "PARLA_USER");
    if (options->user != NULL && !pl_user_name_valid(options->user))
        return fault(walk,
                     "'%s' is not a name: 1 to 32 of a-z, 0-9, '-', '_' and '.', a letter first",
                     options->user);
    return PL_OK;
}

int pl_options_parse(int argc, const char *const *argv, const char **words,
                     char *(*get_env)(const char *name), struct pl_options *ret_options,
                     char ret_fault[PL_OPTIONS_FAULT_SIZE])
{
    struct pl_options options = {.count = PL_HISTORY_LEN_DEFAULT};
    struct walk walk = {
        .argc = argc, .argv = argv, .at = 1, .options = &options, .fault = ret_fault};
    size_t words_len = 0;
    int err;

    for (; walk.at < argc; walk.at++) {
        const char *arg = argv[walk.at];

        if (strcmp(arg, "--") == 0) {
            options.child = argv + walk.at + 1;
            options.child_len = (size_t)(argc - walk.at - 1);
            break;
        }
        if (arg[0] != '-' || arg[1] == 0) {
            words[words_len++] = arg;
            continue;
        }
        err = read_option(&walk);
        if (err < 0)
            return err;
    }
    if (words_len > 0) {
        options.command = words[0];
        options.args = words + 1;
        options.args_len = words_len - 1;
    }
    err = settle(&walk, get_env);
    if (err < 0)
        return err;
    *ret_options = options;
    return PL_OK;
}
