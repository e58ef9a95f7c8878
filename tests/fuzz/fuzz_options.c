/*
 * fuzz_options.c - the client's command line, and addresses: read or refused with
 * a text; an address that is read is written and read as the same.
 *
 * Input: one argument a line; the first two lines are PARLA_SERVER and PARLA_USER.
 */
#include "types.h"

#include "base/assert.h"
#include "base/err.h"
#include "client/options.h"
#include "model/user.h"

#include <stdlib.h>
#include <string.h>

enum { ARGS_LEN_MAX = 32 };

static char *environment[2];

static char *get_env(const char *name)
{
    return strcmp(name, "PARLA_SERVER") == 0 ? environment[0] : environment[1];
}

static void check_target(const struct pl_target *target, const char *text)
{
    struct pl_target again;
    char other[PL_TARGET_TEXT_SIZE];

    PL_ASSERT(pl_target_parse(text, &again) == PL_OK);
    PL_ASSERT(strcmp(again.address.host, target->address.host) == 0);
    PL_ASSERT(again.address.port == target->address.port && again.tls == target->tls);
    pl_target_format(&again, other, sizeof other);
    PL_ASSERT(strcmp(text, other) == 0);
}

static void check(const struct pl_options *options, int argc)
{
    check_target(&options->target, options->server);
    PL_ASSERT(options->ca_file == NULL || options->target.tls);
    PL_ASSERT(options->user == NULL || pl_user_name_valid(options->user));
    PL_ASSERT(options->count >= 1);
    PL_ASSERT((options->given & PL_OPTION_LEASE) == 0 || options->lease_s >= 1);
    PL_ASSERT(options->command != NULL || options->args_len == 0);
    PL_ASSERT(options->args_len + options->child_len < (size_t)argc);
    for (size_t i = 0; i < options->args_len; i++)
        PL_ASSERT(options->args[i] != NULL);
    for (size_t i = 0; i < options->child_len; i++)
        PL_ASSERT(options->child[i] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    char *args[ARGS_LEN_MAX + 1] = {NULL};
    const char *argv[ARGS_LEN_MAX + 1], *words[ARGS_LEN_MAX];
    char fault[PL_OPTIONS_FAULT_SIZE] = "";
    struct pl_options options;
    int argc = 1, rc;

    environment[0] = fuzz_string(fuzz_line(&input));
    environment[1] = fuzz_string(fuzz_line(&input));
    args[0] = fuzz_string(pl_bytes_str("parla"));
    while (input.size > 0 && argc < ARGS_LEN_MAX)
        args[argc++] = fuzz_string(fuzz_line(&input));
    for (int i = 0; i <= argc; i++)
        argv[i] = args[i];

    rc = pl_options_parse(argc, argv, words, get_env, &options, fault);
    if (rc == PL_OK) {
        check(&options, argc);
    } else {
        PL_ASSERT(rc == PL_E_INVALID);
        PL_ASSERT(fault[0] != 0 && memchr(fault, 0, sizeof fault) != NULL);
    }
    for (int i = 0; i < argc; i++)
        free(args[i]);
    free(environment[0]);
    free(environment[1]);
    return 0;
}
