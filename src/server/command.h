/*
 * command.h - what parlad does besides serving: `parlad check`, `parlad backup`.
 */
#ifndef PL_SERVER_COMMAND_H
#define PL_SERVER_COMMAND_H

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

/* argv[0] is the command's name. Each returns how the process is to end, having said
 * why. */
int pl_cmd_check(int argc, char **argv);
int pl_cmd_backup(int argc, char **argv);

#endif
