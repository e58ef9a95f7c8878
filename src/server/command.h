/*
 * command.h - what parlad does besides serving: `parlad check`, `parlad backup`.
 */
#ifndef PL_SERVER_COMMAND_H
#define PL_SERVER_COMMAND_H

#include "server/config.h"

#include <stdbool.h>

/* The first word of the command line, when there is a command. */
#define PL_COMMAND_CHECK  "check"
#define PL_COMMAND_BACKUP "backup"

/* How they end. */
enum pl_command_exit {
    PL_EXIT_OK = 0,
    PL_EXIT_NO = 1,     /* check: something is not right; backup: it was not made */
    PL_EXIT_USAGE = 2,  /* an option is wrong */
    PL_EXIT_UNREAD = 3, /* check: it could not be looked at */
};

/* What is told of a command's options. All text is static. */
struct pl_cmd_form {
    const char *name;
    const char *flag; /* an option without a value, without its hyphens */
    bool takes_file;  /* one FILE follows the options */
    const char *help;
};

struct pl_cmd_options {
    char data[PL_CONFIG_PATH_SIZE];
    bool flag;
    const char *file; /* the caller's own; NULL where none is taken */
};

/* Reads the options; what it answers or what is wrong it has said. */
enum pl_config_result pl_cmd_read(const struct pl_cmd_form *form, int argc, char **argv,
                                  struct pl_cmd_options *ret_options);

/* argv[0] is the command's name. Each returns how the process is to end, having said
 * why. */
int pl_cmd_check(int argc, char **argv);
int pl_cmd_backup(int argc, char **argv);

#endif
