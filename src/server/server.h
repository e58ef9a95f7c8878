/*
 * server.h - the whole server: what it is made of, in which order it starts and
 * stops.
 */
#ifndef PL_SERVER_SERVER_H
#define PL_SERVER_SERVER_H

#include "server/config.h"

/* Runs until a signal ends it. Returns the process's exit status: 0 after a drain,
 * 1 where it could not start (said on standard error). */
int pl_server_run(const struct pl_config *config);

#endif
