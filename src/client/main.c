/*
 * main.c - parla: finds the command and runs it.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "client/app.h"
#include "client/command.h"
#include "client/json_out.h"
#include "client/options.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct command {
    const char *name;
    size_t args_min;
    size_t args_max;
    unsigned options; /* enum pl_option bits that it takes */
    bool takes_rest;  /* what follows "--" */
    int (*run)(const struct pl_options *options);
};

#define ANY_LEN ((size_t)-1)

static const struct command commands[] = {
    {"send", 1, ANY_LEN, 0, true, pl_cmd_send},
    {"tail", 0, ANY_LEN, PL_OPTION_UNREAD | PL_OPTION_BEGINNING | PL_OPTION_JSON, false,
     pl_cmd_tail},
    {"history", 1, 1, PL_OPTION_COUNT | PL_OPTION_JSON, false, pl_cmd_history},
    {"rooms", 0, 0, PL_OPTION_JSON, false, pl_cmd_rooms},
    {"who", 0, 0, PL_OPTION_JSON, false, pl_cmd_who},
    {"join", 1, 1, 0, false, pl_cmd_join},
    {"leave", 1, 1, 0, false, pl_cmd_leave},
    {"create", 1, 1, PL_OPTION_ONE, false, pl_cmd_create},
    {"work", 1, 1, PL_OPTION_LEASE, true, pl_cmd_work},
};

static const char usage[] =
    "usage: parla [OPTION...]                       chat in the terminal; without one, send the\n"
    "                                               lines of standard input to the lobby\n"
    "       parla send ROOM|@USER [TEXT | -]        send one message\n"
    "       parla tail [ROOM|@USER...] [--unread | --beginning] [--json]\n"
    "                                               follow what is said\n"
    "       parla history ROOM|@USER [-n N] [--json]\n"
    "                                               the last N messages, 20 unless said\n"
    "       parla rooms [--json]                    the rooms there are\n"
    "       parla who [--json]                      who is online\n"
    "       parla join|leave ROOM                   enter a room (made if need be), or leave it\n"
    "       parla create ROOM [--one]               make a room; --one: each message is handed to\n"
    "                                               exactly one who takes\n"
    "       parla work ROOM [--lease SECONDS] -- COMMAND...\n"
    "                                               take messages of such a room; give each to\n"
    "                                               COMMAND on its standard input\n"
    "\n"
    "options: --server HOST:PORT   the server (PARLA_SERVER; else " PL_SERVER_DEFAULT ");\n"
    "                              grpcs://HOST:PORT for one with TLS\n"
    "         --ca FILE            trust these certificates (PEM), not those of the system\n"
    "         --user NAME          the name to go by (PARLA_USER; else the last one used)\n"
    "         --help, --version\n"
    "\n"
    "exit status: 0 done, 1 the server said no, 2 wrong usage, 3 no server\n";

/* Widths and what may be shown are told by the locale, which must be a UTF-8
 * one; only the characters are taken from it, dates stay English. */
static void set_locale(void)
{
    static const char *const names[] = {"", "C.UTF-8", "en_US.UTF-8"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_CTYPE, names[i]) != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
            return;
    }
}

static int misuse(const char *text, const char *what)
{
    pl_app_complain(text, what);
    fputs("try 'parla --help'\n", stderr);
    return PL_EXIT_USAGE;
}

static int run_command(const struct pl_options *options)
{
    const struct command *command = NULL;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, options->command) == 0)
            command = &commands[i];
    }
    if (command == NULL)
        return misuse("unknown command: %s", options->command);
    if ((options->given & ~command->options) != 0)
        return misuse("an option that '%s' does not take", command->name);
    if (options->args_len < command->args_min)
        return misuse("'%s' needs to be told a room", command->name);
    if (options->args_len > command->args_max || (options->child != NULL && !command->takes_rest))
        return misuse("too many arguments for '%s'", command->name);
    return command->run(options);
}

static int run(const struct pl_options *options)
{
    if (options->help) {
        fputs(usage, stdout);
        return PL_EXIT_DONE;
    }
    if (options->version) {
        printf("parla %s\n", PARLA_VERSION);
        return PL_EXIT_DONE;
    }
    if (options->command != NULL)
        return run_command(options);
    if (options->given != 0 || options->child != NULL)
        return misuse("%s", "an option that belongs to a command");
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return pl_cmd_chat(options);
    return pl_cmd_pipe(options);
}

int main(int argc, char **argv)
{
    struct pl_options options;
    char fault[PL_OPTIONS_FAULT_SIZE];
    const char **words;
    int status;

    set_locale();
    tzset();
    signal(SIGPIPE, SIG_IGN);
    pl_json_init();
    if (pl_secret_init() < 0) {
        pl_app_complain("the system has no randomness");
        return PL_EXIT_REFUSED;
    }
    words = pl_calloc((size_t)argc + 1, sizeof *words);
    if (words == NULL) {
        pl_app_complain("%s", pl_err_text(PL_E_NOMEM));
        return PL_EXIT_REFUSED;
    }
    if (pl_options_parse(argc, (const char *const *)argv, words, getenv, &options, fault) < 0)
        status = misuse("%s", fault);
    else
        status = run(&options);
    pl_free((void *)(uintptr_t)words);
    return status;
}
