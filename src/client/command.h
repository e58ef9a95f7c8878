/*
 * command.h - the commands of the command line, one file each.
 *
 * Each runs from its start to its exit status.
 */
#ifndef PL_CLIENT_COMMAND_H
#define PL_CLIENT_COMMAND_H

#include "client/options.h"

int pl_cmd_chat(const struct pl_options *options); /* no command, on a terminal */
int pl_cmd_pipe(const struct pl_options *options); /* no command, no terminal */
int pl_cmd_send(const struct pl_options *options);
int pl_cmd_tail(const struct pl_options *options);
int pl_cmd_history(const struct pl_options *options);
int pl_cmd_rooms(const struct pl_options *options);
int pl_cmd_who(const struct pl_options *options);
int pl_cmd_join(const struct pl_options *options);
int pl_cmd_leave(const struct pl_options *options);
int pl_cmd_create(const struct pl_options *options);
int pl_cmd_work(const struct pl_options *options);

#endif
