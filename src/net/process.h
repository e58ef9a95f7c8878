/*
 * process.h - a child process that is given bytes on its standard input.
 */
#ifndef PL_NET_PROCESS_H
#define PL_NET_PROCESS_H

#include "base/bytes.h"
#include "net/loop.h"

struct pl_process;

/* Runs argv[0] (found by PATH) with `input` on its standard input, the rest of
 * its descriptors being ours. A child that does not read its input is no error.
 * on_exit, once: the exit status, or 128 + the signal's number. PL_E_NOTFOUND,
 * PL_E_NOMEM, PL_E_IO: nothing was started, on_exit will not be called. */
int pl_process_start(struct pl_loop *loop, const char *const *argv, struct pl_bytes input,
                     void (*on_exit)(void *self, int status), void *self,
                     struct pl_process **ret_process);

/* Sends it a signal. */
void pl_process_kill(struct pl_process *process, int signum);

/* Forgets it: on_exit will not be called. NULL is fine. Also from on_exit. */
void pl_process_free(struct pl_process *process);

#endif
