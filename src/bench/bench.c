/*
 * bench.c - finds the command, reads its options, runs it.
 */
#include "base/err.h"
#include "base/secret.h"
#include "bench/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_SIZE_MAX = 16 * 1024 };

static const struct pl_bench_command *const commands[] = {
    &pl_bench_cmd_fanout,  &pl_bench_cmd_send,   &pl_bench_cmd_idle,
    &pl_bench_cmd_history, &pl_bench_cmd_resume, &pl_bench_cmd_slow,
};

enum { COMMANDS_LEN = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *to)
{
    fputs("usage: parla-bench COMMAND [OPTION...]\n       parla-bench --help | --version\n\n", to);
    for (size_t i = 0; i < COMMANDS_LEN; i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n'parla-bench COMMAND --help' tells the options of a command.\n\n"
          "exit status: 0 done, 1 a check failed or the server said no, 2 wrong usage, 3 no "
          "server\n",
          to);
}

static int print_help(const struct pl_bench_command *command)
{
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, HELP_SIZE_MAX);
    pl_bytebuf_printf(&text, "usage: parla-bench %s [OPTION...]\n\n%s\n", command->name,
                      command->text);
    pl_bench_options_help(command->which, &command->defaults, &text);
    fputs(pl_bytebuf_cstr(&text), stdout);
    pl_bytebuf_done(&text);
    return PL_BENCH_EXIT_FINE;
}

static const struct pl_bench_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS_LEN; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static const struct pl_bench_driver *find_driver(const struct pl_bench_driver *const *drivers,
                                                 uint32_t drivers_len, const char *name)
{
    for (uint32_t i = 0; i < drivers_len; i++) {
        if (name == NULL || strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}

static int misuse(const char *fault, const char *command)
{
    pl_bench_complain(0, "%s", fault);
    fprintf(stderr, "try 'parla-bench %s%s--help'\n", command, command[0] != 0 ? " " : "");
    return PL_BENCH_EXIT_USAGE;
}

int pl_bench_main(int argc, char **argv, const struct pl_bench_driver *const *drivers,
                  uint32_t drivers_len)
{
    const struct pl_bench_command *command;
    const struct pl_bench_driver *driver;
    struct pl_bench_options options;
    char fault[PL_BENCH_FAULT_SIZE];
    int err;

    if (argc < 2)
        return misuse("say what to measure", "");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return PL_BENCH_EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("parla-bench %s\n", PARLA_VERSION);
        return PL_BENCH_EXIT_FINE;
    }
    command = find_command(argv[1]);
    if (command == NULL)
        return misuse("there is no such command", "");
    err = pl_bench_options_parse(argc - 2, (const char *const *)argv + 2, command->which, getenv,
                                 &command->defaults, &options, fault);
    if (err == PL_E_CANCELLED)
        return print_help(command);
    if (err < 0)
        return misuse(fault, command->name);
    driver = find_driver(drivers, drivers_len, options.driver);
    if (driver == NULL)
        return misuse("there is no such driver", command->name);
    signal(SIGPIPE, SIG_IGN);
    if (pl_secret_init() < 0)
        return pl_bench_complain(PL_BENCH_EXIT_FAILED, "the system has no randomness");
    return command->run(driver, &options);
}
